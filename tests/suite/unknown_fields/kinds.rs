//! The same for types that do not write the JSON that they read, item by item, in that order.

use std::collections::{BTreeSet, HashMap, HashSet};

use kinto_client::{KintoRecord, Record, Value, json, operation::SaveOutcome, schema::JsonSchema};
use kinto_tests::{Fixture, Outcome};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    slug: String,
    amount: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
struct Order {
    #[serde(alias = "titel")]
    title: String,
    #[serde(default, alias = "anmerkung")]
    note: Option<String>,
    #[serde(default)]
    colours: HashSet<String>,
    #[serde(default)]
    sizes: BTreeSet<String>,
    #[serde(default)]
    by_id: HashMap<Uuid, Line>,
    #[kinto(key = "slug")]
    #[serde(default)]
    lines: Vec<Line>,
}

const ID: &str = "67E55044-10B1-426F-9247-BB680E5FE0C8";

fn order() -> Value {
    json!({
        "title": "a", "extra": 1, "colours": ["red", "green", "blue"], "sizes": ["c", "a", "b"],
        "by_id": {ID: {"slug": "x", "amount": 1, "more": 9}},
        "lines": [{"slug": "a", "amount": 1, "u": 1}, {"slug": "b", "amount": 2, "u": 2}, {"slug": "c", "amount": 3, "u": 3}],
    })
}

async fn changed(fixture: &Fixture, change: impl FnOnce(&mut Order)) -> kinto_client::Result<Value> {
    fixture.plain.put_data(&fixture.record("order"), &order()).await;
    let mut record = fixture.todos.get_record::<Order>("order").await?;
    change(&mut record.data);
    assert_eq!(fixture.todos.save_record(&mut record).await?, SaveOutcome::Stored);
    let again = fixture.todos.get_record::<Order>("order").await?;
    assert_eq!(again.data, record.data);
    Ok(fixture.plain.held(&fixture.record("order")).await)
}

#[tokio::test]
async fn unchanged_records_with_sets_send_nothing() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.fill((0..50).map(|n| (format!("r{n}"), order()))).await;
    let mut records: Vec<Record<Order>> = fixture.todos.get_records().await?.into_iter().collect();
    fixture.sent.forget();
    let saved = fixture.todos.save_records(&mut records).await?;
    assert_eq!(saved, [SaveOutcome::Unchanged; 50]);
    assert!(fixture.sent.take().is_empty());
    Ok(())
}

#[tokio::test]
async fn sets_and_typed_keys_are_stored_as_they_are_held() -> Outcome {
    let fixture = Fixture::new().await;
    let held = changed(&fixture, |order| order.title = "b".to_owned()).await?;
    let mut expected = order();
    expected["title"] = "b".into();
    assert_eq!(held, expected);

    let held = changed(&fixture, |order| assert!(order.sizes.remove("a"))).await?;
    let mut expected = order();
    expected["sizes"] = json!(["b", "c"]);
    assert_eq!(held, expected);

    let id: Uuid = ID.parse()?;
    let held = changed(&fixture, |order| assert!(order.by_id.remove(&id).is_some())).await?;
    let mut expected = order();
    expected["by_id"] = json!({});
    assert_eq!(held, expected);

    let held = changed(&fixture, |order| order.by_id.get_mut(&id).unwrap().amount = 2).await?;
    let mut expected = order();
    expected["by_id"][ID]["amount"] = 2.into();
    assert_eq!(held, expected);
    Ok(())
}

#[tokio::test]
async fn items_are_known_by_their_key() -> Outcome {
    let fixture = Fixture::new().await;
    let line = |slug: &str, amount: u32, u: u32| json!({"slug": slug, "amount": amount, "u": u});
    let held = changed(&fixture, |order| {
        order.lines.iter_mut().for_each(|line| line.amount += 1);
        order.lines.sort_by_key(|line| std::cmp::Reverse(line.amount));
    });
    assert_eq!(held.await?["lines"], json!([line("c", 4, 3), line("b", 3, 2), line("a", 2, 1)]));
    let held = changed(&fixture, |order| {
        order.lines.remove(0);
        order.lines[0].amount = 3;
        order.lines.swap(0, 1);
        order.lines[0].amount = 1;
    });
    assert_eq!(held.await?["lines"], json!([line("c", 1, 3), line("b", 3, 2)]));
    Ok(())
}

