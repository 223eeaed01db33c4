//! Writes behind a fence: what is sent, what is refused, and that nothing is lost between programs.

mod processes;

use std::{pin::pin, time::Duration};

use kinto_client::{
    Blueprint, Value,
    blueprint::{BucketSpec, CollectionSpec},
    json,
};
use kinto_tests::{Fault, Fixture, Gate, Outcome, Proxy, SentRequest, TestUser, in_order};

use crate::{Todo, predicates};

const LOCK: &str = "kinto-client-fence-v1";

/// The fixture's collection behind a fence whose collection of locks exists.
async fn fenced(fixture: &Fixture) -> kinto_client::Collection {
    fixture.plain.put(&format!("/buckets/{}/collections/locks", fixture.bucket.id()), &json!({})).await;
    fixture.todos.fenced_by(&fixture.bucket.collection("locks"))
}

fn lock_of(fixture: &Fixture) -> String {
    format!("/buckets/{}/collections/locks/records/{LOCK}", fixture.bucket.id())
}

#[tokio::test]
async fn fenced_write_is_one_batch_of_the_lock_and_the_write() -> Outcome {
    let fixture = Fixture::new().await;
    let (todos, lock, milk) = (fenced(&fixture).await, lock_of(&fixture), fixture.record("milk"));
    let created = todos.create_record(Todo::new("Milk")).id("milk").await?;
    let lines = fixture.sent.take_lines();
    assert_eq!(lines, [format!("PUT {lock}"), "POST /batch".to_owned()], "the lock is made sure of once");

    let mut record = created;
    record.data.done = true;
    todos.save_record(&mut record).await?;
    let sent = fixture.sent.take_one();
    assert_eq!(sent.batched(), [format!("PUT {lock}"), format!("PUT {milk}")]);
    let parts = sent.json()["requests"].take();
    assert_eq!(parts[0], json!({"method": "PUT", "path": lock, "body": {"data": {}}}), "blind");
    assert!(parts[1]["headers"]["if-match"].is_string());

    // Whoever comes later finds the lock there, and makes sure that it may be written.
    let later = fixture.todos.fenced_by(&fixture.bucket.collection("locks"));
    later.patch_record::<Todo>("milk", json!({"title": "Oat milk"})).await?;
    assert_eq!(fixture.sent.take_lines(), [format!("PUT {lock}"), format!("PUT {lock}"), "POST /batch".to_owned()]);
    assert_eq!(fixture.plain.held(&milk).await, json!({"title": "Oat milk", "done": true}));
    Ok(())
}

#[tokio::test]
async fn every_verb_that_writes_an_object_is_fenced() -> Outcome {
    let fixture = Fixture::new().await;
    let (todos, lock) = (fenced(&fixture).await, lock_of(&fixture));
    fixture.fill(["a", "b", "c", "d"].map(|id| (id.to_owned(), json!({"title": id, "done": false})))).await;
    let group = format!("/buckets/{}/groups/friends", fixture.bucket.id());
    fixture.plain.put(&group, &json!({"data": {"members": ["account:remy"]}})).await;
    let friends = fixture.bucket.fenced_by(&fixture.bucket.collection("locks")).group("friends");
    friends.add_members(["account:niko"]).await?;
    todos.create_record(Todo::new("Eggs")).await?;
    let mut all = todos.get_records::<Todo>().await?;
    for record in &mut all {
        record.data.done = true;
    }
    fixture.sent.forget();

    let place = todos.record::<Todo>("a");
    todos.create_record(Todo::new("Ham")).id("ham").await?;
    todos.create_record(Todo::new("Ham")).id("ham").if_not_exists().await?;
    todos.overwrite_record("a", Todo::new("A")).await?;
    let updated = todos.update_record("a", |todo: &mut Todo| todo.done = true).await?;
    place.merge_patch(json!({"done": false})).await?;
    place.grant(|p| p.read("account:niko")).await?;
    let mut read = place.get().await?;
    read.permissions.edit()?.read.clear();
    place.save_permissions(&mut read).await?;
    friends.remove_members(["account:niko"]).await?;
    todos.delete_record("ham").await?;
    todos.delete_all_records().since(all[0].last_modified).await?;
    assert!(updated.data.done);
    let sent = fixture.sent.take();
    let writes: Vec<&SentRequest> = sent.iter().filter(|sent| sent.method != "GET" && sent.target != "/v1/").collect();
    assert_eq!(writes.len(), 10);
    for write in writes {
        assert!(write.is_batch(), "{}", write.line());
        assert_eq!((write.batched().len(), &write.batched()[0]), (2, &format!("PUT {lock}")));
    }

    // Each write of many has the lock before it: after a collision the server goes on, and has rolled back the lock.
    let results = todos.save_records(all.iter_mut()).each().await?;
    assert_eq!(results.iter().filter(|saved| saved.is_ok()).count(), 4, "one was changed since: {results:?}");
    let parts = fixture.sent.take().iter().rfind(|sent| sent.is_batch()).expect("a batch").batched();
    assert_eq!(parts.len(), 10);
    assert!(parts.iter().step_by(2).all(|part| *part == format!("PUT {lock}")), "{parts:?}");
    Ok(())
}

