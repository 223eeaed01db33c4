//! The faults of kinto.js 17.1 by their numbers, on each server.
//!
//! 3, 4 and 19 are about transformers of records, which are not here. Two of the list have no number: the purge of deletions
//! and the restoration of a backup.

use std::time::Instant;

use kinto_client::{
    Record, Value,
    http::StatusCode,
    json,
    local::{ChangeOrigin, ChangePosition, ConflictPolicy, LocalChange, LossPolicy, SyncReport},
};
use kinto_tests::Outcome;

use crate::{
    file::folder,
    world::{World, all, on_each_server},
};

on_each_server!(
    fault_1_removed_field_comes_back,
    fault_2_created_and_deleted_stays,
    fault_5_import_sets_no_position,
    fault_6_conflict_stops_sending,
    fault_8_record_between_two_pages_is_missed,
    fault_9_refilled_collection_leaves_ghosts,
    fault_11_refused_record_stops_the_others,
    fault_12_sent_records_are_received_again,
    fault_13_and_22_lost_response_conflicts_with_an_edit,
    fault_14_edits_of_different_fields_are_reverted,
    fault_16_deletion_is_stored_as_a_record,
    fault_17_deletion_conflicts_without_a_body,
    fault_18_edit_during_a_push_is_overwritten,
    fault_20_synchronization_tells_no_changes,
    fault_21_two_synchronizations_run_at_once,
    purge_of_deletions_looks_like_a_flush,
    restored_backup_is_not_noticed,
);

async fn fault_1_removed_field_comes_back(world: World) -> Outcome {
    world.remote.create_record(json!({"id": "a", "text": "Milk", "gone": 1})).await?;
    let notes = world.device().await;
    notes.sync().await?;
    world.remote.overwrite_record("a", json!({"text": "Oats"})).await?;
    assert_eq!(notes.sync().await?.received, 1);
    assert_eq!(notes.get_record("a").await?.data, json!({"text": "Oats"}));
    Ok(())
}

async fn fault_2_created_and_deleted_stays(world: World) -> Outcome {
    let notes = world.device().await;
    notes.create_record(json!({})).id("a").await?;
    notes.delete_record("a").await?;
    assert_eq!(notes.get_records().count().await?, 0);
    let _ = world.requests();
    assert_eq!(notes.push().await?, SyncReport::default());
    assert_eq!(world.requests(), Vec::<String>::new());
    Ok(())
}

/// Records and the position after them are stored at once: who opens the file reads what is new.
async fn fault_5_import_sets_no_position(world: World) -> Outcome {
    let path = folder().join("notes.db");
    for n in 0..50 {
        world.remote.create_record(json!({"n": n})).await?;
    }
    let began = Instant::now();
    assert_eq!(world.device_at(&path).await.pull().await?.received, 50);
    let took = u64::try_from(began.elapsed().as_millis())?;
    let times: Vec<u64> =
        world.remote.get_records::<Value>().await?.iter().map(|record| record.last_modified.as_millis()).collect();
    let notes = world.device_at(&path).await;
    let _ = world.requests();
    assert_eq!(notes.pull().await?, SyncReport::default());
    let first = world.requests().remove(0);
    let since = first.split("_since=").nth(1).and_then(|rest| rest.split('&').next()).unwrap();
    let since: u64 = since.replace("%22", "").parse()?;
    // The longest transaction before a page, of which the server tells the second in which it answered: what appears late is
    // read then.
    let (first_time, last_time) = (*times.iter().min().unwrap(), *times.iter().max().unwrap());
    assert!((first_time - 62_000 - took..=last_time - 61_000).contains(&since), "{first}");
    Ok(())
}

