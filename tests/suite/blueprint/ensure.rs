//! The one-type case.

use futures_util::future::join_all;
use kinto_client::{KintoRecord, blueprint::EnsureOutcome, json};
use kinto_server::Backend;
use kinto_tests::{Outcome, TestUser, on_each_backend, server_on};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

on_each_backend!(ensure_creates_and_updates_collection, concurrent_ensures_succeed);

#[derive(Serialize, Deserialize, JsonSchema, KintoRecord)]
#[kinto(collection = "ensured", schema, sort = "title", permissions(read = ["system.Everyone"]))]
struct Ensured {
    title: String,
}

async fn ensure_creates_and_updates_collection(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let me = TestUser::new(server.url(), "me").await;
    assert_eq!(me.client.ensure::<Ensured>().await?, EnsureOutcome::Created);
    let path = "/buckets/default/collections/ensured";
    let held = serde_json::to_value(Ensured::collection_attributes())?;
    assert_eq!(me.plain.held(path).await, held);
    assert!(held["schema"]["properties"]["title"].is_object());
    me.sent.forget();
    assert_eq!(me.client.ensure::<Ensured>().await?, EnsureOutcome::Unchanged);
    assert!(me.sent.take_lines().iter().all(|line| line.starts_with("GET ")));

    // What others add stays, and what they change of what the type says is set right.
    let theirs = json!({"data": {"sort": "-x", "theirs": 1}, "permissions": {"read": ["account:a"], "record:create": ["account:b"]}});
    me.plain.send("PATCH".parse()?, path, Some(&theirs)).await;
    assert_eq!(me.client.ensure::<Ensured>().await?, EnsureOutcome::Updated);
    let mut held = held;
    held["theirs"] = json!(1);
    assert_eq!(me.plain.held(path).await, held);
    let lists =
        json!({"read": ["account:a", "system.Everyone"], "record:create": ["account:b"], "write": [me.principal()]});
    assert_eq!(me.plain.permissions(path).await, lists);
    Ok(())
}

async fn concurrent_ensures_succeed(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let me = TestUser::new(server.url(), "me").await;
    let clients = (0..6).map(|_| me.client_at(server.url()).build()).collect::<Result<Vec<_>, _>>()?;
    for ensured in join_all(clients.iter().map(|client| client.ensure::<Ensured>().into_future())).await {
        ensured?;
    }
    assert_eq!(me.client.ensure::<Ensured>().await?, EnsureOutcome::Unchanged);
    Ok(())
}
