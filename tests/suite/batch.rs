//! Many operations in few requests: what goes together, and what is each one's own.

use std::time::Duration;

use kinto_client::{Client, Never, Record, Value, json};
use kinto_server::{Backend, Server, unique};
use kinto_tests::{Outcome, Scene, server_on};

use crate::{
    Todo,
    batch_requests::{scene_of_five, sizes},
    batch_results::Told as _,
    predicates,
};

#[tokio::test]
async fn a_tuple_gives_a_tuple() -> Outcome {
    let scene = Scene::new().await;
    let (todos, bucket) = (&scene.todos, &scene.bucket);
    let calls = (
        todos.create_record(Todo::new("Milk")).id("milk"),
        bucket.create_group("friends", ["account:remy"]),
        todos.get_record::<Value>("missing").or_none(),
    );
    let (milk, friends, none): (Result<Record<Todo>, _>, _, Result<Option<Record<Value>>, _>) =
        scene.client.together(calls).await?;
    assert_eq!((milk?.data, friends?.members().len(), none?.is_none()), (Todo::new("Milk"), 1, true));
    let (only,) = scene.client.together((todos.get_record::<Todo>("milk"),)).await?;
    assert_eq!(only?.data, Todo::new("Milk"));
    let get = || todos.get_record::<Todo>("milk");
    let (a, _, _, _, _, _, _, h) =
        scene.client.together((get(), get(), get(), get(), get(), get(), get(), get())).await?;
    assert_eq!(a?.last_modified, h?.last_modified);
    let sizes = sizes(&scene.sent.take());
    assert_eq!(sizes, [0, 3, 0, 8], "the server is asked once what it takes, and one goes alone");
    Ok(())
}

#[tokio::test]
async fn what_one_operation_makes_the_next_can_use() -> Outcome {
    let scene = scene_of_five().await;
    let bucket = scene.client.bucket(unique("new"));
    let (notes, lists) = (bucket.collection("notes"), bucket.collection("lists"));
    let mut batch = scene.client.batch();
    batch.add(bucket.create());
    batch.add(notes.create());
    batch.add(lists.create());
    batch.extend((0..4).map(|n| notes.create_record(json!({"id": format!("n{n}")}))));
    batch.extend((0..4).map(|n| lists.create_record(json!({"id": format!("l{n}")}))));
    let read = batch.add(notes.get_record::<Value>("n3"));
    batch.add(notes.delete_record("n3"));
    let gone = batch.add(notes.get_record::<Value>("n3").or_none());
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
    assert_eq!(scene.plain.ids(&format!("/buckets/{}/collections", bucket.id())).await, ["notes"]);
    Ok(())
}

