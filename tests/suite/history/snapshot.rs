//! A collection as it was at a time: it is what it was, whichever way it is read.

use std::time::Duration;

use futures_util::{TryStreamExt as _, stream};
use kinto_client::{Collection, Record, Timestamp, Value, json, testing::Kinto};
use kinto_server::{Backend, Server};
use kinto_tests::{Chance, Fault, Fixture, Outcome, Proxy, SentRequest, on_each_backend, server_on};

use super::edits::Edits;
use crate::{Todo, predicates};

fn is_long() -> bool {
    std::env::var("KINTO_TEST_LONG").is_ok_and(|long| long == "1")
}

on_each_backend!(snapshot_is_the_past);

/// The law, on a real server.
async fn snapshot_is_the_past(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let (sequences, edits) = if is_long() { (20, 40) } else { (1, 14) };
    for sequence in 0..sequences {
        let mut past = Edits::start(&fixture.client, Chance::new(7, sequence)).await;
        for _ in 0..edits {
            past.edit().await;
        }
        let compared = past.compare(if is_long() { 1 } else { 3 }).await?;
        assert!(compared > 5, "{compared} times were compared");
    }
    Ok(())
}

/// The same law, on the Kinto in memory.
#[tokio::test(start_paused = true)]
async fn snapshot_is_the_past_in_memory() -> Outcome {
    let mut compared = 0;
    for sequence in 0..if is_long() { 500 } else { 2 } {
        let kinto = Kinto::builder().paginate_by(4).build();
        let mut past = Edits::start(&kinto.client(), Chance::new(11, sequence)).await;
        for _ in 0..25 {
            tokio::time::advance(Duration::from_millis(40)).await;
            past.edit().await;
        }
        compared += past.compare(1).await?;
    }
    assert!(compared > 60, "{compared} times were compared");
    Ok(())
}

/// Kinto's own snapshot has the deletion, and versions of an earlier collection; the typed one has neither.
#[tokio::test]
async fn snapshot_corrects_what_the_endpoint_says() -> Outcome {
    let fixture = Fixture::new().await;
    let todos = fixture.todos.typed::<Todo>();
    let raw = async |at: Timestamp| {
        let path = format!("/buckets/{}/snapshot/collections/todos@{at}", fixture.bucket.id());
        fixture.plain.get(&path).await.json()["data"].as_array().unwrap().clone()
    };
    todos.create_record(Todo::new("Milk")).id("milk").await?;
    let bread = todos.create_record(Todo::new("Bread")).id("bread").await?;
    let deleted = todos.delete_record("milk").await?.last_modified.unwrap();
    todos.create_record(Todo::new("Milk")).id("milk").await?;
    assert_eq!(raw(deleted).await.len(), 2, "the trap: a deleted record is among the others");
    let snapshot = todos.snapshot(deleted).await?;
    assert_eq!(snapshot.iter().map(|record| &record.data).collect::<Vec<_>>(), [&bread.data]);
    assert_eq!((snapshot.at, &*snapshot[0].id, snapshot[0].last_modified), (deleted, "bread", bread.last_modified));

    fixture.plain.delete(&fixture.todos.path()).await;
    fixture.plain.put(&fixture.todos.path(), &json!({})).await;
    let again = fixture.todos.get().await?.last_modified;
    fixture.sent.forget();
    todos.create_record(Todo::new("Oats")).id("oats").await?;
    todos.create_record(Todo::new("Milk")).id("milk").await?;
    assert_eq!(raw(again).await.len(), 1, "the trap: a record of the earlier collection");
    assert!(todos.snapshot(again).await?.is_empty());
    assert!(raw(bread.last_modified).await.len() < 2, "the trap: what was deleted with the collection is gone");
    let mut titles: Vec<_> =
        todos.snapshot(bread.last_modified).await?.into_iter().map(|todo| todo.data.title).collect();
    titles.sort();
    assert_eq!(titles, ["Bread", "Milk"]);

    let unknown = fixture.bucket.collection("unknown");
    let path = format!("/buckets/{}/snapshot/collections/unknown@{again}", fixture.bucket.id());
    assert_eq!(fixture.plain.get(&path).await.json(), json!({"data": []}), "the trap: it never was");
    let error = unknown.snapshot::<Value>(again).await.unwrap_err();
    assert_eq!(predicates(&error), ["not found"], "{error}");
    let error = todos.snapshot(Timestamp::from_millis(5)).await.unwrap_err();
    assert_eq!(predicates(&error), ["not found"], "{error}");
    assert!(error.to_string().contains("did not exist at 5: it was created at"), "{error}");
    assert_eq!(error.object(), Some(&*fixture.todos.path()));
    Ok(())
}