#[tokio::test]
async fn fenced_batches_have_room_for_half_as_many_writes() -> Outcome {
    let fixture = Fixture::new().await;
    let todos = fenced(&fixture).await;
    let created = todos.create_records((0..30).map(|n| json!({ "n": n }))).await?;
    assert_eq!((created.len(), fixture.plain.ids(&fixture.records).await.len()), (30, 30));
    let sizes: Vec<_> =
        fixture.sent.take().iter().filter(|sent| sent.is_batch()).map(|sent| sent.batched().len()).collect();
    assert_eq!(sizes, [24, 24, 12]);

    // Reads take no lock, and a batch is of the client that has the fence.
    let client = todos.client();
    let (read, patched) = client
        .batch_of((
            todos.get_record::<Value>(created[0].id.as_str()),
            todos.patch_record::<Value>(created[1].id.as_str(), json!({"x": 1})),
        ))
        .await?;
    assert_eq!((&read?.data["n"], &patched?.data["x"]), (&json!(0), &json!(1)));
    assert_eq!(fixture.sent.take_one().batched().len(), 3);
    let (error,) = fixture.client.batch_of((todos.delete_record("x"),)).await?;
    let error = error.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("todos.client().batch()"), "{error}");
    assert!(fixture.sent.take().is_empty());
    Ok(())
}

#[tokio::test]
async fn fence_whose_locks_cannot_be_written_sends_nothing() -> Outcome {
    let fixture = Fixture::new().await;
    let path = fixture.record("milk");
    fixture.plain.put(&path, &json!({"data": {"n": 1}, "permissions": {"write": ["system.Everyone"]}})).await;
    let missing = fixture.todos.fenced_by(&fixture.bucket.collection("nowhere"));
    let error = missing.patch_record::<Value>("milk", json!({"n": 2})).await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["not found"], false), "{error}");
    assert!(
        error.to_string().contains("/collections/nowhere/records") && error.to_string().contains("`write`"),
        "{error}"
    );

    // The lock is there, and somebody else's.
    fenced(&fixture).await.delete_record("none").if_exists().await?;
    let stranger = TestUser::new(fixture.url(), "stranger").await;
    let bucket = stranger.client.bucket(fixture.bucket.id());
    let todos = bucket.collection("todos").fenced_by(&bucket.collection("locks"));
    let error = todos.patch_record::<Value>("milk", json!({"n": 2})).await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["forbidden"], false), "{error}");
    assert!(error.to_string().contains("lock of the fence"), "{error}");
    assert_eq!(fixture.plain.held(&path).await, json!({"n": 1}));

    // A record whose path cannot be in a batch.
    fixture.sent.forget();
    let batchy = fixture.todos.fenced_by(&fixture.bucket.collection("locks"));
    let error = batchy.create_record(json!({})).id("batch-1").await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("/batch"), "{error}");
    assert!(fixture.sent.take().is_empty());
    Ok(())
}

#[tokio::test]
async fn write_that_the_server_did_without_the_lock_is_in_doubt() -> Outcome {
    let fixture = Fixture::new().await;
    fenced(&fixture).await.delete_record("none").if_exists().await?;
    for status in [409, 403] {
        fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Milk", "done": false})).await;
        let mut times = 0;
        let rule = move |sent: &SentRequest| {
            times += usize::from(sent.is_batch());
            if !sent.is_batch() || times > 1 {
                return Fault::Pass;
            }
            Fault::Edit(Box::new(move |answer| {
                let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
                let mut body: Value = serde_json::from_str(body).expect("JSON");
                body["responses"][0]["status"] = status.into();
                body["responses"][0]["body"] = json!({"code": status, "errno": 122, "error": "forged"});
                let body = body.to_string();
                format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                )
            }))
        };
        let proxy = Proxy::start(fixture.url(), rule).await;
        let client = fixture.client_at(proxy.url()).build()?;
        let todos = fixture.todos_of(&client).fenced_by(&client.bucket(fixture.bucket.id()).collection("locks"));
        let error = todos.update_record("milk", |todo: &mut Todo| todo.done = true).await.unwrap_err();
        assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["conflict"], true), "{error}");
        assert!(error.to_string().contains("lock of the fence"), "{error}");
        assert_eq!(fixture.plain.held(&fixture.record("milk")).await, json!({"title": "Milk", "done": true}));
    }
    Ok(())
}

