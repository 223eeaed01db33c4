//! The same where there is little type, or none, to know anything.

use std::collections::BTreeMap;

use kinto_client::{JsonObject, KintoRecord, Value, json};
use kinto_tests::{Fixture, Outcome};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Article, article};
use crate::Todo;

/// The text of each field of an object, as the server writes it.
fn texts(body: &str) -> BTreeMap<String, String> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        data: BTreeMap<String, &'a RawValue>,
    }
    let body: Body<'_> = serde_json::from_str(body).expect("an object");
    body.data.into_iter().map(|(key, value)| (key, value.get().to_owned())).collect()
}

#[tokio::test]
async fn save_keeps_text_of_numbers() -> Outcome {
    let fixture = Fixture::new().await;
    let path = fixture.record("numbers");
    // Which of these the server keeps apart depends on its storage; what it keeps, we keep.
    let numbers =
        r#""a": 1.10, "b": 1.0, "c": 1e22, "d": 18446744073709551615, "e": -0.0, "f": 1e-7, "g": 0.30000000000000004"#;
    let data: Box<RawValue> =
        RawValue::from_string(format!(r#"{{"title": "Milk", {numbers}, "deep": {{{numbers}}}}}"#))?;
    let sent = format!(r#"{{"data": {}}}"#, data.get());
    let response = fixture.plain.send_text(http::Method::PUT, &path, Some(sent)).await;
    assert_eq!(response.status, 201);
    let before = texts(&fixture.plain.get(&path).await.text);

    let mut record = fixture.todos.get_record::<Todo>("numbers").await?;
    fixture.sent.forget();
    record.data.done = true;
    fixture.todos.save_record(&mut record).await?;
    let sent = texts(&fixture.sent.take_one().body);
    let after = texts(&fixture.plain.get(&path).await.text);
    for key in ["a", "b", "c", "d", "e", "f", "g", "deep"] {
        assert_eq!(sent[key], before[key], "{key} is sent as it was received");
        assert_eq!(after[key], before[key], "{key} is held as it was");
    }
    assert_eq!((after["a"].as_str(), after["d"].as_str()), ("1.1", "18446744073709551615"));
    assert_eq!(after["done"], "true");
    Ok(())
}

#[tokio::test]
async fn flattened_map_holds_unknown_fields() -> Outcome {
    #[derive(Serialize, Deserialize, KintoRecord)]
    struct Open {
        title: String,
        #[serde(flatten)]
        rest: serde_json::Map<String, Value>,
    }

    let fixture = Fixture::new().await;
    let path = fixture.record("open");
    fixture.plain.put_data(&path, &json!({"title": "Milk", "keep": {"a": 1}, "drop": 2, "change": 3})).await;
    let mut record = fixture.todos.get_record::<Open>("open").await?;
    let keys: Vec<_> = record.data.rest.keys().map(String::as_str).collect();
    assert_eq!(keys.len(), 3, "`id` and `last_modified` are not among {keys:?}");

    record.data.rest.remove("drop");
    record.data.rest.insert("change".to_owned(), 4.into());
    record.data.rest.insert("new".to_owned(), 5.into());
    fixture.todos.save_record(&mut record).await?;
    let expected = json!({"title": "Milk", "keep": {"a": 1}, "change": 4, "new": 5});
    assert_eq!(fixture.plain.held(&path).await, expected);
    Ok(())
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KintoRecord)]
struct Open {
    title: String,
    #[serde(flatten)]
    rest: JsonObject,
}

#[tokio::test]
async fn field_with_two_values_is_refused() -> Outcome {
    let open =
        |title: &str| Open { title: "Milk".to_owned(), rest: JsonObject::from_iter([("title".into(), title.into())]) };
    let fixture = Fixture::new().await;
    let todos = &fixture.todos;
    let read = todos.create_record(open("Milk")).await?;
    let local = kinto_client::local::Store::in_memory().await?.bind::<Open>(todos).await?;
    fixture.sent.forget();
    for refused in [
        todos.create_record(open("Oat")).await,
        todos
            .create_record(open("Oat"))
            .id("new")
            .if_not_exists()
            .await
            .map(kinto_client::object::CreateOutcome::into_inner),
        todos.overwrite_record("blind", open("Oat")).await,
        todos.create_records([open("Oat")]).await.map(|mut made| made.remove(0)),
        local.create_record(open("Oat")).await,
        local.overwrite_record("blind", open("Oat")).await,
    ] {
        let error = refused.unwrap_err();
        let text = error.failures().first().map_or_else(|| error.to_string(), |(_, error)| error.to_string());
        assert!(text.contains("the key `title` has two different values") && text.contains("at `title`"), "{text}");
    }
    let mut changed = read.clone();
    changed.data = open("Oat");
    assert!(todos.save_record(&mut changed).await.is_err_and(|error| error.is_invalid()));
    assert!(local.get_records().await?.is_empty());
    assert_eq!(fixture.sent.take_lines(), Vec::<String>::new(), "nothing was sent");
    assert_eq!(todos.get_records::<Value>().count().await?, 1);
    Ok(())
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Shape {
    Dot,
    Circle { radius: f64 },
    Cross,
}

#[tokio::test]
async fn tag_that_a_map_holds_too_is_never_lost() -> Outcome {
    #[derive(Debug, Clone, Serialize, Deserialize, KintoRecord)]
    struct Shaped {
        #[serde(flatten)]
        shape: Shape,
        #[serde(flatten)]
        rest: JsonObject,
    }

    let fixture = Fixture::new().await;
    let todos = &fixture.todos;
    for shape in [Shape::Dot, Shape::Circle { radius: 2.0 }] {
        let read = todos.create_record(Shaped { shape, rest: JsonObject::from_iter([("n".into(), 1.into())]) }).await?;
        assert!(read.data.rest.contains_key("type"), "the map has it too");
        let copy = todos.create_record(read.data.clone()).await?;
        assert_eq!(
            fixture.plain.held(&fixture.record(&copy.id)).await,
            fixture.plain.held(&fixture.record(&read.id)).await
        );

        let mut changed = read.clone();
        changed.data.shape = Shape::Cross;
        assert!(todos.overwrite_record(&read.id, changed.data.clone()).await.is_err_and(|error| error.is_invalid()));
        assert!(todos.save_record(&mut changed).await.is_err_and(|error| error.is_invalid()));
        let updated = todos.update_record(&read.id, |record: &mut Shaped| record.shape = Shape::Cross).await;
        assert!(updated.is_err_and(|error| error.is_invalid()));

        changed.data.rest.retain(|key, _| key == "n");
        todos.save_record(&mut changed).await?;
        assert_eq!(fixture.plain.held(&fixture.record(&read.id)).await, json!({"type": "cross", "n": 1}));
    }
    Ok(())
}

#[tokio::test]
async fn save_keeps_escaped_keys() -> Outcome {
    let fixture = Fixture::new().await;
    let odd = || json!({"say \"hi\"": 1, "back\\slash": 2, "line\n": 3, "é": 4});
    fixture.todos.create_record(odd()).id("odd").if_not_exists().await?;
    assert_eq!(fixture.plain.held(&fixture.record("odd")).await, odd());

    let mut record = fixture.todos.get_record::<Value>("odd").await?;
    record.data["say \"hi\""] = 5.into();
    let mut parsed = record.parse::<JsonObject>()?;
    assert_eq!(parsed.data["say \"hi\""], 5);
    parsed.data.remove("back\\slash");
    fixture.todos.save_record(&mut parsed).await?;
    let expected = json!({"say \"hi\"": 5, "line\n": 3, "é": 4});
    assert_eq!(fixture.plain.held(&fixture.record("odd")).await, expected);
    Ok(())
}

#[tokio::test]
async fn untyped_record_is_saved_as_is() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("article"), &article()).await;
    let mut record = fixture.todos.get_record::<Value>("article").await?;
    let mut expected = article();
    for data in [&mut record.data, &mut expected] {
        data.as_object_mut().unwrap().remove("extra");
        data["author"]["address"]["zip"] = 69002.into();
        data["tags"][1]["more"]["x"] = json!([1]);
        data["new"] = json!({"a": null});
    }
    fixture.todos.save_record(&mut record).await?;
    assert_eq!(fixture.plain.held(&fixture.record("article")).await, expected);
    Ok(())
}

#[tokio::test]
async fn parse_keeps_changes_for_other_type() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("article"), &article()).await;
    let mut value = fixture.todos.get_record::<Value>("article").await?;
    value.data["title"] = "Eggs".into();
    let mut typed = value.parse::<Article>()?;
    assert_eq!(typed.data.title, "Eggs");
    typed.data.author.name = "Niko".to_owned();
    fixture.todos.save_record(&mut typed).await?;

    let mut expected = article();
    expected["title"] = "Eggs".into();
    expected["author"]["name"] = "Niko".into();
    assert_eq!(fixture.plain.held(&fixture.record("article")).await, expected);
    Ok(())
}

