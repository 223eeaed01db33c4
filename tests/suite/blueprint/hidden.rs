//! What is not shown is not taken for nothing.

use std::collections::BTreeSet;

use kinto_client::{
    Blueprint, BucketSpec, CollectionPermissions, CollectionSpec, Declared, Difference, KintoRecord, Principal, json,
};
use kinto_server::{Backend, unique};
use kinto_tests::{Outcome, Person, on_each_backend, server_on};
use serde::{Deserialize, Serialize};

on_each_backend!(
    hidden_permissions_are_said_to_be,
    a_hidden_bucket_is_not_created,
    hidden_lists_of_groups_are_said_to_be
);

/// A bucket of the first, with a collection of the second whose permissions the first does not see.
async fn two_owners(url: &str) -> (Person, Person, String) {
    let (owner, other) = (Person::new(url, "owner").await, Person::new(url, "other").await);
    let bucket = unique("hidden");
    let may = json!({"permissions": {"collection:create": [other.principal()]}});
    owner.plain.put(&format!("/buckets/{bucket}"), &may).await;
    let lists = json!({"read": ["account:a"], "record:create": ["account:b"]});
    other.plain.put(&format!("/buckets/{bucket}/collections/c"), &json!({"permissions": lists})).await;
    (owner, other, bucket)
}

async fn hidden_permissions_are_said_to_be(backend: Backend) -> Outcome {
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
    ! its permissions are not visible to you; they will be, for whoever writes may write
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

async fn a_hidden_bucket_is_not_created(backend: Backend) -> Outcome {
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
    ! it is hidden from you: what the blueprint says of it is neither compared nor applied
~ collection b/c
    + sort: \"x\"
1 to change, 1 to leave alone";
    assert_eq!(plan.to_string().replace(&bucket, "b"), expected);
    plan.apply().await?;
    assert_eq!(owner.plain.held(&format!("/buckets/{bucket}/collections/c")).await, json!({"sort": "x"}));
    Ok(())
}

async fn hidden_lists_of_groups_are_said_to_be(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let (_, other, bucket) = two_owners(server.url()).await;
    let plan = other.client.plan(&Blueprint::new().bucket(&bucket, BucketSpec::new())).await?;
    let expected = format!("the groups of bucket {bucket} are hidden from you: there may be extra ones");
    assert_eq!(plan.notes(), [expected], "{plan}");
    assert!(plan.to_string().contains("? collection") && plan.is_empty(), "{plan}");
    Ok(())
}

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(bucket = "ensured-hidden", collection = "c", permissions(read = ["account:d"]))]
struct Theirs {}

#[tokio::test]
async fn ensure_adds_to_permissions_that_are_hidden() -> Outcome {
    let server = kinto_server::Server::builder().backend(Backend::Memory).start()?;
    let (owner, other) = (Person::new(server.url(), "owner").await, Person::new(server.url(), "other").await);
    let may = json!({"permissions": {"collection:create": [other.principal()]}});
    owner.plain.put("/buckets/ensured-hidden", &may).await;
    let path = "/buckets/ensured-hidden/collections/c";
    other.plain.put(path, &json!({"permissions": {"read": ["account:a"]}})).await;
    assert_eq!(owner.client.ensure::<Theirs>().await?, Declared::Updated);
    let mut writers = [owner.principal(), other.principal()];
    writers.sort();
    assert_eq!(owner.plain.permissions(path).await, json!({"read": ["account:a", "account:d"], "write": writers}));
    assert_eq!(owner.client.ensure::<Theirs>().await?, Declared::Unchanged);
    Ok(())
}