#[tokio::test]
async fn lost_response_of_a_fenced_write_is_judged_as_any_other() -> Outcome {
    let fixture = Fixture::new().await;
    fenced(&fixture).await.delete_record("none").if_exists().await?;
    fixture.plain.put_data(&fixture.record("count"), &json!({"n": 1})).await;
    let mut cut = 0;
    let rule = move |sent: &SentRequest| {
        cut += usize::from(sent.is_batch());
        if sent.is_batch() && cut % 2 == 1 { Fault::CutAfter } else { Fault::Pass }
    };
    let proxy = Proxy::start(fixture.url(), rule).await;
    let client = fixture.client_at(proxy.url()).build()?;
    let todos = fixture.todos_of(&client).fenced_by(&client.bucket(fixture.bucket.id()).collection("locks"));
    let error = todos.update_record("count", |data: &mut Value| data["n"] = (data["n"].as_u64().unwrap() + 1).into());
    let error = error.await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["conflict"], true), "{error}");
    assert_eq!(fixture.plain.held(&fixture.record("count")).await, json!({"n": 2}));
    let created = todos.create_record(json!({"n": 7})).await?;
    assert_eq!(fixture.plain.held(&fixture.record(&created.id)).await, json!({"n": 7}), "the id is proof");
    Ok(())
}

#[tokio::test]
async fn blueprint_declares_locks_that_all_writers_may_write() -> Outcome {
    let fixture = Fixture::new().await;
    let niko = TestUser::new(fixture.url(), "niko").await;
    let name = kinto_server::unique("app");
    let bucket = BucketSpec::new()
        .group("writers", [niko.principal()])
        .collection("votes", CollectionSpec::new().permissions(|p| p.write("group:writers")))
        .locks("locks", "group:writers");
    fixture.client.plan(&Blueprint::new().bucket(&name, bucket)).await?.apply().await?;
    for client in [&fixture.client, &niko.client] {
        let bucket = client.bucket(&name);
        let votes = bucket.collection("votes").fenced_by(&bucket.collection("locks"));
        let created = votes.create_record(json!({"n": 1})).await?;
        votes.update_record(created.id.as_str(), |vote: &mut Value| vote["n"] = 2.into()).await?;
    }
    Ok(())
}

#[tokio::test]
async fn write_that_is_refused_together_with_its_lock_is_not_in_doubt() -> Outcome {
    let fixture = Fixture::new().await;
    let todos = fenced(&fixture).await;
    let mut milk = todos.create_record(Todo::new("Milk")).id("milk").await?;
    fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Oat milk", "done": false})).await;
    fixture.plain.delete(&format!("/buckets/{}/collections/locks", fixture.bucket.id())).await;

    milk.data.done = true;
    let error = todos.save_record(&mut milk).await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["conflict"], false), "{error}");
    assert_eq!(error.theirs::<Todo>().expect("the other version").data.title, "Oat milk");
    assert!(todos.delete_record("none").if_exists().await?.is_none());
    fixture.plain.delete(&format!("/buckets/{}", fixture.bucket.id())).await;
    let error = todos.patch_record::<Todo>("milk", json!({"done": true})).await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["not found"], false), "{error}");
    Ok(())
}

#[tokio::test]
async fn fence_that_has_lost_its_lock_makes_sure_of_it_again() -> Outcome {
    let fixture = Fixture::new().await;
    let (todos, locks) = (fenced(&fixture).await, format!("/buckets/{}/collections/locks", fixture.bucket.id()));
    todos.create_records([json!({"id": "a", "n": 0}), json!({"id": "b", "n": 0})]).await?;
    for many in [false, true] {
        fixture.plain.delete(&locks).await;
        let patch = async |n: u64| {
            let patches = ["a", "b"].map(|id| todos.patch_record::<Value>(id, json!({ "n": n })));
            let [a, b] = patches;
            if many { todos.client().batch_of((a, b)).await?.1 } else { b.await }
        };
        let error = patch(1).await.unwrap_err();
        assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["conflict"], true), "{error}");
        for _ in 0..2 {
            let error = patch(2).await.unwrap_err();
            assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["not found"], false), "{error}");
            assert!(error.to_string().contains("lock of the fence"), "{error}");
            assert_eq!(fixture.plain.held(&fixture.record("b")).await, json!({"n": 1}), "nothing was sent");
        }
        fixture.plain.put(&locks, &json!({})).await;
        assert_eq!(patch(3).await?.data["n"], 3);
    }
    Ok(())
}

#[tokio::test]
async fn first_write_that_is_not_polled_holds_up_no_other() -> Outcome {
    let fixture = Fixture::new().await;
    fenced(&fixture).await;
    let gate = Gate::default();
    let proxy = Proxy::start(fixture.url(), in_order([Fault::Hold(gate.clone())])).await;
    let client = fixture.client_at(proxy.url()).build()?;
    let todos = fixture.todos_of(&client).fenced_by(&client.bucket(fixture.bucket.id()).collection("locks"));
    let mut first = pin!(todos.create_record(Todo::new("Milk")).into_future());
    tokio::select! {
        _ = &mut first => panic!("it ended before its lock was written"),
        () = gate.arrival() => gate.open(),
    }
    let second = todos.create_record(Todo::new("Eggs")).into_future();
    assert_eq!(tokio::time::timeout(Duration::from_secs(20), second).await??.data, Todo::new("Eggs"));
    assert_eq!(first.await?.data, Todo::new("Milk"));
    Ok(())
}
