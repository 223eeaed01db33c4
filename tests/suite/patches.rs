//! A patch changes what it names, keeps all else, permissions too, and writes nothing where it changes nothing.

use kinto_client::{JsonPatch, KintoRecord, Principal, Timestamp, Value, json};
use kinto_server::Backend;
use kinto_tests::{Fault, Gate, Outcome, Person, Proxy, Scene, in_order, on_each_backend, server_on};
use serde::{Deserialize, Serialize};

use crate::predicates;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
#[serde(rename_all = "camelCase")]
struct Task {
    title: String,
    due_at: Option<u64>,
    #[serde(default)]
    tags: Vec<String>,
    #[kinto(nested)]
    assignee: Option<Assignee>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
#[serde(rename_all = "camelCase")]
#[kinto(nested)]
struct Assignee {
    full_name: String,
    phone: Option<String>,
}

/// A task with things in it that its type does not know.
fn task() -> Value {
    json!({
        "title": "Paint", "dueAt": 5, "tags": ["home"], "colour": {"deep": [1, 2.5, null]},
        "assignee": {"fullName": "Ada", "phone": "1", "team": {"a/b": "~"}},
    })
}

async fn fields_are_set_and_removed(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let scene = Scene::on(server.url()).await;
    let before = scene.plain.put_data(&scene.record("paint"), &task()).await;
    let f = Task::fields();
    let tasks = scene.todos.typed::<Task>();
    let edit = tasks.edit_record("paint").set(f.title, "Paint it").unset(f.due_at).set(f.tags, vec!["a".to_owned()]);
    let patched = edit.set(f.assignee.full_name, "Bob").unset(f.assignee.phone).await?;

    let expected = json!({
        "title": "Paint it", "tags": ["a"], "colour": {"deep": [1, 2.5, null]},
        "assignee": {"fullName": "Bob", "team": {"a/b": "~"}},
    });
    assert_eq!(scene.plain.held(&scene.record("paint")).await, expected);
    assert_eq!((patched.data.title.as_str(), patched.data.due_at), ("Paint it", None));
    let assignee = patched.data.assignee.as_ref().expect("there is one");
    assert_eq!((assignee.full_name.as_str(), assignee.phone.as_deref()), ("Bob", None));
    let stored = scene.plain.object(&scene.record("paint")).await;
    assert_eq!(stored["last_modified"], patched.last_modified.as_millis());
    let sent = scene.sent.take();
    let methods: Vec<&str> = sent.iter().map(|sent| sent.method.as_str()).collect();
    assert_eq!(methods, ["GET", "PUT"]);
    assert_eq!(sent[1].header("if-match"), Some(format!("\"{}\"", before["last_modified"]).as_str()));

    // What was patched can be gone on with.
    let mut patched = patched;
    patched.data.due_at = Some(7);
    tasks.save_record(&mut patched).await?;
    assert_eq!(scene.plain.held(&scene.record("paint")).await["dueAt"], 7);
    Ok(())
}

async fn values_of_every_kind_are_set(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let scene = Scene::on(server.url()).await;
    scene.plain.put_data(&scene.record("paint"), &json!({"title": "Paint", "assignee": null})).await;
    let f = Task::fields();
    let edit = || scene.todos.record::<Task>("paint").edit();
    edit().set(f.due_at, 0).await?;
    assert_eq!(scene.plain.held(&scene.record("paint")).await, json!({"title": "Paint", "assignee": null, "dueAt": 0}));
    edit().set(f.due_at, Some(u64::MAX)).await?;
    assert_eq!(scene.plain.held(&scene.record("paint")).await["dueAt"], u64::MAX);
    edit().set(f.due_at, None).await?;
    assert_eq!(scene.plain.held(&scene.record("paint")).await["dueAt"], Value::Null, "null is not nothing");
    edit().unset(f.due_at).set(f.tags, Vec::<String>::new()).await?;
    assert_eq!(scene.plain.held(&scene.record("paint")).await, json!({"title": "Paint", "assignee": null, "tags": []}));
    let ada = "Ada".to_owned();
    edit().set(f.assignee.full_name, &ada).await?;
    let expected = json!({"title": "Paint", "assignee": {"fullName": "Ada"}, "tags": []});
    assert_eq!(scene.plain.held(&scene.record("paint")).await, expected, "the structs on the way are made");
    edit().set(f.title, "1").set(f.title, "2").await?;
    assert_eq!(scene.plain.held(&scene.record("paint")).await["title"], "2", "one after the other");
    Ok(())
}

async fn a_merge_patch_goes_into_objects(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let scene = Scene::on(server.url()).await;
    scene.plain.put_data(&scene.record("paint"), &task()).await;
    let patch = json!({
        "dueAt": null, "tags": ["x", null], "colour": {"deep": {"er": 1, "no": null}, "new": {"a": {"b": null}}},
        "assignee": {"phone": null, "team": {"a/b": "/"}}, "none": null,
    });
    let patched = scene.todos.record::<Value>("paint").merge_patch(patch).await?;
    let expected = json!({
        "title": "Paint", "tags": ["x", null], "colour": {"deep": {"er": 1}, "new": {"a": {}}},
        "assignee": {"fullName": "Ada", "team": {"a/b": "/"}},
    });
    assert_eq!(patched.data, expected);
    assert_eq!(scene.plain.held(&scene.record("paint")).await, expected);
    Ok(())
}

async fn a_json_patch_takes_its_keys_as_they_are(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let scene = Scene::on(server.url()).await;
    let data = json!({
        "a/b": 1, "m~n": {"~1": "tilde", "/": [1, 2, 3]}, "~0": true, "": {"": 0}, "0": "zero", "é\"": [{}],
    });
    scene.plain.put_data(&scene.record("paint"), &data).await;
    let patch = JsonPatch::new()
        .test(["m~n", "~1"], "tilde")
        .replace(["a/b"], 2)
        .remove(["m~n", "/", "1"])
        .add(["m~n", "/", "-"], 4)
        .add(["m~n", "/", "0"], 0)
        .copy(["m~n", "~1"], ["~0"])
        .relocate(["", ""], ["~1/0"])
        .replace(["0"], "null")
        .add(["é\"", "0", "x/~y"], json!({"z": null}));
    let patched = scene.todos.record::<Value>("paint").json_patch(patch).await?;
    let expected = json!({
        "a/b": 2, "m~n": {"~1": "tilde", "/": [0, 1, 3, 4]}, "~0": "tilde", "": {}, "~1/0": 0, "0": "null",
        "é\"": [{"x/~y": {"z": null}}],
    });
    assert_eq!(patched.data, expected);
    assert_eq!(scene.plain.held(&scene.record("paint")).await, expected);
    Ok(())
}

/// The server's own JSON patch takes what it does not show to a caller for nothing, and stores that.
async fn a_patch_by_the_owner_of_the_bucket_leaves_permissions_alone(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let scene = Scene::on(server.url()).await;
    let author = Person::new(server.url(), "author").await;
    let reader: Principal = "account:reader".into();
    let collection = format!("/buckets/{}/collections/todos", scene.bucket.id());
    scene.plain.put(&collection, &json!({"permissions": {"record:create": ["system.Authenticated"]}})).await;
    for patch in ["json", "merge", "fields", "update"] {
        let path = scene.record(patch);
        author.plain.put(&path, &json!({"data": task(), "permissions": {"read": [reader.as_str()]}})).await;
        let seen = scene.todos.get_record::<Task>(patch).await?;
        assert!(seen.permissions.get().is_none(), "the owner is not told who may do what");

        let place = scene.todos.record::<Task>(patch);
        match patch {
            "json" => drop(place.json_patch(JsonPatch::new().replace(["title"], "Paint it")).await?),
            "merge" => drop(place.merge_patch(json!({"title": "Paint it"})).await?),
            "fields" => drop(place.edit().set(Task::fields().title, "Paint it").await?),
            _ => drop(place.update(|task| "Paint it".clone_into(&mut task.title)).await?),
        }
        let permissions = author.client.bucket(scene.bucket.id()).collection("todos").get_record::<Task>(patch).await?;
        assert_eq!(permissions.data.title, "Paint it");
        let permissions = permissions.permissions.get().expect("the author is told").clone();
        assert!(permissions.write.contains(&author.principal()), "{patch}: {permissions:?}");
        assert!(permissions.read.contains(&reader), "{patch}: {permissions:?}");
    }
    Ok(())
}

on_each_backend!(
    fields_are_set_and_removed,
    values_of_every_kind_are_set,
    a_merge_patch_goes_into_objects,
    a_json_patch_takes_its_keys_as_they_are,
    a_patch_by_the_owner_of_the_bucket_leaves_permissions_alone,
);

/// Patches of each kind that leave `{"title": "Paint", …}` as it is.
fn without_effect(
    scene: &Scene,
) -> Vec<kinto_client::Call<'static, kinto_client::operation::Edit<kinto_client::kind::Record, Task>>> {
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

#[tokio::test]
async fn what_cannot_be_a_patch_is_refused_before_anything_is_sent() -> Outcome {
    #[derive(Debug, Serialize, Deserialize, KintoRecord)]
    struct Measured {
        id: Option<String>,
        size: f64,
        name: Option<String>,
    }
    let scene = Scene::new().await;
    let (f, place) = (Measured::fields(), scene.todos.record::<Measured>("paint"));
    let calls = [
        (place.edit(), "no change"),
        (place.edit().set(f.size, f64::NAN), "NaN"),
        (place.edit().set(f.name, "a\0"), "NUL"),
        (place.edit().set(f.size, 1.0).set(f.size, f64::INFINITY), "inf"),
        (place.merge_patch(json!([1])), "array"),
        (place.merge_patch(7), "number"),
        (place.merge_patch(json!({"a": {"b": "\0"}})), "NUL"),
        (place.merge_patch(json!({"__permissions__": {}})), "__permissions__"),
        (place.merge_patch(json!({"id": "other"})), "id"),
        (place.merge_patch(json!({"last_modified": 1})), "last_modified"),
        (place.merge_patch(json!({"id": null})), "id"),
        (place.edit().set(f.id, "paint"), "id"),
        (place.json_patch(JsonPatch::new().add(["a"], f64::NAN)), "NaN"),
        (scene.todos.record("no/id").edit().set(f.size, 1.0), "no/id"),
    ];
    scene.plain.put_data(&scene.record("paint"), &json!({"size": 1.0})).await;
    let mut wrong = Vec::new();
    for (call, says) in calls {
        let outcome = call.await;
        let sent = scene.sent.take_lines();
        match outcome {
            Err(error) if predicates(&error) == ["invalid"] && error.to_string().contains(says) && sent.is_empty() => {
                assert_eq!(error.operation(), Some("patch record"));
            }
            outcome => wrong.push((says, outcome.map(|_| ()), sent)),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    Ok(())
}

#[tokio::test]
async fn a_patch_that_does_not_fit_changes_nothing() -> Outcome {
    let scene = Scene::new().await;
    let before = scene.plain.put_data(&scene.record("paint"), &task()).await;
    let place = scene.todos.record::<Value>("paint");
    let add = || JsonPatch::new().replace(["title"], "Paint it");
    let calls = [
        place.json_patch(add().test(["dueAt"], 6)),
        place.json_patch(add().remove(["none"])),
        place.json_patch(add().replace(["none"], 1)),
        place.json_patch(add().add(["tags", "7"], 1)),
        place.json_patch(add().add(["none", "deeper"], 1)),
        place.json_patch(add().replace([""; 0], json!([]))),
        place.json_patch(add().add(["__permissions__"], json!({}))),
        place.json_patch(add().add(["id"], "other")),
        place.json_patch(add().add(["last_modified"], 1)),
    ];
    for call in calls {
        let error = call.await.unwrap_err();
        assert_eq!(predicates(&error), ["invalid"], "{error}");
        assert_eq!((error.operation(), error.object()), (Some("patch record"), Some(scene.record("paint").as_str())));
        let sent = scene.sent.take();
        assert!(sent.iter().all(|sent| sent.method == http::Method::GET), "{sent:?}");
    }
    scene.plain.put_data(&scene.record("flat"), &json!({"title": "Flat", "assignee": 7})).await;
    let flat = scene.todos.record::<Task>("flat").edit().set(Task::fields().assignee.full_name, "Ada");
    let error = flat.await.unwrap_err();
    assert_eq!(predicates(&error), ["invalid"], "{error}");
    assert!(error.to_string().contains("assignee.fullName") && error.to_string().contains("number"), "{error}");
    assert_eq!(scene.plain.object(&scene.record("paint")).await, before);

    let none = scene.todos.record::<Task>("none").edit().set(Task::fields().title, "x").await.unwrap_err();
    assert_eq!(predicates(&none), ["not found"], "{none}");
    assert_eq!(scene.plain.ids(&scene.records).await, ["flat", "paint"], "a patch makes no records");
    Ok(())
}

#[tokio::test]
async fn what_is_patched_need_not_fit_the_type_until_then() -> Outcome {
    let scene = Scene::new().await;
    scene.plain.put_data(&scene.record("paint"), &json!({"dueAt": "soon"})).await;
    let f = Task::fields();
    let place = scene.todos.record::<Task>("paint");
    let unfit = place.edit().set(f.title, "Paint").await.unwrap_err();
    assert_eq!(predicates(&unfit), ["decode"], "{unfit}");
    assert!(unfit.may_have_been_applied(), "it has been");
    let unfit = place.edit().set(f.title, "Paint").await.unwrap_err();
    assert!(!unfit.may_have_been_applied(), "nothing was to be done");
    assert_eq!(scene.plain.held(&scene.record("paint")).await, json!({"title": "Paint", "dueAt": "soon"}));
    let patched = place.edit().set(f.title, "Paint").set(f.due_at, 5).await?;
    assert_eq!(patched.data, Task { title: "Paint".to_owned(), due_at: Some(5), tags: vec![], assignee: None });
    assert_eq!(scene.plain.held(&scene.record("paint")).await, json!({"title": "Paint", "dueAt": 5}));
    Ok(())
}

#[tokio::test]
async fn every_kind_of_object_can_be_patched() -> Outcome {
    let scene = Scene::new().await;
    let path = format!("/buckets/{}", scene.bucket.id());
    scene.plain.put_data(&path, &json!({"a": {"b": 1, "c": 2}})).await;
    scene.plain.put_data(&format!("{path}/collections/todos"), &json!({"sort": "x", "displayFields": ["x"]})).await;
    scene.plain.put_data(&format!("{path}/groups/friends"), &json!({"members": ["account:remy"]})).await;
    scene.bucket.merge_patch(json!({"a": {"b": null}})).await?;
    scene.todos.json_patch(JsonPatch::new().add(["displayFields", "-"], "y").remove(["sort"])).await?;
    scene.bucket.group("friends").json_patch(JsonPatch::new().add(["members", "0"], "account:niko")).await?;
    assert_eq!(scene.plain.held(&path).await, json!({"a": {"c": 2}}));
    assert_eq!(scene.plain.held(&format!("{path}/collections/todos")).await, json!({"displayFields": ["x", "y"]}));
    let friends = scene.plain.held(&format!("{path}/groups/friends")).await;
    assert_eq!(friends, json!({"members": ["account:niko", "account:remy"]}));
    Ok(())
}
