//! Defects of batches.

use std::sync::Arc;

use kinto_client::{Value, json};
use kinto_server::{Server, unique};
use kinto_tests::{Fault, Fixture, Log, Outcome, Proxy, SentRequest};

use crate::{Todo, predicates};

/// kinto-http.py takes `v1/` out of the path of every operation, ids included: `rev1` loses its end.
#[tokio::test]
async fn ids_that_end_in_v1_are_cut() -> Outcome {
    let fixture = Fixture::new().await;
    let bucket = fixture.client.bucket(unique("b") + "v1");
    bucket.create().await?;
    let collection = bucket.collection("rev1");
    let mut batch = fixture.client.batch();
    let tickets = (batch.add(collection.create()), batch.add(bucket.create_group("v1", ["account:remy"])));
    let record = batch.add(collection.create_record(json!({"n": 1})).id("v1"));
    let done = batch.execute().await?;
    assert_eq!((&*done.get(&tickets.0)?.id, &*done.get(&tickets.1)?.id, &*done.get(&record)?.id), ("rev1", "v1", "v1"));
    let path = format!("/buckets/{}", bucket.id());
    assert_eq!(fixture.plain.ids(&format!("{path}/collections")).await, ["rev1"]);
    assert_eq!(fixture.plain.ids(&format!("{path}/groups")).await, ["v1"]);
    assert_eq!(fixture.plain.held(&format!("{path}/collections/rev1/records/v1")).await, json!({"n": 1}));
    Ok(())
}

/// kinto-http.py raises a `TypeError` for every read in a batch but that of a group.
#[tokio::test]
async fn reads_raise() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Milk"})).await;
    fixture.plain.put(&format!("/buckets/{}/groups/team", fixture.bucket.id()), &json!({})).await;
    let mut batch = fixture.client.batch();
    let record = batch.add(fixture.todos.get_record::<Todo>("milk"));
    let (bucket, collection) = (batch.add(fixture.bucket.get()), batch.add(fixture.todos.get()));
    let group = batch.add(fixture.bucket.get_group("team"));
    let done = batch.execute().await?;
    assert_eq!(done.get(&record)?.data, Todo::new("Milk"));
    assert_eq!(&*done.get(&bucket)?.id, fixture.bucket.id());
    assert_eq!((&*done.get(&collection)?.id, &*done.get(&group)?.id), ("todos", "team"));
    assert_eq!(fixture.sent.take_lines(), ["GET /", "POST /batch"]);
    Ok(())
}

/// kinto-http.py ignores `if_not_exists` and `if_exists` in a batch, and fails with 412 and 404.
#[tokio::test]
async fn if_not_exists_and_if_exists_are_forgotten() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Milk"})).await;
    let mut batch = fixture.client.batch();
    let there = batch.add(fixture.todos.create_record(Todo::new("Oat milk")).id("milk").if_not_exists());
    let gone = batch.add(fixture.todos.delete_record("none").if_exists());
    let new = batch.add(fixture.todos.create_record(Todo::new("Eggs")).id("eggs").if_not_exists());
    let done = batch.execute().await?;
    assert!(!done.get(&there)?.is_created() && done.get(&new)?.is_created());
    assert_eq!(done.get(&there)?.data, Todo::new("Milk"));
    assert!(done.get(&gone)?.is_none());
    assert_eq!(fixture.plain.held(&fixture.record("milk")).await, json!({"title": "Milk"}));
    Ok(())
}

