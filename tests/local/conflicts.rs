//! Changes of both sides: merged, or kept until somebody decides.

use std::collections::BTreeSet;

use futures_util::TryStreamExt as _;
use kinto_client::{KintoRecord as _, Value, json, local::ConflictPolicy};
use kinto_tests::Outcome;

use crate::device::{Line, Note, device, note, server, typed};

/// Fault 14 of kinto.js: edits of different fields revert each other.
#[tokio::test]
async fn edits_of_different_fields_and_items_are_merged() -> Outcome {
    let kinto = server().await;
    let (one, other) = (typed(&kinto).await, typed(&kinto).await);
    let lines = vec![Line { id: 1, n: 1 }, Line { id: 2, n: 1 }];
    one.create_record(Note { lines, ..note("Milk") }).id("a").await?;
    one.sync().await?;
    other.sync().await?;

    one.update_record("a", |note| {
        note.done = true;
        note.lines[0].n = 5;
    })
    .await?;
    other
        .update_record("a", |note| {
            note.text = "Oats".to_owned();
            note.lines[1].n = 7;
            note.lines.push(Line { id: 3, n: 1 });
        })
        .await?;
    one.sync().await?;
    let report = other.sync().await?;
    assert_eq!((report.conflicts, report.sent), (0, 1));
    one.sync().await?;
    let lines = vec![Line { id: 1, n: 5 }, Line { id: 2, n: 7 }, Line { id: 3, n: 1 }];
    let merged = Note { text: "Oats".to_owned(), done: true, lines };
    assert_eq!((one.get_record("a").await?.data, other.get_record("a").await?.data), (merged.clone(), merged));
    Ok(())
}

/// Fault 6 of kinto.js: one conflict stops all sending.
#[tokio::test]
async fn conflict_keeps_both_sides_and_holds_up_nothing() -> Outcome {
    let kinto = server().await;
    let remote = kinto.client().bucket("app").collection("notes");
    let notes = typed(&kinto).await;
    notes.create_record(note("Milk")).id("a").await?;
    notes.sync().await?;
    remote.patch_record::<Value>("a", json!({"text": "Theirs", "extra": 1})).await?;
    notes.edit_record("a").set(Note::fields().text, "Ours").await?;
    notes.create_record(note("Tea")).id("b").await?;

    let report = notes.sync().await?;
    assert_eq!((report.conflicts, report.sent), (1, 1));
    assert_eq!(notes.get_record("a").await?.data.text, "Ours");
    assert_eq!(remote.get_record::<Value>("a").await?.data["text"], "Theirs");
    let conflicts = notes.conflicts().await?;
    let conflict = &conflicts[0];
    let text = |side: &Option<kinto_client::Record<Note>>| side.as_ref().map(|record| record.data.text.clone());
    assert_eq!((conflicts.len(), conflict.id.as_str()), (1, "a"));
    assert_eq!(text(&conflict.local).as_deref(), Some("Ours"));
    assert_eq!(text(&conflict.remote).as_deref(), Some("Theirs"));
    assert_eq!(text(&conflict.base).as_deref(), Some("Milk"));
    assert_eq!(conflict.fields.len(), 1);
    let field = &conflict.fields[0];
    assert_eq!((field.path.as_str(), &field.base), ("text", &Some(json!("Milk"))));
    assert_eq!((&field.local, &field.remote), (&Some(json!("Ours")), &Some(json!("Theirs"))));

    notes.resolve_conflict("a", Some(note("Both"))).await?;
    assert!(notes.conflicts().await?.is_empty());
    assert_eq!(notes.sync().await?.sent, 1);
    let stored = remote.get_record::<Value>("a").await?.data;
    assert_eq!(stored, json!({"text": "Both", "done": false, "extra": 1}), "what the type does not know is kept");
    assert!(notes.resolve_conflict("a", None).await.is_err_and(|error| error.is_not_found()));
    Ok(())
}

#[tokio::test]
async fn decision_about_a_conflict_is_refused_if_a_side_has_changed_since() -> Outcome {
    let kinto = server().await;
    let remote = kinto.client().bucket("app").collection("notes");
    let notes = typed(&kinto).await;
    notes.create_record(note("Milk")).id("a").await?;
    notes.sync().await?;
    remote.patch_record::<Value>("a", json!({"text": "Theirs"})).await?;
    notes.patch_record("a", json!({"text": "Ours"})).await?;
    notes.sync().await?;

    let seen = notes.conflicts().await?.remove(0);
    remote.patch_record::<Value>("a", json!({"lines": [{"id": 1, "n": 1}]})).await?;
    notes.sync().await?;
    let refused = notes.resolve_conflict(&seen, Some(note("Both"))).await.unwrap_err();
    assert!(refused.is_conflict() && !refused.may_have_been_applied(), "{refused}");
    let message = "one of the sides of its conflict was changed since the conflict was read (";
    assert!(refused.to_string().contains(message), "{refused}");

    let seen = notes.conflicts().await?.remove(0);
    notes.patch_record("a", json!({"done": true})).await?;
    assert!(notes.resolve_conflict(&seen, None).await.is_err_and(|error| error.is_conflict()), "it was changed here");

    let seen = notes.conflicts().await?.remove(0);
    let both = Note { text: "Both".to_owned(), ..seen.local.clone().unwrap().data };
    notes.resolve_conflict(seen, Some(both)).await?;
    assert_eq!((notes.sync().await?.sent, notes.conflicts().await?.len()), (1, 0));
    let stored = remote.get_record::<Value>("a").await?.data;
    assert_eq!(stored["text"], "Both");
    Ok(())
}

