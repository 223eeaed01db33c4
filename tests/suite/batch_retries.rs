//! When what a batch could not carry out is sent again: as the retry policy says, and as the server asks.

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
    Attempt, Body, Ensured, Error, Never, RetryPolicy, Transport, TransportError, TransportErrorKind, Value, json,
};
use kinto_server::Backend;
use kinto_tests::{Fault, Log, Outcome, Proxy, Recorder, Scene, Sent, server_on};

use crate::{
    batch_collisions::colliding,
    batch_faults::{answering, failing, filled, held, numbered, parse, shown},
    batch_requests::sizes,
    predicates,
};

/// Whether a server is there does not depend on what is sent to it.
#[tokio::test]
async fn a_broken_way_is_not_tried_more_often_than_by_each_operation_alone() -> Outcome {
    const OPERATIONS: usize = 50;
    for fault in [|| Fault::CutBefore, || Fault::answer(502, &[], "")] {
        let scene = Scene::new().await;
        let proxy =
            Proxy::start(scene.url(), move |sent| if sent.line() == "GET /" { Fault::Pass } else { fault() }).await;
        let client = scene.client_at(proxy.url()).retry(Never).build()?;
        let created = scene.todos_of(&client).create_records(numbered(0..OPERATIONS)).each().await?;
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
async fn what_was_never_sent_is_said_to_be() -> Outcome {
    const OPERATIONS: usize = 60;
    let scene = Scene::new().await;
    // The server's description of itself, and one batch.
    let transport =
        Refused { reached: 2, back_after: usize::MAX, tries: Arc::default(), transport: Recorder::default() };
    let client = scene.client_at(scene.url()).transport(transport.clone()).retry(Never).build()?;
    let todos = scene.todos_of(&client);
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
    assert_eq!(scene.plain.ids(&scene.records).await.len(), 25);
    let tries = transport.tries.load(Ordering::SeqCst) - 2;
    assert!(tries <= OPERATIONS - 25, "{tries} tries for {} operations, with a policy of no retries", OPERATIONS - 25);
    Ok(())
}

#[tokio::test]
async fn what_was_never_sent_can_be_sent_again_also_if_it_is_blind() -> Outcome {
    let scene = Scene::new().await;
    let transport = Refused { reached: 1, back_after: 2, tries: Arc::default(), transport: Recorder::default() };
    let client = scene.client_at(scene.url()).transport(transport.clone()).build()?;
    let todos = scene.todos_of(&client);
    let mut batch = client.batch();
    let tickets = batch.extend((0..3).map(|n| todos.overwrite_record(format!("n{n:02}"), json!({"n": n}))));
    let created = batch.add(todos.create_record(json!({"n": "server's"})).server_id());
    let results = batch.execute().await?;
    for ticket in tickets.iter().chain([&created]) {
        results.get(ticket)?;
    }
    assert_eq!(scene.plain.ids(&scene.records).await.len(), 4);
    Ok(())
}

#[tokio::test]
async fn a_server_that_asks_for_time_gets_it() -> Outcome {
    let scene = Scene::new().await;
    let arrivals = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&arrivals);
    let busy = json!({"code": 503, "errno": 201, "error": "busy"}).to_string();
    let rule = move |sent: &Sent| {
        if sent.line() == "GET /" {
            return Fault::Pass;
        }
        let mut seen = seen.lock().unwrap();
        seen.push(Instant::now());
        let headers = ["Content-Type: application/json", "Retry-After: 1"];
        if seen.len() == 1 { Fault::answer(503, &headers, &busy) } else { Fault::Pass }
    };
    let proxy = Proxy::start(scene.url(), rule).await;
    scene.todos_through(&proxy).create_records(numbered(0..3)).await?;
    assert_eq!(held(&scene).await.len(), 3);
    let arrivals = arrivals.lock().unwrap();
    let waited = arrivals[1] - arrivals[0];
    assert!(waited >= Duration::from_secs(1), "it was asked again after {waited:?}");
    Ok(())
}

#[tokio::test]
async fn a_server_that_never_answers() -> Outcome {
    let scene = Scene::new().await;
    filled(&scene, 2).await;
    let proxy = failing(&scene, [Fault::Stall(0)]).await;
    let client = scene.client_at(proxy.url()).timeout(Duration::from_secs(2)).build()?;
    let todos = scene.todos_of(&client);
    let (read, patched, created) = client
        .together((
            todos.get_record::<Value>("n00"),
            todos.patch_record::<Value>("n01", json!({"patched": true})),
            todos.create_record(json!({"n": "new"})),
        ))
        .await?;
    assert_eq!(read?.data["n"], 0);
    let error = patched.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["timed out"], true), "{error}");
    let created = created?;
    assert_eq!(shown(&created), held(&scene).await[created.id.as_str()]);
    Ok(())
}

