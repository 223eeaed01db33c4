//! Batches of which the server carries out a part, or nothing: what it rolls back is done again, and what it says of all
//! is not said of each.

use std::time::Duration;

use kinto_client::{Error, ErrorKind, Value, json, retry::ExponentialBackoff};
use kinto_server::Backend;
use kinto_tests::{Fault, Fixture, Outcome, Proxy, SentRequest, server_on};

use crate::{
    batch::faults::{answering, failing, filled, held, numbered, parse, shown},
    predicates,
};

/// Makes the server answer 409 to the request of that place in a batch: it wants a time that another record has already.
pub(crate) fn colliding(place: usize, time: u64) -> Fault {
    Fault::Alter(Box::new(move |body| {
        let mut batch = parse(&body);
        batch["requests"][place]["body"]["data"]["last_modified"] = time.into();
        batch.to_string()
    }))
}

/// A real collision on PostgreSQL: what came before it in the batch is rolled back, although it is reported as done.
#[tokio::test]
async fn batch_retries_operations_rolled_back_by_conflict() -> Outcome {
    let server = server_on(Backend::PostgreSql);
    let fixture = Fixture::on(server.url()).await;
    filled(&fixture, 5).await;
    let time = fixture.plain.object(&fixture.record("n00")).await["last_modified"].as_u64().unwrap();
    let mut changed = fixture.todos.get_record::<Value>("n04").await?;
    changed.data["changed"] = true.into();

    let proxy = failing(&fixture, [colliding(6, time)]).await;
    let client = fixture.client_at(proxy.url()).build()?;
    let todos = fixture.todos_of(&client);
    let mut batch = client.batch();
    let created = batch.add(todos.create_record(json!({"id": "before"})));
    let read = batch.add(todos.get_record::<Value>("before"));
    let overwritten = batch.add(todos.overwrite_record("n01", json!({"overwritten": true})));
    let deleted = batch.add(todos.delete_record("n02"));
    let patched = batch.add(todos.patch_record::<Value>("n03", json!({"patched": true})));
    let saved = batch.add(todos.save_record(&mut changed));
    let collided = batch.add(todos.create_record(json!({"id": "collides"})));
    let counted = batch.add(todos.get_records::<Value>().count());
    let after = batch.add(todos.create_record(json!({"id": "after"})));
    let missing = batch.add(todos.get_record::<Value>("missing"));
    let results = batch.execute().await?;

    let expected = held(&fixture).await;
    for (ticket, id) in [(&created, "before"), (&read, "before"), (&overwritten, "n01"), (&patched, "n03")] {
        assert_eq!(Some(&shown(results.get(ticket)?)), expected.get(id), "{id}");
    }
    for (ticket, id) in [(&collided, "collides"), (&after, "after")] {
        assert_eq!(Some(&shown(results.get(ticket)?)), expected.get(id), "{id}");
    }
    assert_eq!(results.get(&deleted)?.id, "n02");
    results.get(&saved)?;
    assert_eq!(predicates(&results.get(&missing).unwrap_err()), ["not found"]);
    assert_eq!(expected.keys().collect::<Vec<_>>(), ["after", "before", "collides", "n00", "n01", "n03", "n04"]);
    assert_eq!((&expected["n01"]["overwritten"], &expected["n03"]["patched"]), (&json!(true), &json!(true)));
    // The first count did not see what had been rolled back; the second does not see what comes after it.
    assert_eq!(*results.get(&counted)?, 6);
    drop(results);
    assert_eq!((shown(&changed), changed.data["changed"].clone()), (expected["n04"].clone(), json!(true)));

    let batches: Vec<_> = proxy.arrived().iter().filter(|sent| sent.is_batch()).map(SentRequest::batched).collect();
    let puts = |batch: &[String]| batch.iter().filter(|line| line.starts_with("PUT")).count();
    assert_eq!(
        batches.iter().map(Vec::len).collect::<Vec<_>>(),
        [8, 8, 2],
        "up to the collision, and the reads after it"
    );
    assert_eq!(batches.iter().map(|batch| puts(batch)).collect::<Vec<_>>(), [4, 4, 1]);
    Ok(())
}

/// Answers with that status in place of what is in that place.
fn with_status(status: u16, place: usize) -> Fault {
    answering(move |body| {
        let mut answers = parse(&body);
        let answer = &mut answers["responses"][place];
        answer["status"] = status.into();
        answer["body"] = json!({"code": status, "errno": 122, "error": "Conflict", "message": "please retry"});
        answers.to_string()
    })
}

/// A rollback as in the memory backend, or at the commit: the client recognizes its own writes in the retry.
#[tokio::test]
async fn batch_conflict_leaves_unrolled_parts_proven_or_in_doubt() -> Outcome {
    let fixture = Fixture::new().await;
    filled(&fixture, 4).await;
    let mut records = Vec::from_iter(fixture.todos.get_records::<Value>().await?);
    records.sort_by_key(|record| record.id.to_string());
    let (to_save, to_delete) = records.split_at_mut(2);
    for record in to_save.iter_mut() {
        record.data["changed"] = true.into();
    }
    let proxy = failing(&fixture, [with_status(409, 5)]).await;
    let client = fixture.client_at(proxy.url()).build()?;
    let todos = fixture.todos_of(&client);
    let mut batch = client.batch();
    let created = batch.add(todos.create_record(json!({"n": 1})));
    let saved = batch.extend(to_save.iter_mut().map(|record| todos.save_record(record)));
    let deleted = batch.extend(to_delete.iter().map(|record| todos.delete_record(record)));
    let missing = batch.add(todos.get_record::<Value>("missing"));
    let results = batch.execute().await?;
    let held = held(&fixture).await;
    let new = results.get(&created)?.clone();
    assert_eq!(shown(&new), held[new.id.as_str()], "its id is proof");
    let saved = saved.iter().map(|ticket| results.get(ticket).unwrap_err());
    for error in saved.chain(deleted.iter().map(|ticket| results.get(ticket).unwrap_err())) {
        assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["conflict"], true), "{error}");
    }
    assert_eq!(predicates(&results.get(&missing).unwrap_err()), ["not found"]);
    assert_eq!((&held["n00"]["changed"], &held["n01"]["changed"]), (&json!(true), &json!(true)));
    let mut ids = vec!["n00", "n01", new.id.as_str()];
    ids.sort_unstable();
    assert_eq!(held.keys().collect::<Vec<_>>(), ids);
    Ok(())
}

