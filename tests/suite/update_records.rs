//! Updates of all records that match a filter: each is changed once, on what it is when it is changed.

use std::{collections::BTreeMap, sync::Mutex};

use futures_util::{StreamExt as _, TryStreamExt as _};
use kinto_client::{Error, Filter, Record, Result, Value, json};
use kinto_tests::{Fault, Fixture, Gate, Outcome, Proxy, SentRequest};

use crate::{Todo, predicates};

/// The number of operations that one request may have.
const MOST: usize = 25;

fn name(n: usize) -> String {
    format!("n{n:04}")
}

/// A fixture with `end` records `{"n": …, "done": false, "kept": …}`.
async fn filled(end: usize) -> Fixture {
    let fixture = Fixture::new().await;
    fixture.fill((0..end).map(|n| (name(n), json!({"n": n, "done": false, "kept": [n, 1.50]})))).await;
    fixture.todos.client().server_info().await.expect("the server's settings");
    fixture.sent.forget();
    fixture
}

fn finish(todo: &mut Value) {
    todo["done"] = true.into();
}

fn open() -> Filter<Value> {
    Filter::field("done").eq(false)
}

async fn held(fixture: &Fixture) -> BTreeMap<String, Value> {
    let mut held = BTreeMap::new();
    for id in fixture.plain.ids(&fixture.records).await {
        held.insert(id.clone(), fixture.plain.held(&fixture.record(&id)).await);
    }
    held
}

fn ids<T>(results: &[Result<Record<T>>]) -> Vec<String> {
    let id =
        |result: &Result<Record<T>>| result.as_ref().map_or_else(ToString::to_string, |record| record.id.to_string());
    let mut ids: Vec<_> = results.iter().map(id).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn records_that_match_are_changed_and_others_are_not_sent() -> Outcome {
    let fixture = filled(3 * MOST).await;
    fixture.plain.put_data(&fixture.record("n0001"), &json!({"n": 1, "done": true, "kept": 1})).await;
    fixture.sent.forget();
    // Of those that match, every third stays as it is.
    let change = |todo: &mut Value| {
        if todo["n"].as_u64().is_some_and(|n| n % 3 != 0) {
            todo["done"] = true.into();
        }
    };
    let report = fixture.todos.update_records(change).filter(open()).await?;
    assert_eq!((report.matched, report.changed), (3 * MOST - 1, 2 * MOST - 1));
    let sent = fixture.sent.take();
    let writes: Vec<_> = sent.iter().filter(|sent| sent.is_batch()).flat_map(SentRequest::batched).collect();
    assert_eq!(writes.len(), 2 * MOST - 1, "{writes:#?}");
    assert!(writes.iter().all(|line| line.starts_with("PUT ")), "{writes:#?}");
    assert!(
        sent.iter()
            .filter(|sent| sent.is_batch())
            .all(|sent| sent.body.matches("if-match").count() == sent.batched().len())
    );
    for (id, held) in held(&fixture).await {
        let n: usize = id[1..].parse()?;
        let expected = match n {
            1 => json!({"n": 1, "done": true, "kept": 1}),
            _ => json!({"n": n, "done": !n.is_multiple_of(3), "kept": [n, 1.50]}),
        };
        assert_eq!(held, expected, "{id}");
    }
    Ok(())
}

#[tokio::test]
async fn typed_records_keep_fields_that_the_type_lacks() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.fill((0..3).map(|n| (name(n), json!({"title": format!("No. {n}"), "theirs": {"deep": [1, n]}})))).await;
    let todos = fixture.todos.typed::<Todo>();
    let mut seen = Vec::new();
    let report = todos
        .update_records(|todo| {
            seen.push(todo.title.clone());
            todo.title.push('!');
        })
        .page_size(2)
        .await?;
    assert_eq!((report.matched, report.changed), (3, 3));
    seen.sort_unstable();
    assert_eq!(seen, ["No. 0", "No. 1", "No. 2"], "each once, although changed records move to the end of the list");
    for n in 0..3 {
        let held = fixture.plain.held(&fixture.record(&name(n))).await;
        assert_eq!((&held["title"], &held["theirs"]), (&json!(format!("No. {n}!")), &json!({"deep": [1, n]})));
    }
    Ok(())
}

