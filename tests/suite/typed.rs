//! A struct with `#[derive(KintoRecord)]`, there and back.

use std::collections::BTreeMap;

use kinto_client::{JsonObject, KintoRecord, Record, Value, json};
use kinto_tests::{Fixture, Outcome};
use serde::{Deserialize, Serialize};

use crate::Todo;

#[tokio::test]
async fn typed_record_round_trips() -> Outcome {
    let fixture = Fixture::new().await;
    let todos = fixture.todos.typed::<Todo>();
    let created = todos.create_record(Todo::new("Milk")).await?;
    assert_eq!(created.data, Todo { title: "Milk".to_owned(), done: false });

    let sent = fixture.sent.take_one();
    let path = fixture.record(&created.id);
    assert_eq!(sent.line(), format!("PUT {path}"));
    assert_eq!(sent.json(), json!({"data": {"title": "Milk", "done": false}}));
    assert_eq!(sent.header("content-type"), Some("application/json"));
    assert_eq!(sent.header("if-none-match"), Some("*"));
    assert_eq!(sent.header("if-match"), None);
    let stamp = (created.id.as_str(), created.last_modified.as_millis());
    assert_eq!(
        fixture.plain.object(&path).await,
        json!({"id": stamp.0, "last_modified": stamp.1, "title": "Milk", "done": false})
    );

    let one = todos.get_record(&created.id).await?;
    let all = todos.get_records().await?;
    let of_collection = fixture.todos.get_records::<Todo>().await?;
    assert_eq!((all.len(), of_collection.len()), (1, 1));
    for read in [&one, &all[0], &of_collection[0]] {
        assert_eq!((read.id.as_str(), read.last_modified.as_millis()), stamp);
        assert_eq!(read.data, created.data);
    }
    let list = format!("GET {}?_sort=last_modified", fixture.records);
    let lines = [format!("GET {path}"), list.clone(), list];
    assert_eq!(fixture.sent.take_lines(), lines);
    Ok(())
}

#[tokio::test]
async fn untyped_read_returns_same_record() -> Outcome {
    let fixture = Fixture::new().await;
    let created = fixture.todos.typed::<Todo>().create_record(Todo::new("Milk")).await?;

    let value = fixture.todos.get_record::<Value>(created.id.as_str()).await?;
    assert_eq!(value.data, json!({"title": "Milk", "done": false}));
    let object = fixture.todos.get_records::<JsonObject>().await?.into_vec().remove(0);
    assert_eq!(Value::from(object.data.clone()), value.data);
    assert_eq!(value.parse::<Todo>()?.data, created.data);
    assert_eq!((value.id.as_str(), value.last_modified), (created.id.as_str(), created.last_modified));

    let written = fixture.todos.create_record(json!({"title": "Eggs", "done": true, "count": 12})).await?;
    let read = fixture.todos.typed::<Todo>().get_record(written.id.as_str()).await?;
    assert_eq!(read.data, Todo { title: "Eggs".to_owned(), done: true });
    Ok(())
}

#[tokio::test]
async fn typed_uses_bucket_and_collection_of_attribute() -> Outcome {
    #[derive(Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
    #[kinto(bucket = "default", collection = "long-notes")]
    struct Note {
        text: String,
    }
    /// Its collection is named after it.
    #[derive(Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
    struct ShortNote {
        text: String,
    }

    let fixture = Fixture::new().await;
    let long = fixture.client.typed::<Note>().create_record(Note { text: "a b c".to_owned() }).await?;
    let short = fixture.client.typed::<ShortNote>().create_record(ShortNote { text: "a".to_owned() }).await?;

    let records = "/buckets/default/collections/long-notes/records";
    assert_eq!(fixture.plain.held(&format!("{records}/{}", long.id)).await, json!({"text": "a b c"}));
    let records = "/buckets/default/collections/short_note/records";
    assert_eq!(fixture.plain.held(&format!("{records}/{}", short.id)).await, json!({"text": "a"}));
    assert_eq!((Note::BUCKET, Note::COLLECTION), ("default", "long-notes"));
    assert_eq!((ShortNote::BUCKET, ShortNote::COLLECTION), ("default", "short_note"));
    assert_eq!(fixture.client.typed::<Note>().get_records().await?[0].data, long.data);
    Ok(())
}

#[tokio::test]
async fn typed_record_round_trips_every_kind_of_field() -> Outcome {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Priority {
        VeryHigh,
        Level(u8),
        Until { year: u16 },
    }
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
    #[serde(rename_all = "camelCase")]
    struct Everything<T> {
        plain_text: String,
        character: char,
        signed: i64,
        unsigned: u64,
        float: f64,
        short_float: f32,
        nothing: Option<u8>,
        something: Option<u8>,
        unit: (),
        pair: (bool, String),
        list: Vec<T>,
        map: BTreeMap<u8, Priority>,
        #[serde(rename = "type")]
        kind: Priority,
        #[serde(skip)]
        unsent: u8,
    }

    let fixture = Fixture::new().await;
    let everything = Everything {
        plain_text: "\u{1f95b} \"milk\"\n\\ü\u{7f}\u{2028}".to_owned(),
        character: 'é',
        signed: i64::MIN,
        unsigned: u64::MAX,
        float: 0.1,
        short_float: 0.1,
        nothing: None,
        something: Some(0),
        unit: (),
        pair: (true, String::new()),
        list: vec![vec!["a".to_owned()], vec![]],
        map: BTreeMap::from([(1, Priority::Level(3)), (2, Priority::Until { year: 2030 })]),
        kind: Priority::VeryHigh,
        unsent: 0,
    };
    let created = fixture.todos.create_record(everything.clone()).id("everything").await?;
    assert_eq!(created.data, everything);
    assert_eq!(fixture.todos.get_record::<Everything<Vec<String>>>("everything").await?.data, everything);
    assert_eq!(
        fixture.plain.held(&fixture.record("everything")).await,
        json!({
            "plainText": "\u{1f95b} \"milk\"\n\\ü\u{7f}\u{2028}", "character": "é",
            "signed": i64::MIN, "unsigned": u64::MAX, "float": 0.1, "shortFloat": 0.1,
            "nothing": null, "something": 0, "unit": null, "pair": [true, ""], "list": [["a"], []],
            "map": {"1": {"level": 3}, "2": {"until": {"year": 2030}}}, "type": "very-high",
        })
    );
    Ok(())
}

#[tokio::test]
async fn type_with_id_and_last_modified_fields_decodes_them() -> Outcome {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
    struct Known {
        #[serde(default)]
        id: String,
        #[serde(default)]
        last_modified: u64,
        title: String,
    }

    let fixture = Fixture::new().await;
    let data = Known { id: "milk".to_owned(), last_modified: 7, title: "Milk".to_owned() };
    let mut record: Record<Known> = fixture.todos.create_record(data).await?;
    let time = record.last_modified.as_millis();
    assert_eq!(record.data, Known { id: "milk".to_owned(), last_modified: time, title: "Milk".to_owned() });
    assert_eq!(fixture.sent.take_one().json(), json!({"data": {"title": "Milk"}}), "the server's own are not sent");

    record.data.title = "Eggs".to_owned();
    fixture.todos.save_record(&mut record).await?;
    assert_eq!(fixture.sent.take_one().json(), json!({"data": {"title": "Eggs"}}));
    fixture.todos.save_record(&mut record).await?;
    assert!(fixture.sent.take().is_empty(), "that its `last_modified` is an older one is no change");
    Ok(())
}
