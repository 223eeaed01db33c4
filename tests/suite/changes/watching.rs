//! Watching a collection: each change is reported once, with a bounded number of requests.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use kinto_client::{
    Client, Collection, Timestamp, Value, json,
    list::{Change, Conditional},
    retry::NeverRetry,
    transport::{Body, Transport, TransportError},
};
use kinto_server::Backend;
use kinto_tests::{Fault, Fixture, Gate, Outcome, Proxy, in_order, on_each_backend, server_on};
use tokio::time::Instant;

use super::{INTERVAL, Numbered, now, put, shape};
use crate::predicates;

async fn watch_returns_later_changes(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    put(&fixture, "a", 0).await;
    let mut watch = fixture.todos.changes_since::<Numbered>(Timestamp::from_millis(0)).watch(INTERVAL);
    assert_eq!(shape(&[watch.try_next().await?.expect("what is there already")]), ["+a"]);
    for round in 1..4 {
        // Each is awaited before it is made.
        let (change, time) = tokio::join!(watch.try_next(), put(&fixture, "b", round));
        let change = change?.expect("a change");
        assert_eq!((change.last_modified(), shape(&[change])), (Some(time), vec!["+b".to_owned()]));
        let (change, _) = tokio::join!(watch.try_next(), put(&fixture, "a", round));
        let Some(Change::Upserted(a)) = change? else { panic!("it was changed") };
        assert_eq!((a.id.as_str(), a.data.n), ("a", round));
        let path = fixture.record("b");
        let (change, ()) = tokio::join!(watch.try_next(), fixture.plain.delete(&path));
        assert_eq!(shape(&[change?.expect("a change")]), ["-b"]);
    }
    Ok(())
}

on_each_backend!(watch_returns_later_changes);

#[tokio::test]
async fn watch_sends_conditional_request_when_nothing_changed() -> Outcome {
    let fixture = Fixture::new().await;
    put(&fixture, "a", 0).await;
    let start = fixture.todos.get_records::<Value>().await?;
    let gate = Gate::default();
    let proxy = Proxy::start(fixture.url(), in_order([Fault::Pass, Fault::Hold(gate.clone())])).await;
    let mut watch = fixture
        .todos_through(&proxy)
        .changes_since::<Numbered>(start.change_token())
        .overlap(Duration::ZERO)
        .watch(INTERVAL);
    let (change, time) = tokio::join!(watch.try_next(), async {
        gate.arrival().await;
        let time = put(&fixture, "b", 1).await;
        gate.open();
        time
    });
    let change = change?.expect("a change");
    assert_eq!((change.id(), change.last_modified()), (Some("b"), Some(time)));
    let sent = proxy.arrived();
    assert_eq!(sent.len(), 2);
    // What is of that time can still become visible at first; then a version that has not changed is an answer.
    let conditions: Vec<_> = sent.iter().map(|sent| sent.header("if-none-match")).collect();
    assert_eq!(conditions, [None, Some(format!("\"{}\"", start.last_modified).as_str())]);
    let if_changed = fixture.todos.get_records::<Value>().if_changed_since(time).await?;
    assert!(matches!(if_changed, Conditional::NotModified), "so the server had nothing to say");
    Ok(())
}

#[tokio::test]
async fn watch_continues_after_error() -> Outcome {
    let fixture = Fixture::new().await;
    let start = now(&fixture.todos).await?;
    fixture.fill((0..5).map(|n| (format!("r{n}"), json!({"n": n})))).await;
    let down = || Fault::json(503, &json!({"code": 503, "errno": 201, "error": "Service Unavailable"}));
    let faults = [down(), Fault::CutBefore, Fault::Pass, down(), Fault::Truncate(9), Fault::Pass, Fault::Pass, down()];
    let proxy = Proxy::start(fixture.url(), in_order(faults)).await;
    let call = fixture.todos_through(&proxy).changes_since::<Numbered>(start).page_size(2).retry(NeverRetry);
    let mut watch = call.watch(INTERVAL);
    let (mut told, mut errors) = (Vec::new(), 0);
    while told.len() < 5 {
        match watch.next().await.expect("it does not end") {
            Ok(change) => told.push(change),
            Err(error) => {
                errors += 1;
                assert!(matches!(predicates(&error)[..], ["unavailable" | "connection"]), "{error}");
                assert_eq!(error.object(), Some(fixture.records.as_str()));
            }
        }
    }
    assert_eq!(shape(&told), ["+r0", "+r1", "+r2", "+r3", "+r4"]);
    assert!(errors >= 4, "{errors}");
    put(&fixture, "r0", 10).await;
    loop {
        if let Ok(change) = watch.next().await.expect("it does not end") {
            assert_eq!(change.id(), Some("r0"));
            return Ok(());
        }
    }
}

/// A server that answers at once what the test says, for tests that stop the clock.
#[derive(Clone)]
struct Canned {
    answer: Arc<dyn Fn(usize) -> http::Response<String> + Send + Sync>,
    asked: Arc<Mutex<Vec<Instant>>>,
}