#[tokio::test]
async fn indistinguishable_forms_are_refused_before_sending() -> Outcome {
    #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Tag {
        name: String,
    }
    #[derive(Debug, Serialize, Deserialize, KintoRecord)]
    struct Tagged {
        tags: Vec<Tag>,
    }
    let fixture = Fixture::new().await;
    let stored = json!({"tags": [{"name": "a", "u": 1}, {"name": "b", "u": 2}, {"name": "c", "u": 3}]});
    fixture.plain.put_data(&fixture.record("tagged"), &stored).await;
    let mut record = fixture.todos.get_record::<Tagged>("tagged").await?;
    record.data.tags.remove(0);
    record.data.tags[0].name = "z".to_owned();
    fixture.sent.forget();
    let error = fixture.todos.save_record(&mut record).await.unwrap_err();
    assert!(error.is_invalid() && !error.may_have_been_applied(), "{error}");
    assert_eq!(error.field(), Some("tags"));
    assert!(error.to_string().contains("#[kinto(key = \"…\")]"), "{error}");
    let update = fixture.todos.update_record("tagged", |tagged: &mut Tagged| {
        tagged.tags.remove(0);
        tagged.tags[0].name = "z".to_owned();
    });
    assert!(update.await.unwrap_err().is_invalid());
    let mut batch = fixture.client.batch();
    let ticket = batch.add(fixture.todos.save_record(&mut record));
    let refused = batch.execute().await.and_then(|done| done.get(&ticket).map(drop)).unwrap_err();
    assert!(refused.is_invalid(), "{refused}");
    assert!(fixture.sent.take_lines().iter().all(|line| line.starts_with("GET")));
    assert_eq!(fixture.plain.held(&fixture.record("tagged")).await, stored);
    Ok(())
}

#[tokio::test]
async fn field_is_known_by_all_its_names() -> Outcome {
    let fixture = Fixture::new().await;
    let path = fixture.record("order");
    let stored = json!({"titel": "old", "anmerkung": "n", "extra": 1});
    fixture.plain.put_data(&path, &stored).await;
    let mut record = fixture.todos.get_record::<Order>("order").await?;
    record.data.title = "new".to_owned();
    fixture.todos.save_record(&mut record).await?;
    let mut expected = stored.clone();
    expected["titel"] = "new".into();
    assert_eq!(fixture.plain.held(&path).await, expected);

    let orders = fixture.todos.typed::<Order>();
    let f = Order::fields();
    let edited = orders.edit_record("order").set(f.title, "set").set(f.note, Some("m".to_owned())).await?;
    assert_eq!((edited.data.title.as_str(), edited.data.note.as_deref()), ("set", Some("m")));
    assert_eq!(fixture.plain.held(&path).await, json!({"titel": "set", "anmerkung": "m", "extra": 1}));
    let edited = orders.edit_record("order").unset(f.note).await?;
    assert_eq!(edited.data.note, None);
    assert_eq!(fixture.plain.held(&path).await, json!({"titel": "set", "extra": 1}));
    orders.edit_record("order").set(f.note, Some("first".to_owned())).await?;
    assert_eq!(fixture.plain.held(&path).await, json!({"titel": "set", "extra": 1, "note": "first"}));
    let selected = orders.get_records().select((f.title, f.note)).await?;
    assert_eq!(selected[0].data, ("set".to_owned(), Some("first".to_owned())));
    Ok(())
}

