use kinto_client::{Value, json};
use kinto_tests::{Fault, Outcome, Proxy, in_order};

use super::{Scene, lines};

#[tokio::test]
async fn delete_leaves_record_and_returns_description() -> Outcome {
    let scene = Scene::new().await;
    scene.plain.put_data(&scene.record("list"), &json!({"kept": 1})).await;
    assert_eq!(scene.post("list", "a.txt", "Milk", &[]).await, 200);
    let held = scene.held_attachment("list").await;
    let deleted = scene.todos.delete_attachment("list").await?;
    assert_eq!(serde_json::to_value(&deleted)?, held);
    let record = scene.record("list");
    assert_eq!(lines(&scene), [format!("GET {record}"), format!("DELETE {record}/attachment")]);
    assert_eq!(scene.plain.held(&record).await, json!({"kept": 1, "attachment": null}));
    assert_eq!(scene.file(&held).await.0, 404);
    // The record was not deleted, and this program does not take it for that.
    scene.todos.patch_record::<Value>("list", json!({"kept": 2})).await?;
    scene.todos.delete_record("list").await?;
    Ok(())
}

#[tokio::test]
async fn delete_of_what_is_not_there_sends_nothing() -> Outcome {
    let scene = Scene::new().await;
    scene.plain.put_data(&scene.record("plain"), &json!({})).await;
    for id in ["nowhere", "plain"] {
        let error = scene.todos.delete_attachment(id).await.unwrap_err();
        assert!(error.is_not_found(), "{error}");
        assert_eq!(lines(&scene), [format!("GET {}", scene.record(id))]);
        assert_eq!(scene.todos.delete_attachment(id).if_exists().await?, None);
        scene.sent.forget();
    }
    assert_eq!(scene.plain.ids(&scene.records).await, ["plain"]);
    Ok(())
}

#[tokio::test]
async fn delete_of_record_that_was_changed_since_is_a_conflict() -> Outcome {
    let scene = Scene::new().await;
    scene.with_file("list", "Milk").await;
    let record = scene.todos.get_record::<Value>("list").await?;
    scene.plain.send(http::Method::PATCH, &scene.record("list"), Some(&json!({"data": {"n": 1}}))).await;
    let error = scene.todos.delete_attachment(&record).await.unwrap_err();
    assert!(error.is_conflict() && error.to_string().contains("nothing was sent"), "{error}");
    assert_eq!(scene.file(&scene.held_attachment("list").await).await.0, 200);
    scene.todos.delete_attachment(&scene.todos.get_record::<Value>("list").await?).await?;
    Ok(())
}

#[tokio::test]
async fn delete_whose_response_is_lost_is_recognized() -> Outcome {
    let scene = Scene::new().await;
    scene.with_file("list", "Milk").await;
    let proxy = Proxy::start(scene.url(), in_order([Fault::Pass, Fault::Pass, Fault::CutAfter])).await;
    let deleted = scene.todos_through(&proxy).delete_attachment("list").await?;
    assert_eq!(deleted.filename, "list.txt");
    let sent = proxy.lines().iter().filter(|line| line.starts_with("DELETE")).count();
    assert_eq!(sent, 1);
    assert_eq!(scene.held_attachment("list").await, Value::Null);
    Ok(())
}
