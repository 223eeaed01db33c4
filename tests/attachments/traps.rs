//! What the plugin does by itself, each shown first, and what the client makes of it.

use http::Method;
use kinto_client::{Value, json};
use kinto_server::Backend;
use kinto_tests::{CuttingProxy, Outcome};

use super::{Scene, lines};

async fn server_ignores_preconditions_and_client_compares_the_version_itself(scene: Scene) -> Outcome {
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

async fn server_deletes_the_old_file_before_it_refuses_the_new_one_and_the_error_says_so(scene: Scene) -> Outcome {
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

async fn server_creates_a_record_for_a_deletion_and_client_does_not_ask_for_it(scene: Scene) -> Outcome {
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

async fn fenced_deletion_is_sent_behind_the_lock_and_a_fenced_upload_is_refused(scene: Scene) -> Outcome {
    scene.with_file("list", "Milk").await;
    let locks = scene.bucket.collection("locks");
    locks.create().await?;
    let fenced = scene.todos.fenced_by(&locks);
    scene.sent.forget();
    let error = fenced.upload_attachment("new", "Milk").filename("a.txt").await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("fence"), "{error}");
    assert_eq!(lines(&scene), [""; 0]);
    assert_eq!(fenced.delete_attachment("list").await?.filename, "list.txt");
    let sent = scene.sent.take();
    let batch = sent.last().expect("a batch");
    let deletion = format!("DELETE /v1{}/attachment", scene.record("list"));
    assert!(
        batch.is_batch() && batch.batched().iter().any(|line| deletion.ends_with(line.trim_start_matches("DELETE "))),
        "{batch:?}"
    );
    assert_eq!(scene.held_attachment("list").await, Value::Null);
    Ok(())
}

/// gunicorn calls the plugin before the whole body has come, and the plugin deletes the old file first; waitress does not.
async fn upload_that_is_cut_can_cost_the_old_file_and_the_error_says_what_is_left(scene: Scene) -> Outcome {
    scene.with_file("list", "Milk").await;
    let old = scene.held_attachment("list").await;
    let proxy = CuttingProxy::start(scene.url(), &[300_000; 5], &[]).await;
    let client = scene.client_at(proxy.url()).build()?;
    let upload = scene.todos_of(&client).upload_attachment("list", "x".repeat(1_000_000)).filename("b.txt").replace();
    let error = upload.await.unwrap_err();
    let told = error.to_string();
    assert!(error.is_connect() && error.may_have_been_applied(), "{error}");
    assert_eq!(proxy.left(), (0, 0), "the upload was sent five times");
    // The server may delete the file after the client has asked for it, but never brings it back.
    if told.contains("is gone from the server") {
        assert_eq!(scene.file(&old).await.0, 404);
    } else {
        assert!(told.contains("may delete it yet"), "{told}");
    }
    // A retry heals it.
    let proxy = CuttingProxy::start(scene.url(), &[300_000], &[]).await;
    let client = scene.client_at(proxy.url()).build()?;
    let content = "y".repeat(1_000_000);
    scene.todos_of(&client).upload_attachment("list", content.clone()).filename("b.txt").replace().await?;
    assert_eq!(scene.file(&scene.held_attachment("list").await).await, (200, content));
    Ok(())
}

macro_rules! on_both {
    ($($test:ident),+ $(,)?) => {
        mod memory {
            use super::{Backend, Outcome, Scene};
            $(#[tokio::test]
            async fn $test() -> Outcome {
                super::$test(Scene::on(Backend::Memory).await).await
            })+
        }

        mod postgresql {
            use super::{Backend, Outcome, Scene};
            $(#[tokio::test]
            async fn $test() -> Outcome {
                super::$test(Scene::on(Backend::PostgreSql).await).await
            })+
        }
    };
}

on_both! {
    server_ignores_preconditions_and_client_compares_the_version_itself,
    server_deletes_the_old_file_before_it_refuses_the_new_one_and_the_error_says_so,
    server_creates_a_record_for_a_deletion_and_client_does_not_ask_for_it,
    fenced_deletion_is_sent_behind_the_lock_and_a_fenced_upload_is_refused,
    upload_that_is_cut_can_cost_the_old_file_and_the_error_says_what_is_left,
}
