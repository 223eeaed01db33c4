//! Ways out of the library's own verbs: raw requests, headers of a call, transports that wrap the default one.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use futures_util::StreamExt as _;
use kinto_client::{
    Client, Timestamp, Value,
    bytes::Bytes,
    futures_core::future::BoxFuture,
    http::{HeaderMap, Method, Request, Response},
    json,
    transport::{Body, HttpTransport, Transport, TransportError, TransportErrorKind},
};
use kinto_tests::{Fixture, Outcome};

use crate::predicates;

/// Wraps the default transport, and keeps the headers that went through it.
#[derive(Clone)]
struct Wrapped(HttpTransport, Arc<Mutex<Vec<HeaderMap>>>);

impl Transport for Wrapped {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Body>, TransportError>> {
        self.1.lock().unwrap().push(request.headers().clone());
        self.0.send(request)
    }
}

/// Fails with an error of another library until it is told not to, and counts.
struct Foreign(HttpTransport, AtomicUsize, fn() -> TransportError);

impl Transport for Foreign {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Body>, TransportError>> {
        if self.1.fetch_add(1, Ordering::Relaxed) == 0 {
            let error = (self.2)();
            return Box::pin(async { Err(error) });
        }
        self.0.send(request)
    }
}

#[tokio::test]
async fn raw_request_has_credentials_query_body_and_precondition() -> Outcome {
    let fixture = Fixture::new().await;
    let put = fixture
        .client
        .request(Method::PUT, fixture.record("milk"))
        .json(json!({"data": {"title": "Milk"}}))
        .if_absent();
    assert_eq!(put.preview()?.to_string().lines().nth(1), Some("If-None-Match: *"));
    let created = put.await?.success()?;
    assert_eq!((created.status.as_u16(), created.may_have_been_applied), (201, false));
    let time = created.json::<Value>()?["data"]["last_modified"].as_u64().unwrap();

    let again =
        fixture.client.request(Method::PUT, fixture.record("milk")).json(json!({"data": {}})).if_absent().await?;
    assert_eq!(again.status, 412);
    let error = again.success().unwrap_err();
    assert_eq!((predicates(&error), error.status().unwrap().as_u16()), (vec!["conflict"], 412));

    let list =
        fixture.client.request(Method::GET, format!("{}?_limit=1", fixture.records)).query("title", "\"Milk\"").await?;
    assert!(list.headers.contains_key("etag") && list.headers.contains_key("last-modified"), "{:?}", list.headers);
    assert_eq!(list.json::<Value>()?["data"][0]["id"], "milk");
    let guarded =
        fixture.client.request(Method::DELETE, fixture.record("milk")).if_match(Timestamp::from_millis(time)).await?;
    assert_eq!(guarded.status, 200);
    assert!(fixture.plain.ids(&fixture.records).await.is_empty());
    Ok(())
}

#[tokio::test]
async fn raw_request_refuses_paths_that_lead_elsewhere() -> Outcome {
    let fixture = Fixture::new().await;
    for path in
        ["", "buckets", "/buckets/../x", "/a/%2e%2E/x", "/a/./b", "/a b", "/é", "/a#b", "/a\\b", "/a?x=\"", "http://x/"]
    {
        let error = fixture.client.request(Method::GET, path).await.unwrap_err();
        assert_eq!(predicates(&error), ["invalid"], "{path}: {error}");
    }
    let error = fixture.client.request(Method::CONNECT, "/").await.unwrap_err();
    assert_eq!(predicates(&error), ["invalid"]);
    assert!(fixture.sent.take().is_empty());
    Ok(())
}

