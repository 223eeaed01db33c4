//! The requests of a batch: as few as the server allows, with nothing superfluous in them.

use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use kinto_client::{
    Value, json,
    list::Conditional,
    object::CreateOutcome,
    operation::SaveOutcome,
    transport::{Body, Transport, TransportError},
};
use kinto_server::{Server, unique};
use kinto_tests::{Fixture, Outcome, Recorder, SentRequest, TestUser};

use crate::{Todo, predicates};

/// A fixture on a server that takes five operations at a time.
pub(crate) async fn scene_of_five() -> Fixture {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let start = || Server::builder().batch_max_requests(5).shared().expect("a server");
    Fixture::on(SERVER.get_or_init(start).url()).await
}

/// Returns the number of operations in each request, which is 0 for one that was no batch.
pub(crate) fn sizes(sent: &[SentRequest]) -> Vec<usize> {
    sent.iter().map(|sent| if sent.is_batch() { sent.batched().len() } else { 0 }).collect()
}

#[tokio::test]
async fn empty_batch_sends_nothing() -> Outcome {
    let fixture = Fixture::new().await;
    let batch = fixture.client.batch();
    assert!(batch.is_empty());
    assert_eq!(batch.len(), 0);
    let done = batch.execute().await?;
    assert!(done.is_empty() && done.failures().next().is_none());
    assert_eq!(done.len(), 0);
    let mut unchanged = [fixture.todos.create_record(Todo::new("Milk")).await?];
    fixture.sent.forget();
    fixture.todos.create_records([] as [Todo; 0]).await?;
    fixture.todos.delete_records([] as [&str; 0]).await?;
    assert_eq!(fixture.todos.save_records(&mut unchanged).await?, [SaveOutcome::Unchanged]);

    // Nor does one in which nothing can be sent.
    let mut batch = fixture.client.batch();
    let same = batch.add(fixture.todos.save_record(&mut unchanged[0]));
    let invalid = batch.add(fixture.todos.get_record::<Todo>("no/id"));
    let done = batch.execute().await?;
    assert_eq!(*done.get(&same)?, SaveOutcome::Unchanged);
    assert_eq!(predicates(&done.get(&invalid).unwrap_err()), ["invalid"]);
    assert_eq!(fixture.sent.take_lines(), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn batch_of_one_sends_plain_request() -> Outcome {
    let fixture = Fixture::new().await;
    let mut batch = fixture.client.batch();
    let created = batch.add(fixture.todos.create_record(Todo::new("Milk")).id("milk"));
    let done = batch.execute().await?;
    assert_eq!(done.get(&created)?.data, Todo::new("Milk"));
    fixture.todos.delete_records(["milk"]).await?;
    assert_eq!(
        fixture.sent.take_lines(),
        ["PUT", "DELETE"].map(|method| format!("{method} {}", fixture.record("milk")))
    );
    Ok(())
}

#[tokio::test]
async fn unbatchable_operation_is_sent_alone_in_order() -> Outcome {
    let TestUser { client, id, sent, plain, .. } = TestUser::new(Server::shared()?.url(), "alexis").await;
    let bucket = client.bucket(unique("own"));
    let (todos, batchy) = (bucket.collection("todos"), client.bucket(unique("batchy")));
    let (made, filled) = client.batch_of((bucket.create(), todos.create())).await?;
    assert!(made.is_ok() && filled.is_ok());
    let milk = todos.create_record(Todo::new("Milk")).id("milk").await?;
    sent.forget();

    let mut batch = client.batch();
    let first = batch.add(todos.create_record(Todo::new("a")).id("a"));
    let new_bucket = batch.add(batchy.create());
    let inside = batch.add(batchy.create_collection("c"));
    let named = batch.add(todos.create_record(Todo::new("b")).id("batch-1"));
    let second = batch.add(todos.create_record(Todo::new("c")).id("c"));
    let same = batch.add(todos.get_record::<Todo>("milk").if_changed_since(milk.last_modified));
    let changed = batch.add(todos.get_record::<Todo>("a").if_changed_since(milk.last_modified));
    let third = batch.add(todos.get_record::<Todo>("a"));
    let fourth = batch.add(todos.get_record::<Todo>("batch-1").optional());
    let last = batch.add(todos.get_records::<Todo>().count());
    // The server asks for the new password afterwards.
    let account = batch.add(client.account(&id).change_password("s3cr3t"));
    let done = batch.execute().await?;

    assert_eq!(done.failures().count(), 0, "{done:?}");
    let [first, second, third, named] = [&first, &second, &third, &named].map(|ticket| done.get(ticket));
    assert_eq!((&*first?.id, &*second?.id, third?.data.title.as_str(), &*named?.id), ("a", "c", "a", "batch-1"));
    assert_eq!((done.get(&new_bucket)?.id.as_str(), done.get(&inside)?.id.as_str()), (batchy.id(), "c"));
    assert_eq!(done.get(&account)?.id, id);
    assert!(matches!(done.get(&same)?, Conditional::NotModified));
    assert!(matches!(done.get(&changed)?, Conditional::Modified(record) if record.data.title == "a"));
    let fourth = done.get(&fourth)?.as_ref().expect("it is there");
    assert_eq!((fourth.data.title.as_str(), *done.get(&last)?), ("b", 4));
    assert_ne!(plain.status(&format!("/buckets/{}", bucket.id())).await, 200, "the old password is good no longer");

    let sent = sent.take();
    assert_eq!(sizes(&sent), [0; 11], "none has a neighbour that it could go with");
    for sent in &sent {
        assert!(!sent.target.ends_with("/v1/batch"));
        assert_eq!(sent.body.contains("s3cr3t"), sent.line() == format!("PATCH /accounts/{id}"));
    }
    Ok(())
}

#[tokio::test]
async fn single_request_keeps_order_of_neighbours() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.client.server_info().await?;
    fixture.sent.forget();
    let ids = ["a", "b", "batch", "c", "d"];
    // It is on the way to the record that the word matters, not in it.
    let created = fixture.todos.create_records(ids.map(|id| json!({"id": id, "title": "/batch"}))).await?;
    assert_eq!(created.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), ids);
    let sent = fixture.sent.take();
    assert_eq!(sizes(&sent), [2, 0, 2]);
    assert_eq!(sent[1].line(), format!("PUT {}", fixture.record("batch")));
    assert_eq!(fixture.plain.ids(&fixture.records).await, ids);
    Ok(())
}