#[tokio::test]
async fn record_that_others_change_is_changed_again_if_it_still_matches() -> Outcome {
    let fixture = filled(4).await;
    let gate = Gate::default();
    let mut holds = Some(gate.clone());
    let fault = move |sent: &SentRequest| {
        if sent.is_batch() { holds.take().map_or(Fault::Pass, Fault::Hold) } else { Fault::Pass }
    };
    let proxy = Proxy::start(fixture.url(), fault).await;
    let calls = Mutex::new(Vec::new());
    let todos = fixture.todos_of(&fixture.client_at(proxy.url()).build()?);
    let change = |todo: &mut Value| {
        calls.lock().expect("no panic").push(todo.clone());
        todo["by"] = "us".into();
    };
    let updates = todos.update_records(change).filter(open()).stream().collect::<Vec<_>>();
    let meanwhile = async {
        fixture.plain.put_data(&fixture.record("n0000"), &json!({"n": 0, "done": false, "by": "them"})).await;
        fixture.plain.put_data(&fixture.record("n0001"), &json!({"n": 1, "done": true, "by": "them"})).await;
        fixture.plain.delete(&fixture.record("n0002")).await;
    };
    let results = gate.overtake(updates, meanwhile).await;
    assert_eq!(ids(&results), ["n0000", "n0003"]);
    let calls = calls.into_inner()?;
    assert_eq!(calls.len(), 5, "{calls:?}");
    assert_eq!(calls[4], json!({"n": 0, "done": false, "by": "them"}), "on what the other client has written");
    let expected = BTreeMap::from([
        (name(0), json!({"n": 0, "done": false, "by": "us"})),
        (name(1), json!({"n": 1, "done": true, "by": "them"})),
        (name(3), json!({"n": 3, "done": false, "kept": [3, 1.50], "by": "us"})),
    ]);
    assert_eq!(held(&fixture).await, expected);
    Ok(())
}

#[tokio::test]
async fn counters_of_many_updates_at_once_lose_nothing() -> Outcome {
    let fixture = filled(40).await;
    let add = |todo: &mut Value| todo["n"] = (todo["n"].as_u64().unwrap_or_default() + 1_000).into();
    let clients = [fixture.client_at(fixture.url()).build()?, fixture.client_at(fixture.url()).build()?];
    let rounds = clients.iter().map(|client| {
        let todos = fixture.todos_of(client);
        async move {
            for _ in 0..3 {
                let report = todos.update_records(add).page_size(7).await?;
                assert_eq!((report.matched, report.changed), (40, 40));
            }
            Ok::<_, Error>(())
        }
    });
    futures_util::future::try_join_all(rounds).await?;
    for (id, held) in held(&fixture).await {
        assert_eq!(held["n"], id[1..].parse::<u64>()? + 6_000, "{id}");
    }
    Ok(())
}

#[tokio::test]
async fn change_is_not_made_twice_when_a_response_is_lost() -> Outcome {
    let fixture = filled(2 * MOST).await;
    let mut is_first = true;
    let fault = move |sent: &SentRequest| {
        if sent.is_batch() && std::mem::take(&mut is_first) { Fault::CutAfter } else { Fault::Pass }
    };
    let proxy = Proxy::start(fixture.url(), fault).await;
    let todos = fixture.todos_of(&fixture.client_at(proxy.url()).build()?);
    let add = |todo: &mut Value| todo["n"] = (todo["n"].as_u64().unwrap_or_default() + 1_000).into();
    let results: Vec<_> = todos.update_records(add).stream().collect().await;
    let unknown = results.iter().filter_map(|result| result.as_ref().err());
    let unknown: Vec<_> = unknown.map(|error| (predicates(error), error.may_have_been_applied())).collect();
    // The request was sent again, and refused: it cannot be told who has written what is there.
    assert_eq!(unknown, vec![(vec!["conflict"], true); MOST]);
    for (id, held) in held(&fixture).await {
        assert_eq!(held["n"], id[1..].parse::<u64>()? + 1_000, "{id}");
    }
    Ok(())
}

