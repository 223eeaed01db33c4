//! Eight tasks create, change, grant, delete and read records, one by one and in batches, twice: over a way that hurts one
//! request in ten, to a server that is killed and started again three times; and through an nginx that sends requests again,
//! to three nodes of one PostgreSQL that are killed and renewed in turn, as is the database. In the end the server holds
//! exactly what the callers were told.
//!
//! It prints numbers, and fails if one of those is not 0 that must be. `KINTO_SOAK_SECONDS` says how long the first runs,
//! `KINTO_SOAK_NODES_SECONDS` how long the second, and `KINTO_TEST_SEED` by which chance; to the same chance the same
//! happens as far as time lets it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "that is how it fails"
)]

mod ledger;
mod many;
mod nodes;
mod report;
mod rights;
mod task;
mod way;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use kinto_client::{KintoRecord, TypedCollection, Value, json};
use kinto_server::{Backend, Server};
use kinto_tests::{Chance, Fixture, Outcome, Proxy};
use serde::{Deserialize, Serialize};

use ledger::{Entry, Tally, WRONG_COUNTERS};
use report::Report;
use task::Task;

/// The data that the tasks write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
#[kinto(collection = "todos")]
struct Item {
    task: u64,
    /// Another one with each write, so that it is seen which of them is stored.
    revision: u64,
    text: String,
}

/// The data of a counter that several tasks increment.
#[derive(Debug, Default)]
struct Counter {
    acknowledged: AtomicU64,
    in_doubt: AtomicU64,
}

const TASKS: u64 = 8;
/// The number of counters.
const SHARED: usize = 3;
const RESTARTS: u32 = 3;

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().expect("a number"))
}

fn main() -> Outcome {
    let duration = Duration::from_secs(number("KINTO_SOAK_SECONDS", 15));
    let nanoseconds = std::time::UNIX_EPOCH.elapsed()?.subsec_nanos();
    let seed = number("KINTO_TEST_SEED", nanoseconds.into());
    let nodes = Duration::from_secs(number("KINTO_SOAK_NODES_SECONDS", 10));
    println!("soak: {} s and {} s, seed {seed}", duration.as_secs(), nodes.as_secs());
    let server = match Server::builder().backend(Backend::PostgreSql).workers(2).start() {
        Err(error) if error.to_string().starts_with("PostgreSQL is not installed") => {
            println!("SKIPPED: {error}");
            return Ok(());
        }
        server => Arc::new(server?),
    };
    let panics = count_panics();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build()?;
    let mut reports = vec![runtime.block_on(soak(Arc::clone(&server), duration, seed))?];
    reports.extend(runtime.block_on(nodes::soak(server, nodes, seed))?);
    for report in &reports {
        println!("{report}");
    }
    let panics = panics.load(Ordering::SeqCst);
    println!("{panics:>10}  panics");
    if panics > 0 || reports.iter().any(Report::failed) { Err(format!("seed {seed}").into()) } else { Ok(()) }
}

fn count_panics() -> Arc<AtomicU64> {
    let panics = Arc::new(AtomicU64::new(0));
    let (count, show) = (Arc::clone(&panics), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |panic| {
        count.fetch_add(1, Ordering::SeqCst);
        show(panic);
    }));
    panics
}

