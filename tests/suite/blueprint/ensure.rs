//! The one-type case.

use futures_util::future::join_all;
use kinto_client::{KintoRecord, blueprint::EnsureOutcome, json};
use kinto_server::{Backend, Server};
use kinto_tests::{Outcome, TestUser, on_each_backend, server_on};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::predicates;

on_each_backend!(
    ensure_creates_and_updates_collection,
    ensure_gives_permissions_to_groups_of_the_bucket,
    concurrent_ensures_succeed
);

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

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(collection = "shared", permissions(read = ["group:readers"], write = ["group:editors", "account:a"]))]
struct Shared {}

async fn ensure_gives_permissions_to_groups_of_the_bucket(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let me = TestUser::new(server.url(), "me").await;
    let own = me.client.user().await?.expect("I am known").bucket.clone().expect("my own bucket");
    let bucket = me.client.bucket(&own);
    let path = "/buckets/default/collections/shared";
    // Neither the bucket is there, nor, then, one group, nor the other.
    let missing = ["editors", "editors", "readers"];
    for (place, group) in missing.into_iter().enumerate() {
        me.sent.forget();
        let error = me.client.ensure::<Shared>().await.unwrap_err();
        assert_eq!(predicates(&error), ["not found"], "{error}");
        let said = format!("the group {group:?}, which the bucket \"default\" does not have: create the group");
        assert!(error.to_string().contains(&said), "{error}");
        assert!(me.sent.take_lines().iter().all(|line| line.starts_with("GET ")), "nothing is written");
        match place {
            0 => me.plain.put("/buckets/default", &json!({})).await,
            _ => me.plain.put(&format!("/buckets/default/groups/{group}"), &json!({"data": {"members": []}})).await,
        };
    }
    assert_eq!(me.client.ensure::<Shared>().await?, EnsureOutcome::Created);
    let group = |id: &str| format!("/buckets/{own}/groups/{id}");
    let mut writers = vec![group("editors"), "account:a".to_owned(), me.principal().to_string()];
    writers.sort_unstable();
    assert_eq!(me.plain.permissions(path).await, json!({"read": [group("readers")], "write": writers}));
    assert_eq!(me.client.ensure::<Shared>().await?, EnsureOutcome::Unchanged);

    // A group that is deleted later is missing as well.
    bucket.delete_group("readers").await?;
    assert!(me.client.ensure::<Shared>().await.unwrap_err().is_not_found());
    Ok(())
}

#[tokio::test]
async fn ensure_names_groups_of_a_bucket_that_is_hidden() -> Outcome {
    #[derive(Serialize, Deserialize, KintoRecord)]
    #[kinto(bucket = "ensured-hidden", collection = "c", permissions(read = ["group:readers"]))]
    struct Theirs {}

    let server = Server::builder().backend(Backend::Memory).start()?;
    let (owner, me) = (TestUser::new(server.url(), "owner").await, TestUser::new(server.url(), "me").await);
    let bucket = owner.client.bucket("ensured-hidden");
    bucket.create().await?;
    bucket.create_collection("c").permissions(|p| p.write(me.principal())).await?;
    assert_eq!(me.client.ensure::<Theirs>().await?, EnsureOutcome::Updated);
    let held = owner.plain.permissions("/buckets/ensured-hidden/collections/c").await;
    assert_eq!(held["read"], json!(["/buckets/ensured-hidden/groups/readers"]));
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
