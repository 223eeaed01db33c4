//! Defects of clients and their settings: what is kept, what is tried again, and what is waited for.

use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use kinto_client::{
    ErrorKind, Record, Value, json,
    retry::{Backoff, ExponentialBackoff, NeverRetry, RetryPolicy, RetryState},
};
use kinto_tests::{Fault, Fixture, Outcome, Proxy, SentRequest, in_order};

use super::Counting;
use crate::{Todo, predicates};

fn busy(headers: &[&str]) -> Fault {
    let headers: Vec<&str> = ["Content-Type: application/json"].iter().chain(headers).copied().collect();
    Fault::answer(503, &headers, r#"{"code": 503, "errno": 201, "error": "busy"}"#)
}

/// kinto-http.py's `get_bucket` says `BucketNotFound` for 403, for 503, and when it did not even ask.
#[tokio::test]
async fn every_failure_is_a_missing_bucket() -> Outcome {
    let fixture = Fixture::new().await;
    let forbidden = fixture.client.get_bucket("nobody-has-this").await.unwrap_err();
    assert_eq!((predicates(&forbidden), forbidden.status().unwrap().as_u16()), (vec!["forbidden"], 403));
    let faults = [busy(&[]), Fault::json(503, &json!({"errno": 201, "error": "busy"})), busy(&["Backoff: 60"])];
    let proxy = Proxy::start(fixture.url(), in_order(faults)).await;
    let client = fixture.client_at(proxy.url()).retry(NeverRetry).backoff(Backoff::Fail).build()?;
    let get = || client.get_bucket(fixture.bucket.id());
    assert_eq!(predicates(&get().await.unwrap_err()), ["unavailable"]);
    assert_eq!(predicates(&get().optional().await.unwrap_err()), ["unavailable"], "it is there, for all one knows");
    get().await.unwrap_err();
    let unasked = get().optional().await.unwrap_err();
    assert_eq!((predicates(&unasked), unasked.status(), proxy.lines().len()), (vec!["unavailable"], None, 3));
    Ok(())
}

/// kinto-http.py's `clone()` loses headers, timeouts and whether anything may be sent at all; its `retry=` does nothing.
#[tokio::test]
async fn clones_lose_settings() -> Outcome {
    let fixture = Fixture::new().await;
    let (large, slow) = (format!("/v1/buckets/{}", fixture.bucket.id()), fixture.record("slow"));
    fixture.plain.put(&large[3..], &json!({"data": {"text": "x".repeat(1_000)}})).await;
    let rule = move |sent: &SentRequest| match &*sent.target {
        target if target == large => Fault::Pass,
        target if target.ends_with(&slow) => Fault::Stall(3),
        _ => busy(&[]),
    };
    let proxy = Proxy::start(fixture.url(), rule).await;
    let asked = Arc::default();
    let builder = fixture.client_at(proxy.url()).header("x-tenant", "a").user_agent("notes/1");
    let builder = builder.max_response_size(1_000).retry(Counting(Arc::clone(&asked)));
    let client = builder.timeout(Duration::from_millis(1_500)).build()?;
    let credentials = (fixture.user.as_str(), "p4ssw0rd");
    let clones = [
        client.clone(),
        client.bucket("any").collection("any").client().clone(),
        client.with_timeout(Duration::from_secs(1)),
        client.with_auth(credentials)?,
        client.with_retry(Counting(Arc::clone(&asked))),
        client.with_auth(credentials)?.with_timeout(Duration::from_secs(1)).clone(),
    ];
    for (n, client) in (1..).zip(&clones) {
        let large = client.get_bucket(fixture.bucket.id()).await.unwrap_err();
        assert_eq!(predicates(&large), ["too large"], "{n}: {large}");
        let todos = fixture.todos_of(client);
        assert_eq!(predicates(&todos.get_record::<Value>("busy").await.unwrap_err()), ["unavailable"]);
        let slow = todos.get_record::<Value>("slow").retry(NeverRetry).await.unwrap_err();
        assert_eq!(predicates(&slow), ["timed out"], "{n}: {slow}");
        assert_eq!(asked.load(Ordering::Relaxed), 2 * n, "the policy is asked after each of two tries");
    }
    let arrived = proxy.arrived();
    assert_eq!(arrived.len(), 4 * clones.len());
    for sent in arrived {
        let headers = ["x-tenant", "user-agent"].map(|name| sent.header(name));
        assert_eq!((headers, sent.header("authorization").is_some()), ([Some("a"), Some("notes/1")], true));
    }
    Ok(())
}

/// kinto-http.py in dry mode crashes in some methods, returns no data for reads, and writes if it is a clone.
#[tokio::test]
async fn a_dry_run_crashes_or_writes() -> Outcome {
    let fixture = Fixture::new().await;
    let mut record: Record<Todo> = fixture.todos.create_record(Todo::new("Milk")).id("milk").await?;
    record.data.done = true;
    fixture.sent.forget();
    let (client, bucket, todos) = (fixture.client.clone(), &fixture.bucket, &fixture.todos);
    let told = [
        client.create_bucket("b").preview()?,
        client.delete_bucket("b").preview()?,
        bucket.get().preview()?,
        bucket.create_collection("c").if_not_exists().preview()?,
        bucket.delete_collection("c").if_exists().preview()?,
        bucket.create_group("g", ["account:remy"]).preview()?,
        bucket.delete_group("g").preview()?,
        todos.create_record(Todo::new("Eggs")).preview()?,
        todos.get_record::<Todo>("milk").preview()?,
        todos.get_record::<Todo>("milk").optional().preview()?,
        todos.save_record(&mut record).preview()?,
        todos.overwrite_record("milk", Todo::new("Ham")).preview()?,
        todos.patch_record::<Todo>("milk", json!({"done": true})).preview()?,
        todos.delete_record(&record).preview()?,
    ];
    let methods: Vec<String> = told.iter().filter_map(|told| told.method().map(ToString::to_string)).collect();
    let expected = "PUT DELETE GET POST DELETE PUT DELETE PUT GET GET PUT PUT PATCH DELETE";
    assert_eq!(methods.join(" "), expected);
    let mut batch = client.batch();
    batch.add(todos.delete_record("milk"));
    assert_eq!(batch.preview()?[0].to_string(), format!("DELETE {}", fixture.record("milk")));
    assert_eq!(fixture.sent.take_lines(), [""; 0]);
    assert_eq!(fixture.plain.held(&fixture.record("milk")).await, json!({"title": "Milk", "done": false}));
    assert_eq!(todos.get_record::<Todo>("milk").await?.data, Todo::new("Milk"), "a read reads");
    Ok(())
}

/// kinto.js tries again only if there is a `Retry-After` above 0, and then also what has succeeded.
#[tokio::test]
async fn retry_after_decides_what_is_tried_again() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Milk"})).await;
    let success = Fault::replace("HTTP/1.1 200 OK", "HTTP/1.1 200 OK\r\nRetry-After: 1");
    for (faults, requests) in [(vec![busy(&[])], 2), (vec![busy(&["Retry-After: 0"])], 2), (vec![success], 1)] {
        let proxy = Proxy::start(fixture.url(), in_order(faults)).await;
        assert_eq!(fixture.todos_through(&proxy).get_record::<Todo>("milk").await?.data, Todo::new("Milk"));
        assert_eq!(proxy.lines().len(), requests);
    }
    Ok(())
}