#[tokio::test]
async fn migration_keeps_what_is_in_what_it_renames() -> Outcome {
    #[derive(Serialize, Deserialize)]
    struct Info {
        name: String,
    }
    #[derive(Serialize, Deserialize, KintoRecord)]
    struct Old {
        info: Info,
        #[serde(alias = "titel")]
        title: String,
    }
    #[derive(Serialize, Deserialize, JsonSchema)]
    #[schemars(crate = "kinto_client::schema::schemars")]
    struct Details {
        name: String,
    }
    #[derive(Serialize, Deserialize, KintoRecord, JsonSchema)]
    #[schemars(crate = "kinto_client::schema::schemars")]
    struct New {
        details: Details,
        title: String,
        done: bool,
    }
    let fixture = Fixture::new().await;
    let stored = json!({"info": {"name": "n", "inner": "precious"}, "titel": "t", "extra": 1});
    fixture.plain.put_data(&fixture.record("r"), &stored).await;
    let collection = json!({"data": {"schema": kinto_client::schema::of::<New>()}});
    fixture.plain.put(&format!("/buckets/{}/collections/todos", fixture.bucket.id()), &collection).await;
    let change = |old: Old| New { details: Details { name: old.info.name }, title: old.title, done: false };
    let migrated = fixture.todos.migrate(change).await?;
    assert_eq!((migrated.rewritten, migrated.is_complete()), (1, true), "{migrated:?}");
    let mut held = fixture.plain.held(&fixture.record("r")).await;
    held.as_object_mut().unwrap().remove("schema");
    let expected = json!({"details": {"name": "n", "inner": "precious"}, "title": "t", "done": false, "extra": 1});
    assert_eq!(held, expected);
    Ok(())
}

#[tokio::test]
async fn flattened_struct_has_the_id_it_asks_for() -> Outcome {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Base {
        id: String,
        kind: String,
    }
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
    struct Whole {
        title: String,
        #[serde(flatten)]
        base: Base,
    }
    let fixture = Fixture::new().await;
    let whole = Whole { title: "t".to_owned(), base: Base { id: "mine".to_owned(), kind: "k".to_owned() } };
    let made = fixture.todos.create_record(whole.clone()).await?;
    assert_eq!((made.id.as_str(), &made.data), ("mine", &whole));
    let mut all = fixture.todos.get_records::<Whole>().await?;
    assert_eq!(all[0].data, whole);
    fixture.sent.forget();
    assert_eq!(fixture.todos.save_record(&mut all[0]).await?, SaveOutcome::Unchanged);
    all[0].data.title = "u".to_owned();
    assert_eq!(fixture.todos.save_record(&mut all[0]).await?, SaveOutcome::Stored);
    assert_eq!(fixture.plain.held(&fixture.record("mine")).await, json!({"title": "u", "kind": "k"}));
    Ok(())
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Content {
    n: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Case {
    id: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left: Option<Content>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    right: Option<Content>,
}

#[derive(Debug, Serialize, Deserialize, KintoRecord)]
struct Shelf {
    #[kinto(key = "id")]
    cases: Vec<Case>,
}

#[tokio::test]
async fn save_is_refused_where_a_part_went_to_another_item() -> Outcome {
    let fixture = Fixture::new().await;
    let stored = json!({"cases": [{"id": 1, "left": {"n": 3, "u": "x"}}, {"id": 2}]});
    fixture.plain.put_data(&fixture.record("shelf"), &stored).await;
    let mut shelf = fixture.todos.get_record::<Shelf>("shelf").await?;
    shelf.data.cases[1].right = shelf.data.cases[0].left.replace(Content { n: 4 });
    let error = fixture.todos.save_record(&mut shelf).await.unwrap_err();
    assert!(error.is_invalid() && error.field() == Some("cases"), "{error}");
    assert_eq!(fixture.plain.held(&fixture.record("shelf")).await, stored);

    shelf.data.cases[1].right = None;
    fixture.todos.save_record(&mut shelf).await?;
    let held = json!({"cases": [{"id": 1, "left": {"n": 4, "u": "x"}}, {"id": 2}]});
    assert_eq!(fixture.plain.held(&fixture.record("shelf")).await, held);
    Ok(())
}