#[tokio::test]
async fn raw_request_is_sent_again_only_where_that_is_said() -> Outcome {
    let fixture = Fixture::new().await;
    let unknown: fn() -> TransportError = || TransportError::unknown("a tunnel");
    let connect: fn() -> TransportError = || TransportError::new(TransportErrorKind::Connect, "a tunnel");
    for (error, method, repeatable, tries) in [
        (unknown, Method::PUT, false, 1),
        (unknown, Method::PUT, true, 2),
        (unknown, Method::GET, false, 2),
        (connect, Method::PUT, false, 2),
    ] {
        let builder = fixture.client_at(fixture.url());
        let transport = Arc::new(Foreign(builder.http_transport()?, AtomicUsize::new(0), error));
        let client = builder.transport(Arc::clone(&transport)).build()?;
        let call = client.request(method.clone(), fixture.record("x"));
        let call = if method == Method::PUT { call.json(json!({"data": {}})) } else { call };
        let outcome = if repeatable { call.repeatable().await } else { call.await };
        assert_eq!(transport.1.load(Ordering::Relaxed), tries, "{method} {repeatable}");
        match outcome {
            Ok(response) => {
                assert!(tries == 2 && response.status.is_success(), "{method} {repeatable}: {}", response.status);
            }
            Err(error) => {
                assert!(tries == 1 && error.may_have_been_applied() && error.is_connect(), "{error}");
                assert!(error.to_string().contains("does not say how far the request came"), "{error}");
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn foreign_error_is_unknown_and_a_write_is_not_repeated() -> Outcome {
    fn carry(error: std::io::Error) -> Result<(), TransportError> {
        Err(error)?;
        Ok(())
    }
    let boxed: Box<dyn std::error::Error + Send + Sync> = "boxed".into();
    for error in [carry(std::io::Error::other("io")).unwrap_err(), TransportError::from(boxed)] {
        assert_eq!(error.kind(), TransportErrorKind::Unknown);
        assert!(error.to_string().contains("may have been sent"), "{error}");
        assert!(std::error::Error::source(&error).is_some());
    }
    let fixture = Fixture::new().await;
    let builder = fixture.client_at(fixture.url());
    let transport =
        Arc::new(Foreign(builder.http_transport()?, AtomicUsize::new(0), || std::io::Error::other("tunnel").into()));
    let client = builder.transport(Arc::clone(&transport)).build()?;
    let patch = fixture.todos_of(&client).patch_record::<Value>("x", json!({"n": 1}));
    let error = patch.await.unwrap_err();
    assert!(error.is_connect() && error.may_have_been_applied(), "{error}");
    assert_eq!(transport.1.load(Ordering::Relaxed), 1);
    Ok(())
}

#[tokio::test]
async fn header_of_a_call_is_on_each_of_its_requests_and_on_no_other() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.fill((0..3).map(|n| (format!("r{n}"), json!({})))).await;
    let seen = Arc::default();
    let builder = fixture.client_at(fixture.url());
    let client =
        builder.http_transport().map(|inner| builder.transport(Wrapped(inner, Arc::clone(&seen))).build())??;
    let todos = fixture.todos_of(&client);
    let taken = || std::mem::take(&mut *seen.lock().unwrap());

    todos.get_records::<Value>().page_size(1).header("traceparent", "00-4b").await?;
    let headers = taken();
    assert_eq!(headers.len(), 3);
    assert!(headers.iter().all(|headers| headers["traceparent"] == "00-4b" && headers["traceparent"].is_sensitive()));
    let mut stream = todos.get_records::<Value>().header("a", "1").header("b", "2").stream();
    while let Some(record) = stream.next().await {
        record?;
    }
    assert!(taken().iter().all(|headers| headers["a"] == "1" && headers["b"] == "2"));
    todos.get_record::<Value>("r0").await?;
    assert!(taken().iter().all(|headers| !headers.contains_key("traceparent")));

    for (name, value) in
        [("authorization", "x"), ("If-Match", "x"), ("content-type", "x"), ("host", "x"), ("a b", "x"), ("a", "x\n")]
    {
        let error = todos.get_record::<Value>("r0").header(name, value).await.unwrap_err();
        assert_eq!(predicates(&error), ["invalid"], "{name}: {error}");
    }
    let mut batch = client.batch();
    batch.add(todos.get_record::<Value>("r0").header("a", "1"));
    let error = batch.preview().unwrap_err();
    assert!(error.to_string().contains("`.header(…)`"), "{error}");
    assert!(taken().is_empty());
    Ok(())
}

#[tokio::test]
async fn raw_body_has_its_own_type() -> Outcome {
    let fixture = Fixture::new().await;
    let patch = r#"[{"op": "add", "path": "/data/n", "value": 1}]"#;
    fixture.fill([("r".to_owned(), json!({}))]).await;
    let call = fixture.client.request(Method::PATCH, fixture.record("r")).body("application/json-patch+json", patch);
    assert!(call.preview()?.to_string().ends_with(&format!("Content-Type: application/json-patch+json\n\n{patch}")));
    let patched = call.await?.success()?;
    assert_eq!(patched.json::<Value>()?["data"]["n"], 1);
    let mut batch = fixture.client.batch();
    let ticket = batch.add(fixture.client.request(Method::GET, fixture.record("r")));
    let other = batch.add(fixture.client.request(Method::GET, fixture.record("none")));
    let done = batch.execute().await?;
    assert_eq!((done.get(&ticket)?.status.as_u16(), done.get(&other)?.status.as_u16()), (200, 404));
    assert!(done.get(&ticket)?.headers.contains_key("etag"));
    Ok(())
}

#[test]
fn client_of_https_needs_a_feature_or_a_transport() {
    // With the features of this build it is one to build; without them `.ci/run` builds the packages.
    assert!(Client::builder("https://kinto.example.org/v1").build().is_ok());
}
