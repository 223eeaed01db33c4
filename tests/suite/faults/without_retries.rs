//! Faults without retries: each is an error of its own kind, with whether the server may have executed the
//! request.
//!
//! There are no retries here, so that each fault is an error.

use std::time::Duration;

use kinto_client::{Error, ErrorKind, Record, Value, json, retry::NeverRetry};
use kinto_tests::{Fault, Fixture, Gate, Outcome, Proxy, SentRequest, nowhere};

use crate::{Todo, predicates};

/// The results of a client that reads, lists, creates, patches and deletes through a proxy with this fault.
struct Results {
    reads: Vec<Error>,
    writes: Vec<Error>,
}

async fn results(fixture: &Fixture, rule: impl FnMut(&SentRequest) -> Fault + Send + 'static) -> Results {
    let proxy = Proxy::start(fixture.url(), rule).await;
    let client = fixture.client_at(proxy.url()).retry(NeverRetry).build().unwrap();
    let todos = fixture.todos_of(&client);
    // One after the other: at once they could collide on the server.
    let get = todos.get_record::<Todo>("milk").await.unwrap_err();
    let list = todos.get_records::<Todo>().await.unwrap_err();
    let create = todos.create_record(Todo::new("Eggs")).id("eggs").await.unwrap_err();
    let patch = todos.patch_record::<Todo>("milk", json!({"done": true})).await.unwrap_err();
    let delete = todos.delete_record("ham").await.unwrap_err();
    Results { reads: vec![get, list], writes: vec![create, patch, delete] }
}

impl Results {
    fn assert(&self, is: &[&str], writes_may_be_applied: bool, says: &[&str]) {
        let all = self.reads.iter().map(|error| (false, error));
        for (maybe, error) in all.chain(self.writes.iter().map(|error| (writes_may_be_applied, error))) {
            assert_eq!(predicates(error), is, "{error}");
            assert_eq!(error.may_have_been_applied(), maybe, "{error}");
            for words in says {
                assert!(error.to_string().contains(words), "{words} is not said: {error}");
            }
            assert!(!error.to_string().contains('\n'), "{error}");
        }
        let of = |errors: &[Error]| -> Vec<String> {
            errors.iter().map(|error| error.operation().expect("an operation").to_owned()).collect()
        };
        assert_eq!(of(&self.writes), ["create record", "patch record", "delete record"]);
    }
}

/// A fixture with the records `milk` and `ham`.
async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Milk"})).await;
    fixture.plain.put_data(&fixture.record("ham"), &json!({"title": "Ham"})).await;
    fixture
}

async fn assert_untouched(fixture: &Fixture) {
    assert_eq!(fixture.plain.ids(&fixture.records).await, ["ham", "milk"]);
    assert_eq!(fixture.plain.held(&fixture.record("milk")).await, json!({"title": "Milk"}));
}

const HTML: &str = "<html>\n<body>\n<h1>502 Bad Gateway</h1> nginx\n</body></html>";

#[tokio::test]
async fn proxy_error_page_returns_unavailable() -> Outcome {
    let fixture = fixture().await;
    let results = results(&fixture, |_| Fault::answer(502, &["Content-Type: text/html; charset=utf-8"], HTML)).await;
    results.assert(&["unavailable"], true, &["502", "text/html", "<h1>502 Bad Gateway</h1> nginx"]);
    for error in results.reads.iter().chain(&results.writes) {
        assert_eq!((error.status().map(|status| status.as_u16()), error.errno()), (Some(502), None));
        assert_eq!((error.server_message(), error.details()), (None, None));
    }
    assert_untouched(&fixture).await;
    Ok(())
}

#[tokio::test]
async fn proxy_success_page_returns_unexpected() -> Outcome {
    let fixture = fixture().await;
    let page = "<html><title>Log in to the hotel's network</title></html>";
    let results =
        results(&fixture, move |_| Fault::answer(200, &["Content-Type: text/html", "ETag: \"1\""], page)).await;
    results.assert(&["unexpected"], true, &["not one of Kinto", "Log in to the hotel's network"]);
    assert_untouched(&fixture).await;
    Ok(())
}

#[tokio::test]
async fn foreign_404_and_403_return_unexpected() -> Outcome {
    let fixture = fixture().await;
    for status in [404, 403] {
        let results =
            results(&fixture, move |_| Fault::answer(status, &["Content-Type: text/html"], "<h1>No</h1>")).await;
        results.assert(&["unexpected"], false, &["not in Kinto's form", "<h1>No</h1>"]);
        let proxy = Proxy::start(fixture.url(), move |_| Fault::answer(status, &[], "")).await;
        let todos = fixture.todos_through(&proxy);
        let none = todos.get_record::<Todo>("milk").optional().await.unwrap_err();
        assert_eq!(predicates(&none), ["unexpected"], "who knows what is not there: {none}");
        let deleted = todos.delete_record("milk").if_exists().await.unwrap_err();
        assert_eq!(predicates(&deleted), ["unexpected"], "{deleted}");
    }
    assert_untouched(&fixture).await;
    Ok(())
}

