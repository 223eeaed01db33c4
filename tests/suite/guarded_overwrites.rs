//! A full write of a version that the caller has, and the timestamp of a list by itself.

use kinto_client::{Timestamp, Value, json};
use kinto_tests::{Fault, Fixture, Outcome, Proxy, in_order};

use crate::{Todo, predicates};

#[tokio::test]
async fn overwrite_with_if_match_replaces_that_version_only() -> Outcome {
    let fixture = Fixture::new().await;
    let path = fixture.record("milk");
    fixture.plain.put_data(&path, &json!({"title": "Milk", "extra": 1})).await;
    let read = fixture.todos.get_record::<Value>("milk").await?.last_modified;
    fixture.sent.forget();

    let written = fixture.todos.overwrite_record("milk", Todo::new("Oat milk")).if_match(read).await?;
    let sent = fixture.sent.take_one();
    assert_eq!(
        (sent.line(), sent.header("if-match")),
        (format!("PUT {path}"), Some(format!("\"{}\"", read.as_millis()).as_str()))
    );
    assert_eq!(fixture.plain.held(&path).await, json!({"title": "Oat milk", "done": false}));

    let error = fixture.todos.overwrite_record("milk", Todo::new("Soy milk")).if_match(read).await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["conflict"], false), "{error}");
    assert_eq!(error.theirs::<Todo>().map(|theirs| theirs.last_modified), Some(written.last_modified));

    fixture.plain.delete(&path).await;
    let error = fixture.todos.record("milk").overwrite(Todo::new("Soy milk")).if_match(read).await.unwrap_err();
    assert_eq!(predicates(&error), ["conflict"], "{error}");
    assert_eq!(fixture.plain.ids(&fixture.records).await, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn overwrite_with_if_match_is_sent_again_and_in_doubt() -> Outcome {
    let fixture = Fixture::new().await;
    let path = fixture.record("milk");
    for (fault, lost) in [(Fault::CutBefore, false), (Fault::CutAfter, true)] {
        let read = fixture.plain.put_data(&path, &json!({"title": "Milk"})).await;
        let read = Timestamp::from_millis(read["last_modified"].as_u64().expect("a time"));
        let proxy = Proxy::start(fixture.url(), in_order([fault])).await;
        let written =
            fixture.todos_through(&proxy).overwrite_record("milk", Todo::new("Oat milk")).if_match(read).await;
        assert_eq!(proxy.lines(), vec![format!("PUT {path}"); 2]);
        assert_eq!(written.is_err(), lost);
        if let Err(error) = written {
            assert!(error.is_conflict() && error.may_have_been_applied(), "{error}");
        }
        assert_eq!(fixture.plain.held(&path).await["title"], "Oat milk");
    }
    Ok(())
}

#[tokio::test]
async fn timestamp_of_the_records_is_read_without_them() -> Outcome {
    let fixture = Fixture::new().await;
    let todos = fixture.todos.typed::<Todo>();
    let empty = todos.get_records_timestamp().await?;
    let milk = todos.create_record(Todo::new("Milk")).await?;
    fixture.sent.forget();
    assert_eq!(todos.get_records_timestamp().await?, milk.last_modified);
    assert_eq!(fixture.sent.take_one().line(), format!("HEAD {}", fixture.records));
    assert!(milk.last_modified > empty);
    todos.delete_record(&milk).await?;
    assert!(todos.get_records_timestamp().await? > milk.last_modified, "deletions count");
    let error = fixture.bucket.collection("none").get_records_timestamp().await.unwrap_err();
    assert_eq!(error.operation(), Some("get the timestamp of"), "{error}");
    Ok(())
}
