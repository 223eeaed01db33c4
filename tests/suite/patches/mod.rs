//! A patch changes what it names, keeps all else, permissions too, and writes nothing where it changes nothing.

use kinto_client::{KintoRecord, Principal, Value, json, object::JsonPatch};
use kinto_server::Backend;
use kinto_tests::{Fixture, Outcome, TestUser, on_each_backend, server_on};
use serde::{Deserialize, Serialize};

use crate::predicates;

mod guards;
mod refused;

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

async fn edit_sets_and_removes_fields(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let before = fixture.plain.put_data(&fixture.record("paint"), &task()).await;
    let f = Task::fields();
    let tasks = fixture.todos.typed::<Task>();
    let edit = tasks.edit_record("paint").set(f.title, "Paint it").unset(f.due_at).set(f.tags, vec!["a".to_owned()]);
    let patched = edit.set(f.assignee.full_name, "Bob").unset(f.assignee.phone).await?;

    let expected = json!({
        "title": "Paint it", "tags": ["a"], "colour": {"deep": [1, 2.5, null]},
        "assignee": {"fullName": "Bob", "team": {"a/b": "~"}},
    });
    assert_eq!(fixture.plain.held(&fixture.record("paint")).await, expected);
    assert_eq!((patched.data.title.as_str(), patched.data.due_at), ("Paint it", None));
    let assignee = patched.data.assignee.as_ref().expect("there is one");
    assert_eq!((assignee.full_name.as_str(), assignee.phone.as_deref()), ("Bob", None));
    let stored = fixture.plain.object(&fixture.record("paint")).await;
    assert_eq!(stored["last_modified"], patched.last_modified.as_millis());
    let sent = fixture.sent.take();
    let methods: Vec<&str> = sent.iter().map(|sent| sent.method.as_str()).collect();
    assert_eq!(methods, ["GET", "PUT"]);
    assert_eq!(sent[1].header("if-match"), Some(format!("\"{}\"", before["last_modified"]).as_str()));

    // What was patched can be gone on with.
    let mut patched = patched;
    patched.data.due_at = Some(7);
    tasks.save_record(&mut patched).await?;
    assert_eq!(fixture.plain.held(&fixture.record("paint")).await["dueAt"], 7);
    Ok(())
}

async fn edit_sets_values_of_every_kind(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    fixture.plain.put_data(&fixture.record("paint"), &json!({"title": "Paint", "assignee": null})).await;
    let f = Task::fields();
    let edit = || fixture.todos.record::<Task>("paint").edit();
    edit().set(f.due_at, 0).await?;
    assert_eq!(
        fixture.plain.held(&fixture.record("paint")).await,
        json!({"title": "Paint", "assignee": null, "dueAt": 0})
    );
    edit().set(f.due_at, Some(u64::MAX)).await?;
    assert_eq!(fixture.plain.held(&fixture.record("paint")).await["dueAt"], u64::MAX);
    edit().set(f.due_at, None).await?;
    assert_eq!(fixture.plain.held(&fixture.record("paint")).await["dueAt"], Value::Null, "null is not nothing");
    edit().unset(f.due_at).set(f.tags, Vec::<String>::new()).await?;
    assert_eq!(
        fixture.plain.held(&fixture.record("paint")).await,
        json!({"title": "Paint", "assignee": null, "tags": []})
    );
    let ada = "Ada".to_owned();
    edit().set(f.assignee.full_name, &ada).await?;
    let expected = json!({"title": "Paint", "assignee": {"fullName": "Ada"}, "tags": []});
    assert_eq!(fixture.plain.held(&fixture.record("paint")).await, expected, "the structs on the way are made");
    edit().set(f.title, "1").set(f.title, "2").await?;
    assert_eq!(fixture.plain.held(&fixture.record("paint")).await["title"], "2", "one after the other");
    Ok(())
}

async fn merge_patch_merges_nested_objects(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    fixture.plain.put_data(&fixture.record("paint"), &task()).await;
    let patch = json!({
        "dueAt": null, "tags": ["x", null], "colour": {"deep": {"er": 1, "no": null}, "new": {"a": {"b": null}}},
        "assignee": {"phone": null, "team": {"a/b": "/"}}, "none": null,
    });
    let patched = fixture.todos.record::<Value>("paint").merge_patch(patch).await?;
    let expected = json!({
        "title": "Paint", "tags": ["x", null], "colour": {"deep": {"er": 1}, "new": {"a": {}}},
        "assignee": {"fullName": "Ada", "team": {"a/b": "/"}},
    });
    assert_eq!(patched.data, expected);
    assert_eq!(fixture.plain.held(&fixture.record("paint")).await, expected);
    Ok(())
}

