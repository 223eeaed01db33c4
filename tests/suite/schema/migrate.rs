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
use kinto_tests::{Fault, Gate, Outcome, Proxy, Scene, in_order, on_each_backend, server_on};
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

/// As it is to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord, JsonSchema)]
#[schemars(crate = "kinto_client::schema::schemars")]
#[kinto(collection = "todos")]
pub(super) struct Todo {
    #[schemars(length(max = 20))]
    title: String,
    /// What was once counted in hundreds; a record that is migrated twice has lost its price.
    cents: u32,
    percent: u8,
    urgent: bool,
}

pub(super) fn migrated(old: TodoV1) -> Todo {
    let percent = if old.done { 100 } else { 0 };
    Todo { title: old.title, cents: old.cents / 100, percent, urgent: old.urgent }
}

/// Fills the collection with records in the old form, and gives it the new schema.
pub(super) async fn fill(scene: &Scene, records: u32) {
    let record = |n: u32| {
        (format!("r{n:04}"), json!({"title": format!("t{n}"), "cents": n * 100, "done": n % 2 == 1, "by": "hand"}))
    };
    give_schema::<TodoV1>(scene).await;
    scene.fill((0..records).map(record)).await;
    give_schema::<Todo>(scene).await;
}

/// Each record is in its new form, was written once in each form, and has kept what neither type knows.
pub(super) async fn assert_migrated(scene: &Scene, records: u32) {
    let held = scene.todos.get_records::<JsonObject>().await.unwrap();
    assert_eq!(held.len(), records as usize);
    for record in &held {
        let n: u32 = record.id[1..].parse().unwrap();
        let mut data = record.data.clone();
        data.remove("schema");
        let percent = if n % 2 == 1 { 100 } else { 0 };
        let expected = json!({"title": format!("t{n}"), "cents": n, "percent": percent, "urgent": false, "by": "hand"});
        assert_eq!(Value::from(data), expected, "{}", record.id);
    }
    assert_eq!(scene.todos.typed::<Todo>().misfits().await.unwrap().count, 0);

    let mut writes = BTreeMap::<String, Vec<String>>::new();
    for entry in scene.bucket.get_history().await.unwrap() {
        if entry.resource_name == "record" {
            writes.entry(entry.uri).or_default().push(entry.action);
        }
    }
    assert_eq!(writes.len(), records as usize);
    for (uri, actions) in writes {
        assert_eq!(actions, ["update", "create"], "{uri}");
    }
}

on_each_backend!(stopped_at_any_request_it_goes_on_where_it_was);

/// The first run ends at its first request, the second at its fourth, and so on: the server does what it says, but nobody
/// waits for the answer any more.
async fn stopped_at_any_request_it_goes_on_where_it_was(backend: Backend) -> Outcome {
    const RECORDS: u32 = 1000;
    let server = server_on(backend);
    let scene = Scene::on(server.url()).await;
    fill(&scene, RECORDS).await;
    let mut runs = 0;
    let report = loop {
        runs += 1;
        let gate = Gate::default();
        let passed = (0..(runs - 1) * 3).map(|_| Fault::Pass);
        let proxy = Proxy::start(scene.url(), in_order(passed.chain([Fault::HoldAnswer(gate.clone())]))).await;
        let todos = scene.todos_through(&proxy).typed::<Todo>();
        let mut migration = pin!(todos.migrate(migrated).into_future());
        tokio::select! {
            report = &mut migration => break report?,
            () = gate.arrival() => {}
        }
    };
    assert!(runs > 8, "{runs} runs");
    assert!(report.is_complete() && report.rewritten < 1000, "{report:?}");
    assert_migrated(&scene, RECORDS).await;

    // And once more, when there is nothing to do, and after the collection has become another version.
    scene.todos.patch(json!({"sort": "-title"})).await?;
    let report = scene.todos.typed::<Todo>().migrate(migrated).await?;
    assert_eq!((report.rewritten, report.overtaken), (0, 0));
    assert_migrated(&scene, RECORDS).await;
    Ok(())
}

