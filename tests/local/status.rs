//! What was not sent yet, and what keeps it from being sent.

use futures_util::TryStreamExt as _;
use kinto_client::{
    Value, json,
    local::{LocalStatus, PendingChange, Store},
};
use kinto_tests::Outcome;

use rusqlite::Connection;

use crate::{
    device::{Note, device, note, requests, server, typed},
    file::folder,
};

/// The numbers of a status: to create, to update, to delete, conflicts, problems.
fn counts(status: &LocalStatus) -> [usize; 5] {
    [status.to_create, status.to_update, status.to_delete, status.conflicts, status.problems]
}

fn shown(change: &PendingChange<Note>) -> String {
    let kind = match change {
        PendingChange::Create(_) => "create",
        PendingChange::Update(_) => "update",
        PendingChange::Delete(_) => "delete",
        _ => "other",
    };
    let text = change.record().map_or("-", |record| record.data.text.as_str());
    format!("{kind} {} {text}", change.id())
}

#[tokio::test]
async fn status_and_pending_tell_what_was_not_sent() -> Outcome {
    let kinto = server().await;
    let remote = kinto.client().bucket("app").collection("notes");
    let notes = typed(&kinto).await;
    assert_eq!(notes.status().await?, LocalStatus::default());
    for id in ["clean", "changed", "conflict", "deleted"] {
        notes.create_record(note("Milk")).id(id).await?;
    }
    notes.sync().await?;
    notes.update_record("changed", |note| note.text = "Oats".to_owned()).await?;
    notes.delete_record("deleted").await?;
    notes.create_record(note("Tea")).id("created").await?;
    notes.create_record(note("gone")).id("gone").await?;
    notes.delete_record("gone").await?;
    remote.patch_record::<Value>("conflict", json!({"text": "theirs"})).await?;
    notes.update_record("conflict", |note| note.text = "ours".to_owned()).await?;
    notes.pull().await?;

    requests(&kinto);
    let status = notes.status().await?;
    assert_eq!(counts(&status), [1, 1, 1, 1, 0]);
    assert_eq!((status.pending(), status.needs_attention()), (3, true));
    assert_eq!((status.is_syncing, status.wait_until), (false, None));
    let expected = ["update changed Oats", "delete deleted -", "create created Tea"];
    let pending: Vec<String> = notes.pending().await?.iter().map(shown).collect();
    assert_eq!(pending, expected);
    let limited: Vec<String> = notes.pending().limit(2).await?.iter().map(shown).collect();
    assert_eq!(limited, expected[..2]);
    assert!(notes.pending().limit(0).await?.is_empty());
    assert!(requests(&kinto).is_empty(), "only the file is read");

    notes.sync().await?;
    assert_eq!(counts(&notes.status().await?), [0, 0, 0, 1, 0]);
    notes.resolve_conflict("conflict", Some(note("both"))).await?;
    assert_eq!(counts(&notes.status().await?), [0, 1, 0, 0, 0]);
    notes.sync().await?;
    assert_eq!(notes.status().await?, LocalStatus::default());
    Ok(())
}

#[tokio::test]
async fn change_that_the_server_refuses_is_counted_as_a_problem_only() -> Outcome {
    let kinto = server().await;
    let remote = kinto.client().bucket("app").collection("notes");
    let notes = typed(&kinto).await;
    let schema = json!({"schema": {"properties": {"text": {"maxLength": 4}}}});
    remote.patch(schema).await?;
    notes.create_record(note("too long")).id("a").await?;
    notes.create_record(note("Tea")).id("b").await?;
    assert_eq!(notes.sync().await?.refused, 1);
    assert_eq!(counts(&notes.status().await?), [0, 0, 0, 0, 1]);
    assert!(notes.pending().await?.is_empty());
    notes.update_record("a", |note| note.text = "long".to_owned()).await?;
    assert_eq!(counts(&notes.status().await?), [1, 0, 0, 0, 0]);
    Ok(())
}

/// A change whose response was lost waits as well, and one that was undone meanwhile.
#[tokio::test]
async fn change_in_doubt_is_pending() -> Outcome {
    let kinto = server().await;
    let client = kinto.client().with_retry(kinto_client::retry::NeverRetry);
    let notes = crate::device::of_client(&client).await;
    for id in ["changed", "undone"] {
        notes.create_record(json!({"n": 1})).id(id).await?;
    }
    notes.sync().await?;
    for id in ["changed", "undone"] {
        notes.patch_record(id, json!({"n": 2})).await?;
    }
    kinto.lose_responses(9);
    assert!(notes.push().await.is_err());
    kinto.clear_faults();
    notes.patch_record("undone", json!({"n": 1})).await?;
    assert_eq!(counts(&notes.status().await?), [0, 2, 0, 0, 0]);
    notes.sync().await?;
    assert_eq!(notes.status().await?, LocalStatus::default());
    Ok(())
}

/// More changes than a stream reads at once, of which some are sent while it is read.
#[tokio::test]
async fn stream_of_pending_changes_has_each_once() -> Outcome {
    let kinto = server().await;
    let notes = device(&kinto).await;
    for n in 0..600 {
        notes.create_record(json!({"n": n})).id(format!("r{n:03}")).await?;
    }
    let mut pending = notes.pending().stream();
    let mut ids = Vec::new();
    while let Some(change) = pending.try_next().await? {
        ids.push(change.id().to_owned());
        if ids.len() == 100 {
            notes.delete_record("r599").await?;
        }
    }
    let expected: Vec<String> = (0..599).map(|n| format!("r{n:03}")).collect();
    assert_eq!(ids, expected);
    assert!(notes.pending().header("x", "y").await.is_err_and(|error| error.is_invalid()));
    Ok(())
}

#[tokio::test]
async fn status_says_that_a_synchronization_is_running() -> Outcome {
    let kinto = server().await;
    let notes = device(&kinto).await;
    notes.create_record(json!({"n": 1})).id("a").await?;
    let observer = notes.clone();
    kinto.before_next_write(move |_| async move {
        assert!(observer.status().await.unwrap().is_syncing);
    });
    notes.sync().await?;
    assert!(!notes.status().await?.is_syncing);
    Ok(())
}

/// The time of its lease has not passed, while the lock beside the file ended with the process.
#[tokio::test]
async fn status_knows_that_a_synchronization_was_killed() -> Outcome {
    let (kinto, path) = (server().await, folder().join("notes.db"));
    let remote = kinto.client().bucket("app").collection("notes");
    let notes = Store::open(&path).await?.bind::<Value>(&remote).await?;
    let hour = std::time::SystemTime::now() + std::time::Duration::from_secs(3_600);
    let held = i64::try_from(hour.duration_since(std::time::UNIX_EPOCH)?.as_millis())?;
    Connection::open(&path)?.execute("UPDATE collection SET held_until = ?", [held])?;
    assert!(!notes.status().await?.is_syncing);
    let observer = Store::open(&path).await?.bind::<Value>(&remote).await?;
    notes.create_record(json!({"n": 1})).await?;
    kinto.before_next_write(move |_| async move {
        assert!(observer.status().await.unwrap().is_syncing, "its lock is held");
    });
    notes.sync().await?;
    Ok(())
}
