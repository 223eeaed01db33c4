//! The log of changes: each once, in order, with what was before and after.

use std::collections::BTreeMap;

use kinto_client::{
    Value, json,
    local::{ChangeOrigin, ChangePosition, LocalChange, LocalCollection, RecordChange, Store},
    testing::Kinto,
};
use kinto_tests::{Chance, Outcome};

use crate::device::{device, server};

async fn next(notes: &LocalCollection<Value>, position: &mut ChangePosition) -> Vec<RecordChange<Value>> {
    let changes = notes.changes_since(*position).await.unwrap();
    let changes = changes.into_iter().map(|change| {
        *position = change.position();
        match change {
            LocalChange::Changed(change) => *change,
            other => panic!("{other:?}"),
        }
    });
    changes.collect()
}

fn shown(change: &RecordChange<Value>) -> (&str, ChangeOrigin, Value, Value) {
    let data = |record: &Option<kinto_client::Record<Value>>| {
        record.as_ref().map_or(Value::Null, |record| record.data.clone())
    };
    (change.id.as_str(), change.origin, data(&change.before), data(&change.after))
}

#[tokio::test]
async fn changes_since_returns_each_change_once_with_its_origin() -> Outcome {
    let kinto = server().await;
    let (one, other) = (device(&kinto).await, device(&kinto).await);
    let mut position = ChangePosition::default();
    one.create_record(json!({"a": 1, "b": 1})).id("milk").await?;
    let mut milk = one.get_record("milk").await?;
    one.save_record(&mut milk).await?;
    one.sync().await?;
    other.sync().await?;
    other.patch_record("milk", json!({"b": 2})).await?;
    other.sync().await?;
    one.patch_record("milk", json!({"a": 2})).await?;
    one.sync().await?;
    other.sync().await?;
    other.delete_record("milk").await?;
    other.sync().await?;
    one.sync().await?;
    let changes = next(&one, &mut position).await;
    let (start, merged) = (json!({"a": 1, "b": 1}), json!({"a": 2, "b": 2}));
    assert_eq!(
        changes.iter().map(shown).collect::<Vec<_>>(),
        [
            ("milk", ChangeOrigin::Local, Value::Null, start.clone()),
            ("milk", ChangeOrigin::Local, start.clone(), json!({"a": 2, "b": 1})),
            ("milk", ChangeOrigin::Merged, json!({"a": 2, "b": 1}), merged.clone()),
            ("milk", ChangeOrigin::Remote, merged.clone(), Value::Null),
        ],
        "an unchanged save and the acknowledgement of the server are no changes"
    );
    let versions: Vec<_> =
        changes.iter().map(|change| change.after.as_ref().map(|record| record.last_modified)).collect();
    assert_eq!(changes[1].before.as_ref().map(|record| record.last_modified).is_some(), versions[0].is_some());
    assert!(next(&one, &mut position).await.is_empty());
    let mut position = ChangePosition::default();
    assert_eq!(
        next(&other, &mut position).await.iter().map(shown).collect::<Vec<_>>(),
        [
            ("milk", ChangeOrigin::Remote, Value::Null, start.clone()),
            ("milk", ChangeOrigin::Local, start, json!({"a": 1, "b": 2})),
            ("milk", ChangeOrigin::Remote, json!({"a": 1, "b": 2}), merged.clone()),
            ("milk", ChangeOrigin::Local, merged, Value::Null),
        ]
    );
    Ok(())
}

#[tokio::test]
async fn resolved_conflict_is_a_change_of_the_program() -> Outcome {
    let kinto = server().await;
    let (one, other) = (device(&kinto).await, device(&kinto).await);
    one.create_record(json!({"a": 0})).id("milk").await?;
    one.sync().await?;
    other.sync().await?;
    other.patch_record("milk", json!({"a": 1})).await?;
    other.sync().await?;
    one.patch_record("milk", json!({"a": 2})).await?;
    one.sync().await?;
    let mut position = ChangePosition::default();
    assert_eq!(next(&one, &mut position).await.len(), 2, "a conflict leaves the record as it is here");
    one.resolve_conflict("milk", Some(json!({"a": 3}))).await?;
    let changes = next(&one, &mut position).await;
    let shown: Vec<_> = changes.iter().map(shown).collect();
    assert_eq!(shown, [("milk", ChangeOrigin::Local, json!({"a": 2}), json!({"a": 3}))]);
    Ok(())
}

