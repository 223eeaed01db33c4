//! What others added stays, unless a plan is pruned.

use kinto_client::{
    Blueprint,
    blueprint::{Action, BucketSpec, CollectionSpec, Difference},
    json,
};
use kinto_server::Backend;
use kinto_tests::{Fault, Gate, Outcome, Proxy, SentRequest, TestUser, on_each_backend, server_on};

use super::two;
use crate::predicates;

on_each_backend!(
    members_and_permissions_of_others_stay,
    records_that_come_while_it_is_applied_are_not_deleted,
    a_deleted_group_that_is_still_named_is_said
);

async fn members_and_permissions_of_others_stay(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let (me, names) = (TestUser::new(server.url(), "me").await, two());
    let collection = CollectionSpec::new().permissions(|p| p.read("account:a"));
    let bucket = BucketSpec::new().group("g", ["account:a"]).collection("c", collection);
    let blueprint = Blueprint::new().bucket(&names[0], bucket);
    me.client.plan(&blueprint).await?.apply().await?;
    let path = format!("/buckets/{}", names[0]);
    let members = json!({"data": {"members": ["account:a", "account:b"]}});
    me.plain.send("PATCH".parse()?, &format!("{path}/groups/g"), Some(&members)).await;
    let read = json!({"permissions": {"read": ["account:a", "account:b"]}});
    me.plain.send("PATCH".parse()?, &format!("{path}/collections/c"), Some(&read)).await;

    let plan = me.client.plan(&blueprint).await?;
    let expected = "\
= bucket app
= group app/g
    ? member account:b, which the blueprint does not have
= collection app/c
    ? read account:b, which the blueprint does not have
nothing to do: 3 to leave alone, 1 extra member, 1 extra permission";
    assert_eq!(plan.to_string().replace(&names[0], "app"), expected);
    assert_eq!(plan.apply().await?.to_string(), "nothing to do");
    let held = me.plain.held(&format!("{path}/groups/g")).await;
    assert_eq!(held["members"].as_array().map(Vec::len), Some(2), "{held}");

    let pruned = plan.prune();
    let gone = Difference::Leaves("account:b".into());
    assert_eq!(pruned.steps()[1].differences(), [gone]);
    let text = pruned.to_string();
    assert!(text.ends_with("\n2 to change, 1 to leave alone; takes away 1 member, 1 permission"), "{text}");
    pruned.apply().await?;
    assert_eq!(me.plain.held(&format!("{path}/groups/g")).await, json!({"members": ["account:a"]}));
    let lists = json!({"read": ["account:a"], "write": [me.principal()]});
    assert_eq!(me.plain.permissions(&format!("{path}/collections/c")).await, lists);
    assert!(me.client.plan(&blueprint).await?.prune().is_empty());
    Ok(())
}

async fn records_that_come_while_it_is_applied_are_not_deleted(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let (me, names) = (TestUser::new(server.url(), "me").await, two());
    let path = format!("/buckets/{}", names[0]);
    me.plain.put(&path, &json!({})).await;
    for id in ["first", "second"] {
        me.plain.put(&format!("{path}/collections/{id}"), &json!({})).await;
        me.plain.put(&format!("{path}/collections/{id}/records/a"), &json!({})).await;
    }
    let gate = Gate::default();
    let held = gate.clone();
    // After everything was looked at, and before the second is deleted.
    let rule = move |sent: &SentRequest| {
        let first = sent.method == "DELETE" && sent.target.ends_with("/first");
        if first { Fault::Hold(held.clone()) } else { Fault::Pass }
    };
    let proxy = Proxy::start(server.url(), rule).await;
    let blueprint = Blueprint::new().bucket(&names[0], BucketSpec::new());
    let plan = me.client_at(proxy.url()).build()?.plan(&blueprint).await?.prune();
    assert!(plan.to_string().ends_with("\n2 to delete, 1 to leave alone; takes away 2 records"), "{plan}");
    let record = format!("{path}/collections/second/records/b");
    let error = gate.overtake(plan.apply(), async { drop(me.plain.put(&record, &json!({})).await) }).await.unwrap_err();
    assert_eq!(predicates(&error), ["conflict"]);
    let said = error.to_string();
    assert!(said.contains("/second has other records now") && said.contains("/first; steps not done"), "{said}");
    assert_eq!(me.plain.ids(&format!("{path}/collections/second/records")).await, ["a", "b"]);
    Ok(())
}

