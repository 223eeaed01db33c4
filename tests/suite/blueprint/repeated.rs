//! A plan that was applied is empty when it is made again, whatever the server had and however it is set up.

use kinto_client::{
    Blueprint, Value,
    blueprint::{BucketSpec, CollectionSpec, GroupSpec},
    json,
};
use kinto_server::{Backend, Server};
use kinto_tests::{Outcome, TestUser};
use proptest::{prelude::*, sample::subsequence, strategy::ValueTree as _, test_runner::TestRunner};

const WHO: [&str; 4] = ["account:a", "account:b", "system.Authenticated", "me"];

/// Lists of principals, for some permissions.
fn lists(names: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let list = subsequence(WHO.to_vec(), 0..4).prop_map(|list| json!(list));
    prop::collection::btree_map(prop::sample::select(names), list, 0..3).prop_map(|lists| json!(lists))
}

fn attributes() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!({}),
        json!({"x": 1}),
        json!({"x": 1.0, "y": {"z": 1e16}}),
        json!({"y": {"z": 2}}),
        json!({"x": null}),
    ])
}

/// A bucket with groups and collections, as a file has it.
pub(super) fn bucket() -> impl Strategy<Value = Value> {
    let members = subsequence(vec!["account:a", "account:b", "account:c"], 0..3);
    let group = (attributes(), lists(&["read", "write"]), members).prop_map(|(attributes, permissions, members)| {
        json!({"attributes": attributes, "permissions": permissions, "members": members})
    });
    let collection = (attributes(), lists(&["read", "write", "record:create"]))
        .prop_map(|(attributes, permissions)| json!({"attributes": attributes, "permissions": permissions}));
    (
        attributes(),
        lists(&["read", "write", "collection:create"]),
        prop::collection::btree_map(prop::sample::select(vec!["g", "h"]), group, 0..3),
        prop::collection::btree_map(prop::sample::select(vec!["c", "d"]), collection, 0..3),
    )
        .prop_map(|(attributes, permissions, groups, collections)| {
            json!({"attributes": attributes, "permissions": permissions, "groups": groups, "collections": collections})
        })
}

/// Makes the server hold this, by way of somebody else's requests.
pub(super) async fn furnish(who: &TestUser, path: &str, object: &Value) {
    let mut data = object["attributes"].clone();
    if let Some(members) = object.get("members") {
        data["members"] = members.clone();
    }
    let mut permissions = object["permissions"].clone();
    let mine = permissions.as_object_mut().unwrap().entry("write").or_insert(json!([]));
    mine.as_array_mut().unwrap().push(json!(who.principal()));
    who.plain.put(path, &json!({"data": data, "permissions": permissions})).await;
    for kind in ["groups", "collections"] {
        for (id, inner) in object.get(kind).and_then(Value::as_object).into_iter().flatten() {
            Box::pin(furnish(who, &format!("{path}/{kind}/{id}"), inner)).await;
        }
    }
}

#[tokio::test]
async fn plan_is_empty_after_apply_for_any_state() -> Outcome {
    let cases = if std::env::var_os("KINTO_TEST_LONG").is_some() { 400 } else { 20 };
    let mut runner = TestRunner::deterministic();
    for explicit in ["true", "false"] {
        let server =
            Server::builder().backend(Backend::Memory).setting("kinto.explicit_permissions", explicit).start()?;
        let (me, other) = (TestUser::new(server.url(), "me").await, TestUser::new(server.url(), "other").await);
        for case in 0..cases {
            let strategy = (bucket(), bucket(), prop::bool::ANY, prop::bool::ANY);
            let (was, wanted, is_theirs, is_there) = strategy.new_tree(&mut runner).expect("a case").current();
            let text = |value: &Value| value.to_string().replace("\"me\"", &json!(me.principal()).to_string());
            let (was, wanted): (Value, Value) =
                (serde_json::from_str(&text(&was))?, serde_json::from_str(&text(&wanted))?);
            let id = format!("b{case}");
            if is_there {
                // Somebody else's can be hidden from me, as a whole or in part.
                furnish(if is_theirs { &other } else { &me }, &format!("/buckets/{id}"), &was).await;
            }
            let blueprint: Blueprint = serde_json::from_value(json!({"buckets": {id.as_str(): wanted}}))?;
            for prunes in [false, true] {
                let make = async || {
                    let plan = me.client.plan(&blueprint).await?;
                    Ok::<_, kinto_client::Error>(if prunes { plan.prune() } else { plan })
                };
                let plan = make().await?;
                if let Err(error) = plan.apply().await {
                    // Whoever may only read cannot apply it.
                    assert!(
                        is_theirs && error.is_forbidden(),
                        "{case} {explicit} {prunes}: {error}\n{plan}\n{was}\n{wanted}"
                    );
                    continue;
                }
                let again = make().await?;
                assert!(again.is_empty(), "{case} {explicit} {prunes}: {plan}\nand again:\n{again}\n{was}\n{wanted}");
            }
        }
    }
    // The builders make the same.
    let built = Blueprint::new()
        .bucket("b", BucketSpec::new().group("g", GroupSpec::new()).collection("c", CollectionSpec::new()));
    assert_eq!(
        built,
        serde_json::from_value(json!({"buckets": {"b": {"groups": {"g": {}}, "collections": {"c": {}}}}}))?
    );
    Ok(())
}