#[tokio::test]
async fn batch_requests_respect_servers_maximum() -> Outcome {
    let fixture = scene_of_five().await;
    fixture.todos.create_records((0..12).map(|n| json!({"id": format!("n{n:02}")}))).await?;
    let sent = fixture.sent.take();
    assert_eq!(sent[0].line(), "GET /");
    assert_eq!(sizes(&sent[1..]), [5, 5, 2]);
    let all: Vec<String> = sent[1..].iter().flat_map(SentRequest::batched).collect();
    assert_eq!(all, (0..12).map(|n| format!("PUT {}/n{n:02}", fixture.records)).collect::<Vec<_>>());
    Ok(())
}

#[tokio::test]
async fn batch_requests_respect_max_bytes() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.client.server_info().await?;
    fixture.sent.forget();
    let lengths = [300, 300, 300, 300, 5_000, 10, 10, 900];
    let data = || lengths.map(|length| json!({"title": "ü\"\n".repeat(length / 4)}));
    fixture.todos.create_records(data()).max_bytes(1_500).await?;
    let mut batch = fixture.client.batch().max_bytes(1_500);
    let tickets = batch.extend(data().map(|data| fixture.todos.create_record(data)));
    let done = batch.execute().await?;
    for (ticket, data) in tickets.iter().zip(data()) {
        assert_eq!(done.get(ticket)?.data, data);
    }
    let sent = fixture.sent.take();
    let (many, batch) = sent.split_at(sent.len() / 2);
    assert_eq!((sizes(many), sizes(batch)), (vec![2, 2, 0, 2, 0], vec![2, 2, 0, 2, 0]));
    for sent in &sent {
        assert!(!sent.is_batch() || sent.body.len() <= 1_500, "{} bytes", sent.body.len());
    }
    fixture.todos.create_records(data()).await?;
    assert_eq!(sizes(&fixture.sent.take()), [8], "1 MiB unless it is set");
    Ok(())
}

#[tokio::test]
async fn batch_combines_requests_that_create_new_objects() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.client.server_info().await?;
    fixture.sent.forget();
    let mut batch = fixture.client.batch();
    let ensured = batch.extend((0..4).map(|n| fixture.bucket.create_collection(format!("c{n}")).if_not_exists()));
    let servers = batch.extend((0..4).map(|_| fixture.todos.create_record(Todo::new("Milk")).server_id()));
    let done = batch.execute().await?;
    assert!(ensured.iter().all(|ticket| done.get(ticket).is_ok_and(CreateOutcome::is_created)), "{done:?}");
    assert!(servers.iter().all(|ticket| done.get(ticket).is_ok()), "{done:?}");
    assert_eq!(fixture.plain.ids(&fixture.records).await.len(), 4);
    assert_eq!(sizes(&fixture.sent.take()), [8], "as few requests as the server allows");
    Ok(())
}

#[tokio::test]
async fn batch_parts_have_no_credentials() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.client.server_info().await?;
    fixture.sent.forget();
    fixture.todos.create_records([Todo::new("Milk"), Todo::new("Eggs")]).await?;
    let sent = fixture.sent.take_one();
    let (authorization, json) = (sent.header("authorization").expect("credentials"), sent.json());
    assert!(!sent.body.to_lowercase().contains("authorization") && !sent.body.contains(authorization), "{}", sent.body);
    assert!(!sent.body.contains(&fixture.user) && !sent.body.contains("p4ssw0rd"), "{}", sent.body);
    assert_eq!(json.as_object().unwrap().keys().collect::<Vec<_>>(), ["requests"]);
    for request in json["requests"].as_array().unwrap() {
        assert_eq!(request["headers"], json!({"if-none-match": "*"}));
        assert_eq!(request["body"]["data"].as_object().unwrap().len(), 2);
    }
    Ok(())
}