async fn fault_6_conflict_stops_sending(world: World) -> Outcome {
    let notes = world.device().await;
    notes.create_record(json!({"text": "Milk"})).id("a").await?;
    notes.sync().await?;
    world.remote.patch_record::<Value>("a", json!({"text": "Theirs"})).await?;
    notes.patch_record("a", json!({"text": "Ours"})).await?;
    notes.create_record(json!({"text": "Tea"})).id("b").await?;
    let report = notes.sync().await?;
    assert_eq!((report.conflicts, report.sent), (1, 1));
    assert_eq!(world.stored().await["a"], json!({"text": "Theirs"}));
    assert_eq!(world.stored().await["b"], json!({"text": "Tea"}));
    notes.resolve_conflict("a", Some(json!({"text": "Both"}))).await?;
    assert_eq!(notes.sync().await?.sent, 1);
    assert_eq!(world.stored().await["a"], json!({"text": "Both"}));
    Ok(())
}

async fn fault_8_record_between_two_pages_is_missed(world: World) -> Outcome {
    for n in 0..50 {
        world.remote.create_record(json!({"id": format!("r{n:02}"), "n": n})).await?;
    }
    let notes = world.device().await;
    world.refuse_after(1);
    assert!(notes.pull().await.is_err(), "the second page does not come");
    assert_eq!(notes.get_records().count().await?, 20);
    world.remote.overwrite_record("r01", json!({"moved": true})).await?;
    world.remote.overwrite_record("r30", json!({"moved": true})).await?;
    world.remote.delete_record("r02").await?;
    world.remote.create_record(json!({"id": "new"})).await?;
    notes.pull().await?;
    assert_eq!(all(&notes).await, world.stored().await);
    Ok(())
}

async fn fault_9_refilled_collection_leaves_ghosts(world: World) -> Outcome {
    let notes = world.device().await;
    for id in ["a", "b"] {
        notes.create_record(json!({"text": id})).id(id).await?;
    }
    notes.sync().await?;
    world.flush().await;
    world.remote.create_record(json!({"id": "c"})).await?;
    let error = notes.sync().await.unwrap_err();
    assert!(error.is_conflict() && error.to_string().contains("2 records are gone"), "{error}");
    assert_eq!(world.stored().await.len(), 1, "nothing was sent");
    notes.on_loss(LossPolicy::DropLocal).sync().await?;
    let republishing = world.device().await;
    republishing.sync().await?;
    assert_eq!(all(&republishing).await, world.stored().await);
    Ok(())
}

async fn fault_11_refused_record_stops_the_others(world: World) -> Outcome {
    let schema = json!({"properties": {"text": {"type": "string", "maxLength": 5}}});
    world.remote.patch(json!({"schema": schema})).await?;
    let notes = world.device().await;
    notes.create_record(json!({"text": "far too long"})).id("long").await?;
    notes.create_record(json!({"text": "short"})).id("short").await?;
    world.remote.create_record(json!({"id": "theirs", "text": "x"})).await?;
    let report = notes.sync().await?;
    assert_eq!((report.sent, report.refused, report.received), (1, 1, 1));
    let problem = notes.problems().await?.remove(0);
    assert_eq!((problem.id.as_str(), problem.status), ("long", Some(StatusCode::BAD_REQUEST)));
    assert_eq!(problem.field.as_deref(), Some("text"));
    world.remote.create_record(json!({"id": "later", "text": "x"})).await?;
    let report = notes.sync().await?;
    assert_eq!((report.received, report.refused), (1, 0), "the position goes on, and it is not sent as it is");
    notes.patch_record("long", json!({"text": "ok"})).await?;
    assert_eq!(notes.sync().await?.sent, 1);
    assert_eq!(world.stored().await.len(), 4);
    Ok(())
}

async fn fault_12_sent_records_are_received_again(world: World) -> Outcome {
    let notes = world.device().await;
    for n in 0..60 {
        notes.create_record(json!({"n": n, "price": 1.5, "text": "é"})).await?;
    }
    let report = notes.sync().await?;
    assert_eq!((report.sent, report.received), (60, 0));
    assert_eq!(notes.sync().await?, SyncReport::default());
    Ok(())
}

