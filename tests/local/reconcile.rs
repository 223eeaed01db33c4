//! A server that is not what it was. Rule 6.

use kinto_client::{
    Collection, Value,
    http::Method,
    json,
    local::{LocalCollection, LossPolicy},
    testing::Kinto,
};
use kinto_tests::Outcome;

use crate::{
    device::{device, requests, server},
    world::{World, all, on_each_server},
};

on_each_server!(
    losses_after_a_first_pull_that_was_cut_are_noticed,
    losses_after_a_push_alone_are_noticed,
    loss_of_a_conflict_alone_is_noticed_before_the_first_whole_pull,
    conflict_of_a_lost_record_keeps_both_versions_when_others_are_sent_again,
);

async fn ids(notes: &LocalCollection<Value>) -> Vec<String> {
    let mut ids: Vec<String> =
        notes.get_records().await.unwrap().into_iter().map(|record| record.id.to_string()).collect();
    ids.sort();
    ids
}

async fn remote_ids(remote: &Collection) -> Vec<String> {
    let all = remote.get_records::<Value>().await.unwrap();
    let mut ids: Vec<String> = all.into_iter().map(|record| record.id.to_string()).collect();
    ids.sort();
    ids
}

/// Two records that were synchronized, and a server that has lost them and has another.
async fn refilled() -> (Kinto, Collection, LocalCollection<Value>) {
    let kinto = server().await;
    let bucket = kinto.client().bucket("app");
    let (remote, notes) = (bucket.collection("notes"), device(&kinto).await);
    for id in ["a", "b"] {
        notes.create_record(json!({"text": id})).id(id).await.unwrap();
    }
    notes.sync().await.unwrap();
    bucket.delete_collection("notes").await.unwrap();
    bucket.create_collection("notes").await.unwrap();
    remote.create_record(json!({"id": "c"})).await.unwrap();
    (kinto, remote, notes)
}

/// Fault 9 of kinto.js: a collection that was refilled leaves ghosts. Here nothing is touched before somebody decides.
#[tokio::test]
async fn lost_records_are_an_error_until_somebody_decides() -> Outcome {
    let (_kinto, remote, notes) = refilled().await;
    for _ in 0..2 {
        let error = notes.sync().await.unwrap_err();
        assert!(error.is_conflict() && error.to_string().contains("2 records are gone"), "{error}");
    }
    assert_eq!(ids(&notes).await, ["a", "b", "c"]);
    assert_eq!(remote_ids(&remote).await, ["c"]);

    let notes = notes.on_loss(LossPolicy::DropLocal);
    notes.sync().await?;
    assert_eq!(ids(&notes).await, ["c"]);
    assert_eq!(notes.on_loss(LossPolicy::Ask).sync().await?.sent, 0, "it is as the server now");
    Ok(())
}

#[tokio::test]
async fn lost_records_are_sent_again_on_demand() -> Outcome {
    let (_kinto, remote, notes) = refilled().await;
    let notes = notes.on_loss(LossPolicy::Republish);
    assert_eq!(notes.sync().await?.sent, 2);
    assert_eq!(remote_ids(&remote).await, ["a", "b", "c"]);
    assert_eq!(ids(&notes).await, ["a", "b", "c"]);
    Ok(())
}

#[tokio::test]
async fn lost_record_that_was_changed_here_is_kept_as_a_conflict() -> Outcome {
    let (_kinto, _, notes) = refilled().await;
    notes.patch_record("a", json!({"text": "changed"})).await?;
    let notes = notes.on_loss(LossPolicy::DropLocal);
    notes.sync().await?;
    assert_eq!(ids(&notes).await, ["a", "c"]);
    assert_eq!(notes.conflicts().await?.len(), 1);
    Ok(())
}

/// A backup that was restored has older versions.
#[tokio::test]
async fn older_versions_reach_the_policy() -> Outcome {
    for (policy, text) in [(LossPolicy::Republish, "new"), (LossPolicy::DropLocal, "old")] {
        let kinto = server().await;
        let client = kinto.client();
        let bucket = client.bucket("app");
        let (remote, notes) = (bucket.collection("notes"), device(&kinto).await);
        notes.create_record(json!({"text": "new"})).id("a").await?;
        notes.sync().await?;
        bucket.delete_collection("notes").await?;
        bucket.create_collection("notes").await?;
        let body = json!({"data": {"text": "old", "last_modified": 1_000_000_000_000_u64}});
        let path = "/buckets/app/collections/notes/records/a";
        client.request(Method::PUT, path).json(body).await?.success()?;

        let error = notes.sync().await.unwrap_err();
        assert!(error.to_string().contains("1 are there in an older version"), "{error}");
        assert_eq!(notes.get_record("a").await?.data, json!({"text": "new"}));
        let notes = notes.on_loss(policy);
        notes.sync().await?;
        assert_eq!(notes.get_record("a").await?.data, json!({"text": text}), "{policy:?}");
        assert_eq!(remote.get_record::<Value>("a").await?.data, json!({"text": text}), "{policy:?}");
    }
    Ok(())
}

