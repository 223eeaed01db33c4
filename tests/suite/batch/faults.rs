//! Batches whose way to the server fails: nothing is lost, nothing is doubled, and nothing is said that is not so.

use std::collections::{BTreeMap, VecDeque};

use kinto_client::{Error, Record, Value, json, retry::NeverRetry};
use kinto_tests::{Fault, Fixture, Outcome, Proxy, SentRequest};

/// A proxy that does this with the batches that come to it, one after the other, and passes on all else.
pub(crate) async fn failing(fixture: &Fixture, faults: impl IntoIterator<Item = Fault>) -> Proxy {
    let mut faults: VecDeque<Fault> = faults.into_iter().collect();
    let rule = move |sent: &SentRequest| if sent.is_batch() { faults.pop_front() } else { None }.unwrap_or(Fault::Pass);
    Proxy::start(fixture.url(), rule).await
}

/// A fault, with whether the server has executed the request then.
type Happening = (&'static str, bool, fn() -> Fault);

/// All faults of one request of a batch.
fn faults() -> [Happening; 10] {
    [
        ("the connection is cut before the server has heard", false, || Fault::CutBefore),
        ("the connection is cut after the server has done it", true, || Fault::CutAfter),
        ("the answer breaks off", true, || Fault::Truncate(40)),
        ("the answer is cut short and looks whole", true, || answering(|_| r#"{"responses":[{"status":201"#.into())),
        ("the answer is that of a batch of one", true, || {
            answering(|body| json!({"responses": [parse(&body)["responses"][0]]}).to_string())
        }),
        ("a proxy reaches nobody", false, || Fault::answer(502, &["Content-Type: text/html"], "<h1>Oh no</h1>")),
        ("the server is overloaded", false, || Fault::json(503, &json!({"code": 503, "errno": 201, "error": "busy"}))),
        ("a proxy waits no longer for the server", true, || answered(504, "<h1>Gateway Time-out</h1>")),
        ("the server fails", false, || Fault::json(500, &json!({"code": 500, "errno": 999, "error": "oh no"}))),
        ("the server fails when all is done", true, || answered(500, r#"{"code":500,"errno":999,"error":"oh no"}"#)),
    ]
}

pub(crate) fn parse(body: &str) -> Value {
    serde_json::from_str(body).expect("JSON")
}

/// Passes it on, and answers with what is made of the body of the answer.
pub(crate) fn answering(edit: impl FnOnce(String) -> String + Send + 'static) -> Fault {
    Fault::Edit(Box::new(move |answer| {
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        let body = edit(body.to_owned());
        format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }))
}

/// Passes it on, and answers with this.
fn answered(status: u16, body: &'static str) -> Fault {
    let Fault::Answer(answer) = Fault::answer(status, &[], body) else { unreachable!("it is an answer") };
    Fault::Edit(Box::new(|_| answer))
}

/// All records on the server, by id.
pub(crate) async fn held(fixture: &Fixture) -> BTreeMap<String, Value> {
    let answer = fixture.plain.get(&format!("{}?_limit=0", fixture.records)).await.json();
    let objects = answer["data"].as_array().expect("a list");
    objects.iter().map(|object| (object["id"].as_str().expect("an id").to_owned(), object.clone())).collect()
}

pub(crate) fn shown(record: &Record<Value>) -> Value {
    parse(record.raw_json())
}

pub(crate) fn numbered(records: std::ops::Range<usize>) -> impl Iterator<Item = Value> {
    records.map(|n| json!({"id": format!("n{n:02}"), "n": n}))
}

/// The first collection of the fixture with so many records in it, as they were read.
pub(crate) async fn filled(fixture: &Fixture, records: usize) -> Vec<Record<Value>> {
    fixture.todos.create_records(numbered(0..records)).await.expect("they are new")
}

/// The places of those that are in doubt: all other results have to be successes.
fn doubts<T>(what: &str, results: &[Result<T, Error>]) -> Vec<usize> {
    let failures = results.iter().enumerate().filter_map(|(place, result)| Some((place, result.as_ref().err()?)));
    let place = |(place, error): (usize, &Error)| {
        assert!(error.is_conflict() && error.may_have_been_applied(), "{what}: {error}");
        place
    };
    failures.map(place).collect()
}

/// Those of one request, if the server has done it and its answer was lost.
fn expected(done: bool, places: std::ops::Range<usize>) -> Vec<usize> {
    if done { places.collect() } else { Vec::new() }
}

#[tokio::test]
async fn creates_are_all_stored_and_proven_by_their_ids_or_in_doubt() -> Outcome {
    for (what, done, fault) in faults() {
        let fixture = Fixture::new().await;
        let proxy = failing(&fixture, [Fault::Pass, fault()]).await;
        let chosen = fixture.todos_through(&proxy).create_records(numbered(0..60)).each().await?;
        assert_eq!(doubts(what, &chosen), expected(done, 25..50), "{what}");
        assert_eq!(fixture.plain.ids(&fixture.records).await.len(), 60, "{what}");

        let fixture = Fixture::new().await;
        // The second of three requests.
        let proxy = failing(&fixture, [Fault::Pass, fault()]).await;
        let created = fixture.todos_through(&proxy).create_records((0..60).map(|n| json!({ "n": n }))).await;
        let created = created.unwrap_or_else(|error| panic!("{what}: {error}"));
        let held = held(&fixture).await;
        assert_eq!(held.len(), 60, "{what}");
        for (n, record) in created.iter().enumerate() {
            assert_eq!(record.data["n"], n, "{what}");
            assert_eq!(held.get(record.id.as_str()), Some(&shown(record)), "{what}");
        }
        assert!(proxy.arrived().iter().filter(|sent| sent.is_batch()).count() > 3, "{what}: it did not happen");
    }
    Ok(())
}

#[tokio::test]
async fn saves_are_all_stored_and_said_to_be_or_in_doubt() -> Outcome {
    for (what, done, fault) in faults() {
        let fixture = Fixture::new().await;
        let mut records = filled(&fixture, 30).await;
        for record in &mut records {
            record.data["changed"] = true.into();
        }
        let proxy = failing(&fixture, [fault()]).await;
        let todos = fixture.todos_through(&proxy);
        let saved = todos.save_records(&mut records).each().await?;
        assert_eq!(doubts(what, &saved), expected(done, 0..25), "{what}");
        let held = held(&fixture).await;
        assert!(held.values().all(|object| object["changed"] == true), "{what}");
        let records: &mut [Record<Value>] = if done { &mut records[25..] } else { &mut records };
        for record in &*records {
            assert_eq!(record.data["changed"], true, "{what}");
            assert_eq!(held.get(record.id.as_str()), Some(&shown(record)), "{what}");
            assert_eq!(shown(record)["last_modified"], record.last_modified.as_millis(), "{what}");
        }
        // What is saved is known as that.
        let lines = proxy.lines().len();
        todos.save_records(records).await?;
        assert_eq!(proxy.lines().len(), lines, "{what}");
    }
    Ok(())
}

#[tokio::test]
async fn batch_guarded_deletes_succeed_when_responses_are_lost() -> Outcome {
    for (what, done, fault) in faults() {
        let fixture = Fixture::new().await;
        let records = filled(&fixture, 30).await;
        let proxy = failing(&fixture, [fault()]).await;
        let deleted = fixture.todos_through(&proxy).delete_records(&records[..28]).each().await?;
        assert_eq!(doubts(what, &deleted), expected(done, 0..25), "{what}");
        let ids = |records: &[Record<Value>]| records.iter().map(|record| record.id.to_string()).collect::<Vec<_>>();
        assert_eq!(fixture.plain.ids(&fixture.records).await, ids(&records[28..]), "{what}");
    }
    Ok(())
}

/// A response cannot tell which client deleted the record, and another client may have created one with that id
/// since.
#[tokio::test]
async fn batch_blind_writes_are_not_retried_when_responses_are_lost() -> Outcome {
    for (what, done, fault) in faults() {
        let fixture = Fixture::new().await;
        filled(&fixture, 4).await;
        let proxy = failing(&fixture, [fault()]).await;
        let client = fixture.client_at(proxy.url()).build()?;
        let todos = fixture.todos_of(&client);
        let (overwritten, patched, deleted, created, read, new) = client
            .batch_of((
                todos.overwrite_record("n00", json!({"n": "overwritten"})),
                todos.patch_record::<Value>("n01", json!({"patched": true})),
                todos.delete_record("n02"),
                todos.create_record(json!({"n": "server's"})).server_id(),
                todos.get_record::<Value>("n03"),
                todos.create_record(json!({"n": "new"})),
            ))
            .await?;

        let harmful = [overwritten.unwrap_err(), patched.unwrap_err(), deleted.unwrap_err(), created.unwrap_err()];
        let operations = ["overwrite record", "patch record", "delete record", "create record"];
        for (error, operation) in harmful.iter().zip(operations) {
            assert_eq!(error.operation(), Some(operation), "{what}: {error}");
            assert!(error.may_have_been_applied(), "{what}: {error}");
            assert!(error.to_string().contains("read before you write again"), "{what}: {error}");
            assert!(!error.is_cancelled() && !error.is_invalid() && !error.is_conflict(), "{what}: {error}");
        }
        assert_eq!(read?.data["n"], 3, "{what}");
        let new = new?.id.to_string();

        let held = held(&fixture).await;
        let servers = held.values().filter(|object| object["n"] == "server's").count();
        let state =
            (held["n00"]["n"] == "overwritten", held["n01"]["patched"] == true, held.contains_key("n02"), servers);
        assert_eq!(state, if done { (true, true, false, 1) } else { (false, false, true, 0) }, "{what}");
        assert!(held.contains_key(&new), "{what}");

        let sent = proxy.arrived().iter().map(|sent| sent.body.matches("overwritten").count()).sum::<usize>();
        assert_eq!(sent, 1, "{what}: a blind write was sent again");
    }
    Ok(())
}

#[tokio::test]
async fn batch_keeps_earlier_results_when_later_request_fails() -> Outcome {
    for (what, done, fault) in faults() {
        let fixture = Fixture::new().await;
        filled(&fixture, 60).await;
        let proxy = failing(&fixture, [Fault::Pass, fault()]).await;
        let client = fixture.client_at(proxy.url()).build()?;
        let todos = fixture.todos_of(&client);
        let mut batch = client.batch();
        let overwrites = (0..60).map(|n| todos.overwrite_record(format!("n{n:02}"), json!({"new": n})));
        let tickets = batch.extend(overwrites);
        let results = batch.execute().await?;

        let held = held(&fixture).await;
        for (n, ticket) in tickets.iter().enumerate() {
            let id = format!("n{n:02}");
            match results.get(ticket) {
                Ok(record) => {
                    assert!(!(25..50).contains(&n), "{what}: {id}");
                    assert_eq!(held[&id], shown(record), "{what}: {id}");
                }
                Err(error) => {
                    assert!((25..50).contains(&n), "{what}: {id}: {error}");
                    assert!(error.may_have_been_applied(), "{what}: {id}: {error}");
                    assert_eq!(held[&id]["new"] == n, done, "{what}: {id}");
                }
            }
        }
        assert_eq!(results.failures().map(|(place, _)| place).collect::<Vec<_>>(), (25..50).collect::<Vec<_>>());
    }
    Ok(())
}

/// The fault lasts: what is repeated meets it again.
#[tokio::test]
async fn batch_reports_stored_operations_when_connection_stays_broken() -> Outcome {
    for (what, done, fault) in faults() {
        let fixture = Fixture::new().await;
        let mut passed = false;
        let rule = move |sent: &SentRequest| match sent.method.as_str() {
            "GET" => Fault::Pass,
            _ if std::mem::replace(&mut passed, true) => fault(),
            _ => Fault::Pass,
        };
        let proxy = Proxy::start(fixture.url(), rule).await;
        let client = fixture.client_at(proxy.url()).retry(NeverRetry).build()?;
        let created = fixture.todos_of(&client).create_records(numbered(0..30)).each().await?;
        let held = held(&fixture).await;
        for (n, created) in created.iter().enumerate() {
            match created {
                Ok(record) => assert_eq!(held.get(&format!("n{n:02}")), Some(&shown(record)), "{what}"),
                Err(error) => assert!(n >= 25 && error.may_have_been_applied(), "{what}: {n}: {error}"),
            }
        }
        assert!(created[..25].iter().all(Result::is_ok), "{what}");
        let errors = created[25..].iter().filter(|created| created.is_err()).count();
        assert!(
            if done { held.len() == 30 } else { errors == 5 && held.len() == 25 },
            "{what}: {errors} {}",
            held.len()
        );
    }
    Ok(())
}
