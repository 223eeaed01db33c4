//! Several devices with random edits, partitions, lost responses and stops: at the end all have the same, and nothing is lost.

use std::collections::BTreeMap;

use kinto_client::{
    Value, json,
    local::{LocalCollection, Store},
    retry::NeverRetry,
    testing::Kinto,
};
use kinto_tests::{Chance, Outcome};

use crate::device::server;

const DEVICES: usize = 5;
const STEPS: usize = 600;

async fn fenced(kinto: &Kinto) -> LocalCollection<Value> {
    let client = kinto.client().with_retry(NeverRetry);
    let bucket = client.bucket("app");
    let notes = bucket.collection("notes").fenced_by(&bucket.collection("locks"));
    Store::in_memory().await.unwrap().bind(&notes).await.unwrap()
}

async fn all(notes: &LocalCollection<Value>) -> BTreeMap<String, Value> {
    let records = notes.get_records().await.unwrap();
    records.into_iter().map(|record| (record.id.to_string(), record.data)).collect()
}

/// Each device writes its own field of shared records, so that no two ever change the same: whatever is lost on the way, each
/// field has at the end what its device wrote last.
#[tokio::test]
async fn devices_converge_and_each_field_has_its_last_value() -> Outcome {
    for seed in 0..2 {
        converge(seed).await;
    }
    Ok(())
}

async fn converge(seed: u64) {
    let mut chance = Chance::new(seed, 1);
    let kinto = server().await;
    kinto.client().bucket("app").create_collection("locks").await.unwrap();
    let mut devices = Vec::new();
    for _ in 0..DEVICES {
        devices.push(fenced(&kinto).await);
    }
    let ids: Vec<String> = (0..12).map(|n| format!("note-{n}")).collect();
    for id in &ids {
        devices[0].create_record(json!({})).id(id.as_str()).await.unwrap();
    }
    for device in &devices {
        device.sync().await.unwrap();
    }
    let mut last: BTreeMap<(String, usize), usize> = BTreeMap::new();
    for step in 0..STEPS {
        let number = chance.place(DEVICES);
        let device = &devices[number];
        if chance.percent(80) {
            let id = chance.pick(&ids);
            let edit = json!({format!("of-{number}"): step});
            device.patch_record(id.as_str(), edit).await.unwrap();
            last.insert((id, number), step);
            continue;
        }
        match chance.below(4) {
            0 => kinto.lose_responses(1),
            1 => kinto.refuse_next(2),
            _ => {}
        }
        // A sync may fail at any request; what it has stored by then is stored.
        let _ = device.sync().await;
        kinto.clear_faults();
    }
    for _ in 0..3 {
        for device in &devices {
            device.sync().await.unwrap();
        }
    }
    let expected = all(&devices[0]).await;
    for device in &devices {
        assert_eq!(device.conflicts().await.unwrap().len(), 0, "seed {seed}");
        assert_eq!(all(device).await, expected, "seed {seed}");
    }
    let remote = kinto.client().bucket("app").collection("notes").get_records::<Value>().await.unwrap();
    let stored: BTreeMap<String, Value> =
        remote.into_iter().map(|record| (record.id.to_string(), record.data)).collect();
    assert_eq!(stored, expected, "seed {seed}");
    for ((id, number), step) in last {
        assert_eq!(expected[&id][format!("of-{number}")], step, "seed {seed}, {id}");
    }
}
