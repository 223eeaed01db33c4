//! Records that are rewritten in the form of a new type.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use kinto_client::{
    Collection, JsonObject, KintoRecord, Value, json,
    schema::{self, JsonSchema},
};
use kinto_server::{Backend, Server};
use kinto_tests::{Fault, Fixture, Gate, Outcome, Proxy, in_order, on_each_backend, server_on};
use serde::{Deserialize, Serialize};

use super::{give_schema, scene_of};
use crate::predicates;

/// As it was. All of its fields but `done` are in the new one too, and so a record in the new form reads as one in the old.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord, JsonSchema)]
#[schemars(crate = "kinto_client::schema::schemars")]
#[kinto(collection = "todos")]
pub(super) struct TodoV1 {
    title: String,
    cents: u32,
    #[serde(default)]
    done: bool,
    #[serde(default)]
    urgent: bool,
}

/// The new form of the record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord, JsonSchema)]
#[schemars(crate = "kinto_client::schema::schemars")]
#[kinto(collection = "todos")]
pub(super) struct Todo {
    #[schemars(length(max = 20))]
    title: String,
    /// The price in cents, formerly in hundreds; a record that is migrated twice loses it.
    cents: u32,
    percent: u8,
    urgent: bool,
}

pub(super) fn migrated(old: TodoV1) -> Todo {
    let percent = if old.done { 100 } else { 0 };
    Todo { title: old.title, cents: old.cents / 100, percent, urgent: old.urgent }
}

/// Fills the collection with records in the old form, and gives it the new schema.
pub(super) async fn fill(fixture: &Fixture, records: u32) {
    let record = |n: u32| {
        (format!("r{n:04}"), json!({"title": format!("t{n}"), "cents": n * 100, "done": n % 2 == 1, "by": "hand"}))
    };
    give_schema::<TodoV1>(fixture).await;
    fixture.fill((0..records).map(record)).await;
    give_schema::<Todo>(fixture).await;
}

/// Each record is in its new form, was written once in each form, and has kept what neither type knows.
pub(super) async fn assert_migrated(fixture: &Fixture, records: u32) {
    let held = fixture.todos.get_records::<JsonObject>().await.unwrap();
    assert_eq!(held.len(), records as usize);
    for record in &held {
        let n: u32 = record.id[1..].parse().unwrap();
        let mut data = record.data.clone();
        data.remove("schema");
        let percent = if n % 2 == 1 { 100 } else { 0 };
        let expected = json!({"title": format!("t{n}"), "cents": n, "percent": percent, "urgent": false, "by": "hand"});
        assert_eq!(Value::from(data), expected, "{}", record.id);
    }
    assert_eq!(fixture.todos.typed::<Todo>().find_invalid().await.unwrap().count, 0);

    let mut writes = BTreeMap::<String, Vec<String>>::new();
    for entry in fixture.bucket.get_history().await.unwrap() {
        if entry.resource_name == "record" {
            writes.entry(entry.uri).or_default().push(entry.action.to_string());
        }
    }
    assert_eq!(writes.len(), records as usize);
    for (uri, actions) in writes {
        assert_eq!(actions, ["update", "create"], "{uri}");
    }
}

on_each_backend!(migration_continues_after_stop_at_any_request);

/// The first run ends at its first request, the second at its fourth, and so on: the server does what it says, but nobody
/// waits for the answer any more.
async fn migration_continues_after_stop_at_any_request(backend: Backend) -> Outcome {
    const RECORDS: u32 = 1000;
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    fill(&fixture, RECORDS).await;
    let mut runs = 0;
    let report = loop {
        runs += 1;
        let gate = Gate::default();
        let passed = (0..(runs - 1) * 3).map(|_| Fault::Pass);
        let proxy = Proxy::start(fixture.url(), in_order(passed.chain([Fault::HoldAnswer(gate.clone())]))).await;
        let todos = fixture.todos_through(&proxy).typed::<Todo>();
        let mut migration = pin!(todos.migrate(migrated).into_future());
        tokio::select! {
            report = &mut migration => break report?,
            () = gate.arrival() => {}
        }
    };
    assert!(runs > 8, "{runs} runs");
    assert!(report.is_complete() && report.rewritten < 1000, "{report:?}");
    assert_migrated(&fixture, RECORDS).await;

    // And once more, when there is nothing to do, and after the collection has become another version.
    fixture.todos.patch(json!({"sort": "-title"})).await?;
    let report = fixture.todos.typed::<Todo>().migrate(migrated).await?;
    assert_eq!((report.rewritten, report.overtaken), (0, 0));
    assert_migrated(&fixture, RECORDS).await;
    Ok(())
}

