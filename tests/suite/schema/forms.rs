//! Which records a migration rewrites: those that are in the old form, whatever else was written, by whom and when.

use std::{collections::BTreeMap, pin::pin};

use kinto_client::{KintoRecord, Value, json, schema::JsonSchema};
use kinto_server::Backend;
use kinto_tests::{Fault, Gate, Outcome, Proxy, Scene, in_order, on_each_backend, server_on};
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use serde::{Deserialize, Serialize};

use super::give_schema;

on_each_backend!(the_closure_runs_once_for_each_record_of_the_old_form);

/// In hundredths, where the new one has whole units: whoever changes it twice loses the price.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord, JsonSchema)]
#[schemars(crate = "kinto_client::schema::schemars")]
struct Old {
    title: String,
    price: u64,
    #[serde(default)]
    cheap: bool,
}

/// Everything that the old one has not is filled in, so that records in the old form fit the schema.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord, JsonSchema)]
#[schemars(crate = "kinto_client::schema::schemars")]
struct New {
    title: String,
    price: u64,
    #[serde(default)]
    tags: Vec<String>,
}

fn new(Old { title, price, .. }: Old) -> New {
    New { title, price: price / 100, tags: Vec::new() }
}

fn old(price: u64) -> Value {
    json!({"title": "t", "price": price, "cheap": false})
}

#[tokio::test]
async fn another_schema_in_between_does_not_matter() -> Outcome {
    let scene = Scene::new().await;
    give_schema::<Old>(&scene).await;
    scene.fill([("a".to_owned(), old(500))]).await;
    give_schema::<New>(&scene).await;
    assert_eq!(scene.todos.migrate(new).await?.rewritten, 1);
    // Back to the old one and forth again, as after a release that was withdrawn.
    give_schema::<Old>(&scene).await;
    scene.fill([("b".to_owned(), old(700))]).await;
    give_schema::<New>(&scene).await;
    let report = scene.todos.migrate(new).await?;
    assert_eq!((report.rewritten, report.unchanged, report.is_complete()), (1, 1, true));
    assert_eq!(scene.todos.get_record::<New>("a").await?.data.price, 5);
    assert_eq!(scene.todos.get_record::<New>("b").await?.data.price, 7);
    Ok(())
}

#[tokio::test]
async fn what_the_server_stamped_in_its_old_form_is_rewritten() -> Outcome {
    let scene = Scene::new().await;
    give_schema::<Old>(&scene).await;
    scene.fill([("patched".to_owned(), old(500))]).await;
    give_schema::<New>(&scene).await;
    scene.fill([("late".to_owned(), old(700))]).await;
    scene.todos.patch_record::<Value>("patched", json!({"title": "u"})).await?;
    scene.sent.forget();
    let dry = scene.todos.migrate(new).dry_run().await?;
    assert_eq!((dry.rewritten, dry.unchanged, dry.is_complete()), (2, 0, true));
    assert!(scene.sent.take_lines().iter().all(|line| line.starts_with("GET ") || line.starts_with("HEAD ")));
    assert_eq!(scene.plain.object(&scene.record("late")).await["price"], 700, "nothing was written");
    let report = scene.todos.migrate(new).await?;
    assert_eq!((report.rewritten, report.is_complete()), (2, true));
    assert_eq!(scene.todos.get_record::<New>("patched").await?.data.price, 5);
    Ok(())
}

#[tokio::test]
async fn a_dry_run_tells_what_would_be_refused_and_what_is_neither() -> Outcome {
    #[derive(Serialize, Deserialize, KintoRecord, JsonSchema)]
    #[schemars(crate = "kinto_client::schema::schemars")]
    struct Short {
        #[schemars(length(max = 3))]
        name: String,
    }
    let scene = Scene::new().await;
    let long = json!({"title": "longer", "price": 1, "cheap": true});
    let records = [("a", old(1)), ("long", long), ("neither", json!({"x": 1})), ("new", json!({"name": "n"}))];
    scene.fill(records.map(|(id, data)| (id.to_owned(), data))).await;
    give_schema::<Short>(&scene).await;
    for dry in [true, false] {
        let call = scene.todos.migrate(|old: Old| Short { name: old.title });
        let report = if dry { call.dry_run().await? } else { call.await? };
        assert_eq!((report.rewritten, report.unchanged, report.is_complete()), (1, 1, false), "{report:?}");
        let [(id, error)] = report.refused.as_slice() else { panic!("{report:?}") };
        assert_eq!((id.as_str(), error.field(), error.rule()), ("long", Some("name"), Some("maxLength")));
        assert_eq!(report.undecodable.iter().map(|bad| bad.id.as_deref()).collect::<Vec<_>>(), [Some("neither")]);
    }
    Ok(())
}

