//! Retries of the operations of a batch, by the retry policy and by the delays that the server asks for.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::StatusCode;
use kinto_client::{
    Error, Value, json,
    object::CreateOutcome,
    retry::{NeverRetry, RetryPolicy, RetryState},
    transport::{Body, Transport, TransportError, TransportErrorKind},
};
use kinto_server::Backend;
use kinto_tests::{Fault, Fixture, Log, Outcome, Proxy, Recorder, SentRequest, server_on};

use crate::{
    batch::conflicts::colliding,
    batch::faults::{answering, failing, filled, held, numbered, parse, shown},
    batch::requests::sizes,
    predicates,
};

/// The number of tries of a broken connection does not depend on the number of operations in the request.
#[tokio::test]
async fn batch_sends_at_most_one_request_per_operation_when_connection_is_broken() -> Outcome {
    const OPERATIONS: usize = 50;
    for fault in [|| Fault::CutBefore, || Fault::answer(502, &[], "")] {
        let fixture = Fixture::new().await;
        let proxy =
            Proxy::start(fixture.url(), move |sent| if sent.line() == "GET /" { Fault::Pass } else { fault() }).await;
        let client = fixture.client_at(proxy.url()).retry(NeverRetry).build()?;
        let created = fixture.todos_of(&client).create_records(numbered(0..OPERATIONS)).each().await?;
        assert!(created.iter().all(|created| created.as_ref().is_err_and(Error::may_have_been_applied)));
        let requests = proxy.lines().len() - 1;
        assert!(requests <= OPERATIONS, "{requests} requests for {OPERATIONS} operations, with a policy of no retries");
    }
    Ok(())
}

/// A transport that reaches nobody from then on.
#[derive(Clone)]
struct Refused {
    reached: usize,
    tries: Arc<AtomicUsize>,
    back_after: usize,
    transport: Recorder,
}

impl Transport for Refused {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        let tries = self.tries.fetch_add(1, Ordering::SeqCst);
        if (self.reached..self.back_after).contains(&tries) {
            let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
            return Box::pin(async { Err(TransportError::new(TransportErrorKind::Connect, refused)) });
        }
        self.transport.send(request)
    }
}

#[tokio::test]
async fn batch_reports_operations_that_were_never_sent() -> Outcome {
    const OPERATIONS: usize = 60;
    let fixture = Fixture::new().await;
    // The server's description of itself, and one batch.
    let transport =
        Refused { reached: 2, back_after: usize::MAX, tries: Arc::default(), transport: Recorder::default() };
    let client = fixture.client_at(fixture.url()).transport(transport.clone()).retry(NeverRetry).build()?;
    let todos = fixture.todos_of(&client);
    let mut batch = client.batch();
    let tickets = batch.extend((0..OPERATIONS).map(|n| todos.overwrite_record(format!("n{n:02}"), json!({"n": n}))));
    let results = batch.execute().await?;
    for (n, ticket) in tickets.iter().enumerate() {
        match results.get(ticket) {
            Ok(_) => assert!(n < 25),
            Err(error) => {
                assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["connection"], false), "{error}");
                assert!(n >= 25, "{error}");
            }
        }
    }
    assert_eq!(fixture.plain.ids(&fixture.records).await.len(), 25);
    let tries = transport.tries.load(Ordering::SeqCst) - 2;
    assert!(tries <= OPERATIONS - 25, "{tries} tries for {} operations, with a policy of no retries", OPERATIONS - 25);
    Ok(())
}

#[tokio::test]
async fn batch_retries_blind_writes_that_were_never_sent() -> Outcome {
    let fixture = Fixture::new().await;
    let transport = Refused { reached: 1, back_after: 2, tries: Arc::default(), transport: Recorder::default() };
    let client = fixture.client_at(fixture.url()).transport(transport.clone()).build()?;
    let todos = fixture.todos_of(&client);
    let mut batch = client.batch();
    let tickets = batch.extend((0..3).map(|n| todos.overwrite_record(format!("n{n:02}"), json!({"n": n}))));
    let created = batch.add(todos.create_record(json!({"n": "server's"})).server_id());
    let results = batch.execute().await?;
    for ticket in tickets.iter().chain([&created]) {
        results.get(ticket)?;
    }
    assert_eq!(fixture.plain.ids(&fixture.records).await.len(), 4);
    Ok(())
}

