//! Objects that are not visible, which must not be treated as missing.

use std::collections::BTreeSet;

use kinto_client::{
    Blueprint, KintoRecord, Principal,
    blueprint::{BucketSpec, CollectionSpec, Difference, EnsureOutcome},
    json,
    permissions::CollectionPermissions,
};
use kinto_server::{Backend, unique};
use kinto_tests::{Outcome, TestUser, on_each_backend, server_on};
use serde::{Deserialize, Serialize};

on_each_backend!(plan_notes_hidden_permissions, plan_does_not_create_hidden_bucket, plan_notes_hidden_groups);

/// A bucket of the first, with a collection of the second whose permissions the first does not see.
async fn two_owners(url: &str) -> (TestUser, TestUser, String) {
    let (owner, other) = (TestUser::new(url, "owner").await, TestUser::new(url, "other").await);
    let bucket = unique("hidden");
    let may = json!({"permissions": {"collection:create": [other.principal()]}});
    owner.plain.put(&format!("/buckets/{bucket}"), &may).await;
    let lists = json!({"read": ["account:a"], "record:create": ["account:b"]});
    other.plain.put(&format!("/buckets/{bucket}/collections/c"), &json!({"permissions": lists})).await;
    (owner, other, bucket)
}

async fn plan_notes_hidden_permissions(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let (owner, other, bucket) = two_owners(server.url()).await;
    let path = format!("/buckets/{bucket}/collections/c");
    let collection = CollectionSpec::new();
    let blueprint = |spec| Blueprint::new().bucket(&bucket, BucketSpec::new().collection("c", spec));
    let silent = owner.client.plan(&blueprint(collection.clone())).await?;
    assert!(silent.is_empty(), "nothing is said of permissions: {silent}");

    let blueprint = blueprint(collection.permissions(|p: CollectionPermissions| p.read("account:d")));
    let plan = owner.client.plan(&blueprint).await?;
    let expected = "\
= bucket b
~ collection b/c
    ~ read: not visible to you -> with account:d
    ! its permissions are not visible to you until the write adds you to its `write` list
1 to change, 1 to leave alone";
    assert_eq!(plan.to_string().replace(&bucket, "b"), expected);
    let principals: BTreeSet<Principal> = ["account:d".into()].into();
    assert_eq!(
        plan.steps()[1].differences(),
        [Difference::Added { permission: "read".to_owned(), principals: principals.clone() }]
    );
    let pruned = plan.clone().prune();
    assert_eq!(pruned.steps()[1].differences(), [Difference::Replaced { permission: "read".to_owned(), principals }]);
    plan.apply().await?;
    let mut writers = [owner.principal(), other.principal()];
    writers.sort();
    let after = json!({"read": ["account:a", "account:d"], "record:create": ["account:b"], "write": writers});
    assert_eq!(owner.plain.permissions(&path).await, after, "what the blueprint does not name is left alone");
    assert!(owner.client.plan(&blueprint).await?.is_empty());
    Ok(())
}

async fn plan_does_not_create_hidden_bucket(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let (owner, other, bucket) = two_owners(server.url()).await;
    // Now the other may write the collection, and not so much as see the bucket.
    owner
        .plain
        .send("PATCH".parse()?, &format!("/buckets/{bucket}"), Some(&json!({"permissions": {"collection:create": []}})))
        .await;
    let collection = CollectionSpec::new().attributes(json!({"sort": "x"}));
    let spec = BucketSpec::new().permissions(|p| p.read("account:e")).collection("c", collection);
    let plan = other.client.plan(&Blueprint::new().bucket(&bucket, spec)).await?;
    let expected = "\
= bucket b
    ! it is not visible to you: its declaration is neither compared nor applied
~ collection b/c
    + sort: \"x\"
1 to change, 1 to leave alone";
    assert_eq!(plan.to_string().replace(&bucket, "b"), expected);
    plan.apply().await?;
    assert_eq!(owner.plain.held(&format!("/buckets/{bucket}/collections/c")).await, json!({"sort": "x"}));
    Ok(())
}

async fn plan_notes_hidden_groups(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let (_, other, bucket) = two_owners(server.url()).await;
    let plan = other.client.plan(&Blueprint::new().bucket(&bucket, BucketSpec::new())).await?;
    let expected = format!(
        "the groups of bucket {bucket} are not visible to you: there may be ones that the blueprint does not declare"
    );
    assert_eq!(plan.notes(), [expected], "{plan}");
    assert!(plan.to_string().contains("? collection") && plan.is_empty(), "{plan}");
    Ok(())
}

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(bucket = "ensured-hidden", collection = "c", permissions(read = ["account:d"]))]
struct Theirs {}

#[tokio::test]
async fn ensure_extends_permissions_that_are_not_visible() -> Outcome {
    let server = kinto_server::Server::builder().backend(Backend::Memory).start()?;
    let (owner, other) = (TestUser::new(server.url(), "owner").await, TestUser::new(server.url(), "other").await);
    let may = json!({"permissions": {"collection:create": [other.principal()]}});
    owner.plain.put("/buckets/ensured-hidden", &may).await;
    let path = "/buckets/ensured-hidden/collections/c";
    other.plain.put(path, &json!({"permissions": {"read": ["account:a"]}})).await;
    assert_eq!(owner.client.ensure::<Theirs>().await?, EnsureOutcome::Updated);
    let mut writers = [owner.principal(), other.principal()];
    writers.sort();
    assert_eq!(owner.plain.permissions(path).await, json!({"read": ["account:a", "account:d"], "write": writers}));
    assert_eq!(owner.client.ensure::<Theirs>().await?, EnsureOutcome::Unchanged);
    Ok(())
}
