//! A full write of a version that the caller has, and the timestamp of a list by itself.

use kinto_client::{Timestamp, Value, json};
use kinto_tests::{Fault, Outcome, Proxy, Scene, in_order};

use crate::{Todo, predicates};

#[tokio::test]
async fn overwrite_with_if_match_replaces_that_version_only() -> Outcome {
    let scene = Scene::new().await;
    let path = scene.record("milk");
    scene.plain.put_data(&path, &json!({"title": "Milk", "extra": 1})).await;
    let read = scene.todos.get_record::<Value>("milk").await?.last_modified;
    scene.sent.forget();

    let written = scene.todos.overwrite_record("milk", Todo::new("Oat milk")).if_match(read).await?;
    let sent = scene.sent.take_one();
    assert_eq!(
        (sent.line(), sent.header("if-match")),
        (format!("PUT {path}"), Some(format!("\"{}\"", read.as_millis()).as_str()))
    );
    assert_eq!(scene.plain.held(&path).await, json!({"title": "Oat milk", "done": false}));

    let error = scene.todos.overwrite_record("milk", Todo::new("Soy milk")).if_match(read).await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["conflict"], false), "{error}");
    assert_eq!(error.theirs::<Todo>().map(|theirs| theirs.last_modified), Some(written.last_modified));

    scene.plain.delete(&path).await;
    let error = scene.todos.record("milk").overwrite(Todo::new("Soy milk")).if_match(read).await.unwrap_err();
    assert_eq!(predicates(&error), ["conflict"], "{error}");
    assert_eq!(scene.plain.ids(&scene.records).await, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn overwrite_with_if_match_is_sent_again_and_in_doubt() -> Outcome {
    let scene = Scene::new().await;
    let path = scene.record("milk");
    for (fault, lost) in [(Fault::CutBefore, false), (Fault::CutAfter, true)] {
        let read = scene.plain.put_data(&path, &json!({"title": "Milk"})).await;
        let read = Timestamp::from_millis(read["last_modified"].as_u64().expect("a time"));
        let proxy = Proxy::start(scene.url(), in_order([fault])).await;
        let written = scene.todos_through(&proxy).overwrite_record("milk", Todo::new("Oat milk")).if_match(read).await;
        assert_eq!(proxy.lines(), vec![format!("PUT {path}"); 2]);
        assert_eq!(written.is_err(), lost);
        if let Err(error) = written {
            assert!(error.is_conflict() && error.may_have_been_applied(), "{error}");
        }
        assert_eq!(scene.plain.held(&path).await["title"], "Oat milk");
    }
    Ok(())
}

#[tokio::test]
async fn timestamp_of_the_records_is_read_without_them() -> Outcome {
    let scene = Scene::new().await;
    let todos = scene.todos.typed::<Todo>();
    let empty = todos.get_records_timestamp().await?;
    let milk = todos.create_record(Todo::new("Milk")).await?;
    scene.sent.forget();
    assert_eq!(todos.get_records_timestamp().await?, milk.last_modified);
    assert_eq!(scene.sent.take_one().line(), format!("HEAD {}", scene.records));
    assert!(milk.last_modified > empty);
    todos.delete_record(&milk).await?;
    assert!(todos.get_records_timestamp().await? > milk.last_modified, "deletions count");
    let error = scene.bucket.collection("none").get_records_timestamp().await.unwrap_err();
    assert_eq!(error.operation(), Some("get the timestamp of"), "{error}");
    Ok(())
}
