//! Conflicts that a function of the program decides.

use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use kinto_client::{
    Record, Value, json,
    local::{LocalCollection, LocalConflict, Resolution, Store},
};
use kinto_tests::Outcome;

use crate::{
    device::{Note, device, note, requests, server, typed},
    file::folder,
};

fn text(side: Option<&Record<Note>>) -> String {
    side.map_or_else(|| "-".to_owned(), |record| record.data.text.clone())
}

/// Joins both texts, and notes what it was asked.
fn joining(notes: LocalCollection<Note>) -> (LocalCollection<Note>, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let notes = notes.on_conflict_with(move |conflict: LocalConflict<Note>| {
        let LocalConflict { id, local, remote, base, .. } = conflict;
        let texts = [text(base.as_ref()), text(local.as_ref()), text(remote.as_ref())];
        log.lock().unwrap().push(format!("{id}: {}", texts.join(" ")));
        match (local, remote) {
            (Some(local), Some(remote)) => {
                Resolution::Keep(Note { text: format!("{}, {}", local.data.text, remote.data.text), ..local.data })
            }
            (None, Some(remote)) => Resolution::Keep(remote.data),
            _ => Resolution::Delete,
        }
    });
    (notes, asked)
}

#[tokio::test]
async fn function_decides_from_three_typed_versions_and_its_decision_is_sent() -> Outcome {
    let kinto = server().await;
    let remote = kinto.client().bucket("app").collection("notes");
    let (notes, asked) = joining(typed(&kinto).await);
    for id in ["a", "b", "c"] {
        notes.create_record(note("Milk")).id(id).await?;
    }
    notes.sync().await?;
    remote.patch_record::<Value>("a", json!({"text": "Tea", "theirs": {"n": 1.50}})).await?;
    remote.delete_record("b").await?;
    remote.patch_record::<Value>("c", json!({"text": "Tea", "theirs": 1})).await?;
    notes.delete_record("c").await?;
    for id in ["a", "b"] {
        notes.update_record(id, |note| note.text = "Oats".to_owned()).await?;
    }
    notes.patch_record("a", json!({"ours": [1.0]})).await?;

    requests(&kinto);
    let report = notes.sync().await?;
    assert_eq!((report.conflicts, report.sent), (0, 1));
    assert_eq!(*asked.lock().unwrap(), ["a: Milk Oats Tea", "b: Milk Oats -", "c: Milk - Tea"]);
    let sent = requests(&kinto);
    assert_eq!(sent.iter().filter(|line| line.starts_with("POST /batch")).count(), 1, "{sent:?}");
    let expected = json!({"text": "Oats, Tea", "done": false, "theirs": {"n": 1.5}, "ours": [1.0]});
    assert_eq!(remote.get_record::<Value>("a").await?.data, expected);
    let mut ids: Vec<String> = notes.get_records().await?.into_iter().map(|note| note.id.to_string()).collect();
    ids.sort();
    assert_eq!((ids, notes.conflicts().await?.len()), (vec!["a".to_owned(), "c".to_owned()], 0));
    assert_eq!(notes.get_record("c").await?.data.text, "Tea");
    assert_eq!(notes.sync().await?.sent, 0);
    assert_eq!(asked.lock().unwrap().len(), 3, "what is decided is not asked again");
    Ok(())
}

/// The other client writes between the pull and the push, so that the server refuses the precondition.
#[tokio::test]
async fn function_decides_during_a_push() -> Outcome {
    let kinto = server().await;
    let remote = kinto.client().bucket("app").collection("notes");
    let (notes, asked) = joining(typed(&kinto).await);
    notes.create_record(note("Milk")).id("a").await?;
    notes.sync().await?;
    notes.update_record("a", |note| note.text = "Oats".to_owned()).await?;
    let other = kinto.other_program().client().bucket("app").collection("notes");
    kinto.before_next_write(move |_| async move {
        other.patch_record::<Value>("a", json!({"text": "Tea"})).await.unwrap();
    });
    let report = notes.push().await?;
    assert_eq!((report.conflicts, report.sent), (0, 1));
    assert_eq!(*asked.lock().unwrap(), ["a: Milk Oats Tea"]);
    assert_eq!(remote.get_record::<Value>("a").await?.data["text"], "Oats, Tea");
    Ok(())
}