/// That the record is there already may be the own doing, and is so for certain if the id is one's own.
#[tokio::test]
async fn what_is_ensured_in_a_lost_batch_is_in_doubt_unless_the_id_is_proof() -> Outcome {
    let scene = Scene::new().await;
    scene.plain.put_data(&scene.record("old"), &json!({"n": 0})).await;
    let mut cut = false;
    let rule = move |sent: &Sent| {
        let first = sent.body.contains("new") && !std::mem::replace(&mut cut, true);
        if first { Fault::CutAfter } else { Fault::Pass }
    };
    let proxy = Proxy::start(scene.url(), rule).await;
    let client = scene.client_at(proxy.url()).build()?;
    let todos = scene.todos_of(&client);
    let (own, new, old) = client
        .together((
            todos.create_record(json!({"n": 2})).if_not_exists(),
            todos.create_record(json!({"id": "new", "n": 1})).if_not_exists(),
            todos.create_record(json!({"id": "old", "n": 1})).if_not_exists(),
        ))
        .await?;
    let (own, new, old) = (own?, new?, old?);
    assert_eq!((shown(&new), shown(&old)["n"].clone()), (held(&scene).await["new"].clone(), json!(0)));
    assert!(own.is_created(), "{own:?}");
    assert!(matches!((new, old), (Ensured::InDoubt(_), Ensured::InDoubt(_))));
    Ok(())
}

/// Keeps what it is asked, and allows so many tries, a little apart.
#[derive(Clone, Debug)]
struct Asked {
    tries: u32,
    attempts: Arc<Mutex<Vec<Attempt>>>,
}

impl Asked {
    const WAIT: Duration = Duration::from_millis(60);

    fn new(tries: u32) -> Self {
        Self { tries, attempts: Arc::default() }
    }
}

impl RetryPolicy for Asked {
    fn delay(&self, attempt: &Attempt) -> Option<Duration> {
        self.attempts.lock().unwrap().push(attempt.clone());
        (attempt.tries < self.tries).then_some(Self::WAIT)
    }
}

/// The server fails at all that it gets but its description.
async fn down(scene: &Scene) -> Proxy {
    let busy = json!({"code": 503, "errno": 201, "error": "busy"}).to_string();
    let rule = move |sent: &Sent| match sent.line().as_str() {
        "GET /" => Fault::Pass,
        _ => Fault::answer(503, &["Content-Type: application/json", "Retry-After: 7"], &busy),
    };
    Proxy::start(scene.url(), rule).await
}

#[tokio::test]
async fn the_policy_decides_how_often_and_after_how_long() -> Outcome {
    let scene = Scene::new().await;
    for tries in [1, 2, 3] {
        let (proxy, policy) = (down(&scene).await, Asked::new(tries));
        let client = scene.client_at(proxy.url()).retry(policy.clone()).build()?;
        let start = Instant::now();
        let created = scene.todos_of(&client).create_records(numbered(0..5)).each().await?;
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
    assert_eq!(held(&scene).await.len(), 0);
    Ok(())
}

/// As a server in front of Kinto may do, which limits how much of each kind is done.
#[tokio::test]
async fn one_operation_that_is_put_off_is_sent_again_when_the_policy_says() -> Outcome {
    let scene = Scene::new().await;
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
    let mut records = filled(&scene, 3).await;
    for (tries, expected) in [(2, None), (1, Some("unavailable"))] {
        for record in &mut records {
            record.data["tries"] = tries.into();
        }
        // It was done all the same; that it was is known, when it is sent again.
        let (proxy, policy) = (failing(&scene, [put_off()]).await, Asked::new(tries));
        let client = scene.client_at(proxy.url()).retry(policy.clone()).build()?;
        let todos = scene.todos_of(&client);
        let mut batch = client.batch();
        let tickets = batch.extend(
            records.iter_mut().map(|record| todos.patch_record::<Value>(record.id.as_str(), json!({"tries": tries}))),
        );
        let done = batch.execute().await?;
        assert!(done.get(&tickets[0]).is_ok() && done.get(&tickets[2]).is_ok());
        let second = done.get(&tickets[1]).err();
        assert_eq!(second.as_ref().map(|error| predicates(error)[0]), expected, "{second:?}");
        assert_eq!(second.and_then(|error| error.retry_in()), expected.map(|_| Duration::from_secs(9)));
        assert_eq!(sizes(&proxy.arrived()[1..]), if tries == 2 { vec![3, 0] } else { vec![3] });
        let attempts = policy.attempts.lock().unwrap();
        assert_eq!(attempts[0].retry_after, Some(Duration::from_secs(9)), "{attempts:?}");
    }
    Ok(())
}

/// What the server undoes because of its neighbour has no result until it is sent again.
#[tokio::test]
async fn a_collision_is_no_matter_of_the_policy() -> Outcome {
    let server = server_on(Backend::PostgreSql);
    let scene = Scene::on(server.url()).await;
    let old = scene.todos.create_record(json!({"id": "old"})).await?;
    let proxy = failing(&scene, [colliding(2, old.last_modified.as_millis())]).await;
    let client = scene.client_at(proxy.url()).retry(Never).build()?;
    let log = Log::start();
    let created = scene.todos_of(&client).create_records(numbered(0..4)).await?;
    let text = log.text();
    let waits: Vec<&str> = text.lines().filter_map(|line| line.split_once("delay=")?.1.split(' ').next()).collect();
    assert_eq!(waits, ["0ns"], "Kinto asks for seconds, which are not waited");
    let mut held = held(&scene).await;
    assert!(held.remove("old").is_some());
    assert_eq!(created.iter().map(shown).collect::<Vec<_>>(), held.into_values().collect::<Vec<_>>());
    assert_eq!(sizes(&proxy.arrived()[1..]), [4, 3]);
    Ok(())
}
