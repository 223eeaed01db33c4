//! Many operations in few requests: what goes together, and what is each one's own.

use std::time::Duration;

use kinto_client::{Client, Record, Value, json, retry::NeverRetry};
use kinto_server::{Backend, Server, unique};
use kinto_tests::{Fixture, Outcome, server_on};

use crate::{
    Todo,
    batch::requests::{scene_of_five, sizes},
    batch::results::Told as _,
    predicates,
};

pub(crate) mod auth;
pub(crate) mod conflicts;
pub(crate) mod cut_connections;
pub(crate) mod faults;
pub(crate) mod order;
pub(crate) mod progress;
pub(crate) mod requests;
pub(crate) mod results;
pub(crate) mod retries;
pub(crate) mod too_large;
pub(crate) mod writers;

#[tokio::test]
async fn tuple_batch_returns_tuple_of_results() -> Outcome {
    let fixture = Fixture::new().await;
    let (todos, bucket) = (&fixture.todos, &fixture.bucket);
    let calls = (
        todos.create_record(Todo::new("Milk")).id("milk"),
        bucket.create_group("friends", ["account:remy"]),
        todos.get_record::<Value>("missing").optional(),
    );
    let (milk, friends, none): (Result<Record<Todo>, _>, _, Result<Option<Record<Value>>, _>) =
        fixture.client.batch_of(calls).await?;
    assert_eq!((milk?.data, friends?.members().len(), none?.is_none()), (Todo::new("Milk"), 1, true));
    let (only,) = fixture.client.batch_of((todos.get_record::<Todo>("milk"),)).await?;
    assert_eq!(only?.data, Todo::new("Milk"));
    let get = || todos.get_record::<Todo>("milk");
    let (a, _, _, _, _, _, _, h) =
        fixture.client.batch_of((get(), get(), get(), get(), get(), get(), get(), get())).await?;
    assert_eq!(a?.last_modified, h?.last_modified);
    let sizes = sizes(&fixture.sent.take());
    assert_eq!(sizes, [0, 3, 0, 8], "the server is asked once what it takes, and one goes alone");
    Ok(())
}

#[tokio::test]
async fn batch_operation_can_use_result_of_earlier_one() -> Outcome {
    let fixture = scene_of_five().await;
    let bucket = fixture.client.bucket(unique("new"));
    let (notes, lists) = (bucket.collection("notes"), bucket.collection("lists"));
    let mut batch = fixture.client.batch();
    batch.add(bucket.create());
    batch.add(notes.create());
    batch.add(lists.create());
    batch.extend((0..4).map(|n| notes.create_record(json!({"id": format!("n{n}")}))));
    batch.extend((0..4).map(|n| lists.create_record(json!({"id": format!("l{n}")}))));
    let read = batch.add(notes.get_record::<Value>("n3"));
    batch.add(notes.delete_record("n3"));
    let gone = batch.add(notes.get_record::<Value>("n3").optional());
    batch.add(notes.create_record(json!({"id": "n3", "again": true})));
    let again = batch.add(notes.get_record::<Value>("n3"));
    let counted = batch.add(lists.get_records::<Value>().count());
    batch.add(lists.delete());
    let done = batch.execute().await?;
    assert_eq!(done.failures().count(), 0, "{done:?}");
    assert_eq!(done.get(&read)?.data, json!({}));
    assert!(done.get(&gone)?.is_none());
    assert_eq!(done.get(&again)?.data, json!({"again": true}));
    assert_eq!(*done.get(&counted)?, 4);
    assert_eq!(fixture.plain.ids(&format!("/buckets/{}/collections", bucket.id())).await, ["notes"]);
    Ok(())
}

#[tokio::test]
async fn ticket_fails_when_used_twice_or_with_other_batch() -> Outcome {
    let fixture = Fixture::new().await;
    let [mut one, mut other] = [fixture.client.batch(), fixture.client.batch()];
    let milk = one.add(fixture.todos.create_record(Todo::new("Milk")));
    let eggs = other.add(fixture.todos.create_record(Todo::new("Eggs")));
    let (one, mut other) = (one.execute().await?, other.execute().await?);
    for error in [one.get(&eggs).unwrap_err(), other.get(&milk).unwrap_err()] {
        assert!(error.is_invalid() && error.to_string().contains("another batch"), "{error}");
    }
    assert_eq!((one.get(&milk)?.data.title.as_str(), other.get(&eggs)?.data.title.as_str()), ("Milk", "Eggs"));
    assert!(other.take(milk).is_err_and(|error| error.is_invalid()), "it is spent all the same");
    assert_eq!(other.take(eggs)?.data, Todo::new("Eggs"));
    assert_eq!((one.len(), one.failures().count()), (1, 0));
    Ok(())
}

#[tokio::test]
async fn batch_rejects_call_of_other_client() -> Outcome {
    let fixture = Fixture::new().await;
    let other = fixture.client_at(fixture.url()).build()?;
    let somebody = fixture.client.with_auth((unique("somebody"), "password"))?;
    let mut batch = fixture.client.batch();
    let own = batch.add(fixture.todos.create_record(Todo::new("own")));
    let clones = batch.add(fixture.todos_of(&fixture.client.clone()).create_record(Todo::new("own")));
    let others =
        [&other, &somebody].map(|client| batch.add(fixture.todos_of(client).create_record(Todo::new("another's"))));
    let done = batch.execute().await?;
    assert!(done.get(&own).is_ok() && done.get(&clones).is_ok());
    for ticket in &others {
        let error = done.get(ticket).unwrap_err();
        assert_eq!(predicates(&error), ["invalid"], "{error}");
        assert_eq!(error.operation(), Some("create record"));
    }
    assert_eq!(fixture.plain.ids(&fixture.records).await.len(), 2);
    Ok(())
}