#[tokio::test]
async fn snapshot_asks_endpoint_and_reads_what_changed_since() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.fill((0..60).map(|n| (format!("n{n}"), json!({"n": n})))).await;
    let at = fixture.todos.get_records_timestamp().await?;
    fixture.todos.update_record::<Value, _>("n7", |data| data["n"] = 70.into()).await?;
    fixture.todos.create_record(json!({"n": 60})).id("n60").await?;
    fixture.client.server_info().await?;
    fixture.sent.forget();
    let snapshot = fixture.todos.snapshot::<Value>(at).await?;
    assert_eq!(snapshot.len(), 60);
    let sevens = snapshot.iter().find(|record| &*record.id == "n7").unwrap();
    assert_eq!(sevens.data, json!({"n": 7}));
    assert!(snapshot.windows(2).all(|pair| pair[0].last_modified > pair[1].last_modified));
    let sent = fixture.sent.take_lines();
    let (history, records) = (format!("/buckets/{}/history", fixture.bucket.id()), &fixture.records);
    let expected = [
        format!("GET {history}?eq_collection_id=%22todos%22&"),
        format!("GET {history}?eq_deleted=true&"),
        format!("GET /buckets/{}", fixture.bucket.id()),
        format!("GET /buckets/{}/snapshot/collections/todos@{at}", fixture.bucket.id()),
        format!("GET {records}?_since={at}&"),
        format!("HEAD {records}?_before="),
        format!("GET {history}?"),
        format!("GET {history}?"),
    ];
    assert_eq!(sent.len(), expected.len(), "{sent:#?}");
    for (sent, expected) in sent.iter().zip(expected) {
        assert!(sent.starts_with(&expected), "{sent}\n{expected}");
    }

    // Pages, in memory one after the other.
    let paged: Vec<Record<Value>> = fixture.todos.snapshot(at).page_size(7).stream().try_collect().await?;
    assert_eq!(paged.len(), 60);
    let sent = fixture.sent.take_lines();
    assert!(!sent.iter().any(|line| line.contains("/snapshot/")), "{sent:#?}");
    assert_eq!(sent.iter().filter(|line| line.contains("/records?_before=")).count(), 9);

    // The present, and what is still to come.
    let now = fixture.todos.get_records_timestamp().await?;
    for at in [now, Timestamp::from_millis(now.as_millis() + 60_000)] {
        assert_eq!(fixture.todos.snapshot::<Value>(at).await?.len(), 61);
        assert_eq!(fixture.todos.snapshot::<Value>(at).without_endpoint().await?.len(), 61);
    }
    let error = fixture.todos.snapshot::<Value>(at).page_size(0).await.unwrap_err();
    assert_eq!(predicates(&error), ["invalid"], "{error}");
    Ok(())
}

#[tokio::test]
async fn snapshot_is_read_from_history_without_endpoint() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.fill((0..5).map(|n| (format!("n{n}"), json!({"n": n, "text": "x".repeat(4_000)})))).await;
    let at = fixture.todos.get_records_timestamp().await?;
    fixture.plain.delete(&fixture.record("n3")).await;
    for status in [404, 500] {
        let rule = move |sent: &SentRequest| match &*sent.target {
            target if target.contains("/snapshot/") => Fault::json(status, &json!({"code": status, "errno": 111})),
            _ => Fault::Pass,
        };
        let proxy = Proxy::start(fixture.url(), rule).await;
        let snapshot = fixture.todos_through(&proxy).snapshot::<Value>(at).await?;
        assert_eq!(snapshot.len(), 5, "{status}");
        assert!(proxy.lines().iter().any(|line| line.contains("/snapshot/")));
    }
    let large = fixture.client_at(fixture.url()).max_response_size(10_000).build()?;
    assert_eq!(fixture.todos_of(&large).snapshot::<Value>(at).page_size(1).await?.len(), 5);
    Ok(())
}