/// Collisions without end: it takes about a quarter of a minute until the client gives up.
#[tokio::test]
async fn batch_reports_doubt_when_every_try_conflicts() -> Outcome {
    let server = server_on(Backend::PostgreSql);
    let fixture = Fixture::on(server.url()).await;
    let old = fixture.todos.create_record(json!({"id": "old"})).await?;
    let time = old.last_modified.as_millis();
    let rule = move |sent: &SentRequest| if sent.is_batch() { colliding(1, time) } else { Fault::Pass };
    let proxy = Proxy::start(fixture.url(), rule).await;
    let created = fixture.todos_through(&proxy).create_records(numbered(0..3)).each().await?;
    let [before, collided, after] = &created[..] else { panic!("{created:?}") };
    for error in [before, collided].map(|created| created.as_ref().unwrap_err()) {
        assert_eq!(predicates(error), ["unavailable"], "{error}");
    }
    assert!(before.as_ref().is_err_and(Error::may_have_been_applied), "the server has said that it was: {before:?}");
    assert!(after.is_ok(), "{after:?}");
    assert_eq!(fixture.plain.ids(&fixture.records).await, ["n02", "old"]);
    let requests = proxy.lines().len();
    assert!((3..=20).contains(&requests), "{requests}");
    Ok(())
}

/// The error of a whole batch must not have a kind that would be wrong for its parts.
#[tokio::test]
async fn refused_batch_has_no_kind_of_single_operation() -> Outcome {
    let fixture = Fixture::new().await;
    filled(&fixture, 2).await;
    let no_batch = json!({"code": 404, "errno": 111, "error": "Not Found", "message": "no such resource"});
    let proxy = Proxy::start(
        fixture.url(),
        move |sent| if sent.is_batch() { Fault::json(404, &no_batch) } else { Fault::Pass },
    );
    let proxy = proxy.await;
    let client = fixture.client_at(proxy.url()).build()?;
    let todos = fixture.todos_of(&client);
    let (read, deleted, created) = client
        .batch_of((
            todos.get_record::<Value>("n00").optional(),
            todos.delete_record("n01").if_exists(),
            todos.create_record(json!({"id": "new"})),
        ))
        .await?;
    assert!(!matches!(read, Ok(None)), "the record is there");
    assert!(!matches!(deleted, Ok(None)), "the record is there");
    if let Err(error) = created {
        assert!(!error.is_not_found(), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn batch_completes_others_when_one_operation_breaks_it() -> Outcome {
    let fixture = Fixture::new().await;
    // As a server that limits the size of requests, or fails at one of them.
    for status in [400, 413, 500, 503] {
        let proxy = Proxy::start(fixture.url(), move |sent| {
            let spoilt = sent.body.contains("spoilt");
            let body = json!({"code": status, "errno": 107, "error": "no", "message": "spoilt"});
            if spoilt { Fault::json(status, &body) } else { Fault::Pass }
        });
        let proxy = proxy.await;
        let quick = ExponentialBackoff::default().first_delay(Duration::from_millis(1));
        let client = fixture.client_at(proxy.url()).retry(quick).build()?;
        let data =
            (0..20).map(|n| json!({"id": format!("s{status}-{n}"), "is": if n == 7 { "spoilt" } else { "good" }}));
        let created = fixture.todos_of(&client).create_records(data).each().await?;
        for (n, created) in created.into_iter().enumerate() {
            match created {
                Ok(record) => assert!(n != 7 && record.data["is"] == "good", "{status}: {n}"),
                Err(error) => {
                    assert_eq!((n, error.status().map(|status| status.as_u16())), (7, Some(status)), "{error}");
                    assert_ne!(error.kind(), ErrorKind::Partial);
                    assert_eq!(error.may_have_been_applied(), status >= 500, "{error}");
                }
            }
        }
    }
    assert_eq!(held(&fixture).await.len(), 4 * 19);
    Ok(())
}

/// The tests' own requests are carried out, or refused for another reason than a collision.
#[tokio::test]
async fn requests_of_raw_client_are_repeated_after_collisions() -> Outcome {
    let server = server_on(Backend::PostgreSql);
    let fixture = Fixture::on(server.url()).await;
    let writer = async |id: &str| {
        let path = fixture.record(id);
        let changed = json!({"data": {"n": 1}});
        fixture.plain.put_data(&path, &json!({"n": 0})).await;
        for _ in 0..60 {
            let patched = fixture.plain.send(http::Method::PATCH, &path, Some(&changed)).await;
            assert_eq!(patched.status, 200, "{}", patched.text);
        }
    };
    tokio::join!(writer("a"), writer("b"), writer("c"), writer("d"));
    Ok(())
}
