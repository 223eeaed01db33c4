//! Many records in one call: the same outcomes as one after the other, in few transactions, and in full batches.

use std::{collections::BTreeSet, path::Path, time::Duration};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use kinto_client::{
    Error, Permissions, Value, json,
    local::{LocalCollection, Store},
    operation::SaveOutcome,
    testing::Kinto,
};
use kinto_tests::Outcome;
use rusqlite::Connection;

use crate::{
    device::{Note, device, note, requests, server},
    file::folder,
};

/// The number of records in one transaction of a stream.
pub(crate) const PIECE: usize = 256;

async fn in_file(kinto: &Kinto, path: &Path) -> LocalCollection<Value> {
    let store = Store::open(path).await.unwrap();
    store.bind(&kinto.client().bucket("app").collection("notes")).await.unwrap()
}

/// Returns the number of transactions in the write-ahead log: of its frames, those that end one.
fn commits(path: &Path) -> usize {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let bytes = std::fs::read(log).unwrap();
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    let frame = 24 + usize::try_from(number(8)).unwrap();
    // Frames of an older log have other salts.
    let is_of_this_log = |at: &usize| bytes[at + 8..at + 16] == bytes[16..24];
    let frames = (32..bytes.len().saturating_sub(frame - 1)).step_by(frame);
    frames.take_while(is_of_this_log).filter(|at| number(at + 4) != 0).count()
}

pub(crate) fn numbers(range: std::ops::Range<usize>) -> impl Iterator<Item = Value> + Send {
    range.map(|n| json!({"n": n}))
}

#[tokio::test]
async fn bulk_is_one_transaction_and_a_stream_one_for_each_piece() -> Outcome {
    let (kinto, path) = (server().await, folder().join("notes.db"));
    let notes = in_file(&kinto, &path).await;
    let mut before = commits(&path);
    let mut since = || {
        let now = commits(&path);
        now - std::mem::replace(&mut before, now)
    };

    notes.create_record(json!({"n": 0})).id("single").await?;
    assert_eq!(since(), 1);
    notes.create_records(numbers(0..300)).await?;
    assert_eq!(since(), 1);
    let mut records = notes.get_records().await?;
    notes.save_records(&mut records).await?;
    assert_eq!(since(), 0, "nothing was changed");
    for record in records.iter_mut().take(200) {
        record.data["done"] = true.into();
    }
    notes.save_records(&mut records).await?;
    assert_eq!(since(), 1);
    notes.delete_records(&records[..100]).await?;
    assert_eq!(since(), 1);
    let failed = notes.delete_records(&records[..100]).each().await?;
    assert!(failed.iter().all(|result| result.as_ref().is_err_and(Error::is_not_found)));
    assert_eq!(since(), 0, "nothing of what fails is written");

    assert_eq!(notes.create_records_from(stream::iter(numbers(0..2 * PIECE + 1))).await?, 2 * PIECE + 1);
    assert_eq!(since(), 3);
    let report = notes.update_records(|data: &mut Value| data["done"] = true.into()).await?;
    assert_eq!((report.matched, report.changed), (201 + 2 * PIECE + 1, 101 + 2 * PIECE + 1));
    assert_eq!(since(), 3, "of 714 records in three pieces");
    let report = notes.update_records(|data: &mut Value| data["done"] = true.into()).await?;
    assert_eq!((report.changed, since()), (0, 0));
    assert_eq!(notes.delete_all_records().await?.len(), 714);
    assert_eq!(since(), 1);
    Ok(())
}

#[tokio::test]
async fn ten_thousand_records_are_created_in_one_call() -> Outcome {
    let (kinto, path) = (server().await, folder().join("notes.db"));
    let notes = in_file(&kinto, &path).await;
    let created = notes.create_records(numbers(0..10_000)).await?;
    let ids: BTreeSet<&str> = created.iter().map(|record| record.id.as_str()).collect();
    assert_eq!((created.len(), ids.len()), (10_000, 10_000));
    assert!(created.iter().enumerate().all(|(n, record)| record.data == json!({"n": n})));
    drop(notes);
    let notes = in_file(&kinto, &path).await;
    assert_eq!(notes.get_records().count().await?, 10_000);
    assert_eq!(notes.get_record(created[9_999].id.clone()).await?.data, json!({"n": 9_999}));
    Ok(())
}

