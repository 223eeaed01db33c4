//! Records of a stream: they are sent while they come, in full requests where they come fast, and no more of them are taken
//! than the next request may have.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures_util::{FutureExt as _, Stream, StreamExt as _, TryStreamExt as _, stream};
use kinto_client::{Error, Record, Result, Value, json, retry::NeverRetry};
use kinto_tests::{Fault, Fixture, Gate, Outcome, Proxy, SentRequest};

use crate::{Todo, predicates};

/// The number of operations that one request may have.
const MOST: usize = 25;

fn numbers(end: usize) -> impl Stream<Item = Value> + Send {
    stream::iter((0..end).map(|n| json!({"id": format!("n{n:04}"), "n": n})))
}

/// Counts what is taken from a stream.
fn counted<T>(source: impl Stream<Item = T> + Send) -> (impl Stream<Item = T> + Send, Arc<AtomicUsize>) {
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    (source.inspect(move |_| _ = count.fetch_add(1, Ordering::Relaxed)), taken)
}

/// The number of operations in a request.
fn size(sent: &SentRequest) -> usize {
    if sent.is_batch() { sent.batched().len() } else { 1 }
}

fn ids(results: &[Result<Record<Value>>]) -> Vec<String> {
    results
        .iter()
        .map(|result| result.as_ref().map_or_else(ToString::to_string, |record| record.id.to_string()))
        .collect()
}

#[tokio::test]
async fn every_record_has_a_result_in_its_order_and_requests_are_full() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.todos.client().server_info().await?;
    for end in [0, 1, 2, MOST - 1, MOST, MOST + 1, 4 * MOST + 3] {
        fixture.todos.delete_all_records().await?;
        fixture.sent.forget();
        let results: Vec<_> = fixture.todos.create_records_from(numbers(end)).stream().collect().await;
        assert_eq!(ids(&results), (0..end).map(|n| format!("n{n:04}")).collect::<Vec<_>>());
        let sizes = fixture.sent.take().iter().map(size).collect::<Vec<_>>();
        let full = std::iter::repeat_n(MOST, end / MOST).chain([end % MOST]).filter(|size| *size > 0);
        assert_eq!(sizes, full.collect::<Vec<_>>(), "of {end}");
        assert_eq!(fixture.plain.ids(&fixture.records).await.len(), end);
    }
    Ok(())
}

#[tokio::test]
async fn awaited_call_returns_the_number_or_the_failures_of_the_first_request_with_one() -> Outcome {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.todos.create_records_from(numbers(60)).await?, 60);
    fixture.plain.delete(&fixture.record("n0003")).await;
    fixture.plain.delete(&fixture.record("n0055")).await;
    let (source, taken) = counted(numbers(1_000));
    let error = fixture.todos.create_records_from(source).await.unwrap_err();
    assert_eq!(predicates(&error), ["partial"], "{error}");
    assert_eq!(error.operation(), Some("create records in"));
    let failed: Vec<_> = error.failures().iter().map(|(place, error)| (*place, predicates(error))).collect();
    let sent = (0..MOST).filter(|place| *place != 3).map(|place| (place, vec!["conflict"]));
    let left = (MOST..2 * MOST).map(|place| (place, vec!["cancelled"]));
    assert_eq!(failed, sent.chain(left).collect::<Vec<_>>());
    assert_eq!(taken.load(Ordering::Relaxed), 2 * MOST);
    assert_eq!(fixture.plain.status(&fixture.record("n0003")).await, 200);
    assert_eq!(fixture.plain.status(&fixture.record("n0055")).await, 404);
    Ok(())
}

#[tokio::test]
async fn failures_do_not_stop_the_others() -> Outcome {
    let fixture = Fixture::new().await;
    for id in ["n0004", "n0030", "n0077"] {
        fixture.plain.put_data(&fixture.record(id), &json!({"theirs": true})).await;
    }
    let results: Vec<_> = fixture.todos.create_records_from(numbers(80)).stream().collect().await;
    for (n, result) in results.iter().enumerate() {
        match result {
            Ok(record) => assert_eq!((record.id.as_str(), &record.data["n"]), (&*format!("n{n:04}"), &json!(n))),
            Err(error) => {
                assert!([4, 30, 77].contains(&n), "{n}: {error}");
                assert_eq!(
                    (predicates(error), error.object()),
                    (vec!["conflict"], Some(&*fixture.record(&format!("n{n:04}"))))
                );
            }
        }
    }
    assert_eq!(results.iter().filter(|result| result.is_err()).count(), 3);
    assert_eq!(fixture.plain.held(&fixture.record("n0004")).await, json!({"theirs": true}));
    Ok(())
}

