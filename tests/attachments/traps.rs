//! What the plugin does by itself, each shown first, and what the client makes of it.

use http::Method;
use kinto_client::{Value, json};
use kinto_tests::Outcome;

use super::{Scene, lines};

#[tokio::test]
async fn server_ignores_preconditions_and_client_compares_the_version_itself() -> Outcome {
    let scene = Scene::new().await;
    scene.with_file("list", "Milk").await;
    for header in [("if-match", "\"1\""), ("if-none-match", "*")] {
        assert_eq!(
            scene.post("list", "a.txt", "Silk", &[header]).await,
            200,
            "the server takes {header:?} for nothing"
        );
    }
    let record = scene.todos.get_record::<Value>("list").await?;
    scene.plain.send(Method::PATCH, &scene.record("list"), Some(&json!({"data": {"n": 1}}))).await;
    scene.sent.forget();
    let error = scene.todos.upload_attachment(&record, "Milk").filename("a.txt").replace().await.unwrap_err();
    assert!(error.is_conflict(), "{error}");
    let error = scene.todos.upload_attachment("list", "Milk").filename("a.txt").await.unwrap_err();
    assert!(error.is_conflict() && error.to_string().contains("`.replace()`"), "{error}");
    let stale = scene.todos.upload_attachment("nowhere", "Milk").filename("a.txt").if_match(record.last_modified);
    assert!(stale.await.is_err_and(|error| error.is_conflict()));
    assert!(lines(&scene).iter().all(|line| line.starts_with("GET ")));
    assert_eq!(scene.file(&scene.held_attachment("list").await).await, (200, "Silk".to_owned()));
    scene.todos.upload_attachment("list", "Milk").filename("a.txt").replace().await?;
    assert_eq!(scene.file(&scene.held_attachment("list").await).await, (200, "Milk".to_owned()));
    Ok(())
}

#[tokio::test]
async fn server_deletes_the_old_file_before_it_refuses_the_new_one_and_the_error_says_so() -> Outcome {
    let scene = Scene::new().await;
    scene.with_file("list", "Milk").await;
    let old = scene.held_attachment("list").await;
    let error = scene.todos.upload_attachment("list", "Milk").filename("a.exe").replace().await.unwrap_err();
    assert!(error.is_refused() && error.to_string().contains("is gone from the server"), "{error}");
    assert_eq!(scene.held_attachment("list").await, old, "the record still names it");
    assert_eq!(scene.file(&old).await.0, 404);
    let error = scene.todos.download_attachment("list").await.unwrap_err();
    assert!(error.is_not_found() && error.to_string().contains("the record names it"), "{error}");

    // A first file is refused without any loss, and no record is created.
    let error = scene.todos.upload_attachment("new", "Milk").filename("a.exe").await.unwrap_err();
    assert!(error.is_refused() && !error.to_string().contains("gone"), "{error}");
    assert_eq!(scene.plain.status(&scene.record("new")).await, 404);
    Ok(())
}

#[tokio::test]
async fn server_creates_a_record_for_a_deletion_and_client_does_not_ask_for_it() -> Outcome {
    let scene = Scene::new().await;
    let answer = scene.plain.send(Method::DELETE, &format!("{}/attachment", scene.record("ghost")), None).await;
    assert_eq!(answer.status, 204);
    assert_eq!(
        scene.plain.held(&scene.record("ghost")).await,
        json!({"attachment": null}),
        "the server has created it"
    );
    assert!(scene.todos.delete_attachment("spirit").await.is_err_and(|error| error.is_not_found()));
    assert_eq!(scene.plain.status(&scene.record("spirit")).await, 404);
    Ok(())
}
