//! The progress of a batch, and its cancellation.

use std::sync::{Arc, Mutex};

use kinto_client::{Batch, Error, ErrorKind, Value, batch::Progress, json, operation::SaveOutcome};
use kinto_tests::{Fault, Outcome};

use crate::{
    Todo,
    batch::faults::{answering, failing, parse},
    batch::requests::{scene_of_five, sizes},
    predicates,
};

#[tokio::test]
async fn batch_reports_progress_for_each_result() -> Outcome {
    let fixture = scene_of_five().await;
    fixture.todos.create_record(json!({"id": "n03"})).await?;
    let mut same = fixture.todos.create_record(json!({"id": "same"})).await?;
    let told: Arc<Mutex<Vec<Progress>>> = Arc::default();
    let mut batch = fixture.client.batch().on_progress(|progress| {
        told.lock().unwrap().push(progress);
        true
    });
    batch.extend((0..12).map(|n| fixture.todos.create_record(json!({"id": format!("n{n:02}")}))));
    batch.add(fixture.todos.get_record::<Value>("missing").optional());
    batch.add(fixture.todos.save_record(&mut same));
    let done = batch.execute().await?;
    assert_eq!(done.failures().map(|(place, _)| place).collect::<Vec<_>>(), [3]);
    let told = told.lock().unwrap();
    assert!(told.iter().all(|progress| progress.total == 14));
    // What there is nothing to send of comes first.
    assert_eq!(told.iter().map(|progress| progress.done).collect::<Vec<_>>(), (1..=14).collect::<Vec<_>>());
    let failed: Vec<usize> = told.iter().map(|progress| progress.failed).collect();
    assert_eq!(failed, [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], "that there is none is no failure with `optional`");
    Ok(())
}

#[tokio::test]
async fn cancelled_batch_reports_what_was_sent() -> Outcome {
    let fixture = scene_of_five().await;
    let mut batch = fixture.client.batch().on_progress(|progress| progress.done < 7);
    let tickets = batch.extend((0..20).map(|n| fixture.todos.create_record(json!({"id": format!("n{n:02}")}))));
    let done = batch.execute().await?;
    // The seventh was in the second request, with three more after it.
    for (n, ticket) in tickets.iter().enumerate() {
        match done.get(ticket) {
            Ok(record) => assert!(n < 10 && *record.id == format!("n{n:02}")),
            Err(error) => {
                assert!(n >= 10 && error.is_cancelled() && !error.may_have_been_applied(), "{n}: {error}");
                assert!(error.to_string().contains("not sent"), "{error}");
            }
        }
    }
    assert_eq!(sizes(&fixture.sent.take()[1..]), [5, 5]);
    assert_eq!(fixture.plain.ids(&fixture.records).await.len(), 10);
    Ok(())
}

#[tokio::test]
async fn stop_on_error_sends_nothing_after_error() -> Outcome {
    let fixture = scene_of_five().await;
    fixture.plain.put_data(&fixture.record("n06"), &json!({"taken": true})).await;
    let new = || (0..20).map(|n| json!({"id": format!("n{n:02}")}));
    let created = fixture.todos.create_records(new()).stop_on_error().each().await?;
    let kinds: Vec<_> = created.iter().map(|created| created.as_ref().err().map(Error::kind)).collect();
    assert_eq!(kinds[6], Some(ErrorKind::Conflict));
    assert!(kinds[..6].iter().chain(&kinds[7..10]).all(Option::is_none), "{kinds:?}");
    assert!(kinds[10..].iter().all(|kind| *kind == Some(ErrorKind::Cancelled)), "{kinds:?}");
    assert_eq!(fixture.plain.ids(&fixture.records).await.len(), 10);
    assert_eq!(sizes(&fixture.sent.take()[1..]), [5, 5]);

    let error = fixture.todos.create_records(new()).stop_on_error().await.unwrap_err();
    assert_eq!((error.is_partial(), error.failures().len()), (true, 20), "{error}");
    // Without that wish the others are sent as ever.
    let mut batch = fixture.client.batch();
    batch.extend(new().map(|data| fixture.todos.create_record(data)));
    assert_eq!(batch.execute().await?.failures().count(), 10);
    assert_eq!(fixture.plain.ids(&fixture.records).await.len(), 20);
    Ok(())
}

