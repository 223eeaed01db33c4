//! Files of records beside other features: histories, and stores.

use kinto_client::{JsonObject, Value, attachment::Attachment, json, local::Store, object::Id};
use kinto_tests::Outcome;

use super::{Note, Scene};

#[tokio::test]
async fn restore_of_older_version_keeps_the_file_of_now() -> Outcome {
    let scene = Scene::new().await;
    let record = scene.todos.record::<JsonObject>("list");
    scene.plain.put_data(&scene.record("list"), &json!({"n": 1})).await;
    scene.todos.upload_attachment("list", "Milk").filename("a.txt").data(json!({"n": 2})).await?;
    scene.todos.upload_attachment("list", "Bread").filename("b.txt").data(json!({"n": 3})).replace().await?;
    let newest = scene.held_attachment("list").await;
    let versions = record.get_history().await?;
    assert_eq!(versions.len(), 3);
    for (version, n) in [(&versions[1], 2), (&versions[2], 1)] {
        let restored = record.restore(version).await?;
        assert_eq!((&restored.data["n"], &restored.data["attachment"]), (&json!(n), &newest));
        assert_eq!(scene.held_attachment("list").await, newest);
    }
    assert_eq!(scene.file(&newest).await, (200, "Bread".to_owned()));

    // The server deletes the file with its record.
    scene.todos.delete_record("list").await?;
    let restored = record.restore(&versions[0]).await?;
    assert_eq!((restored.data.get("n"), restored.data.get("attachment")), (Some(&json!(3)), None));
    assert_eq!(scene.todos.check_attachments().await?.missing.iter().map(Id::as_str).next(), None);
    Ok(())
}

#[tokio::test]
async fn store_keeps_the_file_of_a_record() -> Outcome {
    let scene = Scene::new().await;
    scene.todos.upload_attachment("list", "Milk").filename("a.txt").data(json!({"n": 1})).await?;
    let held = scene.held_attachment("list").await;
    let notes = Store::in_memory().await?.bind::<Note>(&scene.todos).await?;
    notes.sync().await?;

    let description: Attachment = serde_json::from_value(held.clone())?;
    let without = Note { n: 2, attachment: None };
    let with = Note { n: 2, attachment: Some(description) };
    let error = notes.overwrite_record("list", without.clone()).await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("would be dropped: `update_record`"), "{error}");
    let error = notes.create_record(with.clone()).id("new").await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("a new record has none"), "{error}");
    for patch in [json!({"attachment": null}), json!({"attachment": {"size": 1}})] {
        let error = notes.patch_record("list", patch).await.unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains("upload_attachment"), "{error}");
    }
    let error = notes.update_record("list", |note| note.attachment = None).await.unwrap_err();
    assert!(error.to_string().contains("delete_attachment"), "{error}");
    let many = futures_util::stream::iter([("list", without)]);
    assert!(notes.overwrite_records_from(many).await.is_err());
    assert_eq!(notes.sync().await?.sent, 0);

    notes.overwrite_record("list", with).await?;
    notes.patch_record("list", json!({"n": 3})).await?;
    notes.update_record("list", |note| note.n += 1).await?;
    assert_eq!(notes.sync().await?.sent, 1);
    let stored = scene.todos.get_record::<Value>("list").await?.data;
    assert_eq!((&stored["n"], &stored["attachment"]), (&json!(4), &held));
    assert_eq!(scene.file(&held).await, (200, "Milk".to_owned()));
    Ok(())
}