#[tokio::test]
async fn who_stops_reading_stops_the_sending_and_holds_up_nobody() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.todos.client().server_info().await?;
    fixture.sent.forget();
    let (source, taken) = counted(numbers(1_000_000));
    let mut created = fixture.todos.create_records_from(source).stream();
    for n in 0..30 {
        assert_eq!(created.try_next().await?.expect("a record").data["n"], n);
    }
    // Others write in the meantime, also between two results, and to what was just created.
    fixture.todos.update_record("n0029", |todo: &mut Value| todo["done"] = true.into()).await?;
    fixture.todos.create_records([json!({"id": "a"}), json!({"id": "b"})]).await?;
    assert_eq!(fixture.sent.take().iter().filter(|sent| size(sent) == MOST).count(), 2);
    assert!(taken.load(Ordering::Relaxed) <= 3 * MOST, "{taken:?}");
    drop(created);
    assert_eq!(fixture.plain.ids(&fixture.records).await.len(), 2 * MOST + 2);
    Ok(())
}

#[tokio::test]
async fn request_under_way_that_is_not_polled_holds_up_nobody() -> Outcome {
    let fixture = Fixture::new().await;
    let gate = Gate::default();
    let hold = gate.clone();
    let mut faults = vec![Fault::Pass, Fault::HoldAnswer(hold)].into_iter();
    let proxy = Proxy::start(fixture.url(), move |_| faults.next().unwrap_or(Fault::Pass)).await;
    let todos = fixture.todos_of(&fixture.client_at(proxy.url()).build()?);
    let mut created = todos.create_records_from(numbers(MOST)).stream();
    tokio::select! {
        biased;
        _ = created.next() => panic!("it is held"),
        () = gate.arrival() => {}
    }
    gate.open();
    todos.create_record(Todo::new("Milk")).await?;
    let results: Vec<_> = created.collect().await;
    assert_eq!(ids(&results), (0..MOST).map(|n| format!("n{n:04}")).collect::<Vec<_>>());
    Ok(())
}

#[tokio::test]
async fn slow_source_does_not_wait_for_a_full_request() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.todos.client().server_info().await?;
    let (send, mut source) = tokio::sync::mpsc::unbounded_channel();
    let source = stream::poll_fn(move |context| source.poll_recv(context));
    let mut created = fixture.todos.create_records_from(source).stream();
    for n in 0..3 {
        fixture.sent.forget();
        send.send(json!({"id": format!("n{n}")}))?;
        assert_eq!(created.try_next().await?.expect("a record").id, format!("n{n}"));
        assert_eq!(fixture.sent.take_lines(), [format!("PUT {}/n{n}", fixture.records)]);
    }
    assert!(created.next().now_or_never().is_none(), "there may come more");
    drop(send);
    assert!(created.next().await.is_none());
    assert!(created.next().await.is_none(), "also once it has ended");
    Ok(())
}

#[tokio::test]
async fn server_that_cannot_be_asked_is_one_error() -> Outcome {
    let fixture = Fixture::new().await;
    let proxy = Proxy::start(fixture.url(), |_| Fault::CutBefore).await;
    let client = fixture.client_at(proxy.url()).retry(NeverRetry).build()?;
    let results: Vec<_> = fixture.todos_of(&client).create_records_from(numbers(60)).stream().collect().await;
    let [Err(error)] = &results[..] else { panic!("{results:?}") };
    assert_eq!((predicates(error), error.may_have_been_applied()), (vec!["connection"], false), "{error}");
    let awaited = fixture.todos_of(&client).create_records_from(numbers(60)).await.unwrap_err();
    assert_eq!((predicates(&awaited), awaited.may_have_been_applied()), (vec!["connection"], false), "{awaited}");
    Ok(())
}