#[tokio::test]
async fn parse_keeps_changes_unknown_to_other_type() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("article"), &article()).await;
    let mut value = fixture.todos.get_record::<Value>("article").await?;
    value.data["extra"]["a"] = "changed".into();
    let mut typed = value.parse::<Article>()?;
    typed.data.title = "Eggs".to_owned();
    fixture.todos.save_record(&mut typed).await?;

    let mut expected = article();
    expected["title"] = "Eggs".into();
    expected["extra"]["a"] = "changed".into();
    assert_eq!(fixture.plain.held(&fixture.record("article")).await, expected);
    Ok(())
}

#[tokio::test]
async fn save_keeps_unknown_attributes_of_all_kinds() -> Outcome {
    let fixture = Fixture::new().await;
    let path = format!("/buckets/{}", fixture.bucket.id());
    let extra = json!({"colour": {"r": 1}, "list": [1, {"a": 2}]});
    fixture.plain.put_data(&path, &extra).await;
    let mut collection = extra.clone();
    collection["displayFields"] = json!(["title"]);
    fixture.plain.put_data(&format!("{path}/collections/todos"), &collection).await;
    let mut group = extra.clone();
    group["members"] = json!(["account:remy"]);
    fixture.plain.put_data(&format!("{path}/groups/friends"), &group).await;

    let mut object = fixture.bucket.get().await?;
    object.data.record_schema = Some(json!({"type": "object"}));
    fixture.bucket.save(&mut object).await?;
    let mut object = fixture.todos.get().await?;
    assert_eq!(object.data.other["colour"], json!({"r": 1}));
    object.data.sort = Some("-title".to_owned());
    object.data.other.insert("new".to_owned(), 1.into());
    fixture.bucket.save_collection(&mut object).await?;
    let mut object = fixture.bucket.get_group("friends").await?;
    assert!(object.add("account:niko") && object.remove("account:remy"));
    fixture.bucket.save_group(&mut object).await?;

    let mut expected = extra;
    expected["record:schema"] = json!({"type": "object"});
    assert_eq!(fixture.plain.held(&path).await, expected);
    collection["sort"] = "-title".into();
    collection["new"] = 1.into();
    assert_eq!(fixture.plain.held(&format!("{path}/collections/todos")).await, collection);
    group["members"] = json!(["account:niko"]);
    assert_eq!(fixture.plain.held(&format!("{path}/groups/friends")).await, group);
    Ok(())
}