#[tokio::test]
async fn changes_since_resumes_in_another_process_and_resets_where_changes_are_gone() -> Outcome {
    let kinto = server().await;
    let notes = kinto.client().bucket("app").collection("notes");
    let folder = std::env::temp_dir().join(kinto_server::unique("changes"));
    std::fs::create_dir(&folder)?;
    let file = folder.join("notes.db");
    let store = Store::open(&file).keep_changes(3).await?;
    let local = store.bind::<Value>(&notes).await?;
    let mut position = ChangePosition::default();
    for n in 0..3 {
        local.create_record(json!({"n": n})).id(format!("r{n}")).await?;
    }
    assert_eq!(next(&local, &mut position).await.len(), 3);
    drop((local, store));
    let store = Store::open(&file).keep_changes(3).await?;
    let local = store.bind::<Value>(&notes).await?;
    let other = store.bind::<Value>(&kinto.client().bucket("app").collection("others")).await?;
    other.create_record(json!({})).await?;
    local.create_record(json!({"n": 3})).id("r3").await?;
    let stored: ChangePosition = serde_json::from_str(&serde_json::to_string(&position)?)?;
    position = stored;
    let ids: Vec<String> = next(&local, &mut position).await.into_iter().map(|change| change.id.to_string()).collect();
    assert_eq!(ids, ["r3"], "those of another collection are not among them");
    // Two of another collection and two of this one: three are kept.
    for n in 4..6 {
        other.create_record(json!({})).await?;
        local.create_record(json!({"n": n})).id(format!("r{n}")).await?;
    }
    let changes = local.changes_since(position).await?;
    let [LocalChange::Reset(reset)] = changes[..] else { panic!("{changes:?}") };
    position = reset;
    assert!(next(&local, &mut position).await.is_empty());
    local.delete_record("r5").await?;
    assert_eq!(next(&local, &mut position).await.len(), 1);
    let beyond: ChangePosition = serde_json::from_str("1000")?;
    assert!(matches!(local.changes_since(beyond).await?[..], [LocalChange::Reset(_)]), "a position of another file");
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

#[tokio::test]
async fn changes_since_reads_by_pieces() -> Outcome {
    use futures_util::TryStreamExt as _;
    let kinto = server().await;
    let local = device(&kinto).await;
    for n in 0..1_100 {
        local.create_record(json!({"n": n})).await?;
    }
    let mut position = ChangePosition::default();
    let pieces = [next(&local, &mut position).await, next(&local, &mut position).await];
    assert_eq!(pieces.each_ref().map(Vec::len), [1_000, 100]);
    let streamed: Vec<_> = local.changes_since(ChangePosition::default()).stream().try_collect().await?;
    let positions: Vec<ChangePosition> = pieces.iter().flatten().map(|change| change.position).collect();
    assert_eq!(streamed.iter().map(LocalChange::position).collect::<Vec<_>>(), positions);
    Ok(())
}

/// The law: who applies the changes to what the records were has what they are, whatever happened.
#[tokio::test]
async fn changes_applied_in_order_give_the_records() -> Outcome {
    for seed in 0..4 {
        mirror(seed).await;
    }
    Ok(())
}

async fn mirror(seed: u64) {
    let mut chance = Chance::new(seed, 2);
    let kinto: Kinto = server().await;
    let devices = [device(&kinto).await, device(&kinto).await];
    let mut mirrors = [const { BTreeMap::<String, Value>::new() }; 2];
    let mut positions = [ChangePosition::default(); 2];
    for step in 0..150 {
        let number = chance.place(2);
        let device = &devices[number];
        let id = format!("r{}", chance.place(5));
        let is_there = device.get_record(id.as_str()).optional().await.unwrap().is_some();
        match chance.below(8) {
            0 | 1 if !is_there => drop(device.create_record(json!({"n": step})).id(id).await.unwrap()),
            2 | 3 if is_there => drop(device.patch_record(id.as_str(), json!({"p": step})).await.unwrap()),
            4 if is_there => device.delete_record(id.as_str()).await.map(drop).unwrap(),
            5 => drop(device.overwrite_record(id.as_str(), json!({"o": step})).await.unwrap()),
            _ => {
                device.sync().await.unwrap();
                for conflict in device.conflicts().await.unwrap() {
                    let choice = chance.one_in(2).then(|| json!({"resolved": step}));
                    device.resolve_conflict(conflict.id, choice).await.unwrap();
                }
            }
        }
        for (number, device) in devices.iter().enumerate() {
            let mirror = &mut mirrors[number];
            for change in next(device, &mut positions[number]).await {
                let before = change.before.map(|record| record.data);
                assert_eq!(mirror.get(change.id.as_str()), before.as_ref(), "seed {seed}, step {step}");
                match change.after {
                    Some(record) => mirror.insert(change.id.to_string(), record.data),
                    None => mirror.remove(change.id.as_str()),
                };
            }
            let records = device.get_records().await.unwrap();
            let records: BTreeMap<String, Value> =
                records.into_iter().map(|record| (record.id.to_string(), record.data)).collect();
            assert_eq!(*mirror, records, "seed {seed}, step {step}");
        }
    }
}