#[tokio::test]
async fn lost_responses_and_dropped_results_leave_what_they_say() -> Outcome {
    let fixture = Fixture::new().await;
    let gate = Gate::default();
    let hold = gate.clone();
    let mut is_first = true;
    let fault = move |sent: &SentRequest| match sent.is_batch() {
        true if std::mem::take(&mut is_first) => Fault::CutAfter,
        // One of the second request.
        true if sent.body.contains("\"n\":30") => Fault::HoldAnswer(hold.clone()),
        _ => Fault::Pass,
    };
    let proxy = Proxy::start(fixture.url(), fault).await;
    let todos = fixture.todos_of(&fixture.client_at(proxy.url()).build()?);
    let data = stream::iter((0..1_000).map(|n| json!({"n": n})));
    let mut created = todos.create_records_from(data).stream();
    // The first operations are sent twice, which the ids of the client make safe.
    for n in 0..MOST {
        assert_eq!(created.try_next().await?.expect("a record").data["n"], n);
    }
    tokio::select! {
        biased;
        _ = created.next() => panic!("it is held"),
        () = gate.arrival() => {}
    }
    drop(created);
    gate.open();
    let stored = fixture.todos.get_records::<Value>().await?;
    let mut stored: Vec<_> = stored.iter().filter_map(|record| record.data["n"].as_u64()).collect();
    stored.sort_unstable();
    assert_eq!(stored, (0..2 * MOST as u64).collect::<Vec<_>>(), "the results of one request were not yielded");
    Ok(())
}

#[tokio::test]
async fn records_of_streams_are_overwritten_saved_and_deleted() -> Outcome {
    let fixture = Fixture::new().await;
    let todos = fixture.todos.typed::<Value>();
    let overwritten = stream::iter((0..60).map(|n| (format!("n{n:04}"), json!({"n": n}))));
    assert_eq!(todos.overwrite_records_from(overwritten).await?, 60);
    let mut records = todos.get_records().await?.into_iter().collect::<Vec<_>>();
    records.sort_by(|one, other| one.id.as_str().cmp(other.id.as_str()));
    fixture.plain.put_data(&fixture.record("n0007"), &json!({"n": "theirs"})).await;
    let before: Vec<_> = records.iter().map(|record| record.last_modified).collect();
    let changed = records.clone().into_iter().map(|mut record| {
        // Those with an odd number are not changed.
        if record.data["n"].as_u64().is_some_and(|n| n % 2 == 0) || record.id == "n0007" {
            record.data["done"] = true.into();
        }
        record
    });
    let saved: Vec<_> = todos.save_records_from(stream::iter(changed)).stream().collect().await;
    assert_eq!(saved.len(), 60);
    for (n, result) in saved.iter().enumerate() {
        let path = fixture.record(&format!("n{n:04}"));
        match result {
            Ok(record) => {
                assert_eq!(record.last_modified > before[n], n % 2 == 0, "{n}");
                assert_eq!(fixture.plain.object(&path).await["last_modified"], record.last_modified.as_millis());
            }
            Err(error) => {
                let conflict = error.conflict::<Value>().expect("both versions");
                assert_eq!((n, &conflict.ours.data), (7, &json!({"n": 7, "done": true})));
                assert_eq!(conflict.theirs.map(|theirs| theirs.data), Some(json!({"n": "theirs"})));
            }
        }
    }
    assert!(saved[7].is_err());
    // By ids, and by records, of which one was changed.
    let deleted: Vec<_> = todos.delete_records_from(stream::iter(records.iter().skip(30))).stream().collect().await;
    let failed: Vec<_> =
        deleted.iter().enumerate().filter(|(_, result)| result.is_err()).map(|(n, _)| n + 30).collect();
    assert_eq!(failed, (30..60).filter(|n| n % 2 == 0).collect::<Vec<_>>());
    assert_eq!(todos.delete_records_from(stream::iter((0..30).map(|n| format!("n{n:04}")))).await?, 30);
    assert_eq!(fixture.plain.ids(&fixture.records).await.len(), 15);
    Ok(())
}

#[test]
fn iterator_of_results_blocks() -> Outcome {
    let runtime = tokio::runtime::Runtime::new()?;
    let fixture = runtime.block_on(Fixture::new());
    let created = fixture.todos.create_records_from(numbers(60)).iter().collect::<Result<Vec<_>, Error>>()?;
    assert_eq!(created.len(), 60);
    assert_eq!(fixture.todos.create_records_from(stream::iter([json!({})])).call()?, 1);
    Ok(())
}
