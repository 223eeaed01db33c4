//! Streams of calls on several collections, which are written to side by side, and the progress of streams.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use kinto_client::{Client, Collection, Error, Record, Result, Value, batch::Progress, json};
use kinto_tests::{Fault, Fixture, Gate, Outcome, Proxy, SentRequest};

use crate::predicates;

/// The number of operations that one request may have.
const MOST: usize = 25;

fn batches(sent: &[SentRequest]) -> Vec<usize> {
    sent.iter().filter(|sent| sent.is_batch()).map(|sent| sent.batched().len()).collect()
}

/// Two collections in one bucket.
async fn collections(client: &Client) -> Result<[Collection; 2]> {
    let bucket = client.bucket(kinto_server::unique("many"));
    bucket.create().await?;
    let collections = ["one", "two"].map(|id| bucket.collection(id));
    for collection in &collections {
        collection.create().await?;
    }
    Ok(collections)
}

#[tokio::test]
async fn calls_on_several_collections_have_results_in_their_order() -> Outcome {
    let fixture = Fixture::new().await;
    let client = fixture.todos.client();
    let collections = collections(client).await?;
    client.server_info().await?;
    fixture.sent.forget();
    let calls = (0..12 * MOST).map(|n| collections[n % 2].create_record(json!({"n": n})));
    let created: Vec<Record<Value>> = client.batch_from(stream::iter(calls)).stream().try_collect().await?;
    let numbers =
        |records: &[Record<Value>]| records.iter().filter_map(|record| record.data["n"].as_u64()).collect::<Vec<_>>();
    assert_eq!(numbers(&created), (0..12 * MOST as u64).collect::<Vec<_>>());
    // On PostgreSQL, a part of a batch that met another write is sent again.
    let sizes = batches(&fixture.sent.take());
    assert!(sizes.iter().filter(|size| **size == MOST).count() >= 12, "{sizes:?}");
    for (place, collection) in collections.iter().enumerate() {
        let mut held = numbers(&collection.get_records().await?.into_iter().collect::<Vec<_>>());
        held.sort_unstable();
        assert_eq!(held, (0..12 * MOST as u64).filter(|n| n % 2 == place as u64).collect::<Vec<_>>());
    }
    Ok(())
}

#[tokio::test]
async fn collection_that_is_held_up_does_not_hold_up_another() -> Outcome {
    let fixture = Fixture::new().await;
    let gate = Gate::default();
    let hold = gate.clone();
    let fault = move |sent: &SentRequest| {
        if sent.is_batch() && sent.body.contains("/collections/one/") { Fault::Hold(hold.clone()) } else { Fault::Pass }
    };
    let proxy = Proxy::start(fixture.url(), fault).await;
    let client = fixture.client_at(proxy.url()).build()?;
    let [slow, quick] = collections(&client).await?;
    let calls = (0..4 * MOST).map(|n| if n % 2 == 0 { &slow } else { &quick }.create_record(json!({"n": n})));
    let quick_is_done = async {
        gate.arrival().await;
        // Kinto on PostgreSQL may fail to count a list whose first record is being written.
        while quick.get_records::<Value>().count().await.unwrap_or_default() < 2 * MOST {}
        gate.open();
    };
    let (created, ()) = tokio::join!(client.batch_from(stream::iter(calls)).into_future(), quick_is_done);
    assert_eq!(created?, 4 * MOST);
    Ok(())
}

#[tokio::test]
async fn call_of_another_client_is_one_error() -> Outcome {
    let fixture = Fixture::new().await;
    let other = fixture.todos_of(&fixture.client_at(fixture.url()).build()?);
    let calls = [
        fixture.todos.create_record(json!({"id": "ours"})),
        other.create_record(json!({"id": "another"})),
        fixture.todos.create_record(json!({"id": "late"})).timeout(std::time::Duration::from_secs(1)),
    ];
    let results: Vec<Result<_>> = fixture.todos.client().batch_from(stream::iter(calls)).stream().collect().await;
    let said: Vec<_> = results.iter().map(|result| result.as_ref().map_or_else(predicates, |_| vec!["done"])).collect();
    assert_eq!(said, [vec!["done"], vec!["invalid"], vec!["invalid"]]);
    assert_eq!(fixture.plain.ids(&fixture.records).await, ["ours"]);
    Ok(())
}

#[tokio::test]
async fn progress_of_a_stream_says_how_far_it_is() -> Outcome {
    let fixture = Fixture::new().await;
    let data = (0..60).map(|n| json!({"n": n}));
    for knows_its_length in [true, false] {
        let mut told: Vec<Progress> = Vec::new();
        let progress = |now| {
            told.push(now);
            true
        };
        let source = stream::iter(data.clone());
        let created = if knows_its_length {
            fixture.todos.create_records_from(source).on_progress(progress).await?
        } else {
            fixture.todos.create_records_from(source.filter(|_| std::future::ready(true))).on_progress(progress).await?
        };
        assert_eq!(created, 60);
        assert_eq!(told.iter().map(|now| now.done).collect::<Vec<_>>(), (1..=60).collect::<Vec<_>>());
        assert_eq!(told.last().map(|now| (now.failed, now.total)), Some((0, 60)));
        // While a batch is under way, the next one is taken.
        assert_eq!(told.first().map(|now| now.total), Some(if knows_its_length { 60 } else { 2 * MOST }));
    }
    Ok(())
}

#[tokio::test]
async fn progress_of_a_stream_stops_it() -> Outcome {
    let fixture = Fixture::new().await;
    let data = (0..1_000).map(|n| json!({"n": n}));
    let call = fixture.todos.create_records_from(stream::iter(data)).on_progress(|now| now.done < 10);
    let error: Error = call.await.unwrap_err();
    assert_eq!(predicates(&error), ["partial"], "{error}");
    let cancelled = error.failures().iter().filter(|(_, error)| error.is_cancelled()).count();
    assert_eq!((error.failures().len(), cancelled), (MOST, MOST), "what was taken and not sent");
    assert_eq!(fixture.plain.ids(&fixture.records).await.len(), MOST);
    Ok(())
}

#[tokio::test]
async fn stop_is_an_error_unless_everything_was_carried_out() -> Outcome {
    let fixture = Fixture::new().await;
    let slow = || stream::iter([json!({"n": 0})]).chain(stream::pending());
    let error = fixture.todos.create_records_from(slow()).on_progress(|_| false).await.unwrap_err();
    let failed: Vec<_> = error.failures().iter().map(|(place, error)| (*place, predicates(error))).collect();
    assert_eq!((predicates(&error), failed), (vec!["partial"], vec![(1, vec!["cancelled"])]), "{error}");
    let results: Vec<_> = fixture.todos.create_records_from(slow()).on_progress(|_| false).stream().collect().await;
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true], "one for each operation");
    for whole in [1, MOST] {
        let data = stream::iter((0..whole).map(|n| json!({"n": n})));
        assert_eq!(fixture.todos.create_records_from(data).on_progress(|_| false).await?, whole);
    }
    Ok(())
}