#[tokio::test]
async fn list_that_cannot_be_read_is_its_error_and_later_failures_are_partial() -> Outcome {
    let fixture = filled(60).await;
    let error = fixture.todos.client().bucket("default").collection("nowhere").update_records(finish).await;
    assert_eq!(error?, kinto_client::operation::UpdateReport::default(), "the default bucket makes it");
    let error = fixture.client_at(fixture.url()).build()?.bucket("no-such-bucket").collection("nowhere");
    let error = error.update_records(finish).await.unwrap_err();
    assert_eq!(predicates(&error), ["forbidden"], "{error}");
    // The third page cannot be read.
    let mut pages = 0;
    let fault = move |sent: &SentRequest| {
        let is_page = sent.line().starts_with("GET /buckets/");
        pages += u32::from(is_page);
        if !is_page || pages != 3 {
            return Fault::Pass;
        }
        Fault::json(400, &json!({"code": 400, "errno": 107, "message": "no"}))
    };
    let proxy = Proxy::start(fixture.url(), fault).await;
    let todos = fixture.todos_of(&fixture.client_at(proxy.url()).build()?);
    todos.client().server_info().await?;
    let error = todos.update_records(finish).page_size(20).await.unwrap_err();
    assert_eq!(predicates(&error), ["partial"], "{error}");
    let done = held(&fixture).await.values().filter(|held| held["done"] == true).count();
    assert!([40, 50].contains(&done), "{done}: {error}");
    let failed: Vec<_> = error.failures().iter().map(|(place, error)| (*place, predicates(error))).collect();
    assert_eq!(failed.first().map(|(_, kind)| kind), Some(&vec!["refused"]), "{failed:?}");
    Ok(())
}

#[tokio::test]
async fn record_that_does_not_decode_is_one_result() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.fill((0..3).map(|n| (name(n), json!({"title": "Milk"})))).await;
    fixture.plain.put_data(&fixture.record("n0001"), &json!({"title": 7})).await;
    let todos = fixture.todos.typed::<Todo>();
    let results: Vec<_> = todos.update_records(|todo| todo.title.push('!')).stream().collect().await;
    let failed: Vec<_> = results.iter().filter_map(|result| result.as_ref().err()).map(predicates).collect();
    assert_eq!((results.len(), failed), (3, vec![vec!["decode"]]));
    assert_eq!(fixture.plain.held(&fixture.record("n0001")).await, json!({"title": 7}));
    assert_eq!(fixture.plain.held(&fixture.record("n0002")).await["title"], "Milk!");
    Ok(())
}

#[tokio::test]
async fn caller_that_stops_reading_stops_the_updates() -> Outcome {
    let fixture = filled(200).await;
    let mut updated = fixture.todos.update_records(finish).page_size(50).stream();
    for _ in 0..3 {
        updated.try_next().await?.expect("a record");
    }
    let lines: Vec<_> =
        fixture.sent.take().iter().filter(|sent| sent.is_batch()).map(|sent| sent.batched().len()).collect();
    assert_eq!(lines, [MOST]);
    drop(updated);
    assert_eq!(held(&fixture).await.values().filter(|held| held["done"] == true).count(), MOST);
    Ok(())
}

#[tokio::test]
async fn progress_counts_and_stops() -> Outcome {
    let fixture = filled(60).await;
    let mut told = Vec::new();
    let progress = |now: kinto_client::batch::Progress| {
        told.push((now.done, now.failed));
        now.done < 30
    };
    let error = fixture.todos.update_records(finish).page_size(100).on_progress(progress).await.unwrap_err();
    let cancelled = error.failures().iter().all(|(_, error)| error.is_cancelled());
    assert_eq!((predicates(&error), cancelled), (vec!["partial"], true), "{error}");
    assert_eq!(told, (1..=2 * MOST).map(|n| (n, 0)).collect::<Vec<_>>());
    assert_eq!(held(&fixture).await.values().filter(|held| held["done"] == true).count(), 2 * MOST);
    Ok(())
}

#[tokio::test]
async fn preview_is_the_first_page() -> Outcome {
    let fixture = Fixture::new().await;
    let preview = fixture.todos.update_records(finish).filter(open()).preview()?;
    let target = format!("{}?eq_done=false&_sort=last_modified&_limit=1000", fixture.records);
    assert_eq!((preview.method().map(http::Method::as_str), preview.target()), (Some("GET"), Some(target)));
    assert!(preview.follows().is_some_and(|follows| follows.contains("If-Match")), "{preview}");
    assert_eq!(fixture.sent.take_lines(), [""; 0]);
    Ok(())
}

#[test]
fn updates_block() -> Outcome {
    let runtime = tokio::runtime::Runtime::new()?;
    let fixture = runtime.block_on(filled(30));
    let updated = fixture.todos.update_records(finish).filter(open()).iter().collect::<Result<Vec<_>>>()?;
    assert_eq!(updated.len(), 30);
    assert!(updated.iter().all(|record| record.data["done"] == true));
    assert_eq!(fixture.todos.update_records(finish).filter(open()).call()?.matched, 0);
    Ok(())
}
