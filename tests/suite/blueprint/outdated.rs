//! Outdated plans: a change by another client after the plan was made stops it.

use kinto_client::{
    Blueprint,
    blueprint::{BucketSpec, CollectionSpec},
    json,
};
use kinto_server::Backend;
use kinto_tests::{Fault, Gate, Outcome, Proxy, TestUser, on_each_backend, server_on};

use super::{at_write, blueprint, dump, reads, two};
use crate::predicates;

on_each_backend!(
    apply_changes_nothing_when_plan_is_outdated,
    apply_reports_steps_when_object_changes_meanwhile,
    apply_skips_objects_that_are_as_wanted
);

/// The changes of another client, each with a part of the message.
const MEDDLING: [(&str, &str, &str); 4] = [
    ("PATCH", "/collections/log", "collection site/log was changed"),
    ("DELETE", "/collections/log", "collection site/log is no longer there"),
    ("PUT", "/collections/pages", "collection site/pages was created by another client, with other contents"),
    ("PUT", "/groups/staff", "group site/staff was created by another client, with other contents"),
];

/// A collection that is there to be changed, and another and a group that are not there yet.
fn site(id: &str) -> Blueprint {
    let bucket = BucketSpec::new()
        .group("staff", ["account:alexis"])
        .collection("log", CollectionSpec::new().attributes(json!({"sort": "at"})))
        .collection("pages", CollectionSpec::new().attributes(json!({"sort": "title"})));
    Blueprint::new().bucket(id, bucket)
}

async fn apply_changes_nothing_when_plan_is_outdated(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let me = TestUser::new(server.url(), "me").await;
    for (method, path, said) in MEDDLING {
        let names = two();
        let bucket = format!("/buckets/{}", names[1]);
        me.plain.put(&bucket, &json!({})).await;
        me.plain.put(&format!("{bucket}/collections/log"), &json!({})).await;
        let plan = me.client.plan(&site(&names[1])).await?;
        let body = (method != "DELETE").then(|| json!({"data": {"theirs": 1}}));
        me.plain.send(method.parse()?, &format!("{bucket}{path}"), body.as_ref()).await;
        let before = dump(&me.plain, &names).await;
        me.sent.forget();

        let error = plan.apply().await.unwrap_err();
        assert_eq!(predicates(&error), ["conflict"], "{error}");
        let text = error.to_string().replace(&names[1], "site");
        let end =
            format!(": since the plan was made, {said}; no step of the plan was done: make a new plan and apply it");
        assert!(text.starts_with("could not apply the plan to http://") && text.ends_with(&end), "{text}");
        assert!(me.sent.take_lines().iter().all(|line| line.starts_with("GET ")), "nothing was half done");
        assert_eq!(dump(&me.plain, &names).await, before);

        me.client.plan(&site(&names[1])).await?.apply().await?;
        assert!(me.client.plan(&site(&names[1])).await?.is_empty());
    }
    Ok(())
}

/// At each request that writes: somebody was faster, after everything had been looked at.
async fn apply_reports_steps_when_object_changes_meanwhile(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let me = TestUser::new(server.url(), "me").await;
    for place in 0..11 {
        let names = two();
        let gate = Gate::default();
        let held = gate.clone();
        let proxy = Proxy::start(server.url(), at_write(place, move || Fault::Hold(held.clone()))).await;
        let plan = me.client_at(proxy.url()).build()?.plan(&blueprint(&names)).await?;
        let meddle = async {
            let line = proxy.lines().pop().expect("a request");
            let path = line.split(' ').nth(1).expect("a path");
            me.plain.put(path, &json!({"data": {"theirs": 1}})).await;
        };
        let error = gate.overtake(plan.apply(), meddle).await.unwrap_err();
        assert_eq!(predicates(&error), ["conflict"], "{error}");
        let said = error.to_string();
        let (done, left) = said.split_once("; steps not done: ").expect("what was done, and what was not");
        let done = done.split("steps done: ").nth(1).expect("what was done");
        assert_eq!(if done == "nothing" { 0 } else { done.split(", ").count() }, place, "{said}");
        let left = left.strip_suffix("; make a new plan for the rest and apply it").expect("what to do");
        assert_eq!(left.split(", ").count(), 11 - place, "{said}");
        let writes = proxy.arrived().into_iter().filter(|sent| !reads(sent));
        let mut written: Vec<_> = writes.map(|sent| sent.line()).collect();
        written.dedup();
        assert_eq!(written.len(), place + 1, "nothing was sent after the conflict");

        me.client.plan(&blueprint(&names)).await?.apply().await?;
        assert!(me.client.plan(&blueprint(&names)).await?.is_empty());
    }
    Ok(())
}

async fn apply_skips_objects_that_are_as_wanted(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let (me, names) = (TestUser::new(server.url(), "me").await, two());
    let plan = me.client.plan(&site(&names[1])).await?;
    let bucket = format!("/buckets/{}", names[1]);
    me.plain.put(&bucket, &json!({})).await;
    me.plain.put_data(&format!("{bucket}/collections/pages"), &json!({"sort": "title", "theirs": 1})).await;
    let done = plan.apply().await?;
    assert_eq!(done.to_string().replace(&names[1], "site"), "created group site/staff\ncreated collection site/log");
    assert_eq!(me.plain.held(&format!("{bucket}/collections/pages")).await, json!({"sort": "title", "theirs": 1}));
    Ok(())
}
