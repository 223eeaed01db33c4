//! What a type does not know of a record survives a save: at any depth, to the byte.

use std::collections::BTreeMap;

use kinto_client::{KintoRecord, Record, Saved, Value, json};
use kinto_tests::{Outcome, Scene};
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

async fn with_article(scene: &Scene) -> kinto_client::Result<Record<Article>> {
    scene.plain.put_data(&scene.record("article"), &article()).await;
    scene.todos.get_record("article").await
}

#[tokio::test]
async fn extra_fields_at_three_depths_survive_a_save() -> Outcome {
    let scene = Scene::new().await;
    let mut record = with_article(&scene).await?;
    let read = record.last_modified;
    scene.sent.forget();

    record.data.title = "Eggs".to_owned();
    assert_eq!(scene.todos.save_record(&mut record).await?, Saved::Stored);
    let mut expected = article();
    expected["title"] = "Eggs".into();
    assert_eq!(scene.plain.held(&scene.record("article")).await, expected);
    let sent = scene.sent.take_one();
    assert_eq!(sent.line(), format!("PUT {}", scene.record("article")));
    assert_eq!(sent.header("if-match"), Some(format!("\"{read}\"").as_str()));
    assert_eq!(sent.json(), json!({"data": expected}));

    let saved = record.last_modified;
    assert!(saved > read);
    assert_eq!(scene.todos.save_record(&mut record).await?, Saved::Unchanged);
    assert!(scene.sent.take().is_empty(), "nothing has changed since");
    let held = scene.plain.object(&scene.record("article")).await;
    assert_eq!(held["last_modified"].as_u64(), Some(saved.as_millis()));

    record.data.author.address.city = "Nice".to_owned();
    record.data.author.name = "Niko".to_owned();
    scene.todos.save_record(&mut record).await?;
    expected["author"]["address"]["city"] = "Nice".into();
    expected["author"]["name"] = "Niko".into();
    assert_eq!(scene.plain.held(&scene.record("article")).await, expected);
    assert_eq!(scene.sent.take_one().header("if-match"), Some(format!("\"{saved}\"").as_str()));
    Ok(())
}

#[tokio::test]
async fn a_record_that_was_not_changed_sends_nothing() -> Outcome {
    let scene = Scene::new().await;
    let mut read = with_article(&scene).await?;
    let mut listed = scene.todos.get_records::<Article>().await?;
    let mut created = scene.todos.create_record(Todo::new("Milk")).await?;
    let mut value = scene.todos.get_record::<Value>("article").await?;
    scene.sent.forget();

    scene.todos.save_record(&mut read).await?;
    scene.todos.save_record(&mut listed[0]).await?;
    scene.todos.save_record(&mut created).await?;
    scene.todos.save_record(&mut value).await?;
    let title = std::mem::replace(&mut read.data.title, "Eggs".to_owned());
    read.data.title = title;
    scene.todos.save_record(&mut read).await?;
    assert!(scene.sent.take().is_empty());
    assert_eq!(scene.plain.held(&scene.record("article")).await, article());
    Ok(())
}

#[tokio::test]
async fn in_lists_the_items_keep_what_is_theirs() -> Outcome {
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
    let scene = Scene::new().await;
    for (case, change, tags) in cases {
        let mut record = with_article(&scene).await?;
        change(&mut record.data.tags);
        scene.todos.save_record(&mut record).await?;
        let mut expected = article();
        expected["tags"] = tags;
        assert_eq!(scene.plain.held(&scene.record("article")).await, expected, "{case}");
    }
    Ok(())
}

#[tokio::test]
async fn what_the_type_knows_and_has_no_more_is_removed() -> Outcome {
    let scene = Scene::new().await;
    let mut data = article();
    data["due"] = "tomorrow".into();
    scene.plain.put_data(&scene.record("article"), &data).await;
    let mut record = scene.todos.get_record::<Article>("article").await?;
    assert_eq!(record.data.due.as_deref(), Some("tomorrow"));

    record.data.due = None;
    record.data.counts.remove("one");
    record.data.counts.insert("three".to_owned(), 3);
    scene.todos.save_record(&mut record).await?;
    let mut expected = article();
    expected["counts"] = json!({"two": 2, "three": 3});
    assert_eq!(scene.plain.held(&scene.record("article")).await, expected);
    Ok(())
}

#[tokio::test]
async fn defaults_that_were_never_there_are_not_written() -> Outcome {
    let scene = Scene::new().await;
    let path = scene.record("sparse");
    let mut sparse = json!({"title": "Milk", "author": {"name": "Remy", "address": {"city": "Lyon"}}, "due": null});
    scene.plain.put_data(&path, &sparse).await;
    let mut record = scene.todos.get_record::<Article>("sparse").await?;
    assert_eq!((&record.data.due, record.data.draft, record.data.tags.len()), (&None, false, 0));

    record.data.title = "Eggs".to_owned();
    scene.todos.save_record(&mut record).await?;
    sparse["title"] = "Eggs".into();
    assert_eq!(scene.plain.held(&path).await, sparse);

    record.data.draft = true;
    scene.todos.save_record(&mut record).await?;
    sparse["draft"] = true.into();
    assert_eq!(scene.plain.held(&path).await, sparse);

    record.data.draft = false;
    scene.todos.save_record(&mut record).await?;
    sparse["draft"] = false.into();
    assert_eq!(scene.plain.held(&path).await, sparse, "once it was written it is a value like others");
    Ok(())
}
