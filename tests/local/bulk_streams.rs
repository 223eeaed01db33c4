//! Many records by a stream, and updates of all of them: bounded memory, and each change once.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use kinto_client::{Record, Value, json, local::Store};
use kinto_tests::Outcome;

use crate::{
    bulk::{PIECE, numbers},
    device::{Note, device, server},
};

#[tokio::test]
async fn streams_take_no_more_than_two_pieces_and_stop_when_progress_says_so() -> Outcome {
    let kinto = server().await;
    let notes = device(&kinto).await;
    let taken = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&taken);
    let source = numbers(0..100_000).inspect(move |_| {
        counting.fetch_add(1, Ordering::Relaxed);
    });
    let mut created = notes.create_records_from(stream::iter(source)).stream();
    created.try_next().await?.unwrap();
    assert!(taken.load(Ordering::Relaxed) <= 2 * PIECE, "{taken:?}");
    drop(created);
    assert_eq!(notes.get_records().count().await?, PIECE);

    let mut seen = Vec::new();
    let progress = |progress: kinto_client::batch::Progress| {
        seen.push((progress.done, progress.failed, progress.total));
        progress.done < 300
    };
    let error = notes.create_records_from(stream::iter(numbers(0..1_000))).on_progress(progress).await.unwrap_err();
    assert!(error.failures().iter().all(|(_, error)| error.is_cancelled()), "{error}");
    assert!(error.is_partial() && error.to_string().contains("it was not stored"), "{error}");
    assert_eq!((seen[0], seen[511]), ((1, 0, 1_000), (512, 0, 1_000)));
    assert_eq!((seen.len(), notes.get_records().count().await?), (512, 3 * PIECE));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn update_changes_again_what_was_changed_meanwhile() -> Outcome {
    let kinto = server().await;
    let untyped = device(&kinto).await;
    let records = ["a", "b", "c"].map(|id| json!({"id": id, "text": id, "price": 1.5}));
    untyped.create_records(records).await?;
    let other = untyped.clone();
    let (mut calls, mut is_first) = (0, true);
    let change = |data: &mut Value| {
        calls += 1;
        if std::mem::take(&mut is_first) {
            // What other tasks of the program do while this one is changing records.
            tokio::task::block_in_place(|| {
                tokio::runtime::Handle::current().block_on(async {
                    other.patch_record("a", json!({"text": "other"})).await.unwrap();
                    other.delete_record("b").await.unwrap();
                });
            });
        }
        data["text"] = format!("{}!", data["text"].as_str().unwrap()).into();
    };
    let report = untyped.update_records(change).await?;
    assert_eq!((report.matched, report.changed, calls), (2, 2, 4));
    assert_eq!(untyped.get_record("a").await?.data, json!({"text": "other!", "price": 1.5}));
    assert_eq!(untyped.get_record("c").await?.data, json!({"text": "c!", "price": 1.5}));
    assert!(untyped.get_record("b").optional().await?.is_none());
    Ok(())
}

#[tokio::test]
async fn update_keeps_unknown_fields_and_reports_each_record() -> Outcome {
    let kinto = server().await;
    let store = Store::in_memory().await?;
    let untyped = store.bind::<Value>(&kinto.client().bucket("app").collection("notes")).await?;
    let notes = store.collection::<Note>(&kinto.client()).await?;
    untyped
        .create_records((0..600).map(|n| json!({"text": n.to_string(), "done": n % 3 == 0, "far": {"n": n}})))
        .await?;
    untyped.create_record(json!({"text": 7})).id("misfit").await?;

    let results: Vec<_> = notes.update_records(|note| note.done = true).stream().collect().await;
    let failed: Vec<_> = results.iter().filter_map(|result| result.as_ref().err()).collect();
    assert_eq!((results.len(), failed.len(), failed[0].is_decode()), (601, 1, true));
    assert!(results.iter().flatten().all(|record: &Record<Note>| record.data.done));
    let far: BTreeSet<_> =
        untyped.get_records().await?.iter().filter_map(|record| record.data["far"]["n"].as_u64()).collect();
    assert_eq!(far.len(), 600);

    // Mostly 400, after those that were just changed: the clock may not have moved on in between.
    let place = untyped.get_records().await?.iter().position(|record| record.id.as_str() == "misfit").unwrap();
    let error = notes.update_records(|note| note.text.clear()).await.unwrap_err();
    assert!(error.is_partial() && error.failures()[0].1.is_decode(), "{error}");
    assert_eq!(error.failures()[0].0, place);

    untyped.delete_record("misfit").await?;
    let report = notes.update_records(|note| note.done = note.text.is_empty()).await?;
    let stored = (place / PIECE + 1) * PIECE;
    assert_eq!(
        (report.matched, report.changed),
        (600, 601_usize.saturating_sub(stored)),
        "up to the piece of the failure"
    );
    Ok(())
}