#[tokio::test]
async fn a_field_of_the_records_own_is_no_stamp() -> Outcome {
    let scene = Scene::new().await;
    scene.fill([("a".to_owned(), json!({"cents": 500, "schema": 9_999_999_999_999_u64}))]).await;
    give_schema::<Cents>(&scene).await;
    let report = scene.todos.migrate(|old: Cents| Cents { cents: old.cents / 100 }).await?;
    assert_eq!((report.rewritten, report.is_complete()), (1, true));
    assert_eq!(scene.plain.object(&scene.record("a")).await["cents"], 5);
    Ok(())
}

/// The same fields before and after.
#[derive(Clone, Debug, Serialize, Deserialize, KintoRecord, JsonSchema)]
#[schemars(crate = "kinto_client::schema::schemars")]
struct Cents {
    cents: u64,
}

/// What is done to the collection beside a migration.
#[derive(Clone, Copy, Debug)]
enum Event {
    WriteOld(u8),
    WriteNew(u8),
    Patch(u8),
    Sort,
    /// Both schemas, one after the other.
    Back,
    /// A migration that is stopped at that request.
    Migrate(u8),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0..8_u8).prop_map(Event::WriteOld),
        (0..8_u8).prop_map(Event::WriteNew),
        (0..8_u8).prop_map(Event::Patch),
        Just(Event::Sort),
        Just(Event::Back),
        (0..14_u8).prop_map(Event::Migrate),
    ]
}

async fn the_closure_runs_once_for_each_record_of_the_old_form(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let mut runner = TestRunner::deterministic();
    let cases = if std::env::var_os("KINTO_TEST_LONG").is_some() { 300 } else { 12 };
    for _ in 0..cases {
        let events = prop::collection::vec(event(), 1..10).new_tree(&mut runner).expect("events").current();
        let scene = Scene::on(server.url()).await;
        let mut prices = BTreeMap::new();
        give_schema::<Old>(&scene).await;
        for n in 0..4_u8 {
            scene.fill([(format!("r{n}"), old(u64::from(n) * 100))]).await;
            prices.insert(n, u64::from(n));
        }
        give_schema::<New>(&scene).await;
        for (at, event) in events.iter().enumerate() {
            let price = at as u64 + 10;
            match *event {
                Event::WriteOld(n) => {
                    scene.plain.put_data(&scene.record(&format!("r{n}")), &old(price * 100)).await;
                    prices.insert(n, price);
                }
                Event::WriteNew(n) => {
                    let data = json!({"title": "t", "price": price, "tags": []});
                    scene.plain.put_data(&scene.record(&format!("r{n}")), &data).await;
                    prices.insert(n, price);
                }
                Event::Patch(n) => {
                    let title = json!({"data": {"title": "u"}});
                    scene.plain.send("PATCH".parse()?, &scene.record(&format!("r{n}")), Some(&title)).await;
                }
                Event::Sort => drop(scene.todos.patch(json!({"sort": format!("-x{at}")})).await?),
                Event::Back => {
                    give_schema::<Old>(&scene).await;
                    give_schema::<New>(&scene).await;
                }
                Event::Migrate(requests) => {
                    let gate = Gate::default();
                    let passed = (0..requests).map(|_| Fault::Pass);
                    let faults = passed.chain([Fault::HoldAnswer(gate.clone())]);
                    let proxy = Proxy::start(scene.url(), in_order(faults)).await;
                    let todos = scene.todos_through(&proxy);
                    let mut migration = pin!(todos.migrate(new).into_future());
                    tokio::select! {
                        report = &mut migration => assert!(report?.is_complete()),
                        () = gate.arrival() => {}
                    }
                }
            }
        }
        let report = scene.todos.migrate(new).await?;
        assert!(report.is_complete(), "{events:?}: {report:?}");
        let held = scene.todos.get_records::<New>().await?;
        let held: BTreeMap<u8, u64> =
            held.iter().map(|record| (record.id[1..].parse().unwrap(), record.data.price)).collect();
        assert_eq!(held, prices, "{events:?}");
        assert_eq!(scene.todos.migrate(new).await?.rewritten, 0, "{events:?}");
    }
    Ok(())
}
