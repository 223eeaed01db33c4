//! Servers that put nobody among the writers, and buckets that are hidden.

use kinto_client::{
    Blueprint, KintoRecord,
    blueprint::{BucketSpec, CollectionSpec, EnsureOutcome},
    json,
};
use kinto_server::{Backend, Server, unique};
use kinto_tests::{Outcome, TestUser, on_each_backend, server_on};
use serde::{Deserialize, Serialize};

use crate::predicates;

on_each_backend!(a_bucket_that_is_hidden_is_said_to_be);

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(bucket = "explicit-ensured", collection = "c", sort = "-last_modified", permissions(read = ["account:d"]))]
struct Declares {}

#[tokio::test]
async fn without_implicit_permissions_a_plan_applied_is_empty_when_made_again() -> Outcome {
    let server = Server::builder().setting("kinto.explicit_permissions", "false").start()?;
    let me = TestUser::new(server.url(), "me").await;
    assert_eq!(me.client.ensure::<Declares>().await?, EnsureOutcome::Created);
    assert_eq!(me.client.ensure::<Declares>().await?, EnsureOutcome::Unchanged);
    let write = json!({"write": [me.principal()]});
    assert_eq!(me.plain.permissions("/buckets/explicit-ensured").await, write, "somebody can write the bucket");

    let app = unique("app");
    let collection = CollectionSpec::new().permissions(|p| p.write("account:w").read("account:r"));
    let bucket =
        BucketSpec::new().permissions(|p| p.read("account:a")).group("g", ["account:a"]).collection("c", collection);
    let blueprint = Blueprint::new().bucket(&app, bucket);
    let plan = me.client.plan(&blueprint).await?;
    assert!(plan.to_string().contains(&format!("    + write {}", me.principal())), "{plan}");
    plan.apply().await?;
    for pruned in [false, true, true] {
        let plan = me.client.plan(&blueprint).await?;
        let plan = if pruned { plan.prune() } else { plan };
        assert!(plan.is_empty(), "{plan}");
    }
    Ok(())
}

#[tokio::test]
async fn hidden_object_is_neither_compared_nor_applied() -> Outcome {
    let server = Server::builder().setting("kinto.explicit_permissions", "false").start()?;
    let me = TestUser::new(server.url(), "me").await;
    me.plain.put("/buckets/b", &json!({"permissions": {"write": [me.principal()]}})).await;
    me.plain.put("/buckets/b/collections/c", &json!({"permissions": {"read": ["account:a"]}})).await;
    let collection = CollectionSpec::new().attributes(json!({"sort": "x"})).permissions(|p| p.read("account:r"));
    let blueprint = Blueprint::new().bucket("b", BucketSpec::new().collection("c", collection));
    let plan = me.client.plan(&blueprint).await?;
    plan.apply().await?;
    let plan = me.client.plan(&blueprint).await?;
    assert!(plan.is_empty() && plan.to_string().contains("neither compared nor applied"), "{plan}");
    assert_eq!(me.plain.held("/buckets/b/collections/c").await, json!({"sort": "x"}));
    Ok(())
}

async fn a_bucket_that_is_hidden_is_said_to_be(backend: Backend) -> Outcome {
    #[derive(Debug, Serialize, Deserialize, KintoRecord)]
    #[kinto(bucket = "explicit-hidden", collection = "c")]
    struct Theirs {}

    let server = server_on(backend);
    let (owner, me) = (TestUser::new(server.url(), "owner").await, TestUser::new(server.url(), "me").await);
    let hidden = unique("hidden");
    owner.plain.put(&format!("/buckets/{hidden}"), &json!({})).await;
    // Another test's server may have it already.
    owner.plain.send("PUT".parse()?, "/buckets/explicit-hidden", Some(&json!({}))).await;
    let bucket = BucketSpec::new().attributes(json!({"x": 1})).collection("c", CollectionSpec::new());
    let plan = me.client.plan(&Blueprint::new().bucket(&hidden, bucket)).await?;
    let expected = "\
= bucket b
    ! it is not visible to you: its declaration is neither compared nor applied
= collection b/c
    ! it is not visible to you: its declaration is neither compared nor applied
nothing to do: 2 to leave alone";
    assert_eq!(plan.to_string().replace(&hidden, "b"), expected);
    assert_eq!(plan.apply().await?.to_string(), "nothing to do");

    let error = me.client.ensure::<Theirs>().await.unwrap_err();
    assert_eq!(predicates(&error), ["forbidden"]);
    assert!(error.to_string().contains("the bucket is hidden from you"), "{error}");
    let error = me.client.create_bucket(&hidden).if_not_exists().await.unwrap_err();
    assert_eq!(predicates(&error), ["forbidden"]);
    assert!(error.to_string().contains("or there is such a bucket, hidden from you"), "{error}");
    Ok(())
}