#[tokio::test]
async fn file_that_fails_leaves_nothing_of_a_bulk() -> Outcome {
    let (kinto, path) = (server().await, folder().join("notes.db"));
    let notes = in_file(&kinto, &path).await;
    let failing = ["INSERT", "UPDATE"].map(|verb| {
        format!(
            "CREATE TRIGGER failing_{verb} BEFORE {verb} ON record WHEN new.id IN ('bad', 'n300') \
             BEGIN SELECT RAISE(ABORT, 'broken'); END;"
        )
    });
    let other = Connection::open(&path)?;
    notes.create_records(["a", "bad"].map(|id| json!({"id": id, "n": 0}))).await?;
    let mut records = notes.get_records().await?;
    other.execute_batch(&failing.concat())?;

    let error = notes.create_records(["b", "bad-not", "a"].map(|id| json!({"id": id}))).await.unwrap_err();
    assert!(error.is_partial(), "{error}");
    notes.delete_records(["b", "bad-not"]).await?;

    let versions: Vec<_> = records.iter().map(|record| record.last_modified).collect();
    for record in &mut records {
        record.data["n"] = 1.into();
    }
    let error = notes.save_records(&mut records).await.unwrap_err();
    assert!(error.is_storage() && error.failures().is_empty(), "{error}");
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    assert!(notes.save_records(&mut records).each().await.unwrap_err().is_storage());
    assert_eq!(records.iter().map(|record| record.last_modified).collect::<Vec<_>>(), versions);
    let stored = notes.get_records().await?;
    assert!(stored.iter().all(|record| record.data == json!({"n": 0})), "{stored:?}");

    let named = (0..600).map(|n| json!({"id": format!("n{n}")}));
    let error = notes.create_records_from(stream::iter(named.clone())).await.unwrap_err();
    assert!(error.is_storage(), "{error}");
    assert_eq!(notes.get_records().count().await?, 2 + PIECE, "the piece before is stored");
    let results: Vec<_> = notes
        .overwrite_records_from(stream::iter((0..600).map(|n| (format!("n{n}"), json!({})))))
        .stream()
        .collect()
        .await;
    assert_eq!(results.len(), PIECE + 1, "the error of the file is the last result");
    assert!(results[PIECE].as_ref().unwrap_err().is_storage());
    let error = notes.update_records(|data: &mut Value| data["n"] = 2.into()).await.unwrap_err();
    assert!(error.is_storage() && error.failures().is_empty(), "{error}");

    other.execute_batch("DROP TRIGGER failing_INSERT; DROP TRIGGER failing_UPDATE")?;
    notes.save_records(&mut records).await?;
    assert_eq!(notes.get_record("bad").await?.data, json!({"n": 1}));
    Ok(())
}

#[tokio::test]
async fn what_fails_fails_alone_and_the_error_has_each() -> Outcome {
    let kinto = server().await;
    let notes = device(&kinto).await;
    notes.create_record(json!({"n": 0})).id("a").await?;
    let data = [json!({"id": "b"}), json!({"id": "a"}), json!({"id": "a/b"}), json!([1]), json!({"id": "c"})];
    let error = notes.create_records(data.clone()).await.unwrap_err();
    assert!(error.is_partial(), "{error}");
    let places: Vec<_> = error.failures().iter().map(|(place, _)| *place).collect();
    assert_eq!(places, [1, 2, 3]);
    assert!(error.to_string().contains("3 of 5 failed"), "{error}");
    assert!(error.to_string().contains("could not create records in /buckets/app/collections/notes"), "{error}");
    let conflict = &error.failures()[0].1;
    assert!(conflict.is_conflict() && conflict.to_string().contains("create record"), "{conflict}");
    assert_eq!(conflict.theirs::<Value>().unwrap().data, json!({"n": 0}));
    assert!(error.failures()[1].1.is_invalid() && error.failures()[2].1.is_invalid());
    assert_eq!(notes.get_records().count().await?, 3);

    let mut one = notes.get_record("a").await?;
    let (mut other, mut same) = (one.clone(), one.clone());
    (one.data, other.data) = (json!({"n": 1}), json!({"n": 2}));
    let saved = notes.save_records([&mut one, &mut other, &mut same]).each().await?;
    assert_eq!((saved[0].clone()?, saved[2].clone()?), (SaveOutcome::Stored, SaveOutcome::Unchanged));
    assert!(saved[1].as_ref().unwrap_err().is_conflict());
    assert!(one.last_modified > same.last_modified && other.last_modified == same.last_modified);
    let deleted = notes.delete_records(["a", "a", "b"]).each().await?;
    assert_eq!(deleted[0].as_ref().unwrap().id, "a");
    assert!(deleted[1].as_ref().is_err_and(Error::is_not_found) && deleted[2].is_ok());
    assert!(notes.delete_records([&same]).await.unwrap_err().failures()[0].1.is_not_found());
    assert_eq!(notes.create_records([]).await?.len(), 0);
    Ok(())
}