/// Faults 16 and 17 of kinto.js: a deletion on either side loses what the other has, or stores a tombstone as a record.
#[tokio::test]
async fn deletions_conflict_with_edits_and_keep_both_bodies() -> Outcome {
    let kinto = server().await;
    let remote = kinto.client().bucket("app").collection("notes");
    for (policy, here, there) in [
        (ConflictPolicy::Manual, Some("edited"), None),
        (ConflictPolicy::PreferLocal, Some("edited"), Some("edited")),
        (ConflictPolicy::PreferRemote, None, None),
    ] {
        let notes = device(&kinto).await.on_conflict(policy);
        notes.create_record(json!({"text": "old"})).id("a").await?;
        notes.sync().await?;
        remote.delete_record("a").await?;
        notes.patch_record("a", json!({"text": "edited"})).await?;
        notes.sync().await?;
        let text = |record: Option<kinto_client::Record<Value>>| record.map(|record| record.data["text"].clone());
        assert_eq!(text(notes.get_record("a").optional().await?), here.map(|text| json!(text)), "{policy:?}");
        assert_eq!(text(remote.get_record("a").optional().await?), there.map(|text| json!(text)), "{policy:?}");
        if policy == ConflictPolicy::Manual {
            let conflict = notes.conflicts().await?.remove(0);
            assert!(conflict.remote.is_none() && conflict.local.is_some());
            assert_eq!((conflict.fields.len(), conflict.fields[0].path.as_str()), (1, ""));
        }
        remote.delete_record("a").if_exists().await?;
    }

    let notes = device(&kinto).await;
    notes.create_record(json!({"text": "old"})).id("b").await?;
    notes.sync().await?;
    remote.patch_record::<Value>("b", json!({"text": "edited"})).await?;
    notes.delete_record("b").await?;
    assert_eq!(notes.sync().await?.conflicts, 1);
    let conflict = notes.conflicts().await?.remove(0);
    assert_eq!((conflict.local.is_none(), conflict.remote.unwrap().data), (true, json!({"text": "edited"})));
    notes.resolve_conflict("b", None).await?;
    notes.sync().await?;
    assert!(remote.get_record::<Value>("b").optional().await?.is_none());
    Ok(())
}

#[tokio::test]
async fn record_that_was_created_twice_conflicts_unless_it_is_equal() -> Outcome {
    let kinto = server().await;
    let (one, other) = (device(&kinto).await, device(&kinto).await);
    for notes in [&one, &other] {
        notes.create_record(json!({"text": "same", "n": 1.5})).id("equal").await?;
    }
    one.create_record(json!({"text": "one"})).id("twice").await?;
    other.create_record(json!({"text": "other"})).id("twice").await?;
    one.sync().await?;
    let report = other.sync().await?;
    assert_eq!((report.conflicts, report.sent), (1, 0));
    assert!(other.conflicts().await?[0].base.is_none());
    other.resolve_conflict("twice", Some(json!({"text": "both"}))).await?;
    other.sync().await?;
    one.sync().await?;
    assert_eq!(one.get_record("twice").await?.data, json!({"text": "both"}));
    Ok(())
}

/// More conflicts and refusals than are read at once come once each, in the order of their ids.
#[tokio::test]
async fn conflicts_and_problems_are_listed_some_at_a_time() -> Outcome {
    const COUNT: usize = 600;
    let kinto = server().await;
    let remote = kinto.client().bucket("app").collection("notes");
    let notes = typed(&kinto).await;
    let ids: Vec<String> = (0..COUNT).map(|number| format!("n{number}")).collect();
    let sorted: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    let data = |text: &str| ids.iter().map(|id| json!({"id": id, "text": text, "done": false})).collect::<Vec<_>>();
    remote.create_records(data("Milk")).await?;
    notes.sync().await?;
    notes.update_records(|note| note.text = "Ours".to_owned()).await?;
    remote.update_records(|note: &mut Value| note["text"] = "Theirs".into()).await?;

    assert_eq!(notes.sync().await?.conflicts, COUNT);
    let found: Vec<_> = notes.conflicts().stream().map_ok(|conflict| conflict.id.to_string()).try_collect().await?;
    assert!(found.iter().map(String::as_str).eq(sorted.iter().copied()), "{found:?}");
    assert_eq!(notes.conflicts().await?.len(), COUNT);
    let first = notes.conflicts().limit(300).await?;
    assert!(first.iter().map(|conflict| conflict.id.as_str()).eq(sorted.iter().copied().take(300)));
    assert!(notes.conflicts().limit(0).await?.is_empty());

    // Those that are resolved while they are read do not hide others.
    let mut conflicts = notes.conflicts().stream();
    while let Some(conflict) = conflicts.try_next().await? {
        notes.resolve_conflict(&conflict.id, Some(note("Both"))).await?;
    }
    assert_eq!((notes.conflicts().await?.len(), notes.status().await?.conflicts), (0, 0));

    let schema = json!({"properties": {"text": {"const": "Milk"}}});
    kinto.client().bucket("app").collection("notes").patch(json!({"schema": schema})).await?;
    assert_eq!(notes.sync().await?.refused, COUNT);
    let found: Vec<_> = notes.problems().stream().map_ok(|problem| problem.id).try_collect().await?;
    assert!(found.iter().map(String::as_str).eq(sorted.iter().copied()), "{found:?}");
    let first = notes.problems().limit(2).await?;
    assert!(first.iter().map(|problem| problem.id.as_str()).eq(sorted.iter().copied().take(2)));
    // All of them are sent again once the collection has changed.
    kinto.client().bucket("app").collection("notes").patch(json!({"schema": {}})).await?;
    assert_eq!(notes.sync().await?.sent, COUNT);
    assert!(notes.problems().await?.is_empty());
    Ok(())
}