/// What looks suspicious and is not: everything is compared, silently, and not again the next time.
#[tokio::test]
async fn purged_tombstones_are_silent() -> Outcome {
    let kinto = server().await;
    let notes = device(&kinto).await;
    for id in ["a", "b"] {
        notes.create_record(json!({})).id(id).await?;
    }
    notes.sync().await?;
    let remote = kinto.client().bucket("app").collection("notes");
    // A record with a time before the last pull: nothing but the number of records tells.
    let body = json!({"data": {"last_modified": 1_000_000_000_000_u64}});
    kinto.client().request(Method::PUT, "/buckets/app/collections/notes/records/old").json(body).await?.success()?;
    remote.create_record(json!({"id": "c"})).await?;
    notes.sync().await?;
    assert_eq!(ids(&notes).await, ["a", "b", "c", "old"]);
    requests(&kinto);
    notes.sync().await?;
    assert_eq!(requests(&kinto).len(), 1);
    Ok(())
}

/// Nothing has told the device the version of the list yet, and still it knows what the server had.
async fn losses_after_a_first_pull_that_was_cut_are_noticed(world: World) -> Outcome {
    let notes = world.device().await;
    world.remote.create_records((0..50).map(|n| json!({"n": n}))).await?;
    world.refuse_after(1);
    assert!(notes.sync().await.is_err());
    world.clear_faults();
    assert_eq!(notes.get_records().count().await?, 20);
    assert_lost_after_flush(&world, &notes, 20).await
}

async fn losses_after_a_push_alone_are_noticed(world: World) -> Outcome {
    let notes = world.device().await;
    notes.create_records([json!({}), json!({})]).await?;
    assert_eq!(notes.push().await?.sent, 2);
    assert_lost_after_flush(&world, &notes, 2).await
}

async fn loss_of_a_conflict_alone_is_noticed_before_the_first_whole_pull(world: World) -> Outcome {
    let notes = world.device().await;
    world.remote.create_record(json!({"id": "a", "text": "there"})).await?;
    notes.create_record(json!({"text": "here"})).id("a").await?;
    assert_eq!(notes.push().await?.conflicts, 1);
    world.flush().await;
    let error = notes.sync().await.unwrap_err();
    assert!(error.to_string().contains("1 records are gone"), "{error}");
    Ok(())
}

/// Flushes the server, writes one record, and asserts that so many are missed and can be dropped.
async fn assert_lost_after_flush(world: &World, notes: &LocalCollection<Value>, lost: usize) -> Outcome {
    world.flush().await;
    world.remote.create_record(json!({"id": "new"})).await?;
    for _ in 0..2 {
        let error = notes.sync().await.unwrap_err();
        assert!(error.is_conflict() && error.to_string().contains(&format!("{lost} records are gone")), "{error}");
    }
    notes.clone().on_loss(LossPolicy::DropLocal).sync().await?;
    assert_eq!(all(notes).await, world.stored().await);
    assert_eq!(ids(notes).await, ["new"]);
    Ok(())
}

/// What the other device wrote exists in the file only, after a flush as after the restoration of a backup.
async fn conflict_of_a_lost_record_keeps_both_versions_when_others_are_sent_again(world: World) -> Outcome {
    for is_restored in [false, true] {
        for choice in ["mine", "theirs"] {
            world.flush().await;
            let notes = world.device().await;
            notes.create_record(json!({"text": "Milk"})).id("a").await?;
            notes.create_record(json!({"text": "Tea"})).id("b").await?;
            notes.sync().await?;
            world.remote.patch_record::<Value>("a", json!({"text": "theirs", "unknown": 1})).await?;
            notes.patch_record("a", json!({"text": "mine"})).await?;
            assert_eq!(notes.sync().await?.conflicts, 1);
            world.flush().await;
            let old = json!({"text": "Milk"});
            if is_restored {
                world.restore("a", &old, 1_000_000_000_000).await;
            }

            let notes = notes.on_loss(LossPolicy::Republish);
            for sent in [1, 0] {
                assert_eq!(notes.sync().await?.sent, sent, "restored {is_restored}: the other record only, and once");
                let conflicts = notes.conflicts().await?;
                assert_eq!(conflicts.len(), 1);
                let side = |record: &Option<kinto_client::Record<Value>>| record.as_ref().unwrap().data.clone();
                assert_eq!(side(&conflicts[0].local), json!({"text": "mine"}));
                assert_eq!(side(&conflicts[0].remote), json!({"text": "theirs", "unknown": 1}));
                assert_eq!(world.stored().await.get("a"), is_restored.then_some(&old));
            }
            notes.resolve_conflict("a", Some(json!({"text": choice, "unknown": 1}))).await?;
            assert_eq!(notes.sync().await?.sent, 1);
            assert_eq!(world.stored().await["a"], json!({"text": choice, "unknown": 1}), "restored {is_restored}");
            assert_eq!(all(&notes).await, world.stored().await);
        }
    }
    Ok(())
}
