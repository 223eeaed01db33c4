//! The order of retried operations: they must not run after operations that were meant to follow them.

use kinto_client::{Value, json, object::CreateOutcome};
use kinto_server::{Backend, unique};
use kinto_tests::{Fault, Fixture, Outcome, Proxy, SentRequest, server_on};

use crate::batch::faults::{failing, filled, held, parse};

/// Makes each operation that has that in it collide once, with a real collision: it wants a time that is taken.
async fn colliding(fixture: &Fixture, marked: &'static str, time: u64) -> Proxy {
    let mut left = 1;
    let rule = move |sent: &SentRequest| {
        if !sent.is_batch() || !sent.body.contains(marked) || std::mem::take(&mut left) == 0 {
            return Fault::Pass;
        }
        Fault::Alter(Box::new(move |body| {
            let mut batch = parse(&body);
            let requests = batch["requests"].as_array_mut().expect("a batch");
            let request = requests.iter_mut().find(|request| request.to_string().contains(marked)).expect("it");
            request["body"]["data"]["last_modified"] = time.into();
            batch.to_string()
        }))
    };
    Proxy::start(fixture.url(), rule).await
}

#[tokio::test]
async fn batch_read_before_write_returns_old_state_when_retried() -> Outcome {
    let server = server_on(Backend::PostgreSql);
    let fixture = Fixture::on(server.url()).await;
    let old = filled(&fixture, 3).await;
    let time = old[0].last_modified.as_millis();
    let proxy = colliding(&fixture, "collides", time).await;
    let client = fixture.client_at(proxy.url()).build()?;
    let todos = fixture.todos_of(&client);
    let mut batch = client.batch();
    let read = batch.add(todos.get_record::<Value>("n01"));
    let counted = batch.add(todos.get_records::<Value>().count());
    batch.add(todos.create_record(json!({"id": "collides"})));
    let deleted = batch.add(todos.delete_record("n01"));
    let overwritten = batch.add(todos.overwrite_record("n02", json!({"n": "new"})));
    let done = batch.execute().await?;
    assert_eq!(done.failures().count(), 0, "{done:?}");
    assert_eq!((&done.get(&read)?.data["n"], *done.get(&counted)?), (&json!(1), 3));
    assert_eq!((done.get(&deleted)?.id.as_str(), &done.get(&overwritten)?.data["n"]), ("n01", &json!("new")));
    assert_eq!(held(&fixture).await.into_keys().collect::<Vec<_>>(), ["collides", "n00", "n02"]);
    Ok(())
}

/// If the deletion were sent again after them, the new records would be gone, although they were reported as stored.
#[tokio::test]
async fn batch_delete_before_create_is_not_reordered_when_retried() -> Outcome {
    let server = server_on(Backend::PostgreSql);
    let fixture = Fixture::on(server.url()).await;
    let old = filled(&fixture, 3).await;
    let time = old[0].last_modified.as_millis();
    let lists = fixture.bucket.collection("lists");
    lists.create().await?;
    lists.create_record(json!({"id": "old"})).await?;
    let proxy = colliding(&fixture, "collides", time).await;
    let client = fixture.client_at(proxy.url()).build()?;
    let (todos, lists) = (fixture.todos_of(&client), client.bucket(fixture.bucket.id()).collection("lists"));
    let mut batch = client.batch();
    batch.add(lists.delete());
    batch.add(todos.create_record(json!({"id": "collides"})));
    let ensured = batch.add(lists.create().if_not_exists());
    let records = batch.extend((0..3).map(|n| lists.create_record(json!({"id": format!("new-{n}")}))));
    let done = batch.execute().await?;
    assert_eq!(done.failures().count(), 0, "{done:?}");
    assert!(done.get(&ensured).is_ok_and(CreateOutcome::is_created));
    assert_eq!(records.len(), 3);
    let path = format!("/buckets/{}/collections/lists/records", fixture.bucket.id());
    assert_eq!(fixture.plain.ids(&path).await, ["new-0", "new-1", "new-2"]);
    Ok(())
}

#[tokio::test]
async fn batch_create_delete_create_keeps_order_when_retried() -> Outcome {
    type Case = (fn() -> Fault, &'static [usize]);
    let faults: [Case; 3] = [
        (|| Fault::CutBefore, &[]),
        // The ids are not the client's own, so that another one can have created the same.
        (|| Fault::CutAfter, &[0, 1]),
        (|| Fault::answer(502, &[], ""), &[]),
    ];
    for (fault, in_doubt) in faults {
        let fixture = Fixture::new().await;
        let proxy = failing(&fixture, [fault(), fault()]).await;
        let client = fixture.client_at(proxy.url()).build()?;
        let todos = fixture.todos_of(&client);
        let mut batch = client.batch();
        batch.extend(["a", "b"].map(|id| todos.create_record(json!({"id": id, "n": 1}))));
        let found = batch.add(todos.get_record::<Value>("a"));
        let deleted = batch.add(todos.delete_record("a"));
        let again = batch.add(todos.create_record(json!({"id": "a", "n": 2})));
        let done = batch.execute().await?;
        let failed: Vec<usize> = done.failures().map(|(place, _)| place).collect();
        assert_eq!(failed, in_doubt, "{done:?}");
        assert!(done.failures().all(|(_, error)| error.is_conflict() && error.may_have_been_applied()), "{done:?}");
        assert_eq!(done.get(&found)?.data["n"], 1);
        assert_eq!((done.get(&deleted)?.id.as_str(), &done.get(&again)?.data["n"]), ("a", &json!(2)));
        let held = held(&fixture).await;
        assert_eq!((&held["a"]["n"], &held["b"]["n"]), (&json!(2), &json!(1)));
    }
    Ok(())
}

/// Unchanged data does not tell whether the permissions were stored, so the client asks.
#[tokio::test]
async fn permission_save_is_verified_when_response_is_lost() -> Outcome {
    for (batched, applied) in [(false, false), (false, true), (true, false), (true, true)] {
        let fixture = Fixture::new().await;
        let mut records = filled(&fixture, 2).await;
        let friend = format!("account:{}", unique("friend"));
        for record in &mut records {
            record.permissions.edit()?.read.insert(friend.as_str().into());
        }
        let mut first = true;
        let rule = move |sent: &SentRequest| {
            let lost = sent.method != http::Method::GET && std::mem::replace(&mut first, false);
            match (lost, applied) {
                (false, _) => Fault::Pass,
                (true, false) => Fault::CutBefore,
                (true, true) => Fault::CutAfter,
            }
        };
        let proxy = Proxy::start(fixture.url(), rule).await;
        let todos = fixture.todos_through(&proxy);
        let result = if batched {
            todos.save_records(&mut records).await.map(drop)
        } else {
            todos.save_record(&mut records[0]).await.map(drop)
        };
        assert_eq!(
            fixture.plain.permissions(&fixture.record("n00")).await["read"],
            json!([friend]),
            "{batched} {applied}"
        );
        match result {
            Ok(()) => assert!(!applied, "another client could have stored the same"),
            Err(error) if batched => {
                assert!(error.failures().iter().all(|(_, error)| applied && error.may_have_been_applied()), "{error}");
            }
            Err(error) => assert!(applied && error.may_have_been_applied(), "{error}"),
        }
        assert!(records[0].permissions.get().expect("they are shown").read.contains(friend.as_str()));
    }
    Ok(())
}
