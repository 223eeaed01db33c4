//! A patch is guarded by what was read, and writes nothing where it changes nothing.

use kinto_client::{Call, JsonPatch, KintoRecord as _, Timestamp, json, kind, operation::Edit};
use kinto_tests::{Fault, Gate, Outcome, Proxy, Scene, in_order};

use super::{Task, task};
use crate::predicates;

/// Patches of each kind that leave `{"title": "Paint", …}` as it is.
fn without_effect(scene: &Scene) -> Vec<Call<'static, Edit<kind::Record, Task>>> {
    let (f, place) = (Task::fields(), scene.todos.record::<Task>("paint"));
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
async fn what_changes_nothing_is_not_sent() -> Outcome {
    let scene = Scene::new().await;
    let before = scene.plain.put_data(&scene.record("paint"), &task()).await;
    for call in without_effect(&scene) {
        let same = call.await?;
        assert_eq!(same.data.title, "Paint");
        assert_eq!(same.last_modified.as_millis(), before["last_modified"]);
        assert_eq!(scene.sent.take_one().line(), format!("GET {}", scene.record("paint")));
    }
    assert_eq!(scene.plain.object(&scene.record("paint")).await, before);
    Ok(())
}

#[tokio::test]
async fn a_precondition_holds_whatever_the_patch_changes() -> Outcome {
    let scene = Scene::new().await;
    let stale = scene.plain.put_data(&scene.record("paint"), &json!({"title": "Stale"})).await;
    let stale = Timestamp::from_millis(stale["last_modified"].as_u64().expect("a time"));
    let now = scene.plain.put_data(&scene.record("paint"), &task()).await;
    let now = Timestamp::from_millis(now["last_modified"].as_u64().expect("a time"));
    let (f, place) = (Task::fields(), scene.todos.record::<Task>("paint"));
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
    assert_eq!(scene.plain.held(&scene.record("paint")).await, task());
    for call in calls() {
        scene.plain.put_data(&scene.record("paint"), &task()).await;
        let now = scene.todos.get_record::<Task>("paint").await?.last_modified;
        assert_eq!(call.if_match(now).await?.data.title, "Paint it");
    }

    let now = scene.plain.put_data(&scene.record("paint"), &task()).await;
    let now = Timestamp::from_millis(now["last_modified"].as_u64().expect("a time"));
    for call in without_effect(&scene) {
        assert_eq!(call.if_match(now).await?.last_modified, now);
    }
    for call in without_effect(&scene) {
        let error = call.if_match(stale).await.expect_err("it is not of that time");
        assert_eq!(predicates(&error), ["conflict"], "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn what_others_write_in_between_is_kept() -> Outcome {
    let scene = Scene::new().await;
    scene.plain.put_data(&scene.record("paint"), &task()).await;
    let gate = Gate::default();
    let proxy = Proxy::start(scene.url(), in_order([Fault::Pass, Fault::Hold(gate.clone())])).await;
    let place = scene.todos_through(&proxy).record::<Task>("paint");
    let (patched, ()) = tokio::join!(place.json_patch(JsonPatch::new().add(["tags", "-"], "b")).into_future(), async {
        gate.arrival().await;
        let mut theirs = task();
        theirs["tags"] = json!(["theirs"]);
        scene.plain.put_data(&scene.record("paint"), &theirs).await;
        gate.open();
    });
    assert_eq!(patched?.data.tags, ["theirs", "b"]);
    assert_eq!(scene.plain.held(&scene.record("paint")).await["tags"], json!(["theirs", "b"]));
    let methods: Vec<String> = proxy.arrived().iter().map(|sent| sent.method.to_string()).collect();
    assert_eq!(methods, ["GET", "PUT", "GET", "PUT"]);
    Ok(())
}

/// As nginx with `proxy_cache` does, `If-Match` of a GET is dropped on the way.
#[tokio::test]
async fn a_precondition_that_is_lost_on_the_way_still_holds() -> Outcome {
    let scene = Scene::new().await;
    let stale = scene.plain.put_data(&scene.record("paint"), &json!({"title": "Stale"})).await;
    let stale = Timestamp::from_millis(stale["last_modified"].as_u64().expect("a time"));
    scene.plain.put_data(&scene.record("paint"), &task()).await;
    let proxy = Proxy::start(scene.url(), |_| Fault::WithoutHeader("if-match")).await;
    let place = scene.todos_through(&proxy).record::<Task>("paint");
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
    assert_eq!(proxy.lines(), vec![format!("GET {}", scene.record("paint")); 4], "nothing was written");
    assert_eq!(scene.plain.held(&scene.record("paint")).await, task());
    Ok(())
}
