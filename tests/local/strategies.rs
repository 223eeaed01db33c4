//! `#[kinto(merge = "…")]`: fields of which the type says what becomes of them if both sides change them.

use std::collections::BTreeSet;

use kinto_client::{
    KintoRecord, Record, Value, json,
    local::{LocalCollection, Store},
    retry::NeverRetry,
    testing::Kinto,
};
use kinto_tests::{Chance, Outcome};
use serde::{Deserialize, Serialize};

use crate::device::server;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
#[kinto(bucket = "app", collection = "notes")]
#[serde(rename_all = "camelCase")]
struct Task {
    #[serde(default, alias = "labels", skip_serializing_if = "Vec::is_empty")]
    #[kinto(merge = "set")]
    own_tags: Vec<String>,
    #[kinto(merge = "local")]
    opened_at: u64,
    #[kinto(merge = "remote")]
    reviewer: Option<String>,
    #[kinto(nested)]
    place: Place,
    #[serde(flatten)]
    more: More,
    #[kinto(key = "id")]
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
#[kinto(nested)]
struct Place {
    #[kinto(merge = "set")]
    rooms: Vec<u32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
#[kinto(nested)]
struct More {
    #[kinto(merge = "set")]
    watchers: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
#[kinto(nested)]
struct Step {
    id: u32,
    #[kinto(merge = "set")]
    done_by: Vec<String>,
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

async fn typed(kinto: &Kinto) -> LocalCollection<Task> {
    Store::in_memory().await.unwrap().collection(&kinto.client()).await.unwrap()
}

#[tokio::test]
async fn strategies_of_all_kinds_of_fields_reach_the_merge() -> Outcome {
    let kinto = server().await;
    let (one, other) = (typed(&kinto).await, typed(&kinto).await);
    let task = Task {
        own_tags: texts(&["home"]),
        opened_at: 1,
        reviewer: None,
        place: Place { rooms: vec![1] },
        more: More { watchers: texts(&["ann"]) },
        steps: vec![Step { id: 1, done_by: texts(&["ann"]) }],
    };
    one.create_record(task).id("a").await?;
    one.sync().await?;
    other.sync().await?;

    one.update_record("a", |task| {
        task.own_tags = texts(&["home", "one"]);
        task.opened_at = 2;
        task.reviewer = Some("one".to_owned());
        task.place.rooms.push(2);
        task.more.watchers.push("bob".to_owned());
        task.steps[0].done_by.push("bob".to_owned());
    })
    .await?;
    other
        .update_record("a", |task| {
            task.own_tags = Vec::new();
            task.opened_at = 3;
            task.reviewer = Some("other".to_owned());
            task.place.rooms.push(3);
            task.more.watchers.push("eve".to_owned());
            task.steps[0].done_by = texts(&["eve"]);
        })
        .await?;
    one.sync().await?;
    let report = other.sync().await?;
    assert_eq!((report.conflicts, report.sent), (0, 1));
    one.sync().await?;
    let merged = Task {
        own_tags: texts(&["one"]),
        opened_at: 3,
        reviewer: Some("one".to_owned()),
        place: Place { rooms: vec![1, 2, 3] },
        more: More { watchers: texts(&["ann", "bob", "eve"]) },
        steps: vec![Step { id: 1, done_by: texts(&["bob", "eve"]) }],
    };
    assert_eq!(one.get_record("a").await?.data, merged);
    assert_eq!(other.get_record("a").await?.data, merged);
    Ok(())
}

/// Records that were written under an older name of the field are merged by the same strategy.
#[tokio::test]
async fn strategy_holds_for_the_alias_of_a_field() -> Outcome {
    let kinto = server().await;
    let remote = kinto.client().bucket("app").collection("notes");
    let steps = json!([]);
    let old = json!({
        "labels": ["home"], "openedAt": 1, "reviewer": null, "place": {"rooms": []}, "watchers": [], "steps": steps,
    });
    remote.create_record(old).id("a").await?;
    let notes = typed(&kinto).await;
    notes.sync().await?;
    notes.update_record("a", |task| task.own_tags.push("here".to_owned())).await?;
    let written: Record<Value> = remote.get_record("a").await?;
    let labels = json!({"labels": ["home", "there"]});
    remote.patch_record::<Value>("a", labels).if_match(written.last_modified).await?;
    let report = notes.sync().await?;
    assert_eq!(report.conflicts, 0);
    assert_eq!(notes.get_record("a").await?.data.own_tags, texts(&["home", "there", "here"]));
    Ok(())
}

/// Devices add and remove items of their own choice, and their requests and responses are lost: at the end all have each item
/// that was added and not removed. What is in doubt is a conflict, in which nothing is guessed.
#[tokio::test]
async fn sets_of_several_devices_have_what_was_added_and_not_removed() -> Outcome {
    for seed in 0..3 {
        sets_converge(seed).await;
    }
    Ok(())
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
#[kinto(bucket = "app", collection = "notes")]
struct Numbers {
    #[kinto(merge = "set")]
    of: BTreeSet<u64>,
}

async fn sets_converge(seed: u64) {
    let mut chance = Chance::new(seed, 7);
    let kinto = server().await;
    let client = kinto.client().with_retry(NeverRetry);
    let mut devices = Vec::new();
    for _ in 0..3 {
        let store = Store::in_memory().await.unwrap();
        devices.push(store.collection::<Numbers>(&client).await.unwrap());
    }
    devices[0].create_record(Numbers { of: BTreeSet::new() }).id("a").await.unwrap();
    for device in &devices {
        device.sync().await.unwrap();
    }
    let (mut added, mut removed) = (BTreeSet::new(), BTreeSet::new());
    for item in 0..400 {
        let device = &devices[chance.place(3)];
        if chance.percent(60) {
            device
                .update_record("a", |numbers| {
                    let gone = chance.percent(40).then(|| numbers.of.pop_first()).flatten();
                    match gone {
                        Some(gone) => removed.insert(gone),
                        None => added.insert(item) && numbers.of.insert(item),
                    };
                })
                .await
                .unwrap();
            continue;
        }
        match chance.below(3) {
            0 => kinto.lose_responses(1),
            1 => kinto.refuse_next(2),
            _ => {}
        }
        let _ = device.sync().await;
        kinto.clear_faults();
        settle(device, &removed).await;
    }
    for _ in 0..3 {
        for device in &devices {
            device.sync().await.unwrap();
            settle(device, &removed).await;
        }
    }
    let expected: BTreeSet<u64> = added.difference(&removed).copied().collect();
    for device in &devices {
        assert_eq!(device.get_record("a").await.unwrap().data.of, expected, "seed {seed}");
        assert!(device.conflicts().await.unwrap().is_empty());
    }
}

/// Somebody who knows what was removed ends the conflict.
async fn settle(device: &LocalCollection<Numbers>, removed: &BTreeSet<u64>) {
    for conflict in device.conflicts().await.unwrap() {
        let (local, remote) = (conflict.local.unwrap().data.of, conflict.remote.unwrap().data.of);
        let of = local.union(&remote).filter(|item| !removed.contains(item)).copied().collect();
        device.resolve_conflict("a", Some(Numbers { of })).await.unwrap();
    }
}