/// Kinto's own snapshot leaves out what is beyond its limit for one query.
#[tokio::test]
async fn snapshot_is_whole_beyond_limit_of_the_endpoint() -> Outcome {
    let builder = Server::builder().backend(Backend::PostgreSql).setting("kinto.storage_max_fetch_size", "20");
    let server = builder.shared()?;
    let fixture = Fixture::on(server.url()).await;
    fixture.fill((0..30).map(|n| (format!("n{n}"), json!({"n": n})))).await;
    let at = fixture.todos.get_records_timestamp().await?;
    fixture.fill((0..30).map(|n| (format!("n{n}"), json!({"n": n + 100})))).await;
    let now = fixture.todos.get_records_timestamp().await?;
    for (at, more) in [(at, 0), (now, 100)] {
        let path = format!("/buckets/{}/snapshot/collections/todos@{at}", fixture.bucket.id());
        let raw = fixture.plain.get(&path).await.json()["data"].as_array().unwrap().len();
        assert!(raw < 30, "the trap: {raw} records");
        let mut numbers: Vec<u64> = fixture
            .todos
            .snapshot::<Value>(at)
            .await?
            .iter()
            .map(|record| record.data["n"].as_u64().unwrap())
            .collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (more..more + 30).collect::<Vec<_>>());
    }
    Ok(())
}

/// Every write takes a server longer, the more entries there are: 10,000 take minutes on a real one.
#[tokio::test]
async fn snapshot_of_ten_thousand_entries_is_whole() -> Outcome {
    let kinto = Kinto::builder().paginate_by(1_000).build();
    let bucket = kinto.client().bucket("many");
    bucket.create().await?;
    compare_versions(&bucket.collection("todos"), 2_000).await?;
    if is_long() {
        for backend in [Backend::Memory, Backend::PostgreSql] {
            let server = server_on(backend);
            let fixture = Fixture::on(server.url()).await;
            compare_versions(&fixture.bucket.collection("many"), 2_000).await?;
        }
    }
    Ok(())
}

/// Writes five versions of so many records, and looks at three of them.
async fn compare_versions(collection: &Collection, records: usize) -> Outcome {
    collection.create().await?;
    let mut times = Vec::new();
    for version in 0..5 {
        let written = (0..records).map(|n| (format!("n{n}"), json!({"n": n, "version": version})));
        collection.overwrite_records_from(stream::iter(written)).await?;
        times.push(collection.get_records_timestamp().await?);
    }
    assert_eq!(collection.typed::<Value>().get_history().count().await?, 5 * records);
    for version in [1, 4] {
        let snapshot = collection.snapshot::<Value>(times[version]).await?;
        assert_eq!(snapshot.len(), records);
        assert!(snapshot.iter().all(|record| record.data["version"] == version));
    }
    let streamed = collection.snapshot::<Value>(times[2]).page_size(400).stream();
    let count = streamed.try_fold(0, async |count, record| {
        assert_eq!(record.data["version"], 2);
        Ok(count + 1)
    });
    assert_eq!(count.await?, records);
    Ok(())
}

#[tokio::test]
async fn snapshot_names_record_that_does_not_fit() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("bad"), &json!({"title": 5})).await;
    let at = fixture.todos.get_records_timestamp().await?;
    for changed in [false, true] {
        if changed {
            fixture.plain.put_data(&fixture.record("bad"), &json!({"title": "5"})).await;
        }
        let error = fixture.todos.typed::<Todo>().snapshot(at).await.unwrap_err();
        assert_eq!(predicates(&error), ["decode"], "{error}");
        assert_eq!((error.record_id(), error.field()), (Some("bad"), Some("title")));
    }
    Ok(())
}
