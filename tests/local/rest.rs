//! The rest that a server asks for by `Retry-After` and `Backoff`, also of a program that is started again.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use kinto_client::{
    Client, Value, json,
    local::{LocalCollection, Store},
    testing::Kinto,
};
use kinto_tests::Outcome;
use rusqlite::Connection;

use crate::{device::requests, file::folder};

const HOUR: Duration = Duration::from_secs(3_600);
/// What is left of an hour at the end of a test, at least.
const ALMOST: Duration = Duration::from_secs(3_540);

/// A server whose bucket `app` has the collections `notes` and `tags`.
async fn server(kinto: Kinto) -> Kinto {
    let bucket = kinto.other_program().client().bucket("app");
    bucket.create().await.unwrap();
    for id in ["notes", "tags"] {
        bucket.create_collection(id).await.unwrap();
    }
    kinto
}

/// The records as a program has them that was just started.
async fn started(path: &Path, client: &Client, id: &str) -> LocalCollection<Value> {
    Store::open(path).await.unwrap().bind(&client.bucket("app").collection(id)).await.unwrap()
}

/// The time of the file, as if it had passed.
fn let_time_pass(path: &Path) {
    Connection::open(path).unwrap().execute("UPDATE collection SET wait_until = 1", []).unwrap();
}

#[tokio::test(start_paused = true)]
async fn retry_after_stops_a_synchronization_and_is_heeded_after_a_restart_without_a_request() -> Outcome {
    let kinto = server(Kinto::builder().retry_after(HOUR).build()).await;
    let path = folder().join("notes.db");
    let notes = started(&path, &kinto.client(), "notes").await;
    started(&path, &kinto.client(), "tags").await;
    notes.create_record(json!({"n": 1})).id("a").await?;
    requests(&kinto);
    kinto.overload_next(1);
    let error = notes.sync().await.unwrap_err();
    assert!(error.is_unavailable() && error.retry_after() == Some(HOUR), "{error}");
    assert_eq!(kinto.requests().len(), 1, "it is longer than the client waits");
    kinto.clear_requests();

    // Another client, which knows nothing of the server yet, and another collection: both find the rest in the file.
    for id in ["notes", "tags"] {
        let again = started(&path, &kinto.client(), id).await;
        for call in [again.sync(), again.pull(), again.push()] {
            let error = call.await.unwrap_err();
            let left = error.retry_after().unwrap();
            assert!(error.is_unavailable() && left > ALMOST && left <= HOUR, "{error}");
        }
        let status = again.status().await?;
        let until = status.wait_until.unwrap().duration_since(SystemTime::now())?;
        assert!(until > ALMOST && until <= HOUR);
        assert_eq!(again.get_records().count().await?, usize::from(id == "notes"), "records are there meanwhile");
    }
    assert!(kinto.requests().is_empty(), "{:?}", requests(&kinto));

    let_time_pass(&path);
    let again = started(&path, &kinto.client(), "notes").await;
    assert_eq!(again.status().await?.wait_until, None);
    assert_eq!(again.sync().await?.sent, 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn rest_that_is_asked_for_during_a_push_keeps_what_was_not_sent() -> Outcome {
    let kinto = server(Kinto::builder().retry_after(HOUR).batch_max_requests(1).build()).await;
    let path = folder().join("notes.db");
    let notes = started(&path, &kinto.client(), "notes").await;
    notes.sync().await?;
    for id in ["a", "b"] {
        notes.create_record(json!({"n": 1})).id(id).await?;
    }
    kinto.pass_next(1);
    kinto.overload_next(1);
    assert_eq!(notes.push().await.unwrap_err().retry_after(), Some(HOUR));
    assert_eq!((kinto.pending_faults(), notes.status().await?.pending()), (0, 1));
    let_time_pass(&path);
    assert_eq!(notes.push().await?.sent, 1);
    Ok(())
}

/// `Backoff` comes with responses that are otherwise fine: what is asked for by the last of them is kept.
#[tokio::test(start_paused = true)]
async fn backoff_of_a_successful_synchronization_is_heeded_after_a_restart() -> Outcome {
    let kinto = server(Kinto::builder().backoff(Duration::from_secs(20)).build()).await;
    let path = folder().join("notes.db");
    let notes = started(&path, &kinto.client(), "notes").await;
    notes.create_record(json!({"n": 1})).id("a").await?;
    assert_eq!(notes.sync().await?.sent, 1);
    kinto.clear_requests();
    let again = started(&path, &kinto.client(), "notes").await;
    let error = again.sync().await.unwrap_err();
    assert!(error.retry_after().is_some_and(|left| left > Duration::ZERO && left.as_secs() <= 20), "{error}");
    assert!(kinto.requests().is_empty(), "{:?}", requests(&kinto));
    Ok(())
}

/// A server that asks for years would end all synchronizations of the file.
#[tokio::test(start_paused = true)]
async fn rest_is_kept_for_a_day_at_most() -> Outcome {
    let kinto = server(Kinto::builder().retry_after(HOUR * 24 * 365).build()).await;
    let path = folder().join("notes.db");
    let notes = started(&path, &kinto.client(), "notes").await;
    kinto.overload_next(1);
    assert!(notes.sync().await.is_err());
    let left = notes.sync().await.unwrap_err().retry_after().unwrap();
    assert!(left > HOUR * 23 && left <= HOUR * 24, "{left:?}");
    Ok(())
}

/// A device without a battery has a wrong clock until the network tells it the time: what it wrote before is years away.
#[tokio::test(start_paused = true)]
async fn time_that_a_wrong_clock_wrote_ends_nothing_and_is_replaced() -> Outcome {
    let kinto = server(Kinto::builder().retry_after(HOUR).build()).await;
    let path = folder().join("notes.db");
    let notes = started(&path, &kinto.client(), "notes").await;
    notes.create_record(json!({"n": 1})).id("a").await?;
    let wrong = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)? + HOUR * 24 * 365 * 4;
    let wrong = i64::try_from(wrong.as_millis())?;
    Connection::open(&path)?.execute("UPDATE collection SET wait_until = ?", [wrong])?;
    assert_eq!(notes.status().await?.wait_until, None);
    assert_eq!(notes.sync().await?.sent, 1);

    Connection::open(&path)?.execute("UPDATE collection SET wait_until = ?", [wrong])?;
    kinto.overload_next(1);
    assert_eq!(notes.sync().await.unwrap_err().retry_after(), Some(HOUR));
    kinto.clear_requests();
    let again = started(&path, &kinto.client(), "notes").await;
    let left = again.sync().await.unwrap_err().retry_after().unwrap();
    assert!(left > ALMOST && left <= HOUR, "{left:?}");
    assert!(kinto.requests().is_empty(), "{:?}", requests(&kinto));
    Ok(())
}

/// A failure that says nothing about time, and a collision of writers, end one synchronization only.
#[tokio::test(start_paused = true)]
async fn failure_without_retry_after_lets_the_next_synchronization_begin_at_once() -> Outcome {
    let kinto = server(Kinto::new()).await;
    let path = folder().join("notes.db");
    let client = kinto.client().with_retry(kinto_client::retry::NeverRetry);
    let notes = started(&path, &client, "notes").await;
    notes.create_record(json!({"n": 1})).id("a").await?;
    for status in [503, 429, 502] {
        kinto.fail_next(1, kinto_client::http::StatusCode::from_u16(status)?);
        assert!(notes.pull().await.unwrap_err().is_unavailable());
    }
    assert_eq!(notes.sync().await?.sent, 1);
    Ok(())
}