async fn soak(server: Arc<Server>, duration: Duration, seed: u64) -> Result<Report, Box<dyn std::error::Error>> {
    let fixture = Fixture::on(server.url()).await;
    for counter in 0..SHARED {
        fixture.plain.put_data(&fixture.record(&format!("counter-{counter}")), &json!({"count": 0})).await;
    }
    let met = way::Met::default();
    let proxy = Proxy::start(fixture.url(), way::faults(Chance::new(seed, TASKS), Arc::clone(&met))).await.forgetful();
    let client = fixture.client_at(proxy.url()).timeout(Duration::from_secs(20)).read_timeout(Duration::from_secs(3));
    let items = fixture.todos_of(&client.build()?).typed::<Item>();

    let started = Instant::now();
    let at_work = AtWork::start(&items, seed, started + duration);
    let mut memory = Vec::new();
    for quarter in 1..=RESTARTS {
        tokio::time::sleep_until((started + duration * quarter / (RESTARTS + 1)).into()).await;
        memory.push(report::memory());
        let server = Arc::clone(&server);
        tokio::task::spawn_blocking(move || server.kill_server().and_then(|()| server.restart_server())).await??;
    }
    let (entries, tally) = at_work.end(&fixture).await;
    memory.push(report::memory());
    let met = met.lock().unwrap().clone();
    Ok(Report { elapsed: started.elapsed(), records: entries, tally, met, memory })
}

/// The tasks, and what they are told.
struct AtWork {
    tasks: Vec<tokio::task::JoinHandle<Vec<Entry>>>,
    tally: Arc<Tally>,
    counters: Arc<[Counter; SHARED]>,
}

impl AtWork {
    fn start(items: &TypedCollection<Item>, seed: u64, until: Instant) -> Self {
        let (tally, counters) = (Arc::new(Tally::default()), Arc::new(<[Counter; SHARED]>::default()));
        let tasks = (0..TASKS).map(|number| Task {
            number,
            chance: Chance::new(seed, number),
            items: items.clone(),
            tally: Arc::clone(&tally),
            counters: Arc::clone(&counters),
            until,
            live: Vec::new(),
            over: Vec::new(),
            made: 0,
            revision: 0,
        });
        Self { tasks: tasks.map(|task| tokio::spawn(task.run())).collect(), tally, counters }
    }

    /// Waits for the end of all, and compares what the server holds with what they were told.
    async fn end(self, fixture: &Fixture) -> (usize, Arc<Tally>) {
        let mut entries = Vec::new();
        for task in self.tasks {
            // One that panicked is counted.
            entries.extend(task.await.unwrap_or_default());
        }
        judge(fixture, &entries, &self.counters, &self.tally).await;
        (entries.len(), self.tally)
    }
}

/// Compares what the server holds with what the tasks were told.
async fn judge(fixture: &Fixture, entries: &[Entry], counters: &[Counter; SHARED], tally: &Tally) {
    let mut list = fixture.plain.get(&format!("{}?_limit=0", fixture.records)).await.json();
    let Value::Array(objects) = list["data"].take() else { panic!("no list") };
    let mut held: BTreeMap<String, Value> = objects.into_iter().map(without_stamp).collect();
    for (number, counter) in counters.iter().enumerate() {
        let count = held.remove(&format!("counter-{number}")).and_then(|data| data["count"].as_u64());
        let acknowledged = counter.acknowledged.load(Ordering::SeqCst);
        let at_most = acknowledged + counter.in_doubt.load(Ordering::SeqCst);
        if !count.is_some_and(|count| (acknowledged..=at_most).contains(&count)) {
            tally.wrong(WRONG_COUNTERS, &format!("{count:?} is held, and that should be {acknowledged} to {at_most}"));
        }
    }
    for entry in entries {
        let held = held.remove(&entry.id);
        entry.judge(&held, tally);
        if held.is_some() && !entry.granted.is_empty() {
            let readers = fixture.plain.permissions(&fixture.record(&entry.id)).await["read"].take();
            entry.judge_readers(&readers, tally);
        }
    }
    for (id, data) in held {
        tally.wrong(ledger::NOT_APPLIED_BUT_PRESENT, &format!("{id}: nobody knows of {data}"));
    }
}

fn without_stamp(mut object: Value) -> (String, Value) {
    let fields = object.as_object_mut().expect("an object");
    fields.remove("last_modified");
    let id = fields.remove("id").and_then(|id| id.as_str().map(str::to_owned)).expect("an id");
    (id, object)
}
