//! Panics in code of the program that a store runs: each reaches its own call, and the store goes on.

use std::panic::{AssertUnwindSafe, catch_unwind};

use kinto_client::{
    KintoRecord, Value, json,
    local::{LocalCollection, Resolution, Store},
    testing::Kinto,
};
use kinto_tests::Outcome;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{device::server, file::folder};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
#[kinto(bucket = "app", collection = "notes")]
struct Note {
    #[serde(serialize_with = "write", deserialize_with = "read")]
    n: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn write<S: Serializer>(n: &i64, to: S) -> Result<S::Ok, S::Error> {
    assert!(*n >= 0, "it is negative");
    to.serialize_i64(*n)
}

fn read<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    let n = i64::deserialize(from)?;
    assert!(n != 99, "it is 99");
    Ok(n)
}

/// A store in a file, and one in memory, each with the record `a`, which the server has.
async fn stores(kinto: &Kinto) -> [(LocalCollection<Note>, LocalCollection<Value>); 2] {
    let file = Store::open(folder().join("notes.db")).await.unwrap();
    let mut found = Vec::new();
    for store in [file, Store::in_memory().await.unwrap()] {
        let notes = store.collection::<Note>(&kinto.client()).await.unwrap();
        notes.sync().await.unwrap();
        notes.overwrite_record("a", Note { n: 0 }).await.unwrap();
        notes.sync().await.unwrap();
        found.push((notes, store.bind(&kinto.client().bucket("app").collection("notes")).await.unwrap()));
    }
    found.try_into().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn conflict_whose_decision_panics_stays_and_the_store_goes_on() -> Outcome {
    let kinto = server().await;
    let remote = kinto.client().bucket("app").collection("notes");
    let mut rounds = 0;
    for (notes, untyped) in stores(&kinto).await {
        let notes = notes.on_conflict_with(|_| Resolution::Keep(Note { n: -1 }));
        // What the function returns cannot be encoded; then what it is given cannot be decoded.
        for (theirs, is_blocking) in [(1, false), (2, true), (99, false), (99, true)] {
            rounds += 1;
            untyped.patch_record("a", json!({"n": 3, "round": rounds})).await?;
            remote.patch_record::<Value>("a", json!({"n": theirs, "theirs": rounds})).await?;
            let call = notes.sync();
            let report =
                if is_blocking { tokio::task::spawn_blocking(move || call.call()).await?? } else { call.await? };
            assert_eq!((report.conflicts, report.sent), (1, 0), "{theirs}");
            let conflicts = untyped.conflicts().await?;
            let sides = |place: usize| {
                let side = |record: &Option<kinto_client::Record<Value>>| record.as_ref().unwrap().data["n"].clone();
                (side(&conflicts[place].local), side(&conflicts[place].remote))
            };
            assert_eq!((conflicts.len(), sides(0)), (1, (json!(3), json!(theirs))));
            assert_eq!(notes.get_record("a").await?.data, Note { n: 3 });
            untyped.resolve_conflict("a", Some(json!({"n": 4}))).await?;
            assert_eq!(untyped.sync().await?.sent, 1);
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn panic_of_the_program_reaches_its_call_and_the_store_goes_on() -> Outcome {
    let kinto = server().await;
    for (notes, untyped) in stores(&kinto).await {
        untyped.create_record(json!({"n": 99})).id("b").await?;
        let decoding = notes.clone();
        let panics = [
            tokio::spawn(async move { drop(decoding.get_records().await) }),
            tokio::spawn(drop_result(notes.get_record("b").into_future())),
            tokio::spawn(drop_result(notes.create_record(Note { n: -1 }).id("c").into_future())),
            tokio::spawn(drop_result(notes.update_record("a", |note| note.n = -1).into_future())),
            tokio::spawn(drop_result(notes.update_record("a", |_| panic!("by the change")).into_future())),
            tokio::spawn(drop_result(notes.create_records([Note { n: 1 }, Note { n: -1 }]).into_future())),
        ];
        for panic in panics {
            assert!(panic.await.unwrap_err().is_panic());
        }
        let blocking = notes.clone();
        let caught = tokio::task::spawn_blocking(move || {
            catch_unwind(AssertUnwindSafe(|| blocking.get_records().call().map(drop))).is_err()
        });
        assert!(caught.await?);
        assert_eq!(untyped.get_records().count().await?, 2);
        assert_eq!(notes.get_record("a").await?.data, Note { n: 0 });
    }
    Ok(())
}

async fn drop_result<T>(call: impl Future<Output = T>) {
    drop(call.await);
}