/// Remembers what the server asked for, and does not wait.
#[derive(Debug, Default)]
struct Asked(Mutex<Vec<Option<Duration>>>);

impl RetryPolicy for &'static Asked {
    fn delay(&self, attempt: &RetryState) -> Option<Duration> {
        self.0.lock().unwrap().push(attempt.retry_after);
        Some(Duration::ZERO)
    }
}

/// kinto-http.py interprets a date in `Retry-After` as no delay; kinto.js does not retry then.
#[tokio::test]
async fn a_date_in_retry_after_is_not_understood() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Milk"})).await;
    let asked: &Asked = Box::leak(Box::default());
    let forms = ["7", "Wed, 21 Oct 2015 07:28:00 GMT", "Tue, 31 Dec 2999 23:59:59 GMT", "whenever"];
    let faults: Vec<Fault> = forms.iter().map(|form| busy(&[&format!("Retry-After: {form}")])).collect();
    let proxy = Proxy::start(fixture.url(), in_order(faults)).await;
    fixture.todos_through(&proxy).get_record::<Todo>("milk").retry(asked).await?;
    let asked = asked.0.lock().unwrap();
    assert_eq!((asked[0], asked[1], asked[3]), (Some(Duration::from_secs(7)), Some(Duration::ZERO), None));
    assert!(asked[2] > Some(Duration::from_secs(900 * 365 * 24 * 60 * 60)), "{asked:?}");
    Ok(())
}

