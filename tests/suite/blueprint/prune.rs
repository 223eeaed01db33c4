//! Objects that only the server has: they are listed, and deleted only on request.

use kinto_client::{
    Blueprint,
    blueprint::{Action, BucketSpec, CollectionSpec},
    json,
};
use kinto_server::Backend;
use kinto_tests::{Fault, Gate, Outcome, Proxy, SentRequest, TestUser, on_each_backend, server_on};

use super::{dump, two};
use crate::predicates;

on_each_backend!(plan_lists_extra_objects_and_deletes_on_request, apply_returns_conflict_when_extra_object_changed);

fn blueprint(id: &str) -> Blueprint {
    Blueprint::new().bucket(id, BucketSpec::new().collection("kept", CollectionSpec::new()))
}

/// A bucket with what is kept, another collection with two records, and a group.
async fn furnish(me: &TestUser, id: &str) {
    let bucket = format!("/buckets/{id}");
    me.plain.put(&bucket, &json!({})).await;
    for path in ["/collections/kept", "/collections/old", "/collections/old/records/a", "/collections/old/records/b"] {
        me.plain.put(&format!("{bucket}{path}"), &json!({})).await;
    }
    me.plain.put(&format!("{bucket}/groups/g"), &json!({"data": {"members": []}})).await;
}

async fn plan_lists_extra_objects_and_deletes_on_request(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let (me, names) = (TestUser::new(server.url(), "me").await, two());
    furnish(&me, &names[0]).await;
    me.plain.put(&format!("/buckets/{}", names[1]), &json!({})).await;
    let before = dump(&me.plain, &names).await;

    let plan = me.client.plan(&blueprint(&names[0])).await?;
    let expected = "\
= bucket app
? group app/g, which the blueprint does not have
= collection app/kept
? collection app/old, which the blueprint does not have, with 2 records
nothing to do: 2 to leave alone, 2 extra";
    assert_eq!(plan.to_string().replace(&names[0], "app"), expected);
    plan.apply().await?;
    assert_eq!(dump(&me.plain, &names).await, before, "it was not asked to be deleted");

    let plan = plan.prune();
    let expected = "\
= bucket app
- group app/g
= collection app/kept
- collection app/old, and the 2 records in it
2 to delete, 2 to leave alone; takes away 2 records";
    assert_eq!(plan.to_string().replace(&names[0], "app"), expected);
    let old = plan.steps().iter().find(|step| step.name().ends_with("/old")).expect("it is in the plan");
    assert_eq!((old.action(), old.records(), old.kind()), (Action::Delete, Some(2), "collection"));
    me.sent.forget();
    let done = plan.apply().await?.to_string();
    assert_eq!(done.replace(&names[0], "app"), "deleted group app/g\ndeleted collection app/old");
    let deleted: Vec<_> = me.sent.take().into_iter().filter(|sent| sent.method == "DELETE").collect();
    assert!(deleted.len() == 2 && deleted.iter().all(|sent| sent.header("if-match").is_some()), "{deleted:?}");

    let mut after = before;
    for path in ["/buckets/app/groups/g", "/buckets/app/collections/old"] {
        after.as_object_mut().expect("a dump").remove(path).expect("it was there");
    }
    assert_eq!(dump(&me.plain, &names).await, after, "the other bucket is nobody's business");
    assert_eq!(plan.apply().await?.to_string(), "nothing to do");
    Ok(())
}

async fn apply_returns_conflict_when_extra_object_changed(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let me = TestUser::new(server.url(), "me").await;
    for (path, said) in [("old/records/c", "has other records now"), ("old", "was changed")] {
        let names = two();
        furnish(&me, &names[0]).await;
        let plan = me.client.plan(&blueprint(&names[0])).await?.prune();
        let path = format!("/buckets/{}/collections/{path}", names[0]);
        me.plain.put(&path, &json!({"data": {"theirs": 1}})).await;
        let before = dump(&me.plain, &names).await;
        let error = plan.apply().await.unwrap_err();
        assert_eq!(predicates(&error), ["conflict"]);
        assert!(
            error.to_string().contains(said) && error.to_string().contains("no step of the plan was done"),
            "{error}"
        );
        assert_eq!(dump(&me.plain, &names).await, before);
    }
    // And after everything was looked at.
    let names = two();
    furnish(&me, &names[0]).await;
    let gate = Gate::default();
    let held = gate.clone();
    let rule = move |sent: &SentRequest| {
        let old = sent.method == "DELETE" && sent.target.ends_with("/old");
        if old { Fault::Hold(held.clone()) } else { Fault::Pass }
    };
    let proxy = Proxy::start(server.url(), rule).await;
    let plan = me.client_at(proxy.url()).build()?.plan(&blueprint(&names[0])).await?.prune();
    let path = format!("/buckets/{}/collections/old", names[0]);
    let error =
        gate.overtake(plan.apply(), async { drop(me.plain.put(&path, &json!({"data": {"x": 1}})).await) }).await;
    assert_eq!(predicates(&error.unwrap_err()), ["conflict"]);
    assert_eq!(me.plain.held(&path).await, json!({"x": 1}));
    Ok(())
}
