//! Records that are kept outside of the program, or made by hand.

use kinto_client::{JsonObject, Permissions, Record, Timestamp, Value, json, permissions::RecordPermissions};
use kinto_tests::{Fixture, Outcome};

use crate::{Todo, predicates};

#[tokio::test]
async fn kept_record_is_saved_later_with_its_unknown_fields_and_guard() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.fill([("milk".to_owned(), json!({"title": "Milk", "done": false, "note": {"deep": [1, 2.50]}}))]).await;
    let mut record = fixture.todos.get_record::<Todo>("milk").await?;
    record.data.done = true;
    let text = serde_json::to_string(&record)?;
    let value = serde_json::to_value(&record)?;
    fixture.sent.forget();

    for mut kept in [serde_json::from_str::<Record<Todo>>(&text)?, serde_json::from_value(value)?] {
        assert_eq!(kept.raw_json(), record.raw_json());
        assert_eq!(kept, record);
        let saved = fixture.todos.save_record(&mut kept).await;
        if fixture.sent.take().len() == 1 && saved.is_ok() {
            let held = fixture.plain.held(&fixture.record("milk")).await;
            assert_eq!((&held["done"], &held["note"]), (&json!(true), &json!({"deep": [1, 2.50]})));
        } else {
            // The second one is of a version that is gone.
            assert!(saved.unwrap_err().is_conflict());
        }
    }
    Ok(())
}

#[tokio::test]
async fn kept_record_without_changes_sends_nothing() -> Outcome {
    let fixture = Fixture::new().await;
    let record = fixture.todos.create_record(Todo::new("Milk")).await?;
    let mut kept: Record<Todo> = serde_json::from_str(&serde_json::to_string(&record)?)?;
    assert_eq!(kept, record);
    assert_eq!(kept.permissions, record.permissions);
    fixture.sent.forget();
    fixture.todos.save_record(&mut kept).await?;
    assert!(fixture.sent.take().is_empty());
    Ok(())
}

#[tokio::test]
async fn kept_changes_that_the_type_does_not_know_survive_a_save_of_the_permissions() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.fill([("milk".to_owned(), json!({"title": "Milk", "done": false, "note": 1}))]).await;
    let mut whole = fixture.todos.get_record::<Value>("milk").await?;
    whole.data["note"] = 2.into();
    let mut todo: Record<Todo> = whole.parse()?;
    todo.permissions.edit()?.read.insert("account:remy".into());
    fixture.todos.record::<Todo>("milk").save_permissions(&mut todo).await?;
    assert_eq!(fixture.plain.held(&fixture.record("milk")).await["note"], 1);
    fixture.todos.save_record(&mut todo).await?;
    assert_eq!(fixture.plain.held(&fixture.record("milk")).await["note"], 2);
    Ok(())
}

#[tokio::test]
async fn kept_permissions_are_saved_as_changed() -> Outcome {
    let fixture = Fixture::new().await;
    let mut record = fixture.todos.create_record(Todo::new("Milk")).id("milk").await?;
    record.permissions.edit()?.read.insert("account:remy".into());
    let mut kept: Record<Todo> = serde_json::from_str(&serde_json::to_string(&record)?)?;
    fixture.todos.save_record(&mut kept).await?;
    let readers = fixture.todos.get_record::<Todo>("milk").await?.permissions;
    assert!(readers.get().unwrap().read.iter().map(kinto_client::Principal::as_str).eq(["account:remy"]));
    let hidden = Record::<Todo>::from_parts("a", Timestamp::from_millis(1), Todo::new("x"))?;
    let kept: Record<Todo> = serde_json::from_str(&serde_json::to_string(&hidden)?)?;
    assert_eq!(kept.permissions, Permissions::NotVisible);
    Ok(())
}

#[test]
fn records_are_made_by_hand_and_compared() -> Outcome {
    let made = |millis| Record::<Todo>::from_parts("milk", Timestamp::from_millis(millis), Todo::new("Milk"));
    assert_eq!(made(5)?, made(5)?);
    assert_ne!(made(5)?, made(6)?);
    let shown = made(5)?.with_permissions(RecordPermissions::default().read("system.Everyone"));
    assert_ne!(shown, made(5)?);
    assert_eq!(Record::<Todo>::from_json(made(5)?.raw_json())?, made(5)?);
    for (id, data) in [("no/id", json!({})), ("a", json!({"id": "b"})), ("a", json!([1])), ("a", json!("text"))] {
        let error = Record::<Value>::from_parts(id, Timestamp::from_millis(1), data).unwrap_err();
        assert_eq!(predicates(&error), ["invalid"], "{error}");
    }
    assert_eq!(predicates(&Record::<Value>::from_json(r#"{"id": "a"}"#).unwrap_err()), ["decode"]);
    assert!(serde_json::from_str::<Record<Value>>("{}").is_err());
    Ok(())
}

#[test]
fn schema_stamp_is_not_part_of_the_data() -> Outcome {
    let stamped = r#"{"id":"a","last_modified":1700000000123,"schema":1700000000001,"n":1}"#;
    assert_eq!(Record::<Value>::from_json(stamped)?.data, json!({"n": 1}));
    assert_eq!(Value::Object(Record::<JsonObject>::from_json(stamped)?.data), json!({"n": 1}));
    // A `schema` of the record's own is data.
    for own in ["3", "\"x\"", "null", "{\"type\":\"object\"}", "1.5", "-1"] {
        let json = format!(r#"{{"id":"a","last_modified":1700000000123,"schema":{own},"n":1}}"#);
        let expected: Value = serde_json::from_str(own)?;
        assert_eq!(Record::<Value>::from_json(json.clone())?.data, json!({"schema": expected, "n": 1}));
        assert_eq!(Record::<JsonObject>::from_json(json)?.data["schema"], expected);
    }
    Ok(())
}
