//! Applied once, applied again.

use kinto_client::{
    Blueprint,
    blueprint::{Action, BucketSpec, CollectionSpec, GroupSpec},
    json,
};
use kinto_server::Backend;
use kinto_tests::{Outcome, TestUser, on_each_backend, server_on};

use super::{applied, blueprint, dump, reads, two};

on_each_backend!(apply_creates_everything_and_next_plan_is_empty, apply_changes_only_declared_parts);

async fn apply_creates_everything_and_next_plan_is_empty(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let (me, names) = (TestUser::new(server.url(), "me").await, two());
    let [app, site] = &names;
    let blueprint = blueprint(&names);
    let plan = me.client.plan(&blueprint).await?;
    assert!(plan.steps().iter().all(|step| step.action() == Action::Create && step.last_modified().is_none()));
    assert!(me.sent.take().iter().all(reads), "a plan only reads");
    assert_eq!(dump(&me.plain, &names).await, json!({}));

    let done = plan.apply().await?;
    let lines = me.sent.take_lines();
    let writes: Vec<&str> = lines.iter().filter(|line| !line.starts_with("GET ")).map(String::as_str).collect();
    // A bucket's permission by way of a group comes after the group: until then it could be anybody's.
    let expected = [
        format!("PUT /buckets/{app}"),
        format!("PUT /buckets/{site}"),
        format!("PUT /buckets/{app}/groups/authors"),
        format!("PUT /buckets/{app}/groups/editors"),
        format!("PATCH /buckets/{app}"),
        format!("PATCH /buckets/{site}"),
        format!("PATCH /buckets/{app}/groups/authors"),
        format!("PUT /buckets/{app}/collections/notes"),
        format!("PUT /buckets/{app}/collections/tasks"),
        format!("PUT /buckets/{site}/collections/log"),
        format!("PUT /buckets/{site}/collections/pages"),
    ];
    assert_eq!(writes, expected);
    assert_eq!(done.steps().len(), 8);
    assert_eq!(dump(&me.plain, &names).await, applied(me.principal().as_str()));

    // The same plan once more, and a new one.
    assert_eq!(plan.apply().await?.to_string(), "nothing to do");
    let plan = me.client.plan(&blueprint).await?;
    assert!(plan.is_empty() && plan.to_string().ends_with("\nnothing to do: 8 to leave alone"), "{plan}");
    plan.apply().await?;
    assert!(me.sent.take_lines().iter().all(|line| line.starts_with("GET ")));
    Ok(())
}

async fn apply_changes_only_declared_parts(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let (me, names) = (TestUser::new(server.url(), "me").await, two());
    let path = format!("/buckets/{}", names[0]);
    let collection = format!("{path}/collections/tasks");
    me.plain.put(&path, &json!({"data": {"theirs": 1}, "permissions": {"read": ["account:a"]}})).await;
    me.plain.put(&format!("{path}/groups/g"), &json!({"data": {"members": ["account:a", "account:b"], "x": 1}})).await;
    let theirs = json!({"schema": {"type": "object", "properties": {"a": {"type": "string"}, "b": {}}}, "sort": "a", "theirs": 1});
    let permissions = json!({"read": ["account:a", "account:b"], "record:create": ["account:c"]});
    me.plain.put(&collection, &json!({"data": theirs, "permissions": permissions})).await;

    let spec = CollectionSpec::new()
        .attributes(json!({"schema": {"type": "object", "properties": {"a": {"type": "number"}}}, "sort": "a"}))
        .permissions(|p| p.read(["account:b", "account:d"]))
        .nobody_may("record:create");
    let group = GroupSpec::from(["account:c", "account:b"]);
    let bucket = BucketSpec::new().group("g", group).collection("tasks", spec);
    let blueprint = Blueprint::new().bucket(&names[0], bucket);
    let plan = me.client.plan(&blueprint).await?.prune();
    let expected = "\
= bucket app
~ group app/g
    + member account:c
    - member account:a
~ collection app/tasks
    ~ schema.properties.a.type: \"string\" -> \"number\"
    - schema.properties.b: {}
    + read account:d
    - read account:a
    - record:create account:c
    ! for existing records, a: BREAKING: the type was \"string\", and is \"number\"
    ! `find_invalid` tells which of them no longer fit, and `migrate` rewrites them
2 to change, 1 to leave alone; takes away 1 value, 1 member, 2 permissions";
    assert_eq!(plan.to_string().replace(&names[0], "app"), expected);
    assert!(format!("{plan:#}").contains("\x1b[32m+ read account:d\x1b[0m"));

    me.sent.forget();
    assert_eq!(
        plan.apply().await?.to_string().replace(&names[0], "app"),
        "changed group app/g\nchanged collection app/tasks"
    );
    let sent = me.sent.take();
    let change = sent.iter().find(|sent| sent.line() == format!("PATCH {collection}")).expect("a patch");
    assert!(change.header("if-match").is_some(), "{change:?}");
    let schema = json!({"type": "object", "properties": {"a": {"type": "number"}}});
    let body =
        json!({"data": {"schema": schema}, "permissions": {"read": ["account:b", "account:d"], "record:create": []}});
    assert_eq!(change.json(), body);

    let me_ = me.principal();
    assert_eq!(me.plain.held(&collection).await, json!({"schema": schema, "sort": "a", "theirs": 1}));
    assert_eq!(me.plain.permissions(&collection).await, json!({"read": ["account:b", "account:d"], "write": [me_]}));
    assert_eq!(
        me.plain.held(&format!("{path}/groups/g")).await,
        json!({"members": ["account:b", "account:c"], "x": 1})
    );
    assert_eq!(me.plain.held(&path).await, json!({"theirs": 1}));
    assert_eq!(me.plain.permissions(&path).await, json!({"read": ["account:a"], "write": [me_]}));
    assert!(me.client.plan(&blueprint).await?.is_empty());
    Ok(())
}