#[tokio::test]
async fn batch_honours_retry_after() -> Outcome {
    let fixture = Fixture::new().await;
    let arrivals = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&arrivals);
    let busy = json!({"code": 503, "errno": 201, "error": "busy"}).to_string();
    let rule = move |sent: &SentRequest| {
        if sent.line() == "GET /" {
            return Fault::Pass;
        }
        let mut seen = seen.lock().unwrap();
        seen.push(Instant::now());
        let headers = ["Content-Type: application/json", "Retry-After: 1"];
        if seen.len() == 1 { Fault::answer(503, &headers, &busy) } else { Fault::Pass }
    };
    let proxy = Proxy::start(fixture.url(), rule).await;
    fixture.todos_through(&proxy).create_records(numbered(0..3)).await?;
    assert_eq!(held(&fixture).await.len(), 3);
    let arrivals = arrivals.lock().unwrap();
    let waited = arrivals[1] - arrivals[0];
    assert!(waited >= Duration::from_secs(1), "it was asked again after {waited:?}");
    Ok(())
}

#[tokio::test]
async fn server_that_never_answers() -> Outcome {
    let fixture = Fixture::new().await;
    filled(&fixture, 2).await;
    let proxy = failing(&fixture, [Fault::Stall(0)]).await;
    let client = fixture.client_at(proxy.url()).timeout(Duration::from_secs(2)).build()?;
    let todos = fixture.todos_of(&client);
    let (read, patched, created) = client
        .batch_of((
            todos.get_record::<Value>("n00"),
            todos.patch_record::<Value>("n01", json!({"patched": true})),
            todos.create_record(json!({"n": "new"})),
        ))
        .await?;
    assert_eq!(read?.data["n"], 0);
    let error = patched.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["timed out"], true), "{error}");
    let created = created?;
    assert_eq!(shown(&created), held(&fixture).await[created.id.as_str()]);
    Ok(())
}

/// That the record is there already may be the own doing, and is so for certain if the id is one's own.
#[tokio::test]
async fn creation_in_lost_batch_is_in_doubt_unless_id_is_proof() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("old"), &json!({"n": 0})).await;
    let mut cut = false;
    let rule = move |sent: &SentRequest| {
        let first = sent.body.contains("new") && !std::mem::replace(&mut cut, true);
        if first { Fault::CutAfter } else { Fault::Pass }
    };
    let proxy = Proxy::start(fixture.url(), rule).await;
    let client = fixture.client_at(proxy.url()).build()?;
    let todos = fixture.todos_of(&client);
    let (own, new, old) = client
        .batch_of((
            todos.create_record(json!({"n": 2})).if_not_exists(),
            todos.create_record(json!({"id": "new", "n": 1})).if_not_exists(),
            todos.create_record(json!({"id": "old", "n": 1})).if_not_exists(),
        ))
        .await?;
    let (own, new, old) = (own?, new?, old?);
    assert_eq!((shown(&new), shown(&old)["n"].clone()), (held(&fixture).await["new"].clone(), json!(0)));
    assert!(own.is_created(), "{own:?}");
    assert!(matches!((new, old), (CreateOutcome::InDoubt(_), CreateOutcome::InDoubt(_))));
    Ok(())
}

/// Keeps what it is asked, and allows so many tries, a little apart.
#[derive(Clone, Debug)]
struct Asked {
    tries: u32,
    attempts: Arc<Mutex<Vec<RetryState>>>,
}

impl Asked {
    const WAIT: Duration = Duration::from_millis(60);

    fn new(tries: u32) -> Self {
        Self { tries, attempts: Arc::default() }
    }
}

impl RetryPolicy for Asked {
    fn delay(&self, attempt: &RetryState) -> Option<Duration> {
        self.attempts.lock().unwrap().push(attempt.clone());
        (attempt.tries < self.tries).then_some(Self::WAIT)
    }
}

/// The server fails at all that it gets but its description.
async fn down(fixture: &Fixture) -> Proxy {
    let busy = json!({"code": 503, "errno": 201, "error": "busy"}).to_string();
    let rule = move |sent: &SentRequest| match sent.line().as_str() {
        "GET /" => Fault::Pass,
        _ => Fault::answer(503, &["Content-Type: application/json", "Retry-After: 7"], &busy),
    };
    Proxy::start(fixture.url(), rule).await
}