/// After a 5xx to one operation, kinto-http.py discards the results of the others, and does not send the rest.
#[tokio::test]
async fn a_server_error_takes_the_other_results_with_it() -> Outcome {
    let server = Server::builder().batch_max_requests(5).shared()?;
    let fixture = Fixture::on(server.url()).await;
    let rule = |sent: &SentRequest| {
        let hit = sent.target.ends_with("/n7") || sent.body.contains("/n7\"");
        if hit { Fault::json(500, &json!({"code": 500, "errno": 999, "error": "oh"})) } else { Fault::Pass }
    };
    let proxy = Proxy::start(fixture.url(), rule).await;
    let records = (0..12).map(|n| json!({"id": format!("n{n}")}));
    let results = fixture.todos_through(&proxy).create_records(records).each().await?;
    let failed: Vec<usize> = (0..).zip(&results).filter(|(_, result)| result.is_err()).map(|(n, _)| n).collect();
    assert_eq!((failed, results.len()), (vec![7], 12));
    assert_eq!(predicates(results[7].as_ref().unwrap_err()), ["server"]);
    let stored: Vec<String> = results.iter().flatten().map(|record| record.id.to_string()).collect();
    let mut held = fixture.plain.ids(&fixture.records).await;
    held.sort_unstable_by_key(|id| id[1..].parse::<u32>().unwrap());
    assert_eq!(held, stored);
    Ok(())
}

/// kinto-http.py logs the success of every operation as a warning.
#[tokio::test]
async fn success_is_logged_as_a_warning() -> Outcome {
    let fixture = Fixture::new().await;
    let log = Log::start();
    fixture.todos.create_records([Todo::new("Milk"), Todo::new("Eggs")]).await?;
    let text = log.text();
    assert!(text.contains("DEBUG kinto.call") && !text.contains(" WARN ") && !text.contains("ERROR"), "{text}");
    Ok(())
}

/// kinto.js sends a batch when its callback first waits for something, without what comes after that.
#[tokio::test]
async fn what_is_added_after_waiting_is_lost() -> Outcome {
    let fixture = Fixture::new().await;
    let mut batch = fixture.client.batch();
    let milk = batch.add(fixture.todos.create_record(Todo::new("Milk")).id("milk"));
    fixture.client.fetch_server_info().await?;
    let eggs = batch.add(fixture.todos.create_record(Todo::new("Eggs")).id("eggs"));
    let done = batch.execute().await?;
    assert_eq!((&*done.get(&milk)?.id, &*done.get(&eggs)?.id), ("milk", "eggs"));
    assert_eq!(fixture.plain.ids(&fixture.records).await, ["eggs", "milk"]);
    Ok(())
}

/// kinto.js returns a placeholder or NaN from calls in a batch, instead of the documented result.
#[tokio::test]
async fn calls_give_placeholders() -> Outcome {
    let fixture = Fixture::new().await;
    let calls = (fixture.todos.create_record(Todo::new("Milk")).id("milk"), fixture.todos.get_record::<Todo>("milk"));
    let (created, read) = fixture.client.batch_of(calls).await?;
    let (created, read) = (created?, read?);
    assert_eq!((&created.data, created.last_modified), (&read.data, read.last_modified));
    assert_eq!(fixture.plain.object(&fixture.record("milk")).await["last_modified"], json!(read.last_modified));
    Ok(())
}

/// kinto.js copies the client's headers, `Authorization` among them, into the body of a batch.
#[tokio::test]
async fn credentials_are_copied_into_the_body() -> Outcome {
    let fixture = Fixture::new().await;
    let log = kinto_tests::Recorder::default();
    let client = fixture.client_at(fixture.url()).header("x-api-key", "0815").transport(log.clone()).build()?;
    fixture.todos_of(&client).create_records((0..3).map(|n| json!({"n": n}))).await?;
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
    let fixture = Fixture::new().await;
    fixture.client.batch().execute().await?;
    fixture.todos.create_records(Vec::<Value>::new()).await?;
    assert_eq!(fixture.sent.take_lines(), [""; 0], "of an empty batch nothing need be known");
    for client in [fixture.client.clone(), fixture.client.clone(), fixture.bucket.client().clone()] {
        client.server_info().await?;
        fixture.todos_of(&client).create_records((0..2).map(|n| json!({"n": n}))).await?;
        let with_retry = client.with_retry(super::Counting(Arc::default()));
        fixture.todos_of(&with_retry).create_records((0..2).map(|n| json!({"n": n}))).await?;
    }
    let lines = fixture.sent.take_lines();
    assert_eq!((lines.len(), lines.iter().filter(|line| *line == "GET /").count()), (7, 1), "{lines:?}");
    Ok(())
}
