//! Which records a migration rewrites: those that are in the old form, whatever else was written, by whom and when.

use std::{collections::BTreeMap, pin::pin};

use kinto_client::{
    Client, Collection, KintoRecord, Value, json,
    schema::{self, JsonSchema},
};
use kinto_server::Backend;
use kinto_tests::{Fault, Fixture, Gate, Outcome, Proxy, in_order, on_each_backend, server_on};
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
    let fixture = Fixture::new().await;
    give_schema::<Old>(&fixture).await;
    fixture.fill([("a".to_owned(), old(500))]).await;
    give_schema::<New>(&fixture).await;
    assert_eq!(fixture.todos.migrate(new).await?.rewritten, 1);
    // Back to the old one and forth again, as after a release that was withdrawn.
    give_schema::<Old>(&fixture).await;
    fixture.fill([("b".to_owned(), old(700))]).await;
    give_schema::<New>(&fixture).await;
    let report = fixture.todos.migrate(new).await?;
    assert_eq!((report.rewritten, report.unchanged, report.is_complete()), (1, 1, true));
    assert_eq!(fixture.todos.get_record::<New>("a").await?.data.price, 5);
    assert_eq!(fixture.todos.get_record::<New>("b").await?.data.price, 7);
    Ok(())
}

#[tokio::test]
async fn record_stamped_in_old_form_is_rewritten() -> Outcome {
    let fixture = Fixture::new().await;
    give_schema::<Old>(&fixture).await;
    fixture.fill([("patched".to_owned(), old(500))]).await;
    give_schema::<New>(&fixture).await;
    fixture.fill([("late".to_owned(), old(700))]).await;
    fixture.todos.patch_record::<Value>("patched", json!({"title": "u"})).await?;
    fixture.sent.forget();
    let dry = fixture.todos.migrate(new).dry_run().await?;
    assert_eq!((dry.rewritten, dry.unchanged, dry.is_complete()), (2, 0, true));
    assert!(fixture.sent.take_lines().iter().all(|line| line.starts_with("GET ") || line.starts_with("HEAD ")));
    assert_eq!(fixture.plain.object(&fixture.record("late")).await["price"], 700, "nothing was written");
    let report = fixture.todos.migrate(new).await?;
    assert_eq!((report.rewritten, report.is_complete()), (2, true));
    assert_eq!(fixture.todos.get_record::<New>("patched").await?.data.price, 5);
    Ok(())
}

#[tokio::test]
async fn dry_run_tells_what_would_be_refused_and_what_is_neither() -> Outcome {
    #[derive(Serialize, Deserialize, KintoRecord, JsonSchema)]
    #[schemars(crate = "kinto_client::schema::schemars")]
    struct Short {
        #[schemars(length(max = 3))]
        name: String,
    }
    let fixture = Fixture::new().await;
    let long = json!({"title": "longer", "price": 1, "cheap": true});
    let records = [("a", old(1)), ("long", long), ("neither", json!({"x": 1})), ("new", json!({"name": "n"}))];
    fixture.fill(records.map(|(id, data)| (id.to_owned(), data))).await;
    give_schema::<Short>(&fixture).await;
    for dry in [true, false] {
        let call = fixture.todos.migrate(|old: Old| Short { name: old.title });
        let report = if dry { call.dry_run().await? } else { call.await? };
        assert_eq!((report.rewritten, report.unchanged, report.is_complete()), (1, 1, false), "{report:?}");
        let [(id, error)] = report.refused.as_slice() else { panic!("{report:?}") };
        assert_eq!((id.as_str(), error.field(), error.schema_keyword()), ("long", Some("name"), Some("maxLength")));
        assert_eq!(report.undecodable.iter().map(|bad| bad.id.as_deref()).collect::<Vec<_>>(), [Some("neither")]);
    }
    Ok(())
}

#[tokio::test]
async fn field_of_the_records_own_is_no_stamp() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.fill([("a".to_owned(), json!({"cents": 500, "schema": 9_999_999_999_999_u64}))]).await;
    give_schema::<Cents>(&fixture).await;
    let report = fixture.todos.migrate(|old: Cents| Cents { cents: old.cents / 100 }).await?;
    assert_eq!((report.rewritten, report.is_complete()), (1, true));
    assert_eq!(fixture.plain.object(&fixture.record("a")).await["cents"], 5);
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
    Write(Write),
    Patch(u8),
    Sort,
    /// Both schemas, one after the other.
    Back,
    /// A migration that is stopped at that request.
    Migrate(u8),
    /// A migration that goes to its end, with a write just before that request of it.
    Beside(u8, Write),
}

/// A record that is written by another program.
#[derive(Clone, Copy, Debug)]
struct Write {
    record: u8,
    is_old: bool,
}

