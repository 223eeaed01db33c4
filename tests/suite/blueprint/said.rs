//! What a plan says, and what it leaves alone, at its edges.

use kinto_client::{
    Blueprint, KintoRecord,
    blueprint::{Action, BucketSpec, CollectionSpec},
    http::{Method, StatusCode},
    json,
};
use kinto_server::Backend;
use kinto_tests::{Outcome, TestUser, server_on};
use serde::{Deserialize, Serialize};

use super::two;
use crate::predicates;

#[tokio::test]
async fn deleted_group_is_said_to_be_named_wherever_the_plan_leaves_it() -> Outcome {
    let server = server_on(Backend::Memory);
    let (me, names) = (TestUser::new(server.url(), "me").await, two());
    let [app, site] = names.each_ref().map(|name| format!("/buckets/{name}"));
    let group = format!("{app}/groups/old");
    me.plain.put(&app, &json!({})).await;
    me.plain.put(&site, &json!({"permissions": {"write": [group]}})).await;
    me.plain.put(&group, &json!({"data": {"members": ["account:a"]}})).await;
    let lists = json!({"permissions": {"read": [group], "write": [group], "record:create": ["account:b"]}});
    me.plain.put(&format!("{app}/collections/kept"), &lists).await;
    me.plain
        .put(&format!("{app}/groups/staff"), &json!({"data": {"members": []}, "permissions": {"read": [group]}}))
        .await;

    // It takes the group from `read` of the collection, and gives it `read` of the other bucket.
    let kept = CollectionSpec::new().permissions(|p| p.read("account:c"));
    let blueprint = Blueprint::new()
        .bucket(&names[0], BucketSpec::new().group("staff", ["account:d"]).collection("kept", kept))
        .bucket(&names[1], BucketSpec::new().permissions(|p| p.read(group.as_str())));
    let plan = me.client.plan(&blueprint).await?;
    assert!(plan.steps().iter().all(|step| step.notes().is_empty()), "it deletes nothing: {plan}");
    let plan = plan.prune();
    let step = plan.steps().iter().find(|step| step.action() == Action::Delete).expect("a deletion");
    assert_eq!((step.kind(), step.path()), ("group", group.as_str()));
    let mut notes: Vec<String> =
        step.notes().iter().map(|note| note.replace(&names[0], "app").replace(&names[1], "site")).collect();
    notes.sort();
    let still_named = |what: &str| format!("{what} names it, and will name nobody");
    assert_eq!(
        notes,
        [
            still_named("`read` of bucket site"),
            still_named("`read` of group app/staff"),
            still_named("`write` of bucket site"),
            still_named("`write` of collection app/kept")
        ]
    );
    let text = plan.to_string();
    assert!(step.notes().iter().all(|note| text.contains(&format!("    ! {note}"))), "{text}");
    plan.apply().await?;
    assert_eq!(me.plain.permissions(&format!("{app}/collections/kept")).await["read"], json!(["account:c"]));
    Ok(())
}

#[tokio::test]
async fn empty_permissions_leave_alone_and_an_empty_list_is_nobody() -> Outcome {
    let server = server_on(Backend::Memory);
    let (me, names) = (TestUser::new(server.url(), "me").await, two());
    let path = format!("/buckets/{}", names[0]);
    let lists = json!({"permissions": {"read": ["account:a"]}});
    me.plain.put(&path, &lists).await;
    me.plain.put(&format!("{path}/collections/c"), &lists).await;
    for (permissions, after) in [(json!(null), json!(["account:a"])), (json!({"read": []}), json!(null))] {
        let collection = json!({"permissions": permissions});
        let bucket = json!({"permissions": permissions, "collections": {"c": collection}});
        let blueprint: Blueprint = serde_json::from_value(json!({"buckets": {names[0].as_str(): bucket}}))?;
        assert!(me.client.plan(&blueprint).await?.is_empty(), "nothing is taken away from anybody");
        me.client.plan(&blueprint).await?.prune().apply().await?;
        for path in [path.clone(), format!("{path}/collections/c")] {
            assert_eq!(me.plain.permissions(&path).await["read"], after, "{path} {permissions}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn ensuring_in_a_hidden_bucket_fails_at_once() -> Outcome {
    #[derive(Debug, Serialize, Deserialize, KintoRecord)]
    #[kinto(bucket = "said-hidden", collection = "c")]
    struct Theirs {}

    let server = server_on(Backend::Memory);
    let (owner, me) = (TestUser::new(server.url(), "owner").await, TestUser::new(server.url(), "me").await);
    // The server may be that of an earlier run, whose owner hides the bucket from both.
    let made = owner.plain.send(Method::PUT, "/buckets/said-hidden", Some(&json!({}))).await.status;
    assert!(matches!(made, StatusCode::CREATED | StatusCode::FORBIDDEN), "{made}");
    let error = me.client.ensure::<Theirs>().await.unwrap_err();
    assert_eq!(predicates(&error), ["forbidden"], "{error}");
    let lines = me.sent.take_lines();
    let tries = lines.iter().filter(|line| *line == "PUT /buckets/said-hidden").count();
    assert_eq!((tries, lines.len()), (1, 4), "it is asked once whether the bucket is hidden: {lines:?}");
    Ok(())
}

#[test]
fn what_nobody_can_be_is_named_with_what_was_meant() {
    use kinto_client::{Client, blueprint::GroupSpec};
    let client = Client::builder("http://localhost:1/v1").build().expect("a client");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for (bucket, said) in [
        (
            BucketSpec::new().permissions(|p| p.read("alexis")),
            r#""alexis" is nobody, since principals begin with how they log in: did you mean `account:alexis`, or `group:alexis`?"#,
        ),
        (
            BucketSpec::new().group("g", GroupSpec::from(["alexis"])),
            r#""alexis" is nobody, since principals begin with how they log in: did you mean `account:alexis`?"#,
        ),
        (BucketSpec::new().permissions(|p| p.read("system.everyone")), "it can be `system.Everyone`"),
        (
            BucketSpec::new().permissions(|p| p.read("group:my editors")),
            r#""my editors" cannot be the id of a group: ' ' is not allowed in an id"#,
        ),
    ] {
        let blueprint = Blueprint::new().bucket("app", bucket);
        let error = runtime.block_on(async { client.plan(&blueprint).await }).unwrap_err();
        assert_eq!(predicates(&error), ["invalid"]);
        assert!(error.to_string().contains(said), "{error}");
    }
}