async fn json_patch_takes_keys_literally(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let data = json!({
        "a/b": 1, "m~n": {"~1": "tilde", "/": [1, 2, 3]}, "~0": true, "": {"": 0}, "0": "zero", "é\"": [{}],
    });
    fixture.plain.put_data(&fixture.record("paint"), &data).await;
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
    let patched = fixture.todos.record::<Value>("paint").json_patch(patch).await?;
    let expected = json!({
        "a/b": 2, "m~n": {"~1": "tilde", "/": [0, 1, 3, 4]}, "~0": "tilde", "": {}, "~1/0": 0, "0": "null",
        "é\"": [{"x/~y": {"z": null}}],
    });
    assert_eq!(patched.data, expected);
    assert_eq!(fixture.plain.held(&fixture.record("paint")).await, expected);
    Ok(())
}

/// The server's own JSON patch takes what it does not show to a caller for nothing, and stores that.
async fn patch_by_bucket_owner_keeps_permissions(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let author = TestUser::new(server.url(), "author").await;
    let reader: Principal = "account:reader".into();
    let collection = format!("/buckets/{}/collections/todos", fixture.bucket.id());
    fixture.plain.put(&collection, &json!({"permissions": {"record:create": ["system.Authenticated"]}})).await;
    for patch in ["json", "merge", "fields", "update"] {
        let path = fixture.record(patch);
        author.plain.put(&path, &json!({"data": task(), "permissions": {"read": [reader.as_str()]}})).await;
        let seen = fixture.todos.get_record::<Task>(patch).await?;
        assert!(seen.permissions.get().is_none(), "the owner is not told who may do what");

        let place = fixture.todos.record::<Task>(patch);
        match patch {
            "json" => drop(place.json_patch(JsonPatch::new().replace(["title"], "Paint it")).await?),
            "merge" => drop(place.merge_patch(json!({"title": "Paint it"})).await?),
            "fields" => drop(place.edit().set(Task::fields().title, "Paint it").await?),
            _ => drop(place.update(|task| "Paint it".clone_into(&mut task.title)).await?),
        }
        let permissions =
            author.client.bucket(fixture.bucket.id()).collection("todos").get_record::<Task>(patch).await?;
        assert_eq!(permissions.data.title, "Paint it");
        let permissions = permissions.permissions.get().expect("the author is told").clone();
        assert!(permissions.write.contains(&author.principal()), "{patch}: {permissions:?}");
        assert!(permissions.read.contains(&reader), "{patch}: {permissions:?}");
    }
    Ok(())
}

on_each_backend!(
    edit_sets_and_removes_fields,
    edit_sets_values_of_every_kind,
    merge_patch_merges_nested_objects,
    json_patch_takes_keys_literally,
    patch_by_bucket_owner_keeps_permissions,
);

#[tokio::test]
async fn patch_can_repair_record_that_does_not_decode() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("paint"), &json!({"dueAt": "soon"})).await;
    let f = Task::fields();
    let place = fixture.todos.record::<Task>("paint");
    let unfit = place.edit().set(f.title, "Paint").await.unwrap_err();
    assert_eq!(predicates(&unfit), ["decode"], "{unfit}");
    assert!(unfit.may_have_been_applied(), "it has been");
    let unfit = place.edit().set(f.title, "Paint").await.unwrap_err();
    assert!(!unfit.may_have_been_applied(), "nothing was to be done");
    assert_eq!(fixture.plain.held(&fixture.record("paint")).await, json!({"title": "Paint", "dueAt": "soon"}));
    let patched = place.edit().set(f.title, "Paint").set(f.due_at, 5).await?;
    assert_eq!(patched.data, Task { title: "Paint".to_owned(), due_at: Some(5), tags: vec![], assignee: None });
    assert_eq!(fixture.plain.held(&fixture.record("paint")).await, json!({"title": "Paint", "dueAt": 5}));
    Ok(())
}

#[tokio::test]
async fn patch_works_for_all_kinds() -> Outcome {
    let fixture = Fixture::new().await;
    let path = format!("/buckets/{}", fixture.bucket.id());
    fixture.plain.put_data(&path, &json!({"a": {"b": 1, "c": 2}})).await;
    fixture.plain.put_data(&format!("{path}/collections/todos"), &json!({"sort": "x", "displayFields": ["x"]})).await;
    fixture.plain.put_data(&format!("{path}/groups/friends"), &json!({"members": ["account:remy"]})).await;
    fixture.bucket.merge_patch(json!({"a": {"b": null}})).await?;
    fixture.todos.json_patch(JsonPatch::new().add(["displayFields", "-"], "y").remove(["sort"])).await?;
    fixture.bucket.group("friends").json_patch(JsonPatch::new().add(["members", "0"], "account:niko")).await?;
    assert_eq!(fixture.plain.held(&path).await, json!({"a": {"c": 2}}));
    assert_eq!(fixture.plain.held(&format!("{path}/collections/todos")).await, json!({"displayFields": ["x", "y"]}));
    let friends = fixture.plain.held(&format!("{path}/groups/friends")).await;
    assert_eq!(friends, json!({"members": ["account:niko", "account:remy"]}));
    Ok(())
}