#[tokio::test]
async fn tickets_are_good_for_one_result_of_their_own_batch() -> Outcome {
    let scene = Scene::new().await;
    let [mut one, mut other] = [scene.client.batch(), scene.client.batch()];
    let milk = one.add(scene.todos.create_record(Todo::new("Milk")));
    let eggs = other.add(scene.todos.create_record(Todo::new("Eggs")));
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
async fn a_call_of_another_client_is_refused() -> Outcome {
    let scene = Scene::new().await;
    let other = scene.client_at(scene.url()).build()?;
    let somebody = scene.client.with_auth((unique("somebody"), "password"))?;
    let mut batch = scene.client.batch();
    let own = batch.add(scene.todos.create_record(Todo::new("own")));
    let clones = batch.add(scene.todos_of(&scene.client.clone()).create_record(Todo::new("own")));
    let others =
        [&other, &somebody].map(|client| batch.add(scene.todos_of(client).create_record(Todo::new("another's"))));
    let done = batch.execute().await?;
    assert!(done.get(&own).is_ok() && done.get(&clones).is_ok());
    for ticket in &others {
        let error = done.get(ticket).unwrap_err();
        assert_eq!(predicates(&error), ["invalid"], "{error}");
        assert_eq!(error.operation(), Some("create record"));
    }
    assert_eq!(scene.plain.ids(&scene.records).await.len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_call_with_a_policy_or_timeout_of_its_own_is_refused() -> Outcome {
    let scene = Scene::new().await;
    let create = || scene.todos.create_record(Todo::new("own"));
    let mut batch = scene.client.batch();
    let tickets = [
        batch.add(create().retry(Never)),
        batch.add(create().timeout(Duration::from_secs(5))),
        batch.add(create().retry(Never).id("milk")),
    ];
    let plain = batch.add(create());
    let explained = batch.preview().unwrap_err();
    assert!(explained.is_invalid() && explained.to_string().contains("give them to the batch"), "{explained}");
    let (tuple, other) = scene.client.together((create().retry(Never), create())).await?;
    let done = batch.execute().retry(Never).timeout(Duration::from_secs(60)).await?;
    let refused = tickets.iter().map(|ticket| done.get(ticket).unwrap_err()).chain([tuple.unwrap_err()]);
    for error in refused {
        assert_eq!(predicates(&error), ["invalid"], "{error}");
        assert!(error.to_string().contains("give them to the batch"), "{error}");
    }
    assert!(done.get(&plain).is_ok() && other.is_ok());
    assert_eq!(scene.plain.ids(&scene.records).await.len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_plugin_that_is_missing_is_named_as_it_is_alone() -> Outcome {
    let server = Server::builder()
        .setting("kinto.includes", "kinto.plugins.default_bucket")
        .setting("multiauth.policies", "basicauth")
        .shared()?;
    let scene = Scene::on(server.url()).await;
    let alone = scene.client.account("alexis").get().await.unwrap_err();
    let (read, other) =
        scene.client.together((scene.client.account("alexis").get(), scene.todos.get_record::<Todo>("milk"))).await?;
    let (single,) = scene.client.together((scene.client.account("alexis").get(),)).await?;
    assert_eq!(predicates(&alone), ["unsupported"], "{alone}");
    assert_eq!(read.unwrap_err().told(), alone.told());
    assert_eq!(single.unwrap_err().told(), alone.told());
    assert_eq!(predicates(&other.unwrap_err()), ["not found"]);
    Ok(())
}

#[tokio::test]
async fn the_whole_batch_can_be_refused() -> Outcome {
    let scene = Scene::new().await;
    let stranger = Client::builder(scene.url()).auth(kinto_client::Auth::bearer("unknown")).build()?;
    let todos = scene.todos_of(&stranger);
    let created = todos.create_records([Todo::new("Milk"), Todo::new("Eggs")]).each().await?;
    for created in created {
        let error = created.unwrap_err();
        assert_eq!((predicates(&error), error.operation()), (vec!["unauthorized"], Some("create record")), "{error}");
        assert!(!error.may_have_been_applied());
    }
    let readonly = Server::builder().setting("kinto.readonly", "true").shared()?;
    let client = scene.client_at(readonly.url()).build()?;
    let created = client.bucket("b").collection("c").create_records([Todo::new("Milk"), Todo::new("Eggs")]);
    let error = created.await.unwrap_err();
    assert!(error.is_partial() && error.failures().len() == 2, "{error}");
    assert!(error.failures().iter().all(|(_, error)| error.is_refused() && !error.may_have_been_applied()), "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_can_be_spawned() -> Outcome {
    fn movable<T: Send>(value: T) -> T {
        value
    }
    let scene = Scene::new().await;
    let (client, todos) = (scene.client.clone(), scene.todos.clone());
    let mut batch = movable(client.batch().on_progress(|_| true));
    let ticket = movable(batch.add(todos.create_record(Todo::new("Milk"))));
    let mut done = movable(tokio::spawn(movable(batch.execute()).into_future()).await??);
    assert_eq!(done.take(ticket)?.data, Todo::new("Milk"));
    let all = tokio::spawn(movable(todos.create_records((0..3).map(|_| Todo::new("Eggs")))).into_future()).await??;
    assert_eq!(all.len(), 3);
    let calls = (todos.get_record::<Todo>("milk").or_none(), todos.get_records::<Todo>().count());
    let (none, count) = tokio::spawn(movable(client.together(calls)).into_future()).await??;
    assert_eq!((none?.is_none(), count?), (true, 4));
    Ok(())
}

/// The whole of a batch on a server that rolls back is one transaction of it; here it is in memory too.
#[tokio::test]
async fn it_works_on_postgresql_as_well() -> Outcome {
    let server = server_on(Backend::PostgreSql);
    let scene = Scene::on(server.url()).await;
    let created = scene.todos.create_records((0..60).map(|n| json!({"id": format!("n{n:02}")}))).await?;
    let mut batch = scene.client.batch();
    let reads = batch.extend(created.iter().map(|record| scene.todos.get_record::<Value>(record.id.as_str())));
    let done = batch.execute().await?;
    for (ticket, created) in reads.iter().zip(&created) {
        assert_eq!(done.get(ticket)?.received_json(), created.received_json());
    }
    assert_eq!(sizes(&scene.sent.take()), [0, 25, 25, 10, 25, 25, 10]);
    Ok(())
}