#[tokio::test]
async fn migration_reports_progress() -> Outcome {
    let fixture = Fixture::new().await;
    fill(&fixture, 30).await;
    fixture.sent.forget();
    let told = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&told);
    let todos = fixture.todos.typed::<Todo>();
    let report = todos
        .migrate(migrated)
        .on_progress(move |progress| {
            assert_eq!((progress.total, progress.failed), (30, 0));
            assert_eq!(progress.rewritten, 1 + count.fetch_add(1, Ordering::Relaxed) as u64);
        })
        .await?;
    assert_eq!((report.rewritten, told.load(Ordering::Relaxed)), (30, 30));
    let collection = format!("/buckets/{}/collections/todos", fixture.bucket.id());
    let (records, bucket) = (&fixture.records, fixture.bucket.id());
    let (expected, sent) = (
        [
            "GET /".to_owned(),
            format!("GET {collection}"),
            format!("GET /buckets/{bucket}/history?uri={}", collection.replace('/', "%2F")),
            format!("HEAD {records}"),
            format!("GET {records}?_sort=last_modified&_limit=100"),
            "POST /batch".to_owned(),
            "POST /batch".to_owned(),
        ],
        fixture.sent.take_lines(),
    );
    assert_eq!(sent[..7], expected);
    // What was rewritten, and what others wrote meanwhile, is met once more.
    assert!(sent.len() == 8 && sent[7].contains("_since="), "{:?}", &sent[7..]);
    assert_migrated(&fixture, 30).await;
    Ok(())
}

#[tokio::test]
async fn migration_rewrites_records_without_schema_stamp() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.fill((0..3).map(|n| (format!("r{n}"), json!({"title": "t", "cents": 700, "schema": "mine"})))).await;
    fixture.fill((3..6).map(|n| (format!("r{n}"), json!({"title": "t", "cents": 700})))).await;
    give_schema::<Todo>(&fixture).await;
    let report = fixture.todos.migrate(migrated).await?;
    assert_eq!((report.rewritten, report.is_complete()), (6, true));
    for record in fixture.todos.get_records::<Todo>().await? {
        assert_eq!(record.data.cents, 7);
    }
    Ok(())
}

#[tokio::test]
async fn migration_lists_and_keeps_records_that_fail() -> Outcome {
    let fixture = Fixture::new().await;
    fill(&fixture, 3).await;
    give_schema::<Value>(&fixture).await;
    let (old, long) = (json!({"title": 3, "cents": 1}), json!({"title": "x".repeat(21), "cents": 100}));
    fixture.fill([("strange".to_owned(), old.clone()), ("long".to_owned(), long.clone())]).await;
    give_schema::<Todo>(&fixture).await;

    for again in [false, true] {
        let report = fixture.todos.typed::<Todo>().migrate(migrated).await?;
        assert_eq!(report.rewritten, if again { 0 } else { 3 });
        assert!(!report.is_complete());
        let [bad] = report.undecodable.as_slice() else { panic!("{report:?}") };
        assert_eq!((bad.id.as_deref(), bad.path.as_deref()), (Some("strange"), Some("title")));
        assert!(bad.json().contains("\"title\":3") || bad.json().contains("\"title\": 3"), "{}", bad.json());
        let [(id, error)] = report.refused.as_slice() else { panic!("{report:?}") };
        assert_eq!((id.as_str(), error.field(), error.schema_keyword()), ("long", Some("title"), Some("maxLength")));
        for (id, data) in [("strange", &old), ("long", &long)] {
            let mut held = fixture.plain.held(&fixture.record(id)).await;
            held.as_object_mut().unwrap().remove("schema");
            assert_eq!(held, *data);
        }
    }
    Ok(())
}

/// Runs a migration during which this happens to a record before its new form arrives at the server.
async fn overtaken(meanwhile: impl AsyncFnOnce(&Fixture)) -> (Fixture, schema::Migrated) {
    let fixture = Fixture::new().await;
    fill(&fixture, 3).await;
    let gate = Gate::default();
    let hold = gate.clone();
    let proxy =
        Proxy::start(fixture.url(), move |sent| if sent.is_batch() { Fault::Hold(hold.clone()) } else { Fault::Pass })
            .await;
    let todos = fixture.todos_through(&proxy).typed::<Todo>();
    let report = gate.overtake(todos.migrate(migrated), meanwhile(&fixture)).await.unwrap();
    (fixture, report)
}

