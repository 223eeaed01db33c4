//! Invalid patches, which are rejected before anything is sent, and patches that do not fit the record, which
//! change nothing.

use kinto_client::{KintoRecord, Value, json, object::JsonPatch};
use kinto_tests::{Fixture, Outcome};
use serde::{Deserialize, Serialize};

use super::{Assignee, Task, task};
use crate::predicates;

#[tokio::test]
async fn invalid_patch_is_rejected_before_sending() -> Outcome {
    #[derive(Debug, Serialize, Deserialize, KintoRecord)]
    struct Measured {
        id: Option<String>,
        size: f64,
        name: Option<String>,
    }
    let fixture = Fixture::new().await;
    let (f, place) = (Measured::fields(), fixture.todos.record::<Measured>("paint"));
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
        (fixture.todos.record("no/id").edit().set(f.size, 1.0), "no/id"),
    ];
    fixture.plain.put_data(&fixture.record("paint"), &json!({"size": 1.0})).await;
    let mut wrong = Vec::new();
    for (call, says) in calls {
        let outcome = call.await;
        let sent = fixture.sent.take_lines();
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
async fn json_patch_that_does_not_fit_changes_nothing() -> Outcome {
    let fixture = Fixture::new().await;
    let before = fixture.plain.put_data(&fixture.record("paint"), &task()).await;
    let place = fixture.todos.record::<Value>("paint");
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
        assert_eq!((error.operation(), error.object()), (Some("patch record"), Some(fixture.record("paint").as_str())));
        let sent = fixture.sent.take();
        assert!(sent.iter().all(|sent| sent.method == http::Method::GET), "{sent:?}");
    }
    fixture.plain.put_data(&fixture.record("flat"), &json!({"title": "Flat", "assignee": 7})).await;
    let flat = fixture.todos.record::<Task>("flat").edit().set(Task::fields().assignee.full_name, "Ada");
    let error = flat.await.unwrap_err();
    assert_eq!(predicates(&error), ["invalid"], "{error}");
    assert!(error.to_string().contains("assignee.fullName") && error.to_string().contains("number"), "{error}");
    assert_eq!(fixture.plain.object(&fixture.record("paint")).await, before);

    let none = fixture.todos.record::<Task>("none").edit().set(Task::fields().title, "x").await.unwrap_err();
    assert_eq!(predicates(&none), ["not found"], "{none}");
    assert_eq!(fixture.plain.ids(&fixture.records).await, ["flat", "paint"], "a patch makes no records");
    Ok(())
}

/// Of an object that is not there, an edit of one of its fields would make one that lacks the others.
#[tokio::test]
async fn edit_that_would_make_a_record_unreadable_saves_nothing() -> Outcome {
    let fixture = Fixture::new().await;
    let f = Task::fields();
    let place = fixture.todos.record::<Task>("paint");
    for absent in [json!({"title": "Paint", "assignee": null}), json!({"title": "Paint"})] {
        let before = fixture.plain.put_data(&fixture.record("paint"), &absent).await;
        for edit in [
            place.edit().set(f.assignee.phone, "1"),
            place.merge_patch(json!({"assignee": {"phone": "1"}})),
            place.merge_patch(json!({"title": null})),
            place.json_patch(JsonPatch::new().replace(["title"], 7)),
        ] {
            let error = edit.await.unwrap_err();
            assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["decode"], false), "{error}");
            assert!(error.to_string().contains("nothing was saved"), "{error}");
        }
        assert_eq!(fixture.plain.object(&fixture.record("paint")).await, before);
        let sent = fixture.sent.take();
        assert!(sent.iter().all(|sent| sent.method == http::Method::GET), "{sent:?}");
        let edited = place.edit().set(f.assignee.phone, "1").set(f.assignee.full_name, "Ada").await?;
        let ada = Assignee { full_name: "Ada".to_owned(), phone: Some("1".to_owned()) };
        assert_eq!(edited.data.assignee, Some(ada));
        drop(fixture.sent.take());
    }
    Ok(())
}
