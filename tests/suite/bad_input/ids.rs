//! Ids that the server would refuse, misread, or worse, accept.

use kinto_client::{Value, json};
use kinto_tests::{Fixture, Outcome};

use super::assert_refused;
use crate::Todo;

/// Invalid ids, each with a part of the message.
const BAD_IDS: [(&str, &str); 12] = [
    ("", "empty"),
    ("no/slash", "'/'"),
    ("../secrets", "'.'"),
    ("new\nline", "'\\n'"),
    ("newline\n", "'\\n'"),
    ("-first", "'-'"),
    ("_first", "'_'"),
    ("a b", "' '"),
    ("a.b", "'.'"),
    ("naïve", "'ï'"),
    ("a%2Fb", "'%'"),
    ("nul\0", "'\\0'"),
];

#[tokio::test]
async fn record_call_rejects_invalid_ids() -> Outcome {
    let fixture = Fixture::new().await;
    let (todos, typed) = (&fixture.todos, fixture.todos.typed::<Todo>());
    fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Milk"})).await;
    for (id, reason) in BAD_IDS {
        let todo = || Todo::new("Milk");
        let mut errors = vec![
            todos.create_record(todo()).id(id).await.unwrap_err(),
            todos.create_record(todo()).id(id).if_not_exists().await.unwrap_err(),
            typed.create_record(todo()).id(id).await.unwrap_err(),
            todos.get_record::<Value>(id).await.unwrap_err(),
            typed.get_record(id).optional().await.unwrap_err(),
            todos.overwrite_record(id, todo()).await.unwrap_err(),
            todos.patch_record::<Todo>(id, json!({"done": true})).await.unwrap_err(),
            todos.update_record(id, |_: &mut Todo| {}).await.unwrap_err(),
            typed.delete_record(id).await.unwrap_err(),
            todos.delete_record(id).if_exists().await.unwrap_err(),
            todos.record::<Todo>(id).get().await.unwrap_err(),
        ];
        errors.push(id.parse::<kinto_client::RecordId<Todo>>().unwrap_err());
        let in_data = todos.create_record(json!({"title": "Milk", "id": id})).await.unwrap_err();
        if id.contains('\0') {
            assert_refused(&fixture, &in_data, &["`id`", "U+0000"]);
        } else {
            errors.push(in_data);
        }
        for error in errors {
            assert_refused(&fixture, &error, &[&format!("{id:?}"), "record", reason]);
        }
    }
    assert_eq!(fixture.plain.ids(&fixture.records).await, ["milk"]);
    Ok(())
}

#[tokio::test]
async fn handles_reject_invalid_ids() -> Outcome {
    let fixture = Fixture::new().await;
    let (client, bucket) = (&fixture.client, &fixture.bucket);
    for (id, reason) in BAD_IDS {
        let group: [&str; 0] = [];
        let errors = [
            ("bucket", client.create_bucket(id).await.unwrap_err()),
            ("bucket", client.bucket(id).create().if_not_exists().await.unwrap_err()),
            ("bucket", client.get_bucket(id).optional().await.unwrap_err()),
            ("bucket", client.delete_bucket(id).if_exists().await.unwrap_err()),
            ("bucket", client.bucket(id).get_collections().await.unwrap_err()),
            ("bucket", client.bucket(id).delete_all_groups().await.unwrap_err()),
            ("bucket", client.bucket(id).collection("todos").get_records::<Todo>().await.unwrap_err()),
            ("collection", bucket.create_collection(id).await.unwrap_err()),
            ("collection", bucket.get_collection(id).await.unwrap_err()),
            ("collection", bucket.delete_collection(id).await.unwrap_err()),
            ("collection", bucket.collection(id).patch(json!({"sort": "a"})).await.unwrap_err()),
            ("collection", bucket.collection(id).get_records::<Todo>().await.unwrap_err()),
            ("collection", bucket.collection(id).delete_all_records().await.unwrap_err()),
            ("collection", bucket.collection(id).create_record(Todo::new("Milk")).await.unwrap_err()),
            ("collection", bucket.collection(id).create_record(Todo::new("Milk")).server_id().await.unwrap_err()),
            ("collection", bucket.collection(id).get_record::<Todo>("milk").await.unwrap_err()),
            ("group", bucket.create_group(id, group).await.unwrap_err()),
            ("group", bucket.get_group(id).await.unwrap_err()),
            ("group", bucket.delete_group(id).await.unwrap_err()),
        ];
        for (kind, error) in errors {
            assert_refused(&fixture, &error, &[&format!("{id:?}"), kind, reason]);
        }
    }
    Ok(())
}

#[tokio::test]
async fn create_rejects_contradicting_ids() -> Outcome {
    let fixture = Fixture::new().await;
    let todos = &fixture.todos;
    let two = todos.create_record(json!({"id": "milk"})).id("eggs").await.unwrap_err();
    assert_refused(&fixture, &two, &["\"milk\"", "\"eggs\""]);
    let servers = todos.create_record(json!({"id": "milk"})).server_id().await.unwrap_err();
    assert_refused(&fixture, &servers, &["\"milk\""]);
    let number = todos.create_record(json!({"id": 7})).await.unwrap_err();
    assert_refused(&fixture, &number, &["`id`", "7"]);
    let nobody = todos.create_record(Todo::new("Milk")).server_id().if_not_exists().await.unwrap_err();
    assert_refused(&fixture, &nobody, &["if_not_exists"]);
    let patch = todos.patch_record::<Value>("milk", json!({"id": "eggs"})).await.unwrap_err();
    assert_refused(&fixture, &patch, &["`id`"]);

    let mut milk = todos.create_record(json!({"title": "Milk"})).id("milk").await?;
    fixture.sent.forget();
    milk.data["id"] = "eggs".into();
    let renamed = todos.save_record(&mut milk).await.unwrap_err();
    assert_refused(&fixture, &renamed, &["\"eggs\"", "\"milk\""]);
    milk.data["id"] = "milk".into();
    let elsewhere = todos.record::<Value>("eggs").save(&mut milk).await.unwrap_err();
    assert_refused(&fixture, &elsewhere, &["\"eggs\"", "\"milk\""]);
    assert_eq!(fixture.plain.ids(&fixture.records).await, ["milk"]);
    Ok(())
}
