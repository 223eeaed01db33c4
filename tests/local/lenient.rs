//! Records that do not decode as the type, in lists beside those that do.

use futures_util::StreamExt as _;
use kinto_client::{
    Value, json,
    local::{ChangePosition, LocalChange, LocalCollection, Store},
};
use kinto_tests::Outcome;

use crate::device::{Note, note, server};

/// A store with the records as notes and as any JSON.
async fn both(kinto: &kinto_client::testing::Kinto) -> (LocalCollection<Note>, LocalCollection<Value>) {
    let store = Store::in_memory().await.unwrap();
    let notes = store.collection::<Note>(&kinto.client()).await.unwrap();
    (notes, store.bind(&kinto.client().bucket("app").collection("notes")).await.unwrap())
}

/// Versions of here, of the server and before that do not decode hide no other conflict, and can be decided as JSON.
#[tokio::test]
async fn conflict_that_does_not_decode_hides_no_other() -> Outcome {
    let kinto = server().await;
    let remote = kinto.client().bucket("app").collection("notes");
    let (notes, untyped) = both(&kinto).await;
    let ids = ["base", "good", "here", "there"];
    for id in ids {
        let text = if id == "base" { json!(0) } else { json!("Milk") };
        untyped.create_record(json!({"text": text})).id(id).await?;
    }
    notes.sync().await?;
    for id in ids {
        let text = |side: &str| if id == side { json!(side.len()) } else { json!(side) };
        untyped.patch_record(id, json!({"text": text("here")})).await?;
        remote.patch_record::<Value>(id, json!({"text": text("there")})).await?;
    }
    assert_eq!(notes.sync().await?.conflicts, 4);

    let error = notes.conflicts().await.unwrap_err();
    assert!(error.is_decode() && error.record_id() == Some("base"), "{error}");
    let shown: Vec<_> = notes.conflicts().lenient().await?;
    let shown = shown.iter().map(|found| match found {
        Ok(conflict) => (conflict.id.to_string(), Value::Null),
        Err(invalid) => {
            assert_eq!(invalid.path.as_deref(), Some("text"));
            assert!(invalid.to_string().contains("get the conflicts of"), "{invalid}");
            let json: Value = serde_json::from_str(invalid.json()).unwrap();
            (invalid.id.clone().unwrap(), json["text"].clone())
        }
    });
    let expected = [("base", json!(0)), ("good", Value::Null), ("here", json!(4)), ("there", json!(5))];
    assert!(shown.eq(expected.map(|(id, text)| (id.to_owned(), text))));
    let streamed: Vec<bool> = notes.conflicts().stream().map(|found| found.is_ok()).collect().await;
    assert_eq!(streamed, [false, true, false, false], "a stream goes on");
    assert_eq!(notes.conflicts().limit(2).lenient().await?.len(), 2);

    notes.resolve_conflict("good", Some(note("Both"))).await?;
    assert!(notes.resolve_conflict("here", Some(note("Both"))).await.is_err_and(|error| error.is_decode()));
    for conflict in untyped.conflicts().await? {
        untyped.resolve_conflict(conflict, Some(json!({"text": "Both"}))).await?;
    }
    assert_eq!(notes.sync().await?.sent, 4);
    for record in notes.get_records().await? {
        assert_eq!(record.data, note("Both"));
    }
    Ok(())
}

#[tokio::test]
async fn change_that_does_not_decode_hides_no_other() -> Outcome {
    let kinto = server().await;
    let (notes, untyped) = both(&kinto).await;
    untyped.create_record(json!({"text": 1})).id("bad").await?;
    untyped.create_record(json!({"text": "Milk"})).id("good").await?;
    untyped.patch_record("bad", json!({"text": "Tea"})).await?;
    untyped.patch_record("bad", json!({"text": 2})).await?;

    assert!(notes.pending().await.is_err_and(|error| error.is_decode()));
    let pending = notes.pending().lenient().await?;
    let [Err(bad), Ok(good)] = &pending[..] else { panic!("{pending:?}") };
    assert_eq!((bad.id.as_deref(), bad.path.as_deref(), good.id()), (Some("bad"), Some("text"), "good"));
    assert!(bad.to_string().contains("get the pending changes of"), "{bad}");
    let streamed: Vec<bool> = notes.pending().stream().map(|found| found.is_ok()).collect().await;
    assert_eq!(streamed, [false, true]);

    let start = ChangePosition::default();
    assert!(notes.changes_since(start).await.is_err_and(|error| error.is_decode()));
    let changes = notes.changes_since(start).lenient().await?;
    let [Err(created), Ok(LocalChange::Changed(good)), Err(mended), Err(broken)] = &changes[..] else {
        panic!("{changes:?}")
    };
    assert_eq!(good.id, "good");
    for (invalid, text) in [(created, 1), (mended, 1), (broken, 2)] {
        let json: Value = serde_json::from_str(invalid.version.json())?;
        assert_eq!((invalid.version.id.as_deref(), &json["text"]), (Some("bad"), &json!(text)));
        assert!(invalid.to_string().contains("get changes of"), "{invalid}");
    }
    assert!(created.position < good.position && good.position < mended.position && mended.position < broken.position);
    assert!(notes.changes_since(broken.position).await?.is_empty());
    let streamed: Vec<bool> = notes.changes_since(start).stream().map(|found| found.is_ok()).collect().await;
    assert_eq!(streamed, [false, true, false, false]);
    Ok(())
}