#[tokio::test]
async fn nothing_more_is_stored_after_a_failure_where_that_is_asked() -> Outcome {
    let kinto = server().await;
    let notes = device(&kinto).await;
    notes.create_record(json!({})).id("a").await?;
    let named = |ids: &[&str]| ids.iter().map(|id| json!({"id": id})).collect::<Vec<_>>();
    let kinds = |error: &Error| {
        let kind = |(place, error): &(usize, Error)| (*place, error.is_cancelled());
        error.failures().iter().map(kind).collect::<Vec<_>>()
    };
    let error = notes.create_records(named(&["b", "a", "c"])).stop_on_error().await.unwrap_err();
    assert_eq!(kinds(&error), [(1, false), (2, true)]);
    let error = notes.create_records(named(&["d", "a/b", "e"])).stop_on_error().await.unwrap_err();
    assert_eq!(kinds(&error), [(0, true), (1, false), (2, true)], "one is invalid");
    let results = notes.create_records(named(&["d", "a", "e"])).stop_on_error().each().await?;
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, false]);

    // A stream stops exactly there when it is awaited.
    for (failing, name) in [("a", "f"), ("a/b", "g")] {
        let ids: Vec<String> =
            (0..700).map(|n| if n == 300 { failing.to_owned() } else { format!("{name}{n}") }).collect();
        let records = stream::iter(ids.into_iter().map(|id| json!({"id": id})));
        let count = notes.get_records().count().await?;
        let error = notes.create_records_from(records).await.unwrap_err();
        assert!(error.is_partial() && kinds(&error)[0] == (300, false), "{error}");
        assert!(kinds(&error)[1..].iter().all(|(_, is_cancelled)| *is_cancelled));
        assert_eq!(notes.get_records().count().await?, count + 300, "{failing}");
    }
    let records = stream::iter(named(&["h", "a", "i"]));
    let results: Vec<_> = notes.create_records_from(records).stream().collect().await;
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true], "a stream goes on");
    let records = stream::iter(named(&["j", "a", "k"]));
    let results: Vec<_> = notes.create_records_from(records).stop_on_error().stream().collect().await;
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, false]);
    Ok(())
}

#[tokio::test]
async fn changes_of_a_bulk_are_sent_in_full_batches() -> Outcome {
    let kinto = server().await;
    let notes = device(&kinto).await;
    requests(&kinto);
    let batches = || requests(&kinto).into_iter().filter(|line| line == "POST /batch").count();
    notes.create_records((0..60).map(|n| json!({"id": format!("n{n}"), "n": n}))).await?;
    assert_eq!(requests(&kinto), Vec::<String>::new());
    assert_eq!((notes.push().await?.sent, requests(&kinto)), (60, vec!["POST /batch".to_owned(); 3]));

    let mut records = notes.get_records().await?;
    for record in records.iter_mut().take(26) {
        record.data["n"] = (-1).into();
    }
    notes.save_records(&mut records).await?;
    assert_eq!((notes.sync().await?.sent, batches()), (26, 2));
    notes.update_records(|data: &mut Value| data["done"] = true.into()).await?;
    assert_eq!((notes.sync().await?.sent, batches()), (60, 3));
    let remote = kinto.client().bucket("app").collection("notes");
    let mut stored: Vec<_> = remote.get_records::<Value>().await?.into_iter().map(|record| record.data).collect();
    stored.retain(|data| *data == json!({"n": -1, "done": true}));
    assert_eq!((stored.len(), remote.get_records::<Value>().count().await?), (26, 60));
    requests(&kinto);

    notes.delete_records((0..10).map(|n| format!("n{n}"))).await?;
    notes.create_records([json!({"id": "new"})]).await?;
    notes.delete_records(["new"]).await?;
    assert_eq!((notes.sync().await?.sent, batches()), (10, 1));
    assert_eq!(notes.delete_all_records().await?.len(), 50);
    assert_eq!((notes.sync().await?.sent, batches()), (50, 2));
    assert_eq!(remote.get_records::<Value>().count().await?, 0);

    let kinto = Kinto::builder().batch_max_requests(100).build();
    let bucket = kinto.client().bucket("app");
    bucket.create().await?;
    bucket.create_collection("notes").await?;
    let notes = device(&kinto).await;
    notes.create_records(numbers(0..250)).await?;
    requests(&kinto);
    assert_eq!((notes.push().await?.sent, requests(&kinto)), (250, vec!["POST /batch".to_owned(); 3]));
    Ok(())
}

