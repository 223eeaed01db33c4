//! Unknown fields of a record, which survive a save at any depth, byte by byte.

use std::collections::BTreeMap;

use kinto_client::{KintoRecord, Record, Value, json, operation::SaveOutcome};
use kinto_tests::{Fixture, Outcome};
use serde::{Deserialize, Serialize};

use crate::Todo;

mod kinds;
mod shapes;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
struct Article {
    title: String,
    author: Author,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    counts: BTreeMap<String, u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<String>,
    #[serde(default)]
    draft: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Author {
    name: String,
    address: Address,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Address {
    city: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Tag {
    name: String,
}

fn article() -> Value {
    json!({
        "title": "Milk",
        "extra": {"a": [1, null, {"b": "c"}]},
        "author": {
            "name": "Remy",
            "extra": false,
            "address": {"city": "Lyon", "zip": "69001", "floor": null, "door": {"code": [1, 2]}},
        },
        "tags": [{"name": "a", "hue": 1}, {"name": "b", "hue": 2, "more": {"x": []}}, {"name": "c", "hue": 3}],
        "counts": {"one": 1, "two": 2},
    })
}

async fn with_article(fixture: &Fixture) -> kinto_client::Result<Record<Article>> {
    fixture.plain.put_data(&fixture.record("article"), &article()).await;
    fixture.todos.get_record("article").await
}

#[tokio::test]
async fn save_keeps_unknown_fields_at_three_depths() -> Outcome {
    let fixture = Fixture::new().await;
    let mut record = with_article(&fixture).await?;
    let read = record.last_modified;
    fixture.sent.forget();

    record.data.title = "Eggs".to_owned();
    assert_eq!(fixture.todos.save_record(&mut record).await?, SaveOutcome::Stored);
    let mut expected = article();
    expected["title"] = "Eggs".into();
    assert_eq!(fixture.plain.held(&fixture.record("article")).await, expected);
    let sent = fixture.sent.take_one();
    assert_eq!(sent.line(), format!("PUT {}", fixture.record("article")));
    assert_eq!(sent.header("if-match"), Some(format!("\"{read}\"").as_str()));
    assert_eq!(sent.json(), json!({"data": expected}));

    let saved = record.last_modified;
    assert!(saved > read);
    assert_eq!(fixture.todos.save_record(&mut record).await?, SaveOutcome::Unchanged);
    assert!(fixture.sent.take().is_empty(), "nothing has changed since");
    let held = fixture.plain.object(&fixture.record("article")).await;
    assert_eq!(held["last_modified"].as_u64(), Some(saved.as_millis()));

    record.data.author.address.city = "Nice".to_owned();
    record.data.author.name = "Niko".to_owned();
    fixture.todos.save_record(&mut record).await?;
    expected["author"]["address"]["city"] = "Nice".into();
    expected["author"]["name"] = "Niko".into();
    assert_eq!(fixture.plain.held(&fixture.record("article")).await, expected);
    assert_eq!(fixture.sent.take_one().header("if-match"), Some(format!("\"{saved}\"").as_str()));
    Ok(())
}

#[tokio::test]
async fn save_sends_nothing_when_unchanged() -> Outcome {
    let fixture = Fixture::new().await;
    let mut read = with_article(&fixture).await?;
    let mut listed = fixture.todos.get_records::<Article>().await?;
    let mut created = fixture.todos.create_record(Todo::new("Milk")).await?;
    let mut value = fixture.todos.get_record::<Value>("article").await?;
    fixture.sent.forget();

    fixture.todos.save_record(&mut read).await?;
    fixture.todos.save_record(&mut listed[0]).await?;
    fixture.todos.save_record(&mut created).await?;
    fixture.todos.save_record(&mut value).await?;
    let title = std::mem::replace(&mut read.data.title, "Eggs".to_owned());
    read.data.title = title;
    fixture.todos.save_record(&mut read).await?;
    assert!(fixture.sent.take().is_empty());
    assert_eq!(fixture.plain.held(&fixture.record("article")).await, article());
    Ok(())
}

#[tokio::test]
async fn save_keeps_unknown_fields_of_list_items() -> Outcome {
    type Change = fn(&mut Vec<Tag>);
    let tag = |name: &str| Tag { name: name.to_owned() };
    let [a, b, c] = [0, 1, 2].map(|index| article()["tags"][index].clone());
    let mut edited = b.clone();
    edited["name"] = "B".into();
    let cases: [(&str, Change, Value); 6] = [
        ("edit", |tags| tags[1].name = "B".to_owned(), json!([a, edited, c])),
        ("remove the first", |tags| drop(tags.remove(0)), json!([b, c])),
        ("remove the middle", |tags| drop(tags.remove(1)), json!([a, c])),
        ("add at the end", |tags| tags.push(Tag { name: "d".to_owned() }), json!([a, b, c, tag("d")])),
        ("add in front", |tags| tags.insert(0, Tag { name: "d".to_owned() }), json!([tag("d"), a, b, c])),
        ("empty", Vec::clear, json!([])),
    ];
    let fixture = Fixture::new().await;
    for (case, change, tags) in cases {
        let mut record = with_article(&fixture).await?;
        change(&mut record.data.tags);
        fixture.todos.save_record(&mut record).await?;
        let mut expected = article();
        expected["tags"] = tags;
        assert_eq!(fixture.plain.held(&fixture.record("article")).await, expected, "{case}");
    }
    Ok(())
}

#[tokio::test]
async fn save_removes_known_fields_that_are_unset() -> Outcome {
    let fixture = Fixture::new().await;
    let mut data = article();
    data["due"] = "tomorrow".into();
    fixture.plain.put_data(&fixture.record("article"), &data).await;
    let mut record = fixture.todos.get_record::<Article>("article").await?;
    assert_eq!(record.data.due.as_deref(), Some("tomorrow"));

    record.data.due = None;
    record.data.counts.remove("one");
    record.data.counts.insert("three".to_owned(), 3);
    fixture.todos.save_record(&mut record).await?;
    let mut expected = article();
    expected["counts"] = json!({"two": 2, "three": 3});
    assert_eq!(fixture.plain.held(&fixture.record("article")).await, expected);
    Ok(())
}

#[tokio::test]
async fn save_does_not_write_missing_defaults() -> Outcome {
    let fixture = Fixture::new().await;
    let path = fixture.record("sparse");
    let mut sparse = json!({"title": "Milk", "author": {"name": "Remy", "address": {"city": "Lyon"}}, "due": null});
    fixture.plain.put_data(&path, &sparse).await;
    let mut record = fixture.todos.get_record::<Article>("sparse").await?;
    assert_eq!((&record.data.due, record.data.draft, record.data.tags.len()), (&None, false, 0));

    record.data.title = "Eggs".to_owned();
    fixture.todos.save_record(&mut record).await?;
    sparse["title"] = "Eggs".into();
    assert_eq!(fixture.plain.held(&path).await, sparse);

    record.data.draft = true;
    fixture.todos.save_record(&mut record).await?;
    sparse["draft"] = true.into();
    assert_eq!(fixture.plain.held(&path).await, sparse);

    record.data.draft = false;
    fixture.todos.save_record(&mut record).await?;
    sparse["draft"] = false.into();
    assert_eq!(fixture.plain.held(&path).await, sparse, "once it was written it is a value like others");
    Ok(())
}