fn write() -> impl Strategy<Value = Write> {
    (0..8_u8, prop::bool::ANY).prop_map(|(record, is_old)| Write { record, is_old })
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        2 => write().prop_map(Event::Write),
        1 => (0..8_u8).prop_map(Event::Patch),
        1 => Just(Event::Sort),
        1 => Just(Event::Back),
        1 => (0..14_u8).prop_map(Event::Migrate),
        2 => (0..14_u8, write()).prop_map(|(requests, write)| Event::Beside(requests, write)),
    ]
}

/// A collection, in a bucket of its own or in the `default` one, and what the prices of its records have to be in the end.
struct Shop {
    fixture: Fixture,
    path: String,
    bucket: String,
    prices: BTreeMap<u8, u64>,
}

impl Shop {
    async fn new(url: &str, is_default: bool) -> Self {
        let fixture = Fixture::on(url).await;
        let bucket = if is_default { "default".to_owned() } else { fixture.bucket.id().to_owned() };
        let path = format!("/buckets/{bucket}/collections/todos");
        let mut shop = Self { fixture, path, bucket, prices: BTreeMap::new() };
        shop.give_schema::<Old>().await;
        for record in 0..4 {
            shop.write(Write { record, is_old: true }, u64::from(record)).await;
        }
        shop.give_schema::<New>().await;
        shop
    }

    async fn give_schema<T: JsonSchema>(&self) {
        self.fixture.plain.put(&self.path, &json!({"data": {"schema": schema::of::<T>()}})).await;
    }

    fn record(&self, record: u8) -> String {
        format!("{}/records/r{record}", self.path)
    }

    fn todos(&self, client: &Client) -> Collection {
        client.bucket(&self.bucket).collection("todos")
    }

    async fn write(&mut self, Write { record, is_old }: Write, price: u64) {
        let data = if is_old { old(price * 100) } else { json!({"title": "t", "price": price, "tags": []}) };
        self.fixture.plain.put_data(&self.record(record), &data).await;
        self.prices.insert(record, price);
    }

    /// A client whose request after that many is held by the gate as that fault says.
    async fn at_request(&self, requests: u8, fault: Fault) -> (Proxy, Collection) {
        let passed = (0..requests).map(|_| Fault::Pass);
        let proxy = Proxy::start(self.fixture.url(), in_order(passed.chain([fault]))).await;
        let client = self.fixture.client_at(proxy.url()).build().expect("a client");
        (proxy, self.todos(&client))
    }

    async fn happen(&mut self, at: usize, event: Event) -> Outcome {
        let price = at as u64 + 10;
        match event {
            Event::Write(write) => self.write(write, price).await,
            Event::Patch(record) => {
                let title = json!({"data": {"title": "u"}});
                self.fixture.plain.send("PATCH".parse()?, &self.record(record), Some(&title)).await;
            }
            Event::Sort => drop(self.todos(&self.fixture.client).patch(json!({"sort": format!("-x{at}")})).await?),
            Event::Back => {
                self.give_schema::<Old>().await;
                self.give_schema::<New>().await;
            }
            Event::Migrate(requests) => {
                let gate = Gate::default();
                let (_proxy, todos) = self.at_request(requests, Fault::HoldAnswer(gate.clone())).await;
                let mut migration = pin!(todos.migrate(new).into_future());
                tokio::select! {
                    report = &mut migration => assert!(report?.is_complete()),
                    () = gate.arrival() => {}
                }
            }
            Event::Beside(requests, write) => {
                let gate = Gate::default();
                let (_proxy, todos) = self.at_request(requests, Fault::Hold(gate.clone())).await;
                let mut migration = pin!(todos.migrate(new).into_future());
                let report = tokio::select! {
                    report = &mut migration => {
                        self.write(write, price).await;
                        report?
                    }
                    () = gate.arrival() => {
                        self.write(write, price).await;
                        gate.open();
                        migration.await?
                    }
                };
                assert!(report.is_complete(), "{report:?}");
            }
        }
        Ok(())
    }
}

async fn the_closure_runs_once_for_each_record_of_the_old_form(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let mut runner = TestRunner::deterministic();
    let cases = if std::env::var_os("KINTO_TEST_LONG").is_some() { 300 } else { 12 };
    for case in 0..cases {
        let events = prop::collection::vec(event(), 1..10).new_tree(&mut runner).expect("events").current();
        let mut shop = Shop::new(server.url(), case % 2 == 1).await;
        for (at, event) in events.iter().enumerate() {
            shop.happen(at, *event).await.map_err(|error| format!("{case} {events:?} at {at}: {error}"))?;
        }
        let todos = shop.todos(&shop.fixture.client);
        let report = todos.migrate(new).await?;
        assert!(report.is_complete(), "{case} {events:?}: {report:?}");
        let held = todos.get_records::<New>().await?;
        let held: BTreeMap<u8, u64> =
            held.iter().map(|record| (record.id[1..].parse().unwrap(), record.data.price)).collect();
        assert_eq!(held, shop.prices, "{case} {events:?}");
        assert_eq!(todos.migrate(new).await?.rewritten, 0, "{case} {events:?}");
    }
    Ok(())
}
