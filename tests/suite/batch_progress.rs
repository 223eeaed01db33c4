//! How far a batch has come, and what stops it.

use std::sync::{Arc, Mutex};

use kinto_client::{Batch, Error, ErrorKind, Progress, Value, json};
use kinto_tests::Outcome;

use crate::{
    Todo,
    batch_requests::{scene_of_five, sizes},
    predicates,
};

#[tokio::test]
#[ignore = "open: failures are counted by status, before the operation has read the answer"]
async fn progress_is_told_of_each_result() -> Outcome {
    let scene = scene_of_five().await;
    scene.todos.create_record(json!({"id": "n03"})).await?;
    let mut same = scene.todos.create_record(json!({"id": "same"})).await?;
    let told: Arc<Mutex<Vec<Progress>>> = Arc::default();
    let mut batch = scene.client.batch().on_progress(|progress| {
        told.lock().unwrap().push(progress);
        true
    });
    batch.extend((0..12).map(|n| scene.todos.create_record(json!({"id": format!("n{n:02}")}))));
    batch.add(scene.todos.get_record::<Value>("missing").or_none());
    batch.add(scene.todos.save_record(&mut same));
    let done = batch.execute().await?;
    assert_eq!(done.failures().map(|(place, _)| place).collect::<Vec<_>>(), [3]);
    let told = told.lock().unwrap();
    assert!(told.iter().all(|progress| progress.total == 14));
    // What there is nothing to send of is done from the start.
    assert_eq!(told.iter().map(|progress| progress.done).collect::<Vec<_>>(), (2..=14).collect::<Vec<_>>());
    let failed: Vec<usize> = told.iter().map(|progress| progress.failed).collect();
    assert_eq!(failed, [0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], "that there is none is no failure with `or_none`");
    Ok(())
}

#[tokio::test]
async fn a_batch_that_is_cancelled_says_what_was_sent() -> Outcome {
    let scene = scene_of_five().await;
    let mut batch = scene.client.batch().on_progress(|progress| progress.done < 7);
    let tickets = batch.extend((0..20).map(|n| scene.todos.create_record(json!({"id": format!("n{n:02}")}))));
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
    assert_eq!(sizes(&scene.sent.take()[1..]), [5, 5]);
    assert_eq!(scene.plain.ids(&scene.records).await.len(), 10);
    Ok(())
}

#[tokio::test]
async fn nothing_is_sent_after_an_error_if_that_is_wanted() -> Outcome {
    let scene = scene_of_five().await;
    scene.plain.put_data(&scene.record("n06"), &json!({"taken": true})).await;
    let new = || (0..20).map(|n| json!({"id": format!("n{n:02}")}));
    let created = scene.todos.create_records(new()).stop_on_error().each().await?;
    let kinds: Vec<_> = created.iter().map(|created| created.as_ref().err().map(Error::kind)).collect();
    assert_eq!(kinds[6], Some(ErrorKind::Conflict));
    assert!(kinds[..6].iter().chain(&kinds[7..10]).all(Option::is_none), "{kinds:?}");
    assert!(kinds[10..].iter().all(|kind| *kind == Some(ErrorKind::Cancelled)), "{kinds:?}");
    assert_eq!(scene.plain.ids(&scene.records).await.len(), 10);
    assert_eq!(sizes(&scene.sent.take()[1..]), [5, 5]);

    let error = scene.todos.create_records(new()).stop_on_error().await.unwrap_err();
    assert_eq!((error.is_partial(), error.failures().len()), (true, 20), "{error}");
    // Without that wish the others are sent as ever.
    let mut batch = scene.client.batch();
    batch.extend(new().map(|data| scene.todos.create_record(data)));
    assert_eq!(batch.execute().await?.failures().count(), 10);
    assert_eq!(scene.plain.ids(&scene.records).await.len(), 20);
    Ok(())
}

#[tokio::test]
#[ignore = "open: failures are counted by status, before the operation has read the answer"]
async fn only_what_is_an_error_alone_stops_a_batch() -> Outcome {
    let scene = scene_of_five().await;
    let milk = scene.todos.create_record(Todo::new("Milk")).id("milk").await?;
    let todos = &scene.todos;
    let mut batch = scene.client.batch().stop_on_error();
    batch.add(todos.get_record::<Todo>("missing").or_none());
    batch.add(todos.get_record::<Todo>("milk").if_changed_since(milk.last_modified));
    batch.add(todos.delete_record("missing").if_exists());
    batch.extend((0..10).map(|n| todos.create_record(json!({"id": format!("n{n}")}))));
    let done = batch.execute().await?;
    assert_eq!(done.failures().count(), 0, "{done:?}");
    assert_eq!(scene.plain.ids(&scene.records).await.len(), 11);

    scene.plain.put_data(&scene.record("odd"), &json!({"title": 7})).await;
    let mut batch = scene.client.batch().stop_on_error();
    let odd = batch.add(todos.get_record::<Todo>("odd"));
    batch.extend((0..10).map(|n| todos.create_record(json!({"id": format!("late-{n}")}))));
    let done = batch.execute().await?;
    assert_eq!(predicates(&done.get(&odd).unwrap_err()), ["decode"]);
    assert_eq!(done.failures().filter(|(_, error)| error.is_cancelled()).count(), 6, "{done:?}");
    Ok(())
}

/// A batch over six collections, five operations at a time, of which the first fails: how many requests there were.
async fn stopped(set_up: impl for<'a> FnOnce(Batch<'a>) -> Batch<'a>) -> Result<usize, Box<dyn std::error::Error>> {
    let scene = scene_of_five().await;
    let mut batch = set_up(scene.client.batch());
    let mut tickets = Vec::new();
    for n in 0..6 {
        // There is no such collection.
        let collection = scene.bucket.collection(format!("c{n}"));
        tickets.extend(batch.extend((0..10).map(|_| collection.create_record(Todo::new("Milk")))));
    }
    let done = batch.execute().await?;
    let cancelled = done.failures().filter(|(_, error)| error.is_cancelled()).count();
    assert_eq!(done.failures().count(), 60);
    let sizes = sizes(&scene.sent.take()[1..]);
    assert_eq!(sizes.iter().sum::<usize>() + cancelled, 60, "each was sent once, or not at all");
    Ok(sizes.len())
}

#[tokio::test]
async fn what_stops_a_batch_stops_it_for_all_collections() -> Outcome {
    assert_eq!(stopped(|batch| batch.max_concurrency(1).stop_on_error()).await?, 1);
    assert_eq!(stopped(|batch| batch.max_concurrency(1).on_progress(|_| false)).await?, 1);
    let side_by_side = stopped(|batch| batch.max_concurrency(3).stop_on_error()).await?;
    assert!((1..=3).contains(&side_by_side), "{side_by_side}");
    assert_eq!(stopped(|batch| batch.max_concurrency(1)).await?, 12, "unless it is stopped");
    Ok(())
}