#[tokio::test]
async fn batch_follows_retry_policy() -> Outcome {
    let fixture = Fixture::new().await;
    for tries in [1, 2, 3] {
        let (proxy, policy) = (down(&fixture).await, Asked::new(tries));
        let client = fixture.client_at(proxy.url()).retry(policy.clone()).build()?;
        let start = Instant::now();
        let created = fixture.todos_of(&client).create_records(numbered(0..5)).each().await?;
        assert!(created.iter().all(|one| one.as_ref().is_err_and(Error::is_unavailable)), "{created:?}");
        let requests = proxy.arrived();
        let sizes = sizes(&requests[1..]);
        // First together, then each alone.
        assert_eq!(sizes, if tries == 1 { vec![5] } else { [vec![5], vec![0; 5 * (tries as usize - 1)]].concat() });
        assert!(start.elapsed() >= Asked::WAIT * (tries - 1));
        let attempts = policy.attempts.lock().unwrap();
        assert_eq!(attempts.len(), 5 * tries as usize, "once for each operation and try");
        for attempt in attempts.iter() {
            assert_eq!(attempt.status, Some(StatusCode::SERVICE_UNAVAILABLE));
            assert_eq!(attempt.retry_after, Some(Duration::from_secs(7)));
            assert!(attempt.elapsed >= Asked::WAIT * (attempt.tries - 1), "{attempt:?}");
        }
        assert_eq!(attempts.iter().map(|attempt| attempt.tries).max(), Some(tries));
    }
    assert_eq!(held(&fixture).await.len(), 0);
    Ok(())
}

/// A rate limit of a proxy in front of Kinto, which limits each kind of operation.
#[tokio::test]
async fn batch_retries_single_unavailable_operation_by_policy() -> Outcome {
    let fixture = Fixture::new().await;
    let put_off = || {
        answering(|body| {
            let mut answers = parse(&body);
            answers["responses"][1] = json!({
                "status": 429,
                "path": "/v1/x",
                "headers": {"Retry-After": "9"},
                "body": {"code": 429, "errno": 117, "error": "Too Many Requests"},
            });
            answers.to_string()
        })
    };
    let mut records = filled(&fixture, 3).await;
    for (tries, expected) in [(2, None), (1, Some("unavailable"))] {
        for record in &mut records {
            record.data["tries"] = tries.into();
        }
        // It was done all the same; that it was is known, when it is sent again.
        let (proxy, policy) = (failing(&fixture, [put_off()]).await, Asked::new(tries));
        let client = fixture.client_at(proxy.url()).retry(policy.clone()).build()?;
        let todos = fixture.todos_of(&client);
        let mut batch = client.batch();
        let tickets = batch.extend(
            records.iter_mut().map(|record| todos.patch_record::<Value>(record.id.as_str(), json!({"tries": tries}))),
        );
        let done = batch.execute().await?;
        assert!(done.get(&tickets[0]).is_ok() && done.get(&tickets[2]).is_ok());
        let second = done.get(&tickets[1]).err();
        assert_eq!(second.as_ref().map(|error| predicates(error)[0]), expected, "{second:?}");
        assert_eq!(second.and_then(|error| error.retry_after()), expected.map(|_| Duration::from_secs(9)));
        assert_eq!(sizes(&proxy.arrived()[1..]), if tries == 2 { vec![3, 0] } else { vec![3] });
        let attempts = policy.attempts.lock().unwrap();
        assert_eq!(attempts[0].retry_after, Some(Duration::from_secs(9)), "{attempts:?}");
    }
    Ok(())
}

/// An operation that the server rolled back with its neighbour has no result until it is retried.
#[tokio::test]
async fn batch_retries_conflicts_regardless_of_policy() -> Outcome {
    let server = server_on(Backend::PostgreSql);
    let fixture = Fixture::on(server.url()).await;
    let old = fixture.todos.create_record(json!({"id": "old"})).await?;
    let proxy = failing(&fixture, [colliding(2, old.last_modified.as_millis())]).await;
    let client = fixture.client_at(proxy.url()).retry(NeverRetry).build()?;
    let log = Log::start();
    let created = fixture.todos_of(&client).create_records(numbered(0..4)).await?;
    let text = log.text();
    let waits: Vec<&str> = text.lines().filter_map(|line| line.split_once("delay=")?.1.split(' ').next()).collect();
    assert_eq!(waits, ["0ns"], "Kinto asks for seconds, which are not waited");
    let mut held = held(&fixture).await;
    assert!(held.remove("old").is_some());
    assert_eq!(created.iter().map(shown).collect::<Vec<_>>(), held.into_values().collect::<Vec<_>>());
    assert_eq!(sizes(&proxy.arrived()[1..]), [4, 3]);
    Ok(())
}
