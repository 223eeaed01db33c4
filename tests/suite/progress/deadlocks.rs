//! Ordinary programs that once stopped for ever, since a place or a turn was held by a future that nobody polled.

use std::{pin::pin, time::Duration};

use futures_util::{StreamExt as _, TryStreamExt as _, future::try_join_all, stream};
use kinto_client::{Collection, Error, KintoRecord as _, Value, json};
use kinto_tests::Outcome;

use super::{ends, todos_with, with_records};
use crate::Todo;

/// The loop of the README: every record is edited while the list is being read.
async fn edit_all(todos: Collection) -> Result<usize, Error> {
    let todos = todos.typed::<Todo>();
    let mut all = todos.get_records().page_size(1).stream();
    let mut edited = 0;
    while let Some(record) = all.try_next().await? {
        todos.edit_record(&record.id).set(Todo::fields().done, true).await?;
        edited += 1;
    }
    Ok(edited)
}

#[tokio::test]
async fn loop_over_a_stream_that_writes_ends_with_one_place() -> Outcome {
    let fixture = with_records(4).await;
    // A record that is edited may be met again.
    assert!(ends("one loop", edit_all(todos_with(&fixture, 1))).await? >= 4);
    for n in 0..4 {
        assert_eq!(fixture.plain.held(&fixture.record(&format!("n{n}"))).await["done"], true);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_loops_as_there_are_places_end() -> Outcome {
    for places in [1, 2, 4] {
        let fixture = with_records(4).await;
        let todos = todos_with(&fixture, places);
        let loops = (0..places).map(|_| tokio::spawn(edit_all(todos.clone())));
        for edited in ends("the loops", try_join_all(loops)).await? {
            // What others edit meanwhile moves, and may be missed.
            assert!(edited? >= 1);
        }
    }
    Ok(())
}

#[tokio::test]
async fn thirty_two_loops_of_a_default_client_end() -> Outcome {
    let fixture = with_records(2).await;
    let todos = fixture.todos_of(&fixture.client_at(fixture.url()).build()?);
    let loops = (0..32).map(|_| tokio::spawn(edit_all(todos.clone())));
    for edited in ends("32 loops", try_join_all(loops)).await? {
        assert!(edited? >= 1);
    }
    Ok(())
}

#[tokio::test]
async fn more_reads_in_a_buffer_than_places_leave_room_for_a_save() -> Outcome {
    const RECORDS: usize = 12;
    for (places, buffered) in [(1, 2), (4, 5), (32, 33)] {
        let fixture = with_records(RECORDS).await;
        let todos = todos_with(&fixture, places);
        let get = |n: usize| todos.get_record::<Todo>(format!("n{n}")).into_future();
        let saved = async {
            let mut saved = 0;
            let mut records = pin!(stream::iter(0..RECORDS).map(get).buffer_unordered(buffered));
            while let Some(mut record) = records.try_next().await? {
                record.data.done = true;
                todos.save_record(&mut record).await?;
                saved += 1;
            }
            Ok::<_, Error>(saved)
        };
        assert_eq!(ends("the buffer", saved).await?, RECORDS);
    }
    Ok(())
}

#[tokio::test]
async fn streams_that_are_kept_open_hold_nothing() -> Outcome {
    let fixture = with_records(3).await;
    let todos = fixture.todos_of(&fixture.client_at(fixture.url()).build()?);
    let mut open = Vec::new();
    for _ in 0..32 {
        let mut records = todos.get_records::<Value>().page_size(1).stream();
        assert!(records.try_next().await?.is_some());
        open.push(records);
    }
    let count = todos.get_records::<Value>().count().timeout(Duration::from_secs(90));
    assert_eq!(ends("a count beside open streams", count).await?, 3);
    for records in open {
        assert_eq!(ends("a stream that was kept", records.try_collect::<Vec<_>>()).await?.len(), 2);
    }
    Ok(())
}

#[tokio::test]
async fn buffered_call_blocks_no_batch() -> Outcome {
    const TIMES: usize = 6;
    let fixture = with_records(1).await;
    let todos = todos_with(&fixture, 32);
    let count = |_| {
        let update = todos.update_record("n0", |data: &mut Value| data["n"] = (data["n"].as_u64().unwrap() + 1).into());
        update.into_future()
    };
    let created = async {
        let mut created = 0;
        let mut updates = pin!(stream::iter(0..TIMES).map(count).buffer_unordered(2));
        while updates.try_next().await?.is_some() {
            created += todos.create_records([json!({"b": 1}), json!({"b": 2})]).await?.len();
        }
        Ok::<_, Error>(created)
    };
    assert_eq!(ends("updates around batches", created).await?, 2 * TIMES);
    assert_eq!(fixture.plain.held(&fixture.record("n0")).await["n"], TIMES);
    assert_eq!(fixture.plain.ids(&fixture.records).await.len(), 1 + 2 * TIMES);
    Ok(())
}

#[tokio::test]
async fn batch_that_waits_in_a_buffer_holds_up_no_update() -> Outcome {
    const TIMES: usize = 6;
    let fixture = with_records(2 * TIMES + 1).await;
    let todos = todos_with(&fixture, 32);
    let save = async |n: usize| {
        let mut records = Vec::new();
        for n in [2 * n, 2 * n + 1] {
            records.push(todos.get_record::<Todo>(format!("n{n}")).await?);
        }
        for record in &mut records {
            record.data.done = true;
        }
        todos.save_records(&mut records).await
    };
    let last = format!("n{}", 2 * TIMES);
    let updated = async {
        let mut saves = pin!(stream::iter(0..TIMES).map(save).buffer_unordered(2));
        while saves.try_next().await?.is_some() {
            todos.update_record(last.as_str(), |todo: &mut Todo| todo.title.push('!')).await?;
        }
        Ok::<_, Error>(())
    };
    ends("batches around updates", updated).await?;
    let title = format!("Todo #{}{}", 2 * TIMES, "!".repeat(TIMES));
    assert_eq!(fixture.plain.held(&fixture.record(&last)).await["title"], title.as_str());
    for n in 0..2 * TIMES {
        assert_eq!(fixture.plain.held(&fixture.record(&format!("n{n}"))).await["done"], true);
    }
    Ok(())
}

/// The first call for what the server says of itself is asked for by one caller for all.
#[tokio::test]
async fn caller_that_is_not_polled_holds_up_nobody_who_asks_for_the_settings() -> Outcome {
    let fixture = with_records(0).await;
    let todos = todos_with(&fixture, 32);
    let mut first = pin!(todos.create_records([json!({"a": 1}), json!({"a": 2})]).into_future());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(first.as_mut().poll(&mut context).is_pending());
    // Whatever it holds now it keeps.
    assert_eq!(ends("another batch", todos.create_records([json!({"b": 1}), json!({"b": 2})])).await?.len(), 2);
    assert!(ends("the server's settings", todos.client().server_info()).await.is_ok());
    assert_eq!(ends("the first batch", first).await?.len(), 2);
    assert_eq!(fixture.plain.ids(&fixture.records).await.len(), 4);
    Ok(())
}
