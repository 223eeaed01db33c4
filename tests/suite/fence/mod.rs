//! Writes behind a fence: what is sent, what is refused, and that nothing is lost between programs.

mod processes;

use kinto_client::{Blueprint, BucketSpec, CollectionSpec, Value, json};
use kinto_tests::{Fault, Outcome, Person, Proxy, Scene, Sent};

use crate::{Todo, predicates};

const LOCK: &str = "kinto-client-fence-v1";

/// The scene's collection behind a fence whose collection of locks exists.
async fn fenced(scene: &Scene) -> kinto_client::Collection {
    scene.plain.put(&format!("/buckets/{}/collections/locks", scene.bucket.id()), &json!({})).await;
    scene.todos.fenced_by(&scene.bucket.collection("locks"))
}

fn lock_of(scene: &Scene) -> String {
    format!("/buckets/{}/collections/locks/records/{LOCK}", scene.bucket.id())
}

#[tokio::test]
async fn fenced_write_is_one_batch_of_the_lock_and_the_write() -> Outcome {
    let scene = Scene::new().await;
    let (todos, lock, milk) = (fenced(&scene).await, lock_of(&scene), scene.record("milk"));
    let created = todos.create_record(Todo::new("Milk")).id("milk").await?;
    let lines = scene.sent.take_lines();
    assert_eq!(lines, [format!("PUT {lock}"), "POST /batch".to_owned()], "the lock is made sure of once");

    let mut record = created;
    record.data.done = true;
    todos.save_record(&mut record).await?;
    let sent = scene.sent.take_one();
    assert_eq!(sent.batched(), [format!("PUT {lock}"), format!("PUT {milk}")]);
    let parts = sent.json()["requests"].take();
    assert_eq!(parts[0], json!({"method": "PUT", "path": lock, "body": {"data": {}}}), "blind");
    assert!(parts[1]["headers"]["if-match"].is_string());

    // Whoever comes later finds the lock there, and makes sure that it may be written.
    let later = scene.todos.fenced_by(&scene.bucket.collection("locks"));
    later.patch_record::<Todo>("milk", json!({"title": "Oat milk"})).await?;
    assert_eq!(scene.sent.take_lines(), [format!("PUT {lock}"), format!("PUT {lock}"), "POST /batch".to_owned()]);
    assert_eq!(scene.plain.held(&milk).await, json!({"title": "Oat milk", "done": true}));
    Ok(())
}

#[tokio::test]
async fn every_verb_that_writes_an_object_is_fenced() -> Outcome {
    let scene = Scene::new().await;
    let (todos, lock) = (fenced(&scene).await, lock_of(&scene));
    scene.fill(["a", "b", "c", "d"].map(|id| (id.to_owned(), json!({"title": id, "done": false})))).await;
    let group = format!("/buckets/{}/groups/friends", scene.bucket.id());
    scene.plain.put(&group, &json!({"data": {"members": ["account:remy"]}})).await;
    let friends = scene.bucket.fenced_by(&scene.bucket.collection("locks")).group("friends");
    friends.add_members(["account:niko"]).await?;
    todos.create_record(Todo::new("Eggs")).await?;
    let mut all = todos.get_records::<Todo>().await?;
    for record in &mut all {
        record.data.done = true;
    }
    scene.sent.forget();

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
    let sent = scene.sent.take();
    let writes: Vec<&Sent> = sent.iter().filter(|sent| sent.method != "GET" && sent.target != "/v1/").collect();
    assert_eq!(writes.len(), 10);
    for write in writes {
        assert!(write.is_batch(), "{}", write.line());
        assert_eq!((write.batched().len(), &write.batched()[0]), (2, &format!("PUT {lock}")));
    }

    // Each write of many has the lock before it: after a collision the server goes on, and has rolled back the lock.
    let results = todos.save_records(all.iter_mut()).each().await?;
    assert_eq!(results.iter().filter(|saved| saved.is_ok()).count(), 4, "one was changed since: {results:?}");
    let parts = scene.sent.take().iter().rfind(|sent| sent.is_batch()).expect("a batch").batched();
    assert_eq!(parts.len(), 10);
    assert!(parts.iter().step_by(2).all(|part| *part == format!("PUT {lock}")), "{parts:?}");
    Ok(())
}

#[tokio::test]
async fn fenced_batches_have_room_for_half_as_many_writes() -> Outcome {
    let scene = Scene::new().await;
    let todos = fenced(&scene).await;
    let created = todos.create_records((0..30).map(|n| json!({ "n": n }))).await?;
    assert_eq!((created.len(), scene.plain.ids(&scene.records).await.len()), (30, 30));
    let sizes: Vec<_> =
        scene.sent.take().iter().filter(|sent| sent.is_batch()).map(|sent| sent.batched().len()).collect();
    assert_eq!(sizes, [24, 24, 12]);

    // Reads take no lock, and a batch is of the client that has the fence.
    let client = todos.client();
    let (read, patched) = client
        .together((
            todos.get_record::<Value>(created[0].id.as_str()),
            todos.patch_record::<Value>(created[1].id.as_str(), json!({"x": 1})),
        ))
        .await?;
    assert_eq!((&read?.data["n"], &patched?.data["x"]), (&json!(0), &json!(1)));
    assert_eq!(scene.sent.take_one().batched().len(), 3);
    let (error,) = scene.client.together((todos.delete_record("x"),)).await?;
    let error = error.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("todos.client().batch()"), "{error}");
    assert!(scene.sent.take().is_empty());
    Ok(())
}