#[tokio::test]
async fn migration_rewrites_records_changed_in_the_meantime() -> Outcome {
    let (fixture, report) = overtaken(async |fixture| {
        // A program that does not know of the schema: the server lets it, for the record still fits.
        let old = json!({"title": "Oat milk", "cents": 900, "done": false, "urgent": true});
        fixture.plain.put(&format!("/buckets/{}/collections/todos", fixture.bucket.id()), &json!({"data": {}})).await;
        fixture.plain.put_data(&fixture.record("r0001"), &old).await;
        give_schema::<Todo>(fixture).await;
    })
    .await;
    assert_eq!((report.rewritten, report.overtaken), (3, 0), "{report:?}");
    let held = fixture.plain.object(&fixture.record("r0001")).await;
    assert_eq!((&held["title"], &held["cents"], &held["urgent"]), (&json!("Oat milk"), &json!(9), &json!(true)));
    Ok(())
}

#[tokio::test]
async fn migration_skips_records_migrated_or_deleted_by_others() -> Outcome {
    let (fixture, report) = overtaken(async |fixture| {
        let new = json!({"title": "New", "cents": 900, "percent": 1, "urgent": true});
        fixture.plain.put_data(&fixture.record("r0001"), &new).await;
        fixture.plain.delete(&fixture.record("r0002")).await;
    })
    .await;
    assert_eq!((report.rewritten, report.overtaken, report.is_complete()), (1, 2, true), "{report:?}");
    assert_eq!(fixture.plain.object(&fixture.record("r0001")).await["cents"], 900);
    assert_eq!(fixture.plain.status(&fixture.record("r0002")).await, 404);
    Ok(())
}

#[tokio::test]
async fn migration_fails_when_collection_lacks_new_schema() -> Outcome {
    let fixture = scene_of::<TodoV1>().await;
    let error = fixture.todos.typed::<Todo>().migrate(migrated).await.unwrap_err();
    assert_eq!(predicates(&error), ["invalid"]);
    assert!(error.to_string().contains("does not have the schema of the new type yet"), "{error}");

    let server = Server::builder().setting("kinto.experimental_collection_schema_validation", "false").shared()?;
    let fixture = Fixture::on(server.url()).await;
    fill(&fixture, 1).await;
    let error = fixture.todos.typed::<Todo>().migrate(migrated).await.unwrap_err();
    assert_eq!(predicates(&error), ["unsupported"]);
    assert_eq!(fixture.plain.object(&fixture.record("r0000")).await["cents"], 0);
    Ok(())
}

/// The version at which the collection was given its schema, where it was changed before the first migration.
#[tokio::test]
async fn record_in_new_form_is_left() -> Outcome {
    let fixture = Fixture::new().await;
    fill(&fixture, 2).await;
    let since = fixture.todos.get().await?.last_modified;
    let new = Todo { title: "New".to_owned(), cents: 900, percent: 0, urgent: false };
    fixture.todos.create_record(new.clone()).id("new").await?;
    fixture.todos.patch(json!({"sort": "-title"})).await?;

    let report = fixture.todos.typed::<Todo>().migrate(migrated).await?;
    assert_eq!((report.rewritten, report.unchanged, report.since), (2, 1, since), "the history tells");
    assert_eq!(fixture.todos.get_record::<Todo>("new").await?.data, new);
    assert!(!fixture.todos.get().await?.data.other.contains_key("migration"));
    assert_eq!(fixture.todos.typed::<Todo>().migrate(migrated).await?.rewritten, 0);
    Ok(())
}

/// Fields that the old type knows and the new one does not write are removed at any depth; unknown fields are
/// kept.
#[tokio::test]
async fn migration_keeps_fields_unknown_to_both_types() -> Outcome {
    #[derive(Serialize, Deserialize, KintoRecord)]
    struct Old {
        place: OldPlace,
    }
    #[derive(Serialize, Deserialize)]
    struct OldPlace {
        city: String,
        zip: u32,
        #[serde(default)]
        country: String,
    }
    #[derive(Serialize, Deserialize, KintoRecord, JsonSchema)]
    #[schemars(crate = "kinto_client::schema::schemars")]
    struct New {
        place: NewPlace,
    }
    #[derive(Serialize, Deserialize, JsonSchema)]
    #[schemars(crate = "kinto_client::schema::schemars")]
    struct NewPlace {
        town: String,
        zip: u32,
        country: String,
    }

    let fixture = Fixture::new().await;
    fixture.fill([("a".to_owned(), json!({"place": {"city": "Paris", "zip": 1, "lat": 48.85}, "seen": [1]}))]).await;
    give_schema::<New>(&fixture).await;
    let rename = |Old { place: OldPlace { city, zip, country } }| New { place: NewPlace { town: city, zip, country } };
    let report = Collection::migrate(&fixture.todos, rename).await?;
    assert_eq!((report.rewritten, report.is_complete()), (1, true), "{report:?}");
    let mut held = fixture.plain.held(&fixture.record("a")).await;
    held.as_object_mut().unwrap().remove("schema");
    assert_eq!(held, json!({"place": {"town": "Paris", "zip": 1, "lat": 48.85, "country": ""}, "seen": [1]}));
    Ok(())
}