#[tokio::test]
async fn stop_on_error_stops_only_when_result_is_error() -> Outcome {
    let fixture = scene_of_five().await;
    let milk = fixture.todos.create_record(Todo::new("Milk")).id("milk").await?;
    let todos = &fixture.todos;
    let mut batch = fixture.client.batch().stop_on_error();
    batch.add(todos.get_record::<Todo>("missing").optional());
    batch.add(todos.get_record::<Todo>("milk").if_changed_since(milk.last_modified));
    batch.add(todos.delete_record("missing").if_exists());
    batch.extend((0..10).map(|n| todos.create_record(json!({"id": format!("n{n}")}))));
    let done = batch.execute().await?;
    assert_eq!(done.failures().count(), 0, "{done:?}");
    assert_eq!(fixture.plain.ids(&fixture.records).await.len(), 11);

    fixture.plain.put_data(&fixture.record("odd"), &json!({"title": 7})).await;
    let mut batch = fixture.client.batch().stop_on_error();
    let odd = batch.add(todos.get_record::<Todo>("odd"));
    batch.extend((0..10).map(|n| todos.create_record(json!({"id": format!("late-{n}")}))));
    let done = batch.execute().await?;
    assert_eq!(predicates(&done.get(&odd).unwrap_err()), ["decode"]);
    assert_eq!(done.failures().filter(|(_, error)| error.is_cancelled()).count(), 6, "{done:?}");
    Ok(())
}

/// A batch over six collections, five operations at a time, of which the first fails: how many requests there were.
async fn stopped(set_up: impl for<'a> FnOnce(Batch<'a>) -> Batch<'a>) -> Result<usize, Box<dyn std::error::Error>> {
    let fixture = scene_of_five().await;
    let mut batch = set_up(fixture.client.batch());
    let mut tickets = Vec::new();
    for n in 0..6 {
        // There is no such collection.
        let collection = fixture.bucket.collection(format!("c{n}"));
        tickets.extend(batch.extend((0..10).map(|_| collection.create_record(Todo::new("Milk")))));
    }
    let done = batch.execute().await?;
    let cancelled = done.failures().filter(|(_, error)| error.is_cancelled()).count();
    assert_eq!(done.failures().count(), 60);
    let sizes = sizes(&fixture.sent.take()[1..]);
    assert_eq!(sizes.iter().sum::<usize>() + cancelled, 60, "each was sent once, or not at all");
    Ok(sizes.len())
}

#[tokio::test]
async fn stop_on_error_stops_all_collections() -> Outcome {
    assert_eq!(stopped(|batch| batch.max_concurrency(1).stop_on_error()).await?, 1);
    assert_eq!(stopped(|batch| batch.max_concurrency(1).on_progress(|_| false)).await?, 1);
    let side_by_side = stopped(|batch| batch.max_concurrency(3).stop_on_error()).await?;
    assert!((1..=3).contains(&side_by_side), "{side_by_side}");
    assert_eq!(stopped(|batch| batch.max_concurrency(1)).await?, 12, "unless it is stopped");
    Ok(())
}

#[tokio::test]
async fn create_records_reports_progress_and_can_be_cancelled() -> Outcome {
    let fixture = scene_of_five().await;
    let mut told = Vec::new();
    let new = || (0..12).map(|n| json!({"id": format!("n{n:02}"), "n": n}));
    let mut records = fixture
        .todos
        .create_records(new())
        .on_progress(|progress| {
            told.push((progress.done, progress.failed, progress.total));
            true
        })
        .await?;
    assert_eq!(told, (1..=12).map(|done| (done, 0, 12)).collect::<Vec<_>>());

    // Two were not changed, and one was by somebody else.
    fixture.plain.put_data(&fixture.record("n02"), &json!({"n": "theirs"})).await;
    for record in &mut records[2..] {
        record.data["saved"] = true.into();
    }
    told.clear();
    fixture.sent.forget();
    let saved = fixture.todos.save_records(&mut records).on_progress(|progress| {
        told.push((progress.done, progress.failed, progress.total));
        progress.done < 4
    });
    let saved = saved.each().await?;
    assert_eq!(told, [(1, 0, 12), (2, 0, 12), (3, 1, 12), (4, 1, 12), (5, 1, 12), (6, 1, 12), (7, 1, 12)]);
    for (n, (saved, record)) in saved.iter().zip(&records).enumerate() {
        let held = fixture.plain.held(&fixture.record(record.id.as_str())).await;
        match saved {
            Ok(saved) => {
                assert_eq!(*saved, if n < 2 { SaveOutcome::Unchanged } else { SaveOutcome::Stored });
                assert_eq!(held, record.data, "{n}");
            }
            Err(error) => {
                assert_eq!((error.is_conflict(), error.is_cancelled()), (n == 2, n > 6), "{n}: {error}");
                assert_ne!(held["saved"], true, "{n}");
            }
        }
    }
    assert_eq!(sizes(&fixture.sent.take()), [5]);

    told.clear();
    let deleted = fixture.todos.delete_records(["n00", "missing", "n01"]);
    let deleted = deleted.on_progress(|progress| {
        told.push((progress.done, progress.failed, progress.total));
        true
    });
    assert_eq!(deleted.await.unwrap_err().failures().len(), 1);
    assert_eq!(told, [(1, 0, 3), (2, 1, 3), (3, 1, 3)]);
    Ok(())
}