#[tokio::test]
async fn preview_equals_request() -> Outcome {
    let fixture = Fixture::new().await;
    let mut milk = fixture.todos.create_record(Todo::new("Milk")).id("milk").await?;
    fixture.client.server_info().await?;
    fixture.sent.forget();
    milk.data.done = true;
    let time = milk.last_modified;
    let mut batch = fixture.client.batch();
    batch.add(fixture.todos.save_record(&mut milk));
    batch.add(fixture.todos.create_record(Todo::new("Eggs")));
    batch.add(fixture.todos.get_record::<Todo>("ham"));
    let explained = batch.preview()?;
    let shown = format!("{batch:?}");
    assert_eq!(fixture.sent.take_lines(), [""; 0]);
    let text = explained[0].to_string();
    let start = format!("PUT {}\nIf-Match: \"{time}\"\n", fixture.record("milk"));
    assert!(text.starts_with(&start) && text.contains(r#""done":true"#), "{text}");
    for part in ["save record", "create record", "get record", "/records/ham"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains("Eggs"), "data may be nobody's business: {shown}");

    batch.execute().await?;
    let sent = fixture.sent.take_one();
    let lines = explained.iter().map(|one| format!("{} {}", one.method().unwrap(), one.target().unwrap()));
    assert_eq!(sent.batched(), lines.collect::<Vec<_>>());
    let body: Value = serde_json::from_str(explained[1].body().unwrap())?;
    assert_eq!(sent.json()["requests"][1]["body"], body);

    let mut batch = fixture.client.batch();
    batch.add(fixture.client.account("alexis").create("s3cr3t"));
    assert!(!format!("{:?} {batch:?}", batch.preview()?).contains("s3cr3t"));
    batch.add(fixture.todos.get_record::<Todo>("no/id"));
    let error = batch.preview().unwrap_err();
    assert_eq!((predicates(&error), error.operation()), (vec!["invalid"], Some("get record")), "{error}");
    Ok(())
}

/// A watch of the collections that are written to at the same time.
#[derive(Clone)]
struct Watch {
    transport: Recorder,
    under_way: Arc<Mutex<Vec<String>>>,
    most: Arc<Mutex<usize>>,
}

impl Transport for Watch {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        let body = String::from_utf8_lossy(request.body());
        let collection = body.split("/collections/").nth(1).and_then(|rest| rest.split('/').next()).map(str::to_owned);
        let Some(collection) = collection else { return self.transport.send(request) };
        {
            let mut under_way = self.under_way.lock().unwrap();
            assert!(!under_way.contains(&collection), "two batches write to {collection} at once");
            under_way.push(collection.clone());
            let mut most = self.most.lock().unwrap();
            *most = under_way.len().max(*most);
        }
        Box::pin(async move {
            let answer = self.transport.send(request).await;
            self.under_way.lock().unwrap().retain(|other| *other != collection);
            answer
        })
    }
}

#[tokio::test]
async fn batch_writes_collections_concurrently_but_one_collection_in_order() -> Outcome {
    let fixture = scene_of_five().await;
    let watch = Watch { transport: Recorder::default(), under_way: Arc::default(), most: Arc::default() };
    let client = fixture.client_at(fixture.url()).transport(watch.clone()).build()?;
    let collections: Vec<_> =
        (0..6).map(|n| client.bucket(fixture.bucket.id()).collection(unique(&format!("c{n}")))).collect();
    for (max, most) in [(None, 4), (Some(2), 2), (Some(1), 1)] {
        *watch.most.lock().unwrap() = 0;
        let mut batch = client.batch();
        batch.extend(collections.iter().map(|collection| collection.create().if_not_exists()));
        if let Some(max) = max {
            batch = batch.max_concurrency(max);
        }
        batch.extend((0..60).map(|n| collections[n % 6].create_record(Todo::new("Milk"))));
        // Another batch of the same program for the same collections.
        let mut second = client.batch();
        second.extend((0..60).map(|n| collections[n % 6].overwrite_record(format!("n{n}"), Todo::new("Eggs"))));
        let first = batch.execute().await?;
        assert_eq!(first.failures().count(), 0, "{first:?}");
        assert_eq!(*watch.most.lock().unwrap(), most);
        let mut third = client.batch();
        third.extend((0..60).map(|n| collections[n % 6].overwrite_record(format!("n{n}"), Todo::new("Ham"))));
        let (second, third) = tokio::join!(second.execute(), third.execute());
        for done in [second?, third?] {
            assert_eq!(done.failures().count(), 0, "{done:?}");
        }
    }
    Ok(())
}
