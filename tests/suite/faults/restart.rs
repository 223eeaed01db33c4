//! A server on PostgreSQL that is killed in the middle of work, and started again.

use std::sync::Arc;

use kinto_client::{Collection, Record, Value, json};
use kinto_server::{Backend, Server};
use kinto_tests::{Fault, Fixture, Gate, Outcome, Proxy, SentRequest};
use tokio::sync::Semaphore;

use super::Tries;
use crate::{Todo, predicates};

/// A way on which the first write waits at one gate, and whatever comes after it at the other.
async fn way(fixture: &Fixture, first: &Gate, second: &Gate) -> (Proxy, Collection) {
    let (first, second) = (first.clone(), second.clone());
    let mut writes = 0;
    let rule = move |sent: &SentRequest| {
        if writes == 0 && sent.method == "GET" {
            return Fault::Pass;
        }
        writes += 1;
        Fault::Hold(if writes == 1 { first.clone() } else { second.clone() })
    };
    let proxy = Proxy::start(fixture.url(), rule).await;
    let todos = fixture.todos_of(&fixture.client_at(proxy.url()).retry(Tries(3)).build().expect("a client"));
    (proxy, todos)
}

/// Does to the server what takes a while, and blocks.
async fn blocking(
    server: &Arc<Server>,
    act: fn(&Server) -> Result<(), kinto_server::Error>,
) -> Result<(), kinto_server::Error> {
    let server = Arc::clone(server);
    tokio::task::spawn_blocking(move || act(&server)).await.expect("it does not panic")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_survives_restart_and_reports_doubtful_operations() -> Outcome {
    let server = Arc::new(Server::builder().backend(Backend::PostgreSql).start()?);
    let fixture = Fixture::on(server.url()).await;
    let mut read: Vec<Record<Todo>> = Vec::new();
    for id in ["save", "delete", "update", "overwrite", "patch"] {
        read.push(fixture.todos.create_record(Todo::new(id)).id(id).await?);
    }
    let (killed, back) = (Gate::default(), Gate::default());
    let mut ways = Vec::new();
    for _ in 0..6 {
        ways.push(way(&fixture, &killed, &back).await);
    }
    let [create, save, delete, update, overwrite, patch] = [0, 1, 2, 3, 4, 5].map(|way| &ways[way].1);
    let (mut saved, deleted) = (read[0].clone(), read[1].clone());
    saved.data.done = true;

    let failed = Semaphore::new(0);
    let meanwhile = async {
        for _ in 0..6 {
            killed.arrival().await;
        }
        blocking(&server, Server::kill_server).await?;
        killed.open();
        // The server is away until each has found that out: four come again, and two do not.
        for _ in 0..4 {
            back.arrival().await;
        }
        failed.acquire_many(2).await.expect("it is never closed").forget();
        blocking(&server, Server::restart_server).await?;
        back.open();
        Ok::<_, kinto_server::Error>(())
    };
    let overwrite = async {
        let outcome = overwrite.overwrite_record("overwrite", Todo::new("new")).await.map(|_| ());
        failed.add_permits(1);
        outcome
    };
    let patch = async {
        let outcome = patch.patch_record::<Value>("patch", json!({"done": true})).await.map(|_| ());
        failed.add_permits(1);
        outcome
    };
    let (created, stored, gone, updated, overwritten, patched, restarted) = tokio::join!(
        create.create_record(Todo::new("create")).id("create").into_future(),
        save.save_record(&mut saved).into_future(),
        delete.delete_record(&deleted).into_future(),
        update.update_record("update", |todo: &mut Todo| todo.done = true).into_future(),
        overwrite,
        patch,
        meanwhile,
    );
    restarted?;
    assert_eq!(created?.data.title, "create");
    stored?;
    assert_eq!(gone?.id, "delete");
    assert!(updated?.data.done);
    for error in [overwritten.unwrap_err(), patched.unwrap_err()] {
        assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["connection"], true), "{error}");
    }

    let held = |id: &'static str| {
        let (record, plain) = (fixture.record(id), fixture.plain.clone());
        async move { plain.held(&record).await }
    };
    assert_eq!(fixture.plain.ids(&fixture.records).await, ["create", "overwrite", "patch", "save", "update"]);
    assert_eq!(held("save").await, json!({"title": "save", "done": true}));
    assert_eq!(held("update").await, json!({"title": "update", "done": true}));
    assert_eq!(held("overwrite").await, json!({"title": "overwrite", "done": false}), "it was not sent again");
    assert_eq!(held("patch").await, json!({"title": "patch", "done": false}), "it was not sent again");
    for (place, requests) in [2, 2, 2, 3].into_iter().enumerate() {
        // The four come back at the same time, and may collide.
        assert!(ways[place].0.lines().len() >= requests, "{:?}", ways[place].0.lines());
    }
    for place in [4, 5] {
        assert_eq!(ways[place].0.lines().len(), 1, "{:?}", ways[place].0.lines());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn write_before_kill_is_proven_or_in_doubt() -> Outcome {
    let server = Arc::new(Server::builder().backend(Backend::PostgreSql).start()?);
    let fixture = Fixture::on(server.url()).await;
    let milk = fixture.todos.create_record(Todo::new("Milk")).id("milk").await?;
    let (done, back) = (Gate::default(), Gate::default());
    let (answered, again) = (done.clone(), back.clone());
    // Two are cut off after they were done, and sent again when the server is back.
    let mut requests = 0;
    let rule = move |_: &SentRequest| {
        requests += 1;
        if requests <= 2 { Fault::CutAnswer(answered.clone()) } else { Fault::Hold(again.clone()) }
    };
    let proxy = Proxy::start(fixture.url(), rule).await;
    let todos = fixture.todos_of(&fixture.client_at(proxy.url()).retry(Tries(3)).build()?);
    let created = Semaphore::new(0);
    let meanwhile = async {
        done.arrival().await;
        created.add_permits(1);
        done.arrival().await;
        blocking(&server, Server::restart_server).await?;
        done.open();
        back.open();
        Ok::<_, kinto_server::Error>(())
    };
    let delete = async {
        // Two writes at once may collide, and the answer that is lost would be that of a collision.
        created.acquire().await.expect("it is never closed").forget();
        todos.delete_record(&milk).await
    };
    let create = todos.create_record(Todo::new("Eggs")).into_future();
    let (created, deleted, restarted) = tokio::join!(create, delete, meanwhile);
    restarted?;
    let created = created?;
    assert_eq!(created.data, Todo::new("Eggs"));
    let error = deleted.unwrap_err();
    assert!(error.is_conflict() && error.may_have_been_applied(), "{error}");
    assert_eq!(fixture.plain.ids(&fixture.records).await, [created.id.as_str()]);
    assert_eq!(proxy.lines().len(), 4);
    Ok(())
}