#[tokio::test]
async fn stop_on_error_sends_nothing_when_one_operation_is_invalid() -> Outcome {
    let fixture = scene_of_five().await;
    let data = ["a", "no/id", "b"].map(|id| json!({"id": id}));
    let created = fixture.todos.create_records(data.clone()).stop_on_error().each().await?;
    let kinds: Vec<_> = created.iter().map(|created| created.as_ref().err().map(Error::kind)).collect();
    assert_eq!(kinds, [Some(ErrorKind::Cancelled), Some(ErrorKind::Invalid), Some(ErrorKind::Cancelled)]);
    assert_eq!(fixture.sent.take_lines(), [""; 0]);
    let created = fixture.todos.create_records(data).each().await?;
    assert_eq!(created.iter().filter(|created| created.is_ok()).count(), 2, "without that wish the others are sent");
    Ok(())
}

/// A success that cannot be read is an error, and the server has done it.
#[tokio::test]
async fn undecodable_response_counts_as_failure() -> Outcome {
    let fixture = scene_of_five().await;
    let odd = answering(|body| {
        let mut answers = parse(&body);
        answers["responses"][1]["body"]["data"]["id"] = 1.into();
        answers.to_string()
    });
    let proxy = failing(&fixture, [odd]).await;
    let todos = fixture.todos_through(&proxy);
    let mut told = Vec::new();
    let created = todos.create_records((0..3).map(|n| json!({"id": format!("n{n:02}")}))).on_progress(|progress| {
        told.push(progress.failed);
        true
    });
    let created = created.each().await?;
    let failed: Vec<_> = created.iter().map(Result::is_err).collect();
    assert_eq!(failed, [false, true, false], "{created:?}");
    assert!(created[1].as_ref().is_err_and(Error::may_have_been_applied), "{created:?}");
    assert_eq!(told, [0, 1, 1]);
    assert_eq!(fixture.plain.ids(&fixture.records).await.len(), 3);
    Ok(())
}

/// An operation that was sent and rolled back is not reported as never sent.
#[tokio::test]
async fn stopped_retry_reports_that_operation_was_sent() -> Outcome {
    let fixture = scene_of_five().await;
    let cut = Fault::json(503, &json!({"code": 503, "errno": 201, "error": "busy"}));
    let proxy = failing(&fixture, [Fault::Pass, cut]).await;
    let client = fixture.client_at(proxy.url()).build()?;
    let todos = fixture.todos_of(&client);
    // Of the second request the blind ones are in doubt at once, and that stops it.
    let mut batch = client.batch().stop_on_error();
    batch.extend((0..5).map(|n| todos.create_record(json!({"id": format!("a{n}")}))));
    let sent = batch.extend((0..3).map(|n| todos.create_record(json!({"id": format!("b{n}")}))));
    let blind = batch.add(todos.overwrite_record("c", json!({})));
    let never = batch.extend((0..3).map(|n| todos.create_record(json!({"id": format!("d{n}")}))));
    let done = batch.execute().await?;
    assert!(done.get(&blind).is_err_and(|error| error.is_unavailable() && error.may_have_been_applied()));
    for ticket in &sent {
        let error = done.get(ticket).unwrap_err();
        assert!(error.is_cancelled() && error.may_have_been_applied(), "{error}");
        assert!(error.to_string().contains("not retried"), "{error}");
    }
    // One of them was in the second request too.
    for ticket in &never[1..] {
        let error = done.get(ticket).unwrap_err();
        assert!(error.is_cancelled() && !error.may_have_been_applied(), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn results_without_request_are_reported_and_can_stop_the_rest() -> Outcome {
    let fixture = scene_of_five().await;
    let mut records = fixture.todos.create_records((0..3).map(|n| json!({"n": n}))).await?;
    fixture.sent.forget();
    let mut told = Vec::new();
    let mut tell = |progress: Progress| {
        told.push((progress.done, progress.failed, progress.total));
        true
    };
    fixture.todos.save_records(&mut records).on_progress(&mut tell).await?;
    fixture.todos.delete_records(["a b", "c/d"]).on_progress(&mut tell).await.unwrap_err();
    assert_eq!(told, [(1, 0, 3), (2, 0, 3), (3, 0, 3), (1, 1, 2), (2, 2, 2)]);
    assert!(fixture.sent.take().is_empty());

    records[0].data["n"] = "changed".into();
    let mut calls = 0;
    let saved = fixture.todos.save_records(&mut records).on_progress(|_| {
        calls += 1;
        false
    });
    let saved = saved.each().await?;
    assert!(saved[0].as_ref().is_err_and(Error::is_cancelled));
    assert!(saved[1..].iter().all(|saved| matches!(saved, Ok(SaveOutcome::Unchanged))));
    assert_eq!((calls, fixture.sent.take().len()), (2, 0), "what is known is known, and nothing is sent");
    Ok(())
}