#[tokio::test]
async fn fence_whose_locks_cannot_be_written_sends_nothing() -> Outcome {
    let scene = Scene::new().await;
    let path = scene.record("milk");
    scene.plain.put(&path, &json!({"data": {"n": 1}, "permissions": {"write": ["system.Everyone"]}})).await;
    let missing = scene.todos.fenced_by(&scene.bucket.collection("nowhere"));
    let error = missing.patch_record::<Value>("milk", json!({"n": 2})).await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["not found"], false), "{error}");
    assert!(
        error.to_string().contains("/collections/nowhere/records") && error.to_string().contains("`write`"),
        "{error}"
    );

    // The lock is there, and somebody else's.
    fenced(&scene).await.delete_record("none").if_exists().await?;
    let stranger = Person::new(scene.url(), "stranger").await;
    let bucket = stranger.client.bucket(scene.bucket.id());
    let todos = bucket.collection("todos").fenced_by(&bucket.collection("locks"));
    let error = todos.patch_record::<Value>("milk", json!({"n": 2})).await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["forbidden"], false), "{error}");
    assert!(error.to_string().contains("lock of the fence"), "{error}");
    assert_eq!(scene.plain.held(&path).await, json!({"n": 1}));

    // A record whose path cannot be in a batch.
    scene.sent.forget();
    let batchy = scene.todos.fenced_by(&scene.bucket.collection("locks"));
    let error = batchy.create_record(json!({})).id("batch-1").await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("/batch"), "{error}");
    assert!(scene.sent.take().is_empty());
    Ok(())
}

#[tokio::test]
async fn write_that_the_server_did_without_the_lock_is_in_doubt() -> Outcome {
    let scene = Scene::new().await;
    fenced(&scene).await.delete_record("none").if_exists().await?;
    for status in [409, 403] {
        scene.plain.put_data(&scene.record("milk"), &json!({"title": "Milk", "done": false})).await;
        let mut times = 0;
        let rule = move |sent: &Sent| {
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
        let proxy = Proxy::start(scene.url(), rule).await;
        let client = scene.client_at(proxy.url()).build()?;
        let todos = scene.todos_of(&client).fenced_by(&client.bucket(scene.bucket.id()).collection("locks"));
        let error = todos.update_record("milk", |todo: &mut Todo| todo.done = true).await.unwrap_err();
        assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["conflict"], true), "{error}");
        assert!(error.to_string().contains("lock of the fence"), "{error}");
        assert_eq!(scene.plain.held(&scene.record("milk")).await, json!({"title": "Milk", "done": true}));
    }
    Ok(())
}

#[tokio::test]
async fn lost_response_of_a_fenced_write_is_judged_as_any_other() -> Outcome {
    let scene = Scene::new().await;
    fenced(&scene).await.delete_record("none").if_exists().await?;
    scene.plain.put_data(&scene.record("count"), &json!({"n": 1})).await;
    let mut cut = 0;
    let rule = move |sent: &Sent| {
        cut += usize::from(sent.is_batch());
        if sent.is_batch() && cut % 2 == 1 { Fault::CutAfter } else { Fault::Pass }
    };
    let proxy = Proxy::start(scene.url(), rule).await;
    let client = scene.client_at(proxy.url()).build()?;
    let todos = scene.todos_of(&client).fenced_by(&client.bucket(scene.bucket.id()).collection("locks"));
    let error = todos.update_record("count", |data: &mut Value| data["n"] = (data["n"].as_u64().unwrap() + 1).into());
    let error = error.await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["conflict"], true), "{error}");
    assert_eq!(scene.plain.held(&scene.record("count")).await, json!({"n": 2}));
    let created = todos.create_record(json!({"n": 7})).await?;
    assert_eq!(scene.plain.held(&scene.record(&created.id)).await, json!({"n": 7}), "the id is proof");
    Ok(())
}

#[tokio::test]
async fn blueprint_declares_locks_that_all_writers_may_write() -> Outcome {
    let scene = Scene::new().await;
    let niko = Person::new(scene.url(), "niko").await;
    let name = kinto_server::unique("app");
    let bucket = BucketSpec::new()
        .group("writers", [niko.principal()])
        .collection("votes", CollectionSpec::new().permissions(|p| p.write("group:writers")))
        .locks("locks", "group:writers");
    scene.client.plan(&Blueprint::new().bucket(&name, bucket)).await?.apply().await?;
    for client in [&scene.client, &niko.client] {
        let bucket = client.bucket(&name);
        let votes = bucket.collection("votes").fenced_by(&bucket.collection("locks"));
        let created = votes.create_record(json!({"n": 1})).await?;
        votes.update_record(created.id.as_str(), |vote: &mut Value| vote["n"] = 2.into()).await?;
    }
    Ok(())
}
