//! Defects of batches.

use std::sync::Arc;

use kinto_client::{Value, json};
use kinto_server::{Server, unique};
use kinto_tests::{Fault, Log, Outcome, Proxy, Scene, Sent};

use crate::{Todo, predicates};

/// kinto-http.py takes `v1/` out of the path of every operation, ids included: `rev1` loses its end.
#[tokio::test]
async fn ids_that_end_in_v1_are_cut() -> Outcome {
    let scene = Scene::new().await;
    let bucket = scene.client.bucket(unique("b") + "v1");
    bucket.create().await?;
    let collection = bucket.collection("rev1");
    let mut batch = scene.client.batch();
    let tickets = (batch.add(collection.create()), batch.add(bucket.create_group("v1", ["account:remy"])));
    let record = batch.add(collection.create_record(json!({"n": 1})).id("v1"));
    let done = batch.execute().await?;
    assert_eq!((&*done.get(&tickets.0)?.id, &*done.get(&tickets.1)?.id, &*done.get(&record)?.id), ("rev1", "v1", "v1"));
    let path = format!("/buckets/{}", bucket.id());
    assert_eq!(scene.plain.ids(&format!("{path}/collections")).await, ["rev1"]);
    assert_eq!(scene.plain.ids(&format!("{path}/groups")).await, ["v1"]);
    assert_eq!(scene.plain.held(&format!("{path}/collections/rev1/records/v1")).await, json!({"n": 1}));
    Ok(())
}

/// kinto-http.py raises a `TypeError` for every read in a batch but that of a group.
#[tokio::test]
async fn reads_raise() -> Outcome {
    let scene = Scene::new().await;
    scene.plain.put_data(&scene.record("milk"), &json!({"title": "Milk"})).await;
    scene.plain.put(&format!("/buckets/{}/groups/team", scene.bucket.id()), &json!({})).await;
    let mut batch = scene.client.batch();
    let record = batch.add(scene.todos.get_record::<Todo>("milk"));
    let (bucket, collection) = (batch.add(scene.bucket.get()), batch.add(scene.todos.get()));
    let group = batch.add(scene.bucket.get_group("team"));
    let done = batch.execute().await?;
    assert_eq!(done.get(&record)?.data, Todo::new("Milk"));
    assert_eq!(&*done.get(&bucket)?.id, scene.bucket.id());
    assert_eq!((&*done.get(&collection)?.id, &*done.get(&group)?.id), ("todos", "team"));
    assert_eq!(scene.sent.take_lines(), ["GET /", "POST /batch"]);
    Ok(())
}

/// In a batch kinto-http.py forgets `if_not_exists` and `if_exists`, and fails with 412 and 404.
#[tokio::test]
async fn if_not_exists_and_if_exists_are_forgotten() -> Outcome {
    let scene = Scene::new().await;
    scene.plain.put_data(&scene.record("milk"), &json!({"title": "Milk"})).await;
    let mut batch = scene.client.batch();
    let there = batch.add(scene.todos.create_record(Todo::new("Oat milk")).id("milk").if_not_exists());
    let gone = batch.add(scene.todos.delete_record("none").if_exists());
    let new = batch.add(scene.todos.create_record(Todo::new("Eggs")).id("eggs").if_not_exists());
    let done = batch.execute().await?;
    assert!(!done.get(&there)?.is_created() && done.get(&new)?.is_created());
    assert_eq!(done.get(&there)?.data, Todo::new("Milk"));
    assert!(done.get(&gone)?.is_none());
    assert_eq!(scene.plain.held(&scene.record("milk")).await, json!({"title": "Milk"}));
    Ok(())
}

/// When one operation meets a 5xx, kinto-http.py drops the results of the others, and does not send the rest.
#[tokio::test]
async fn a_server_error_takes_the_other_results_with_it() -> Outcome {
    let server = Server::builder().batch_max_requests(5).shared()?;
    let scene = Scene::on(server.url()).await;
    let rule = |sent: &Sent| {
        let hit = sent.target.ends_with("/n7") || sent.body.contains("/n7\"");
        if hit { Fault::json(500, &json!({"code": 500, "errno": 999, "error": "oh"})) } else { Fault::Pass }
    };
    let proxy = Proxy::start(scene.url(), rule).await;
    let records = (0..12).map(|n| json!({"id": format!("n{n}")}));
    let results = scene.todos_through(&proxy).create_records(records).each().await?;
    let failed: Vec<usize> = (0..).zip(&results).filter(|(_, result)| result.is_err()).map(|(n, _)| n).collect();
    assert_eq!((failed, results.len()), (vec![7], 12));
    assert_eq!(predicates(results[7].as_ref().unwrap_err()), ["server"]);
    let stored: Vec<String> = results.iter().flatten().map(|record| record.id.to_string()).collect();
    let mut held = scene.plain.ids(&scene.records).await;
    held.sort_unstable_by_key(|id| id[1..].parse::<u32>().unwrap());
    assert_eq!(held, stored);
    Ok(())
}

