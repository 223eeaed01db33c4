//! Records with files that were changed on both sides.

use kinto_client::{
    Value, json,
    local::{ConflictPolicy, LocalCollection, Resolution, Store},
};
use kinto_tests::Outcome;

use super::{Note, Scene};

/// How a program keeps its own version.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Keeping {
    Resolve,
    Policy,
    Function,
}

const ALL: [Keeping; 3] = [Keeping::Resolve, Keeping::Policy, Keeping::Function];

/// A record with a file that a device has read, and then changed.
async fn changed_here(keeping: Keeping) -> (Scene, LocalCollection<Note>) {
    let scene = Scene::new().await;
    let upload = scene.todos.upload_attachment("list", "Milk").filename("a.txt").data(json!({"n": 1}));
    upload.await.unwrap();
    let notes = device(&scene, keeping).await;
    notes.sync().await.unwrap();
    notes.update_record("list", |note| note.n = 2).await.unwrap();
    (scene, notes)
}

async fn device(scene: &Scene, keeping: Keeping) -> LocalCollection<Note> {
    let notes = Store::in_memory().await.unwrap().bind::<Note>(&scene.todos).await.unwrap();
    match keeping {
        Keeping::Resolve => notes,
        Keeping::Policy => notes.on_conflict(ConflictPolicy::PreferLocal),
        Keeping::Function => notes.on_conflict_with(|conflict| Resolution::Keep(conflict.local.unwrap().data)),
    }
}

/// Synchronizes, decides for the version of here, and returns what the server has then.
async fn kept(scene: &Scene, notes: &LocalCollection<Note>, keeping: Keeping) -> Value {
    let report = notes.sync().await.unwrap();
    assert_eq!(report.conflicts, usize::from(keeping == Keeping::Resolve), "{keeping:?}");
    for conflict in notes.conflicts().await.unwrap() {
        let local = conflict.local.clone().unwrap().data;
        notes.resolve_conflict(conflict, Some(local)).await.unwrap();
        assert_eq!(notes.sync().await.unwrap().sent, 1);
    }
    assert!(notes.problems().await.unwrap().is_empty());
    let held = scene.todos.get_record::<Value>("list").await.unwrap().data;
    assert_eq!(json!(notes.get_record("list").await.unwrap().data), held);
    held
}

#[tokio::test]
async fn version_of_here_has_the_file_that_was_uploaded_there() -> Outcome {
    for keeping in ALL {
        let (scene, notes) = changed_here(keeping).await;
        scene.todos.upload_attachment("list", "Tea").filename("b.txt").data(json!({"n": 3})).replace().await?;
        let file = scene.held_attachment("list").await;
        assert_eq!(kept(&scene, &notes, keeping).await, json!({"n": 2, "attachment": file}), "{keeping:?}");
        assert_eq!(scene.file(&file).await, (200, "Tea".to_owned()));

        // It was created on both sides.
        scene.todos.delete_record("list").await?;
        let notes = device(&scene, keeping).await;
        notes.create_record(Note { n: 4, attachment: None }).id("list").await?;
        scene.todos.upload_attachment("list", "Oats").filename("c.txt").data(json!({"n": 5})).await?;
        let file = scene.held_attachment("list").await;
        assert_eq!(kept(&scene, &notes, keeping).await, json!({"n": 4, "attachment": file}), "{keeping:?}");
        assert_eq!(scene.file(&file).await, (200, "Oats".to_owned()));
    }
    Ok(())
}

/// The server deletes the file with its record.
#[tokio::test]
async fn record_that_was_deleted_there_and_is_kept_has_no_file() -> Outcome {
    for keeping in ALL {
        let (scene, notes) = changed_here(keeping).await;
        scene.todos.delete_record("list").await?;
        assert_eq!(kept(&scene, &notes, keeping).await, json!({"n": 2}), "{keeping:?}");
        assert!(scene.todos.check_attachments().await?.missing.is_empty());
    }
    Ok(())
}