#[tokio::test]
async fn it_tells_how_far_it_has_come() -> Outcome {
    let scene = Scene::new().await;
    fill(&scene, 30).await;
    scene.sent.forget();
    let told = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&told);
    let todos = scene.todos.typed::<Todo>();
    let report = todos
        .migrate(migrated)
        .on_progress(move |progress| {
            assert_eq!((progress.total, progress.failed), (30, 0));
            assert_eq!(progress.rewritten, 1 + count.fetch_add(1, Ordering::Relaxed) as u64);
        })
        .await?;
    assert_eq!((report.rewritten, told.load(Ordering::Relaxed)), (30, 30));
    let collection = format!("/buckets/{}/collections/todos", scene.bucket.id());
    let (records, bucket) = (&scene.records, scene.bucket.id());
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
        scene.sent.take_lines(),
    );
    assert_eq!(sent[..7], expected);
    // What was rewritten, and what others wrote meanwhile, is met once more.
    assert!(sent.len() == 8 && sent[7].contains("_since="), "{:?}", &sent[7..]);
    assert_migrated(&scene, 30).await;
    Ok(())
}

#[tokio::test]
async fn records_that_no_schema_was_ever_checked_against_are_migrated_too() -> Outcome {
    let scene = Scene::new().await;
    scene.fill((0..3).map(|n| (format!("r{n}"), json!({"title": "t", "cents": 700, "schema": "mine"})))).await;
    scene.fill((3..6).map(|n| (format!("r{n}"), json!({"title": "t", "cents": 700})))).await;
    give_schema::<Todo>(&scene).await;
    let report = scene.todos.migrate(migrated).await?;
    assert_eq!((report.rewritten, report.is_complete()), (6, true));
    for record in scene.todos.get_records::<Todo>().await? {
        assert_eq!(record.data.cents, 7);
    }
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_migrated_is_listed_and_left() -> Outcome {
    let scene = Scene::new().await;
    fill(&scene, 3).await;
    give_schema::<Value>(&scene).await;
    let (old, long) = (json!({"title": 3, "cents": 1}), json!({"title": "x".repeat(21), "cents": 100}));
    scene.fill([("strange".to_owned(), old.clone()), ("long".to_owned(), long.clone())]).await;
    give_schema::<Todo>(&scene).await;

    for again in [false, true] {
        let report = scene.todos.typed::<Todo>().migrate(migrated).await?;
        assert_eq!(report.rewritten, if again { 0 } else { 3 });
        assert!(!report.is_complete());
        let [bad] = report.undecodable.as_slice() else { panic!("{report:?}") };
        assert_eq!((bad.id.as_deref(), bad.path.as_deref()), (Some("strange"), Some("title")));
        assert!(bad.json().contains("\"title\":3") || bad.json().contains("\"title\": 3"), "{}", bad.json());
        let [(id, error)] = report.refused.as_slice() else { panic!("{report:?}") };
        assert_eq!((id.as_str(), error.field(), error.rule()), ("long", Some("title"), Some("maxLength")));
        for (id, data) in [("strange", &old), ("long", &long)] {
            let mut held = scene.plain.held(&scene.record(id)).await;
            held.as_object_mut().unwrap().remove("schema");
            assert_eq!(held, *data);
        }
    }
    Ok(())
}

/// What happens to a record while its new form is on the way to the server.
async fn overtaken(meanwhile: impl AsyncFnOnce(&Scene)) -> (Scene, schema::Migrated) {
    let scene = Scene::new().await;
    fill(&scene, 3).await;
    let gate = Gate::default();
    let hold = gate.clone();
    let proxy =
        Proxy::start(scene.url(), move |sent| if sent.is_batch() { Fault::Hold(hold.clone()) } else { Fault::Pass })
            .await;
    let todos = scene.todos_through(&proxy).typed::<Todo>();
    let report = gate.overtake(todos.migrate(migrated), meanwhile(&scene)).await.unwrap();
    (scene, report)
}

#[tokio::test]
async fn what_others_write_in_the_meantime_is_migrated_and_not_lost() -> Outcome {
    let (scene, report) = overtaken(async |scene| {
        // A program that does not know of the schema: the server lets it, for the record still fits.
        let old = json!({"title": "Oat milk", "cents": 900, "done": false, "urgent": true});
        scene.plain.put(&format!("/buckets/{}/collections/todos", scene.bucket.id()), &json!({"data": {}})).await;
        scene.plain.put_data(&scene.record("r0001"), &old).await;
        give_schema::<Todo>(scene).await;
    })
    .await;
    assert_eq!((report.rewritten, report.overtaken), (3, 0), "{report:?}");
    let held = scene.plain.object(&scene.record("r0001")).await;
    assert_eq!((&held["title"], &held["cents"], &held["urgent"]), (&json!("Oat milk"), &json!(9), &json!(true)));
    Ok(())
}

#[tokio::test]
async fn what_others_have_migrated_or_deleted_in_the_meantime_is_left() -> Outcome {
    let (scene, report) = overtaken(async |scene| {
        let new = json!({"title": "New", "cents": 900, "percent": 1, "urgent": true});
        scene.plain.put_data(&scene.record("r0001"), &new).await;
        scene.plain.delete(&scene.record("r0002")).await;
    })
    .await;
    assert_eq!((report.rewritten, report.overtaken, report.is_complete()), (1, 2, true), "{report:?}");
    assert_eq!(scene.plain.object(&scene.record("r0001")).await["cents"], 900);
    assert_eq!(scene.plain.status(&scene.record("r0002")).await, 404);
    Ok(())
}

#[tokio::test]
async fn the_new_schema_has_to_be_there_first() -> Outcome {
    let scene = scene_of::<TodoV1>().await;
    let error = scene.todos.typed::<Todo>().migrate(migrated).await.unwrap_err();
    assert_eq!(predicates(&error), ["invalid"]);
    assert!(error.to_string().contains("does not have the schema of the new type yet"), "{error}");

    let server = Server::builder().setting("kinto.experimental_collection_schema_validation", "false").shared()?;
    let scene = Scene::on(server.url()).await;
    fill(&scene, 1).await;
    let error = scene.todos.typed::<Todo>().migrate(migrated).await.unwrap_err();
    assert_eq!(predicates(&error), ["unsupported"]);
    assert_eq!(scene.plain.object(&scene.record("r0000")).await["cents"], 0);
    Ok(())
}

/// The version at which the collection was given its schema, where it was changed before the first migration.
#[tokio::test]
async fn what_was_written_in_the_new_form_before_the_migration_is_left() -> Outcome {
    let scene = Scene::new().await;
    fill(&scene, 2).await;
    let since = scene.todos.get().await?.last_modified;
    let new = Todo { title: "New".to_owned(), cents: 900, percent: 0, urgent: false };
    scene.todos.create_record(new.clone()).id("new").await?;
    scene.todos.patch(json!({"sort": "-title"})).await?;

    let report = scene.todos.typed::<Todo>().migrate(migrated).await?;
    assert_eq!((report.rewritten, report.unchanged, report.since), (2, 1, since), "the history tells");
    assert_eq!(scene.todos.get_record::<Todo>("new").await?.data, new);
    assert!(!scene.todos.get().await?.data.other.contains_key("migration"));
    assert_eq!(scene.todos.typed::<Todo>().migrate(migrated).await?.rewritten, 0);
    Ok(())
}

/// What the old type knows, and the new one does not write, is gone at any depth; what neither knows stays.
#[tokio::test]
async fn what_neither_type_knows_is_kept_at_any_depth() -> Outcome {
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

    let scene = Scene::new().await;
    scene.fill([("a".to_owned(), json!({"place": {"city": "Paris", "zip": 1, "lat": 48.85}, "seen": [1]}))]).await;
    give_schema::<New>(&scene).await;
    let rename = |Old { place: OldPlace { city, zip, country } }| New { place: NewPlace { town: city, zip, country } };
    let report = Collection::migrate(&scene.todos, rename).await?;
    assert_eq!((report.rewritten, report.is_complete()), (1, true), "{report:?}");
    let mut held = scene.plain.held(&scene.record("a")).await;
    held.as_object_mut().unwrap().remove("schema");
    assert_eq!(held, json!({"place": {"town": "Paris", "zip": 1, "lat": 48.85, "country": ""}, "seen": [1]}));
    Ok(())
}
