//! A patch is guarded by what was read, and writes nothing where it changes nothing.

use kinto_client::{
    Call, KintoRecord as _, Timestamp, json,
    object::{JsonPatch, kind},
    operation::Edit,
};
use kinto_tests::{Fault, Fixture, Gate, Outcome, Proxy, in_order};

use super::{Task, task};
use crate::predicates;

/// Patches of each kind that leave `{"title": "Paint", …}` as it is.
fn without_effect(fixture: &Fixture) -> Vec<Call<'static, Edit<kind::Record, Task>>> {
    let (f, place) = (Task::fields(), fixture.todos.record::<Task>("paint"));
    vec![
        place.edit().set(f.title, "Paint").set(f.due_at, 5),
        place.edit().set(f.title, "x").set(f.title, "Paint"),
        place.edit().set(f.assignee.phone, "1"),
        place.merge_patch(json!({})),
        place.merge_patch(json!({"title": "Paint", "assignee": {}, "none": null})),
        place.json_patch(JsonPatch::new()),
        place.json_patch(JsonPatch::new().test(["title"], "Paint").add(["x"], 1).remove(["x"])),
    ]
}

#[tokio::test]
async fn patch_without_change_sends_nothing() -> Outcome {
    let fixture = Fixture::new().await;
    let before = fixture.plain.put_data(&fixture.record("paint"), &task()).await;
    for call in without_effect(&fixture) {
        let same = call.await?;
        assert_eq!(same.data.title, "Paint");
        assert_eq!(same.last_modified.as_millis(), before["last_modified"]);
        assert_eq!(fixture.sent.take_one().line(), format!("GET {}", fixture.record("paint")));
    }
    assert_eq!(fixture.plain.object(&fixture.record("paint")).await, before);
    Ok(())
}

#[tokio::test]
async fn patch_returns_conflict_when_precondition_fails() -> Outcome {
    let fixture = Fixture::new().await;
    let stale = fixture.plain.put_data(&fixture.record("paint"), &json!({"title": "Stale"})).await;
    let stale = Timestamp::from_millis(stale["last_modified"].as_u64().expect("a time"));
    let now = fixture.plain.put_data(&fixture.record("paint"), &task()).await;
    let now = Timestamp::from_millis(now["last_modified"].as_u64().expect("a time"));
    let (f, place) = (Task::fields(), fixture.todos.record::<Task>("paint"));
    let calls = || {
        vec![
            place.edit().set(f.title, "Paint it"),
            place.merge_patch(json!({"title": "Paint it"})),
            place.json_patch(JsonPatch::new().replace(["title"], "Paint it")),
        ]
    };
    for call in calls() {
        let error = call.if_match(stale).await.unwrap_err();
        assert_eq!(predicates(&error), ["conflict"], "{error}");
        assert_eq!(error.theirs::<Task>().map(|theirs| theirs.last_modified), Some(now));
        assert_eq!(error.operation(), Some("patch record"));
    }
    assert_eq!(fixture.plain.held(&fixture.record("paint")).await, task());
    for call in calls() {
        fixture.plain.put_data(&fixture.record("paint"), &task()).await;
        let now = fixture.todos.get_record::<Task>("paint").await?.last_modified;
        assert_eq!(call.if_match(now).await?.data.title, "Paint it");
    }

    let now = fixture.plain.put_data(&fixture.record("paint"), &task()).await;
    let now = Timestamp::from_millis(now["last_modified"].as_u64().expect("a time"));
    for call in without_effect(&fixture) {
        assert_eq!(call.if_match(now).await?.last_modified, now);
    }
    for call in without_effect(&fixture) {
        let error = call.if_match(stale).await.expect_err("it is not of that time");
        assert_eq!(predicates(&error), ["conflict"], "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn concurrent_writes_are_kept() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("paint"), &task()).await;
    let gate = Gate::default();
    let proxy = Proxy::start(fixture.url(), in_order([Fault::Pass, Fault::Hold(gate.clone())])).await;
    let place = fixture.todos_through(&proxy).record::<Task>("paint");
    let (patched, ()) = tokio::join!(place.json_patch(JsonPatch::new().add(["tags", "-"], "b")).into_future(), async {
        gate.arrival().await;
        let mut theirs = task();
        theirs["tags"] = json!(["theirs"]);
        fixture.plain.put_data(&fixture.record("paint"), &theirs).await;
        gate.open();
    });
    assert_eq!(patched?.data.tags, ["theirs", "b"]);
    assert_eq!(fixture.plain.held(&fixture.record("paint")).await["tags"], json!(["theirs", "b"]));
    let methods: Vec<String> = proxy.arrived().iter().map(|sent| sent.method.to_string()).collect();
    assert_eq!(methods, ["GET", "PUT", "GET", "PUT"]);
    Ok(())
}

/// As nginx with `proxy_cache` does, `If-Match` of a GET is dropped on the way.
#[tokio::test]
async fn precondition_that_is_lost_on_the_way_still_holds() -> Outcome {
    let fixture = Fixture::new().await;
    let stale = fixture.plain.put_data(&fixture.record("paint"), &json!({"title": "Stale"})).await;
    let stale = Timestamp::from_millis(stale["last_modified"].as_u64().expect("a time"));
    fixture.plain.put_data(&fixture.record("paint"), &task()).await;
    let proxy = Proxy::start(fixture.url(), |_| Fault::WithoutHeader("if-match")).await;
    let place = fixture.todos_through(&proxy).record::<Task>("paint");
    let f = Task::fields();
    for call in [
        place.edit().set(f.title, "Paint it"),
        place.merge_patch(json!({"title": "Paint it"})),
        place.json_patch(JsonPatch::new().replace(["title"], "Paint it")),
        place.merge_patch(json!({"title": "Paint"})),
    ] {
        let error = call.if_match(stale).await.unwrap_err();
        assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["conflict"], false), "{error}");
        assert_eq!(error.theirs::<Task>().map(|theirs| theirs.data.title).as_deref(), Some("Paint"));
    }
    assert_eq!(proxy.lines(), vec![format!("GET {}", fixture.record("paint")); 4], "nothing was written");
    assert_eq!(fixture.plain.held(&fixture.record("paint")).await, task());
    Ok(())
}