async fn fault_13_and_22_lost_response_conflicts_with_an_edit(world: World) -> Outcome {
    let notes = world.device().await;
    for (id, is_known) in [("new", false), ("known", true)] {
        notes.create_record(json!({"n": 1})).id(id).await?;
        if is_known {
            notes.sync().await?;
            notes.patch_record(id, json!({"n": 2})).await?;
        }
        world.lose_next_response();
        assert!(notes.push().await.is_err_and(|error| error.may_have_been_applied()), "{id}");
        notes.patch_record(id, json!({"n": 3})).await?;
        let report = notes.sync().await?;
        assert_eq!((report.conflicts, report.sent), (0, 1), "{id}");
        assert_eq!(world.stored().await[id], json!({"n": 3}));
    }
    Ok(())
}

async fn fault_14_edits_of_different_fields_are_reverted(world: World) -> Outcome {
    let (one, other) = (world.device().await, world.device().await);
    one.create_record(json!({"text": "Milk", "done": false, "at": {"shop": "A", "shelf": 1}})).id("a").await?;
    one.sync().await?;
    other.sync().await?;
    one.patch_record("a", json!({"done": true, "at": {"shop": "B", "shelf": 1}})).await?;
    other.patch_record("a", json!({"text": "Oats", "at": {"shop": "A", "shelf": 2}})).await?;
    one.sync().await?;
    let report = other.sync().await?;
    assert_eq!((report.conflicts, report.sent), (0, 1));
    one.sync().await?;
    let merged = json!({"text": "Oats", "done": true, "at": {"shop": "B", "shelf": 2}});
    for notes in [&one, &other] {
        assert_eq!(notes.get_record("a").await?.data, merged);
    }
    assert_eq!(world.stored().await["a"], merged);
    Ok(())
}

async fn fault_16_deletion_is_stored_as_a_record(world: World) -> Outcome {
    let notes = world.device().await.on_conflict(ConflictPolicy::PreferRemote);
    notes.create_record(json!({"text": "old"})).id("a").await?;
    notes.sync().await?;
    world.remote.delete_record("a").await?;
    notes.patch_record("a", json!({"text": "edited"})).await?;
    let report = notes.sync().await?;
    assert_eq!((report.deleted, report.conflicts, report.sent), (1, 0, 0));
    assert_eq!((notes.get_records().count().await?, world.stored().await.len()), (0, 0));
    Ok(())
}

async fn fault_17_deletion_conflicts_without_a_body(world: World) -> Outcome {
    let notes = world.device().await;
    for id in ["here", "there"] {
        notes.create_record(json!({"text": "old"})).id(id).await?;
    }
    notes.sync().await?;
    notes.delete_record("here").await?;
    world.remote.patch_record::<Value>("here", json!({"text": "edited"})).await?;
    notes.patch_record("there", json!({"text": "edited"})).await?;
    world.remote.delete_record("there").await?;
    assert_eq!(notes.sync().await?.conflicts, 2);
    let conflicts = notes.conflicts().await?;
    for conflict in &conflicts {
        let bodies = [&conflict.local, &conflict.remote];
        let bodies: Vec<&Value> = bodies.into_iter().flatten().map(|record| &record.data).collect();
        assert_eq!(bodies, [&json!({"text": "edited"})], "{}", conflict.id);
        assert_eq!(conflict.base.as_ref().map(|record| &record.data), Some(&json!({"text": "old"})));
    }
    assert!(conflicts[0].local.is_none() && conflicts[1].remote.is_none());
    Ok(())
}

async fn fault_18_edit_during_a_push_is_overwritten(world: World) -> Outcome {
    let notes = world.device().await;
    notes.create_record(json!({"n": 1})).id("a").await?;
    let edit = async {
        notes.patch_record("a", json!({"n": 2})).await.unwrap();
    };
    world.during_write(notes.push(), edit).await?;
    assert_eq!(notes.get_record("a").await?.data, json!({"n": 2}));
    assert_eq!(world.stored().await["a"], json!({"n": 1}));
    assert_eq!(notes.push().await?.sent, 1);
    assert_eq!(world.stored().await["a"], json!({"n": 2}));
    Ok(())
}