#[tokio::test]
async fn batch_rejects_call_with_own_retry_or_timeout() -> Outcome {
    let fixture = Fixture::new().await;
    let create = || fixture.todos.create_record(Todo::new("own"));
    let mut batch = fixture.client.batch();
    let tickets = [
        batch.add(create().retry(NeverRetry)),
        batch.add(create().timeout(Duration::from_secs(5))),
        batch.add(create().retry(NeverRetry).id("milk")),
    ];
    let plain = batch.add(create());
    let explained = batch.preview().unwrap_err();
    assert!(
        explained.is_invalid() && explained.to_string().contains("give them to the batch, after `.execute()`"),
        "{explained}"
    );
    let (tuple, other) = fixture.client.batch_of((create().retry(NeverRetry), create())).await?;
    let done = batch.execute().retry(NeverRetry).timeout(Duration::from_secs(60)).await?;
    let refused = tickets.iter().map(|ticket| done.get(ticket).unwrap_err()).chain([tuple.unwrap_err()]);
    for error in refused {
        assert_eq!(predicates(&error), ["invalid"], "{error}");
        assert!(error.to_string().contains("give them to the batch, after `.execute()`"), "{error}");
    }
    assert!(done.get(&plain).is_ok() && other.is_ok());
    assert_eq!(fixture.plain.ids(&fixture.records).await.len(), 2);
    Ok(())
}

#[tokio::test]
async fn batch_operation_names_missing_plugin() -> Outcome {
    let server = Server::builder()
        .setting("kinto.includes", "kinto.plugins.default_bucket")
        .setting("multiauth.policies", "basicauth")
        .shared()?;
    let fixture = Fixture::on(server.url()).await;
    let alone = fixture.client.account("alexis").get().await.unwrap_err();
    let (read, other) = fixture
        .client
        .batch_of((fixture.client.account("alexis").get(), fixture.todos.get_record::<Todo>("milk")))
        .await?;
    let (single,) = fixture.client.batch_of((fixture.client.account("alexis").get(),)).await?;
    assert_eq!(predicates(&alone), ["unsupported"], "{alone}");
    assert_eq!(read.unwrap_err().told(), alone.told());
    assert_eq!(single.unwrap_err().told(), alone.told());
    assert_eq!(predicates(&other.unwrap_err()), ["not found"]);
    Ok(())
}

#[tokio::test]
async fn batch_results_carry_refusal_of_whole_batch() -> Outcome {
    let fixture = Fixture::new().await;
    let stranger = Client::builder(fixture.url()).auth(kinto_client::Auth::bearer("unknown")).build()?;
    let todos = fixture.todos_of(&stranger);
    let created = todos.create_records([Todo::new("Milk"), Todo::new("Eggs")]).each().await?;
    for created in created {
        let error = created.unwrap_err();
        assert_eq!((predicates(&error), error.operation()), (vec!["unauthorized"], Some("create record")), "{error}");
        assert!(!error.may_have_been_applied());
    }
    let readonly = Server::builder().setting("kinto.readonly", "true").shared()?;
    let client = fixture.client_at(readonly.url()).build()?;
    let created = client.bucket("b").collection("c").create_records([Todo::new("Milk"), Todo::new("Eggs")]);
    let error = created.await.unwrap_err();
    assert!(error.is_partial() && error.failures().len() == 2, "{error}");
    assert!(error.failures().iter().all(|(_, error)| error.is_refused() && !error.may_have_been_applied()), "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_future_is_send() -> Outcome {
    fn movable<T: Send>(value: T) -> T {
        value
    }
    let fixture = Fixture::new().await;
    let (client, todos) = (fixture.client.clone(), fixture.todos.clone());
    let mut batch = movable(client.batch().on_progress(|_| true));
    let ticket = movable(batch.add(todos.create_record(Todo::new("Milk"))));
    let mut done = movable(tokio::spawn(movable(batch.execute()).into_future()).await??);
    assert_eq!(done.take(ticket)?.data, Todo::new("Milk"));
    let all = tokio::spawn(movable(todos.create_records((0..3).map(|_| Todo::new("Eggs")))).into_future()).await??;
    assert_eq!(all.len(), 3);
    let calls = (todos.get_record::<Todo>("milk").optional(), todos.get_records::<Todo>().count());
    let (none, count) = tokio::spawn(movable(client.batch_of(calls)).into_future()).await??;
    assert_eq!((none?.is_none(), count?), (true, 4));
    Ok(())
}

/// The whole of a batch on a server that rolls back is one transaction of it; here it is in memory too.
#[tokio::test]
async fn batch_works_on_postgresql() -> Outcome {
    let server = server_on(Backend::PostgreSql);
    let fixture = Fixture::on(server.url()).await;
    let created = fixture.todos.create_records((0..60).map(|n| json!({"id": format!("n{n:02}")}))).await?;
    let mut batch = fixture.client.batch();
    let reads = batch.extend(created.iter().map(|record| fixture.todos.get_record::<Value>(record.id.as_str())));
    let done = batch.execute().await?;
    for (ticket, created) in reads.iter().zip(&created) {
        assert_eq!(done.get(ticket)?.raw_json(), created.raw_json());
    }
    assert_eq!(sizes(&fixture.sent.take()), [0, 25, 25, 10, 25, 25, 10]);
    Ok(())
}
