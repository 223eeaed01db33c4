//! One's own bucket goes by a name that is not its own, and is made by looking at it.

use kinto_client::{
    Blueprint,
    blueprint::{BucketSpec, CollectionSpec},
    json,
};
use kinto_server::Backend;
use kinto_tests::{Outcome, TestUser, on_each_backend, server_on};

use crate::predicates;

on_each_backend!(default_bucket_is_created_by_apply_only);

async fn default_bucket_is_created_by_apply_only(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let me = TestUser::new(server.url(), "me").await;
    let own = me.client.user().await?.and_then(|user| user.bucket.clone()).expect("a bucket of one's own");
    let path = format!("/buckets/{own}");
    let collection = CollectionSpec::new().permissions(|p| p.read("group:friends"));
    let bucket = BucketSpec::new().group("friends", ["account:niko"]).collection("todo", collection);
    let blueprint = Blueprint::new().bucket("default", bucket.clone());

    let plan = me.client.plan(&blueprint).await?;
    assert!(plan.to_string().starts_with("+ bucket default\n+ group default/friends\n"), "{plan}");
    assert_eq!(me.plain.status(&path).await, 403, "there is no such bucket yet");
    plan.apply().await?;
    let todo = format!("{path}/collections/todo");
    assert_eq!(
        me.plain.permissions(&todo).await,
        json!({"read": [format!("{path}/groups/friends")], "write": [me.principal()]})
    );

    // Other programs of the same user keep their things there.
    me.plain.put(&format!("{path}/collections/other"), &json!({})).await;
    let plan = me.client.plan(&blueprint).await?.prune();
    assert!(plan.is_empty() && !plan.to_string().contains("other"), "{plan}");

    let error = me.client.plan(&blueprint.bucket(&own, bucket)).await.unwrap_err();
    assert_eq!(predicates(&error), ["invalid"]);
    assert!(error.to_string().contains("is declared twice: it is your `default`"), "{error}");
    Ok(())
}