#[tokio::test]
async fn conflict_that_the_function_leaves_is_asked_about_once_for_each_version() -> Outcome {
    let kinto = server().await;
    let remote = kinto.client().bucket("app").collection("notes");
    let asked = Arc::new(Mutex::new(0));
    let count = Arc::clone(&asked);
    let notes = device(&kinto).await.on_conflict_with(move |_| {
        *count.lock().unwrap() += 1;
        Resolution::Manual
    });
    notes.create_record(json!({"text": "Milk"})).id("a").await?;
    notes.sync().await?;
    notes.patch_record("a", json!({"text": "Oats"})).await?;
    for (theirs, conflicts, times) in [("Tea", 1, 1), ("Tea", 0, 1), ("Coffee", 0, 2)] {
        let stored = remote.get_record::<Value>("a").await?;
        if stored.data["text"] != theirs {
            remote.patch_record::<Value>("a", json!({"text": theirs})).await?;
        }
        assert_eq!(notes.sync().await?.conflicts, conflicts, "{theirs}");
        assert_eq!(*asked.lock().unwrap(), times, "{theirs}");
    }
    let open = notes.conflicts().await?.remove(0);
    assert_eq!(
        (open.local.unwrap().data["text"].clone(), open.remote.unwrap().data["text"].clone()),
        ("Oats".into(), "Coffee".into())
    );
    Ok(())
}

#[tokio::test]
async fn preference_of_one_side_holds_for_fields_that_the_type_does_not_know() -> Outcome {
    let kinto = server().await;
    let remote = kinto.client().bucket("app").collection("notes");
    let notes = typed(&kinto).await.on_conflict_with(|conflict| {
        if conflict.id.as_str() == "ours" { Resolution::PreferLocal } else { Resolution::PreferRemote }
    });
    for id in ["ours", "theirs"] {
        notes.create_record(note("Milk")).id(id).await?;
    }
    notes.sync().await?;
    for id in ["ours", "theirs"] {
        remote.patch_record::<Value>(id, json!({"text": "Tea", "x": "there", "only": 1})).await?;
        notes.patch_record(id, json!({"text": "Oats", "x": "here"})).await?;
    }
    assert_eq!(notes.sync().await?.conflicts, 0);
    for (id, text, x) in [("ours", "Oats", "here"), ("theirs", "Tea", "there")] {
        let expected = json!({"text": text, "done": false, "x": x, "only": 1});
        assert_eq!(remote.get_record::<Value>(id).await?.data, expected);
    }
    Ok(())
}

/// A panic of the function, and versions that it cannot be shown, leave the conflict, and hold up no other record.
#[tokio::test]
async fn function_that_fails_leaves_the_conflict_and_damages_nothing() -> Outcome {
    let kinto = server().await;
    let remote = kinto.client().bucket("app").collection("notes");
    let notes = typed(&kinto).await.on_conflict_with(|conflict| {
        assert!(conflict.id.as_str() != "panics", "a panic of the program's function");
        Resolution::Keep(Note { text: "decided".to_owned(), ..conflict.local.unwrap().data })
    });
    for id in ["panics", "undecodable", "works"] {
        notes.create_record(note("Milk")).id(id).await?;
    }
    notes.sync().await?;
    for id in ["panics", "undecodable", "works"] {
        let theirs = if id == "undecodable" { json!({"text": 5}) } else { json!({"text": "Tea"}) };
        remote.patch_record::<Value>(id, theirs).await?;
        notes.update_record(id, |note| note.text = "Oats".to_owned()).await?;
    }
    notes.create_record(note("new")).id("new").await?;
    let report = notes.sync().await?;
    assert_eq!((report.conflicts, report.sent), (2, 2));
    assert_eq!(remote.get_record::<Value>("works").await?.data["text"], "decided");
    assert_eq!(remote.get_record::<Value>("panics").await?.data["text"], "Tea");
    assert_eq!(notes.get_record("panics").await?.data.text, "Oats");
    let calm = notes.on_conflict_with(|_| Resolution::Manual);
    assert_eq!(calm.sync().await?.conflicts, 0);
    calm.resolve_conflict("panics", Some(note("resolved"))).await?;
    assert_eq!(calm.sync().await?.sent, 1);
    assert_eq!(remote.get_record::<Value>("panics").await?.data["text"], "resolved");
    Ok(())
}

/// The store waits for the function, which would wait for the store.
#[tokio::test]
async fn function_that_calls_its_store_gets_an_error_and_does_not_hang() -> Outcome {
    let folder = folder();
    for store in [Store::in_memory(), Store::open(folder.join("notes.db"))] {
        let kinto = server().await;
        let remote = kinto.client().bucket("app").collection("notes");
        let notes = store.await?.bind::<Value>(&remote).await?;
        let (reader, errors) = (notes.clone(), Arc::new(Mutex::new(Vec::new())));
        let log = Arc::clone(&errors);
        let notes = notes.on_conflict_with(move |_| {
            log.lock().unwrap().push(reader.get_record("a").into_future().now_or_never());
            Resolution::PreferRemote
        });
        notes.create_record(json!({"n": 0})).id("a").await?;
        notes.sync().await?;
        remote.patch_record::<Value>("a", json!({"n": 1})).await?;
        notes.patch_record("a", json!({"n": 2})).await?;
        notes.sync().await?;
        let error = errors.lock().unwrap().pop().unwrap().unwrap().unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains("decides a conflict"), "{error}");
        assert_eq!(notes.get_record("a").await?.data, json!({"n": 1}));
    }
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