impl Canned {
    /// The answers to the first request, the second, …
    fn new(answer: impl Fn(usize) -> http::Response<String> + Send + Sync + 'static) -> Self {
        Self { answer: Arc::new(answer), asked: Arc::default() }
    }

    fn todos(&self) -> Collection {
        let client = Client::builder("http://localhost/v1").transport(self.clone()).build().expect("a client");
        client.bucket("b").collection("todos")
    }

    /// Returns the time between each request and the one before it.
    fn pauses(&self) -> Vec<Duration> {
        self.asked.lock().unwrap().windows(2).map(|pair| pair[1] - pair[0]).collect()
    }
}

impl Transport for Canned {
    fn send(&self, _: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        let place = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(Instant::now());
            asked.len() - 1
        };
        let answer = (self.answer)(place);
        Box::pin(async move { Ok(answer.map(|body| -> Body { stream::iter([Ok(Bytes::from(body))]).boxed() })) })
    }
}

fn unchanged() -> http::Response<String> {
    http::Response::builder().status(304).header("etag", "\"5\"").body(String::new()).expect("an answer")
}

fn change(id: &str, time: u64) -> http::Response<String> {
    changes(&[(id, time)])
}

fn changes(changes: &[(&str, u64)]) -> http::Response<String> {
    let item = |(id, time): &(&str, u64)| json!({"id": id, "last_modified": time, "n": 1});
    let body = json!({"data": changes.iter().map(item).collect::<Vec<_>>()}).to_string();
    let version = changes.iter().map(|(_, time)| time).max().expect("a change");
    http::Response::builder().header("etag", format!("\"{version}\"")).body(body).expect("an answer")
}

/// The clock of tokio goes in steps of a millisecond.
fn assert_about(pause: Duration, expected: Duration) {
    assert!(pause >= expected && pause <= expected + Duration::from_millis(2), "{pause:?} instead of {expected:?}");
}

#[tokio::test(start_paused = true)]
async fn watch_polls_after_each_interval() -> Outcome {
    let interval = Duration::from_secs(30);
    let canned = Canned::new(|place| match place {
        1 => change("a", 6),
        5 => changes(&[("a", 6), ("b", 7)]),
        _ => unchanged(),
    });
    let mut watch = canned.todos().changes_since::<Numbered>(Timestamp::from_millis(5)).watch(interval);
    assert_eq!(watch.try_next().await?.expect("a change").id(), Some("a"));
    assert_eq!(watch.try_next().await?.expect("a change").id(), Some("b"));
    let pauses = canned.pauses();
    assert_eq!(pauses.len(), 5);
    for pause in pauses {
        assert_about(pause, interval);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn watch_waits_longer_when_server_sends_backoff() -> Outcome {
    let canned = Canned::new(|place| {
        let mut answer = if place < 2 { unchanged() } else { change("a", 6) };
        if place == 0 {
            answer.headers_mut().insert("backoff", http::HeaderValue::from_static("40"));
        }
        answer
    });
    let mut watch = canned.todos().changes_since::<Numbered>(Timestamp::from_millis(5)).watch(Duration::from_secs(1));
    assert_eq!(watch.try_next().await?.expect("a change").id(), Some("a"));
    let pauses = canned.pauses();
    assert!(pauses[0] >= Duration::from_secs(39), "{pauses:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn watch_returns_error_at_once_and_then_pauses() -> Outcome {
    let interval = Duration::from_secs(3_600);
    let canned = Canned::new(|place| {
        let mut answer = if place == 0 { unchanged() } else { change("a", 6) };
        if place == 0 {
            *answer.status_mut() = http::StatusCode::FORBIDDEN;
        }
        answer
    });
    let start = Instant::now();
    let mut watch = canned.todos().changes_since::<Numbered>(Timestamp::from_millis(5)).watch(interval);
    assert!(watch.try_next().await.is_err());
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(watch.try_next().await?.expect("a change").id(), Some("a"));
    assert_about(canned.pauses()[0], interval);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn watch_ends_when_dropped() -> Outcome {
    let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let canned = Canned::new(|place| if place == 0 { change("a", 6) } else { unchanged() });
    let before = alive();
    let mut watch = canned.todos().changes_since::<Numbered>(Timestamp::from_millis(5)).watch(Duration::from_secs(1));
    assert_eq!(watch.try_next().await?.expect("a change").id(), Some("a"));
    assert!(watch.next().now_or_never().is_none(), "there are no more yet");
    assert_eq!(alive(), before, "it lives in whoever polls it");
    let asked = canned.asked.lock().unwrap().len();
    drop(watch);
    assert_eq!(Arc::strong_count(&canned.asked), 1, "nothing is left that could ask");
    // The clock stands still, so this takes no time.
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert_eq!(canned.asked.lock().unwrap().len(), asked);
    Ok(())
}