async fn fault_20_synchronization_tells_no_changes(world: World) -> Outcome {
    let notes = world.device().await;
    notes.create_record(json!({"text": "here"})).id("here").await?;
    notes.sync().await?;
    let seen = notes.changes_since(ChangePosition::default()).await?;
    let position = seen.last().map(LocalChange::position).unwrap_or_default();
    world.remote.create_record(json!({"id": "there", "text": "there"})).await?;
    world.remote.patch_record::<Value>("here", json!({"text": "changed"})).await?;
    notes.sync().await?;
    world.remote.delete_record("there").await?;
    notes.sync().await?;
    let changes = notes.changes_since(position).await?;
    let told = changes.iter().map(|change| match change {
        LocalChange::Changed(change) => {
            let text = |record: &Option<Record<Value>>| record.as_ref().map(|record| record.data["text"].clone());
            (change.id.to_string(), change.origin, text(&change.before), text(&change.after))
        }
        other => panic!("{other:?}"),
    });
    let told: Vec<_> = told.collect();
    let (from, here, there) = (ChangeOrigin::Remote, "here".to_owned(), "there".to_owned());
    let expected = [
        (there.clone(), from, None, Some(json!("there"))),
        (here, from, Some(json!("here")), Some(json!("changed"))),
        (there, from, Some(json!("there")), None),
    ];
    assert_eq!(told, expected);
    Ok(())
}

async fn fault_21_two_synchronizations_run_at_once(world: World) -> Outcome {
    let path = folder().join("notes.db");
    let (one, other) = (world.device_at(&path).await, world.device_at(&path).await);
    one.create_record(json!({})).id("a").await?;
    let second = async {
        let error = other.sync().await.unwrap_err();
        assert!(error.is_unavailable() && error.retry_after().is_some(), "{error}");
    };
    assert_eq!(world.during_write(one.sync(), second).await?.sent, 1);
    assert_eq!(other.sync().await?, SyncReport::default());
    Ok(())
}

/// The newest deletion is purged, so that the list goes back in time; all records are there.
async fn purge_of_deletions_looks_like_a_flush(world: World) -> Outcome {
    let notes = world.device().await;
    for id in ["a", "b"] {
        notes.create_record(json!({"text": id})).id(id).await?;
    }
    notes.sync().await?;
    world.remote.delete_record("b").await?;
    notes.sync().await?;
    let kept = world.remote.get_record::<Value>("a").await?;
    world.flush().await;
    world.restore("a", &kept.data, kept.last_modified.as_millis()).await;
    assert_eq!(notes.sync().await?, SyncReport::default());
    assert_eq!(all(&notes).await, world.stored().await);
    let _ = world.requests();
    notes.sync().await?;
    assert_eq!(world.requests().len(), 1, "it is not compared again");
    Ok(())
}

async fn restored_backup_is_not_noticed(world: World) -> Outcome {
    for (policy, text) in [(LossPolicy::Republish, "new"), (LossPolicy::DropLocal, "old")] {
        world.flush().await;
        let notes = world.device().await;
        notes.create_record(json!({"text": "new"})).id("a").await?;
        notes.sync().await?;
        world.flush().await;
        world.restore("a", &json!({"text": "old"}), 1_000_000_000_000).await;
        let error = notes.sync().await.unwrap_err();
        assert!(error.to_string().contains("1 are there in an older version"), "{error}");
        assert_eq!(notes.get_record("a").await?.data, json!({"text": "new"}));
        notes.on_loss(policy).sync().await?;
        assert_eq!(world.stored().await["a"], json!({"text": text}), "{policy:?}");
    }
    Ok(())
}