async fn a_deleted_group_that_is_still_named_is_said(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let (me, names) = (TestUser::new(server.url(), "me").await, two());
    let path = format!("/buckets/{}", names[0]);
    me.plain.put(&path, &json!({"permissions": {"read": [format!("{path}/groups/g")]}})).await;
    me.plain.put(&format!("{path}/groups/g"), &json!({"data": {"members": ["account:a"]}})).await;
    let plan = me.client.plan(&Blueprint::new().bucket(&names[0], BucketSpec::new())).await?.prune();
    let step = plan.steps().iter().find(|step| step.action() == Action::Delete).expect("a deletion");
    assert_eq!(step.notes(), [format!("`read` of bucket {} names it, and will name nobody", names[0])]);
    Ok(())
}

#[tokio::test]
async fn wrong_schema_is_found_before_anything_is_sent() -> Outcome {
    let server = server_on(Backend::Memory);
    let me = TestUser::new(server.url(), "me").await;
    for schema in [json!({"type": "strin"}), json!([]), json!({"properties": {"a": {"pattern": "("}}})] {
        let collection = CollectionSpec::new().attributes(json!({"schema": schema}));
        let blueprint = Blueprint::new().bucket("app", BucketSpec::new().collection("c", collection));
        let error = me.client.plan(&blueprint).await.unwrap_err();
        assert_eq!(predicates(&error), ["invalid"]);
        assert!(
            error.to_string().contains("collection app/c: the attribute `schema`: this is no JSON Schema"),
            "{error}"
        );
    }
    assert_eq!(me.sent.take_lines(), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn plan_says_what_it_knows_of_records() -> Outcome {
    let server = server_on(Backend::Memory);
    let (me, names) = (TestUser::new(server.url(), "me").await, two());
    let path = format!("/buckets/{}/collections/c", names[0]);
    me.plain.put(&format!("/buckets/{}", names[0]), &json!({})).await;
    me.plain.put(&path, &json!({})).await;
    me.plain.put_data(&format!("{path}/records/a"), &json!({"n": "wrong"})).await;
    let plan = async |schema| {
        let collection = CollectionSpec::new().attributes(json!({"schema": schema}));
        me.client.plan(&Blueprint::new().bucket(&names[0], BucketSpec::new().collection("c", collection))).await
    };
    let first = plan(json!({"properties": {"n": {"type": "integer"}}})).await?;
    assert_eq!(
        first.steps()[1].notes(),
        ["whether records that are there fit the schema is not known: `find_invalid` tells"]
    );
    first.apply().await?;
    let wider = plan(json!({"properties": {"n": {"type": "number"}}})).await?;
    let said =
        "records that fit the schema it has fit the new one, too; whether all do is not known: `find_invalid` tells";
    assert_eq!(wider.steps()[1].notes(), [said]);
    Ok(())
}

#[test]
fn what_is_no_blueprint_is_named() {
    for (json, said) in [
        (r#"{"buckets": {"a": {"permissions": {"read": null}}}}"#, "`read` has no value: write [] for nobody"),
        (r#"{"buckets": {"a": {"groups": {"g": {"members": null}}}}}"#, "`members` has no value"),
        (r#"{"buckets": {"a": {"data": {}}}}"#, "what kinto-wizard's files call `data` is `attributes` here"),
        (r#"{"buckets": {"a": {"collections": {"c": {"records": {}}}}}}"#, "kinto-wizard's files have records"),
        (r#"{"blog": {"collections": {}}}"#, "kinto-wizard's older files begin with the ids of buckets"),
    ] {
        let error = serde_json::from_str::<Blueprint>(json).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}