#[tokio::test]
async fn empty_body_returns_unexpected() -> Outcome {
    let fixture = fixture().await;
    let all_is_well = results(&fixture, |_| Fault::answer(200, &["ETag: \"1\""], "")).await;
    all_is_well.assert(&["unexpected"], true, &["the body is empty"]);
    let nothing_is = results(&fixture, |_| Fault::answer(500, &[], "")).await;
    nothing_is.assert(&["server"], true, &["500", "empty"]);
    assert_untouched(&fixture).await;
    Ok(())
}

#[tokio::test]
async fn foreign_json_returns_unexpected() -> Outcome {
    let fixture = fixture().await;
    for body in [json!({"ok": true}), json!([]), json!({"data": 7}), json!(null)] {
        let shown = body.to_string();
        let results = results(&fixture, move |_| {
            Fault::answer(200, &["Content-Type: application/json", "ETag: \"1\""], &body.to_string())
        });
        let results = results.await;
        for error in results.reads.iter().chain(&results.writes) {
            assert!(matches!(predicates(error)[..], ["unexpected" | "decode"]), "{shown}: {error}");
        }
        assert!(results.writes.iter().all(Error::may_have_been_applied), "{shown}");
    }
    let results = results(&fixture, |_| Fault::json(400, &json!({"message": "who are you?"}))).await;
    results.assert(&["unexpected"], false, &["400", "who are you?"]);
    assert_untouched(&fixture).await;
    Ok(())
}

#[tokio::test]
async fn interrupted_body_returns_connection_error() -> Outcome {
    let fixture = fixture().await;
    let results = results(&fixture, |_| Fault::Truncate(9)).await;
    results.assert(&["connection"], true, &["before the whole response had arrived"]);
    // The server did what it was asked.
    assert_eq!(fixture.plain.ids(&fixture.records).await, ["eggs", "milk"]);
    assert_eq!(fixture.plain.held(&fixture.record("milk")).await, json!({"title": "Milk", "done": true}));
    Ok(())
}

#[tokio::test]
async fn truncated_body_returns_unexpected() -> Outcome {
    let fixture = fixture().await;
    let cut = |_: &SentRequest| {
        Fault::Edit(Box::new(|answer| {
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            let lines: Vec<&str> =
                head.lines().filter(|line| !line.to_lowercase().starts_with("content-length")).collect();
            format!("{}\r\nContent-Length: 9\r\n\r\n{}", lines.join("\r\n"), &body[..9])
        }))
    };
    let results = results(&fixture, cut).await;
    results.assert(&["unexpected"], true, &["not one of Kinto"]);
    assert_eq!(fixture.plain.ids(&fixture.records).await, ["eggs", "milk"]);
    Ok(())
}

#[tokio::test]
async fn unreachable_server_returns_connection_error() -> Outcome {
    let fixture = fixture().await;
    let (url, _port) = nowhere();
    let todos = fixture.todos_of(&fixture.client_at(&url).retry(NeverRetry).build()?);
    let (get, create) = tokio::join!(
        todos.get_record::<Todo>("milk").into_future(),
        todos.create_record(Todo::new("Eggs")).into_future()
    );
    for error in [get.unwrap_err(), create.unwrap_err()] {
        assert_eq!((error.kind(), predicates(&error)), (ErrorKind::Connect, vec!["connection"]), "{error}");
        assert!(!error.may_have_been_applied() && error.status().is_none(), "nothing was sent: {error}");
        assert!(error.to_string().contains("running"), "{error}");
        let source = std::error::Error::source(&error).expect("the reason");
        let mut reasons = std::iter::successors(Some(source), |error| error.source()).map(ToString::to_string);
        assert!(reasons.any(|reason| reason.contains("refused")), "{error:?}");
    }
    Ok(())
}

#[tokio::test]
async fn broken_connection_before_request_returns_connection_error() -> Outcome {
    let fixture = fixture().await;
    let results = results(&fixture, |_| Fault::CutBefore).await;
    results.assert(&["connection"], true, &["connection"]);
    assert_untouched(&fixture).await;
    Ok(())
}

#[tokio::test]
async fn broken_connection_after_request_returns_connection_error() -> Outcome {
    let fixture = fixture().await;
    let results = results(&fixture, |_| Fault::CutAfter).await;
    results.assert(&["connection"], true, &["connection"]);
    assert_eq!(fixture.plain.ids(&fixture.records).await, ["eggs", "milk"]);
    assert_eq!(fixture.plain.held(&fixture.record("milk")).await, json!({"title": "Milk", "done": true}));
    Ok(())
}