/// kinto-http.py logs the success of every operation as a warning.
#[tokio::test]
async fn success_is_logged_as_a_warning() -> Outcome {
    let scene = Scene::new().await;
    let log = Log::start();
    scene.todos.create_records([Todo::new("Milk"), Todo::new("Eggs")]).await?;
    let text = log.text();
    assert!(text.contains("DEBUG kinto.call") && !text.contains(" WARN ") && !text.contains("ERROR"), "{text}");
    Ok(())
}

/// kinto.js sends a batch when its callback first waits for something, without what comes after that.
#[tokio::test]
async fn what_is_added_after_waiting_is_lost() -> Outcome {
    let scene = Scene::new().await;
    let mut batch = scene.client.batch();
    let milk = batch.add(scene.todos.create_record(Todo::new("Milk")).id("milk"));
    scene.client.fetch_server_info().await?;
    let eggs = batch.add(scene.todos.create_record(Todo::new("Eggs")).id("eggs"));
    let done = batch.execute().await?;
    assert_eq!((&*done.get(&milk)?.id, &*done.get(&eggs)?.id), ("milk", "eggs"));
    assert_eq!(scene.plain.ids(&scene.records).await, ["eggs", "milk"]);
    Ok(())
}

/// In a batch kinto.js's calls give a placeholder, or NaN, instead of what they are documented to give.
#[tokio::test]
async fn calls_give_placeholders() -> Outcome {
    let scene = Scene::new().await;
    let calls = (scene.todos.create_record(Todo::new("Milk")).id("milk"), scene.todos.get_record::<Todo>("milk"));
    let (created, read) = scene.client.together(calls).await?;
    let (created, read) = (created?, read?);
    assert_eq!((&created.data, created.last_modified), (&read.data, read.last_modified));
    assert_eq!(scene.plain.object(&scene.record("milk")).await["last_modified"], json!(read.last_modified));
    Ok(())
}

/// kinto.js copies the client's headers, `Authorization` among them, into the body of a batch.
#[tokio::test]
async fn credentials_are_copied_into_the_body() -> Outcome {
    let scene = Scene::new().await;
    let log = kinto_tests::Recorder::default();
    let client = scene.client_at(scene.url()).header("x-api-key", "0815").transport(log.clone()).build()?;
    scene.todos_of(&client).create_records((0..3).map(|n| json!({"n": n}))).await?;
    let batch = log.take().pop().expect("a batch");
    assert!(batch.is_batch() && batch.header("authorization").is_some());
    let body = batch.body.to_lowercase();
    assert!(!body.contains("authorization") && !body.contains("x-api-key") && !body.contains("0815"), "{body}");
    assert_eq!(kinto_tests::secret_in(&batch.body), None);
    Ok(())
}

/// kinto-http.py asks for the server's settings twice, and again for each clone and for an empty batch: 4 requests.
#[tokio::test]
async fn the_settings_are_asked_for_again_and_again() -> Outcome {
    let scene = Scene::new().await;
    scene.client.batch().execute().await?;
    scene.todos.create_records(Vec::<Value>::new()).await?;
    assert_eq!(scene.sent.take_lines(), [""; 0], "of an empty batch nothing need be known");
    for client in [scene.client.clone(), scene.client.clone(), scene.bucket.client().clone()] {
        client.server_info().await?;
        scene.todos_of(&client).create_records((0..2).map(|n| json!({"n": n}))).await?;
        let with_retry = client.with_retry(super::Counting(Arc::default()));
        scene.todos_of(&with_retry).create_records((0..2).map(|n| json!({"n": n}))).await?;
    }
    let lines = scene.sent.take_lines();
    assert_eq!((lines.len(), lines.iter().filter(|line| *line == "GET /").count()), (7, 1), "{lines:?}");
    Ok(())
}