/// kinto.js knows of a `Backoff` only if it was given an event emitter, which it no longer brings along.
#[tokio::test]
async fn backoff_is_off_without_a_listener() -> Outcome {
    let fixture = Fixture::new().await;
    let told = Fault::replace("HTTP/1.1 200 OK", "HTTP/1.1 200 OK\r\nBackoff: 60");
    let proxy = Proxy::start(fixture.url(), in_order([told])).await;
    let client = fixture.client_at(proxy.url()).build()?;
    client.server_info().await?;
    assert!(client.backoff().is_some_and(|left| left > Duration::from_secs(30)), "{:?}", client.backoff());
    Ok(())
}

/// kinto-http.py raises at the next call after a `Backoff`, though it was told to try again.
#[tokio::test]
async fn backoff_is_an_error_whatever_was_asked_for() -> Outcome {
    let fixture = Fixture::new().await;
    let told = Fault::replace("HTTP/1.1 200 OK", "HTTP/1.1 200 OK\r\nBackoff: 1");
    let proxy = Proxy::start(fixture.url(), in_order([told])).await;
    let client = fixture.client_at(proxy.url()).backoff(Backoff::Wait(Duration::from_secs(5))).build()?;
    client.server_info().await?;
    client.get_buckets().await?;
    assert_eq!(client.backoff(), None, "it has waited");
    Ok(())
}

/// kinto.js's timeout ends when the headers have arrived: a body may take for ever.
#[tokio::test]
async fn the_timeout_does_not_cover_the_body() -> Outcome {
    let fixture = Fixture::new().await;
    let proxy = Proxy::start(fixture.url(), |_| Fault::Stall(3)).await;
    let client = fixture.client_at(proxy.url()).timeout(Duration::from_secs(1)).retry(NeverRetry).build()?;
    let error = fixture.todos_of(&client).get_records::<Todo>().await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_been_applied()), (ErrorKind::Timeout, false), "{error}");
    Ok(())
}

/// kinto-http.py tries once more after a broken connection, though it was told not to try again.
#[tokio::test]
async fn it_tries_again_though_it_was_told_not_to() -> Outcome {
    let fixture = Fixture::new().await;
    for fault in [|| Fault::CutBefore, || Fault::CutAfter, || busy(&["Retry-After: 1"])] {
        let proxy = Proxy::start(fixture.url(), move |_| fault()).await;
        let todos = fixture.todos_through(&proxy);
        for policy in [ExponentialBackoff::default().max_tries(1), ExponentialBackoff::default().max_tries(0)] {
            todos.get_record::<Todo>("milk").retry(policy).await.unwrap_err();
        }
        todos.create_record(Todo::new("Eggs")).retry(NeverRetry).await.unwrap_err();
        assert_eq!(proxy.lines().len(), 3);
    }
    Ok(())
}