#[tokio::test]
async fn save_can_be_repeated_after_lost_response() -> Outcome {
    let fixture = fixture().await;
    let mut record: Record<Todo> = fixture.todos.get_record("milk").await?;
    let read = record.last_modified;
    let proxy = Proxy::start(fixture.url(), |_| Fault::CutAfter).await;
    record.data.done = true;
    let client = fixture.client_at(proxy.url()).retry(NeverRetry).build()?;
    let error = fixture.todos_of(&client).save_record(&mut record).await.unwrap_err();
    assert_eq!(predicates(&error), ["connection"], "{error}");
    assert!(error.may_have_been_applied() && error.to_string().contains("read before you write again"), "{error}");
    assert_eq!((record.last_modified, record.data.done), (read, true), "it is as it was");
    assert_eq!(fixture.plain.held(&fixture.record("milk")).await, json!({"title": "Milk", "done": true}));
    Ok(())
}

#[tokio::test]
async fn server_that_never_answers() -> Outcome {
    let fixture = fixture().await;
    let gate = Gate::default();
    let hold = gate.clone();
    let proxy = Proxy::start(fixture.url(), move |_| Fault::Hold(hold.clone())).await;
    let client = fixture.client_at(proxy.url()).retry(NeverRetry).timeout(Duration::from_millis(150)).build()?;
    let todos = fixture.todos_of(&client);
    let (get, create, patch) = tokio::join!(
        todos.get_record::<Todo>("milk").into_future(),
        todos.create_record(Todo::new("Eggs")).id("eggs").into_future(),
        todos.patch_record::<Todo>("milk", json!({"done": true})).into_future(),
    );
    for (error, maybe) in [(get.unwrap_err(), false), (create.unwrap_err(), true), (patch.unwrap_err(), true)] {
        assert_eq!((error.kind(), predicates(&error)), (ErrorKind::Timeout, vec!["timed out"]), "{error}");
        assert_eq!(error.may_have_been_applied(), maybe, "{error}");
        assert!(error.to_string().contains("0.15 s"), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn silence_within_response_returns_timeout() -> Outcome {
    let fixture = fixture().await;
    for silent_after in [0, 9] {
        let proxy = Proxy::start(fixture.url(), move |_| Fault::Stall(silent_after)).await;
        let client =
            fixture.client_at(proxy.url()).retry(NeverRetry).read_timeout(Duration::from_millis(150)).build()?;
        let todos = fixture.todos_of(&client);
        let (get, create) = tokio::join!(
            todos.get_record::<Todo>("milk").into_future(),
            todos.create_record(Todo::new("Eggs")).into_future(),
        );
        for (error, maybe) in [(get.unwrap_err(), false), (create.unwrap_err(), true)] {
            assert_eq!(predicates(&error), ["timed out"], "{error}");
            assert_eq!(error.may_have_been_applied(), maybe, "{error}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn response_in_small_chunks_is_complete() -> Outcome {
    let fixture = Fixture::new().await;
    let data = json!({"title": "M\u{1f95b}lk ".repeat(50), "deep": {"list": [1, 2, 3]}});
    fixture.plain.put_data(&fixture.record("milk"), &data).await;
    let proxy = Proxy::start(fixture.url(), |_| Fault::Trickle).await;
    let todos = fixture.todos_through(&proxy);
    assert_eq!(todos.get_record::<Value>("milk").await?.data, data);
    let mut records = todos.get_records::<Value>().await?;
    records[0].data["deep"]["list"][1] = 7.into();
    todos.save_record(&mut records[0]).await?;
    assert_eq!(fixture.plain.held(&fixture.record("milk")).await, records[0].data);
    Ok(())
}

#[tokio::test]
async fn oversized_response_returns_too_large() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("small"), &json!({"title": "x"})).await;
    fixture.plain.put_data(&fixture.record("large"), &json!({"title": "x".repeat(2_000)})).await;
    let client = fixture.client_at(fixture.url()).max_response_size(1_000).build()?;
    let todos = fixture.todos_of(&client);
    assert_eq!(todos.get_record::<Todo>("small").await?.data.title, "x");
    for error in [todos.get_record::<Todo>("large").await.unwrap_err(), todos.get_records::<Todo>().await.unwrap_err()]
    {
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
        assert!(error.to_string().contains("1000 bytes"), "{error}");
    }
    // Also where the length is not announced.
    let endless = Proxy::instead(|_| {
        let body = "x".repeat(2_000);
        Fault::Answer(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n{body}\r\n0\r\n\r\n"))
    });
    let endless = endless.await;
    let client = fixture.client_at(endless.url()).max_response_size(1_000).build()?;
    let error = fixture.todos_of(&client).get_record::<Todo>("small").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
    Ok(())
}