#[test]
fn bulk_verbs_work_without_async_code() -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let kinto = runtime.block_on(server());
    let store = Store::in_memory().call()?;
    let notes = store.collection::<Note>(&kinto.client()).call()?;
    let mut created = notes.create_records([note("Milk"), note("Tea")]).call()?;
    created[0].data.done = true;
    let saved = notes.save_records(&mut created).each().call()?;
    assert_eq!((saved[0].clone()?, saved[1].clone()?), (SaveOutcome::Stored, SaveOutcome::Unchanged));
    let texts = (0..600).map(|n| note(&n.to_string()));
    let streamed = notes.create_records_from(stream::iter(texts)).iter().collect::<kinto_client::Result<Vec<_>>>()?;
    assert_eq!(streamed.len(), 600);
    assert_eq!(notes.overwrite_records_from(stream::iter([("jam", note("Jam"))])).call()?, 1);
    assert_eq!(notes.update_records(|note| note.done = true).call()?.changed, 602);
    let updated = notes.update_records(|note| note.done = false).iter();
    assert_eq!(updated.collect::<kinto_client::Result<Vec<_>>>()?.len(), 603);
    let error = notes.delete_records_from(stream::iter(streamed)).call().unwrap_err();
    assert!(error.failures()[0].1.is_conflict() && error.failures()[1].1.is_cancelled(), "{error}");
    assert_eq!(notes.delete_records(["jam"]).call()?[0].id, "jam");
    assert_eq!(notes.delete_all_records().call()?.len(), 602);
    Ok(())
}

#[tokio::test]
async fn options_of_requests_are_refused_by_bulk_verbs() -> Outcome {
    let kinto = server().await;
    let notes = device(&kinto).await;
    let second = Duration::from_secs(1);
    let change = |data: &mut Value| data["n"] = 1.into();
    let mut records = notes.create_records([json!({})]).await?;
    records[0].data["n"] = 1.into();
    let errors: [Error; 8] = [
        notes.create_records([json!({})]).timeout(second).await.unwrap_err(),
        notes.create_records([json!({})]).timeout(second).each().await.unwrap_err(),
        notes.save_records(&mut records).header("x-a", "b").await.unwrap_err(),
        notes.create_records_from(stream::iter([json!({})])).timeout(second).await.unwrap_err(),
        notes.create_records_from(stream::iter([json!({})])).timeout(second).stream().try_next().await.unwrap_err(),
        notes.update_records(change).timeout(second).await.unwrap_err(),
        notes.update_records(change).timeout(second).stream().try_next().await.unwrap_err(),
        notes.delete_all_records().timeout(second).await.unwrap_err(),
    ];
    for error in errors {
        assert!(error.is_invalid() && error.to_string().contains("sync()"), "{error}");
    }
    assert_eq!(notes.get_records().await?[0].data, json!({}));
    Ok(())
}

/// A store keeps no permissions: changed ones are not dropped in silence.
#[tokio::test]
async fn changed_permissions_are_refused() -> Outcome {
    let kinto = server().await;
    let remote = kinto.client().bucket("app").collection("notes");
    remote.create_record(json!({"n": 1})).id("a").await?;
    let notes = device(&kinto).await;
    notes.sync().await?;
    let mut record = remote.get_record::<Value>("a").await?;
    assert!(matches!(record.permissions, Permissions::Visible(_)));
    record.permissions.edit()?.read.insert("account:niko".into());
    record.data["n"] = 2.into();
    let error = notes.save_record(&mut record).await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("save_permissions"), "{error}");
    assert!(notes.save_records([&mut record]).await.unwrap_err().failures()[0].1.is_invalid());
    assert_eq!(notes.get_record("a").await?.data, json!({"n": 1}));
    Ok(())
}
