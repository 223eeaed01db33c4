//! What another program does after a plan was made stops the plan.

use kinto_client::{Blueprint, BucketSpec, CollectionSpec, json};
use kinto_server::Backend;
use kinto_tests::{Fault, Gate, Outcome, Person, Proxy, on_each_backend, server_on};

use super::{at_write, blueprint, dump, reads, two};
use crate::predicates;

on_each_backend!(
    a_plan_that_is_out_of_date_changes_nothing,
    a_change_in_the_middle_is_reported,
    what_became_right_is_passed_over
);

/// What another program does, and what is said of it.
const MEDDLING: [(&str, &str, &str); 4] = [
    ("PATCH", "/collections/log", "collection site/log was changed"),
    ("DELETE", "/collections/log", "collection site/log is no longer there"),
    ("PUT", "/collections/pages", "collection site/pages was created by somebody else, with other contents"),
    ("PUT", "/groups/staff", "group site/staff was created by somebody else, with other contents"),
];

/// A collection that is there to be changed, and another and a group that are not there yet.
fn site(id: &str) -> Blueprint {
    let bucket = BucketSpec::new()
        .group("staff", ["account:alexis"])
        .collection("log", CollectionSpec::new().attributes(json!({"sort": "at"})))
        .collection("pages", CollectionSpec::new().attributes(json!({"sort": "title"})));
    Blueprint::new().bucket(id, bucket)
}

async fn a_plan_that_is_out_of_date_changes_nothing(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let me = Person::new(server.url(), "me").await;
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
            format!(": since the plan was made, {said}; nothing of the plan was done: make a new plan, and apply that");
        assert!(text.starts_with("could not apply the plan to http://") && text.ends_with(&end), "{text}");
        assert!(me.sent.take_lines().iter().all(|line| line.starts_with("GET ")), "nothing was half done");
        assert_eq!(dump(&me.plain, &names).await, before);

        me.client.plan(&site(&names[1])).await?.apply().await?;
        assert!(me.client.plan(&site(&names[1])).await?.is_empty());
    }
    Ok(())
}

/// At each request that writes: somebody was faster, after everything had been looked at.
async fn a_change_in_the_middle_is_reported(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let me = Person::new(server.url(), "me").await;
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
        let (done, left) = said.split_once("; and this was not: ").expect("what was done, and what was not");
        let done = done.split("this was done: ").nth(1).expect("what was done");
        assert_eq!(if done == "nothing" { 0 } else { done.split(", ").count() }, place, "{said}");
        let left = left.strip_suffix("; make a new plan for the rest, and apply that").expect("what to do");
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

async fn what_became_right_is_passed_over(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let (me, names) = (Person::new(server.url(), "me").await, two());
    let plan = me.client.plan(&site(&names[1])).await?;
    let bucket = format!("/buckets/{}", names[1]);
    me.plain.put(&bucket, &json!({})).await;
    me.plain.put_data(&format!("{bucket}/collections/pages"), &json!({"sort": "title", "theirs": 1})).await;
    let done = plan.apply().await?;
    assert_eq!(done.to_string().replace(&names[1], "site"), "created group site/staff\ncreated collection site/log");
    assert_eq!(me.plain.held(&format!("{bucket}/collections/pages")).await, json!({"sort": "title", "theirs": 1}));
    Ok(())
}
