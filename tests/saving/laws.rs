use std::{
    collections::{BTreeMap, HashMap},
    num::NonZero,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use futures_util::{StreamExt as _, future::BoxFuture, stream};
use kinto_client::{
    Client, Collection, KintoRecord, Record,
    transport::{Body, Transport, TransportError},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use super::{
    generate::{Gen, Shape},
    zoo::each,
};

/// A record with something of that type in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
#[kinto(bucket = "b", collection = "c")]
#[serde(bound = "F: Shape")]
pub(crate) struct Holder<F: Shape> {
    title: String,
    field: F,
}

/// Answers with the object that was put there.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<Bytes>>);

impl Transport for Shelf {
    fn send(&self, _: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        let body: Body = stream::iter([Ok(self.0.lock().unwrap().clone())]).boxed();
        Box::pin(std::future::ready(Ok(http::Response::new(body))))
    }
}

struct Stage {
    shelf: Shelf,
    records: Collection,
    runtime: Runtime,
}

/// What came of the cases.
#[derive(Default, Debug)]
struct Tally {
    saved: u64,
    unchanged: u64,
    /// By the type.
    refused: BTreeMap<&'static str, u64>,
    /// The seeds of those that fail.
    failed: Vec<u64>,
}

/// How many of the cases that fail are shown.
const SHOWN: usize = 20;

/// Tries all cases, those that fail as well, on as many threads as there are cores.
pub(crate) fn check(seeds: Range<u64>) {
    let (next, end) = (AtomicU64::new(seeds.start), seeds.end);
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(|| try_all(&next, end))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread that ends")).collect()
    });
    let (mut refused, mut saved, mut unchanged, mut failed) = (BTreeMap::new(), 0, 0, Vec::new());
    for tally in tallies {
        (saved, unchanged) = (saved + tally.saved, unchanged + tally.unchanged);
        failed.extend(tally.failed);
        for (name, count) in tally.refused {
            *refused.entry(name).or_insert(0) += count;
        }
    }
    failed.sort_unstable();
    println!("saved {saved}, unchanged {unchanged}, refused {refused:#?}");
    assert!(failed.is_empty(), "{} of {saved} fail: {:?}", failed.len(), &failed[..failed.len().min(SHOWN)]);
    assert!(refused.values().sum::<u64>() * 10 <= saved, "too many are refused");
}

fn try_all(next: &AtomicU64, end: u64) -> Tally {
    type Case = fn(&Stage, u64, &mut Tally);
    macro_rules! cases {
        ($($type:ty),+) => { [$(case::<$type> as Case),+] };
    }
    let cases: Vec<Case> = each!(cases).to_vec();
    let shelf = Shelf::default();
    let client = Client::builder("https://kinto.example.org/v1").transport(shelf.clone()).build().expect("a client");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let stage = Stage { shelf, records: client.bucket("b").collection("c"), runtime };
    let mut tally = Tally::default();
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            return tally;
        }
        let one = cases[usize::try_from(seed).unwrap() % cases.len()];
        if catch_unwind(AssertUnwindSafe(|| one(&stage, seed, &mut tally))).is_err() {
            tally.failed.push(seed);
        }
    }
}

/// A record as it was stored, and what is made of it.
pub(crate) struct Case<F: Shape> {
    /// The JSON that is stored.
    pub(crate) stored: Value,
    /// That as the type reads it.
    pub(crate) read: Holder<F>,
    seed: u64,
    g: Gen,
}

impl<F: Shape> Case<F> {
    pub(crate) fn new(seed: u64) -> Self {
        let mut g = Gen::new(seed);
        let read = Holder::<F> { title: g.word(), field: F::make(&mut g) };
        let mut stored =
            Map::from_iter([("title".to_owned(), json!(read.title)), ("field".to_owned(), read.field.store(&mut g))]);
        g.strangers(&mut stored, 0);
        Self { stored: stored.into(), read, seed, g }
    }

    pub(crate) fn name(&self) -> String {
        format!("{} {}", std::any::type_name::<F>(), self.seed)
    }

    /// Makes some changes.
    pub(crate) fn change(&mut self, data: &mut Holder<F>) {
        for _ in 0..=self.g.number(3) {
            if self.g.chance(4) {
                data.title = self.g.word();
            } else {
                data.field.change(&mut self.g);
            }
        }
    }

    /// Checks what is stored when this is held.
    pub(crate) fn check(&self, held: &Holder<F>, now: &Value) {
        let shown = || format!("{}\n  stored {}\n  held {}", self.name(), self.stored, json!(held));
        let again = serde_json::from_value::<Holder<F>>(now.clone());
        let again = again.unwrap_or_else(|error| panic!("{error}: {}\n  now {now}", shown()));
        assert_eq!(again, *held, "{}\n  now {now}", shown());
        check_unknown(&self.g, held, now, &shown);
    }
}

fn case<F: Shape>(stage: &Stage, seed: u64, tally: &mut Tally) {
    let mut case = Case::<F>::new(seed);
    let (name, stored) = (case.name(), case.stored.clone());
    let mut object = stored.clone();
    object["id"] = "r".into();
    object["last_modified"] = 7.into();
    *stage.shelf.0.lock().unwrap() = Bytes::from(json!({ "data": object }).to_string());
    let read = stage.runtime.block_on(async { stage.records.get_record::<Holder<F>>("r").await });
    let mut record = read.unwrap_or_else(|error| panic!("{name}: {error}: {stored}"));
    assert_eq!(record.data, case.read, "{name}: {stored}");
    let sent = sent(stage, &mut record);
    assert_eq!(sent, Ok(None), "{name}: nothing was changed: {stored}");

    case.change(&mut record.data);
    let held = record.data.clone();
    match self::sent(stage, &mut record) {
        Ok(None) => {
            assert_eq!(case.read, held, "a change is not sent: {name}\n  stored {stored}");
            tally.unchanged += 1;
        }
        Ok(Some(sent)) => {
            case.check(&held, &sent);
            tally.saved += 1;
        }
        Err(error) => {
            if std::env::var_os("KINTO_SAVING_SHOW").is_some() {
                println!("{name}\n  stored {stored}\n  held {}: {error}\n", json!(held));
            }
            *tally.refused.entry(std::any::type_name::<F>()).or_default() += 1;
        }
    }
}

/// What a save would send.
fn sent<F: Shape>(stage: &Stage, record: &mut Record<Holder<F>>) -> Result<Option<Value>, String> {
    let explained = stage.records.save_record(record).preview();
    let explained = explained.inspect_err(|error| assert!(error.is_invalid(), "{error}"));
    let body = explained.map_err(|error| error.to_string())?.body().map(str::to_owned);
    Ok(body.map(|body| serde_json::from_str::<Value>(&body).expect("JSON")["data"].take()))
}

fn check_unknown<F: Shape>(g: &Gen, held: &Holder<F>, sent: &Value, shown: &dyn Fn() -> String) {
    let mut parts = Vec::new();
    held.field.parts(&mut parts);
    let mut found: HashMap<&str, Vec<(u64, &Value)>> = HashMap::new();
    strangers(sent, true, &mut found);
    for (key, value, owner) in &g.unknown {
        let there = found.get(key.as_str()).map(Vec::as_slice).unwrap_or_default();
        assert!(there.len() <= 1, "{key} is there twice: {}\n  sent {sent}", shown());
        let (mut now, mut edited) = (*owner, g.edited.contains(owner) && g.moved.contains(owner));
        while let Some(next) = g.renamed.get(&now) {
            edited |= [&now, next].into_iter().any(|k| g.edited.contains(k) || g.moved.contains(k));
            now = *next;
        }
        // Of two that say the same, and were both given another `k`, each may be the other.
        let is_twin = |k: &u64| k != owner && g.renamed.contains_key(k) && g.said.get(k) == g.said.get(owner);
        let is_one_of_twins = now != *owner && g.said.keys().any(is_twin);
        // A part of which nothing is as it was is another one, for all that can be told.
        if edited || is_one_of_twins {
            continue;
        }
        let is_still_there = *owner == 0 || parts.contains(&now);
        match there {
            [] => assert!(!is_still_there, "{key} of {owner} is lost: {}\n  sent {sent}", shown()),
            [(at, found), ..] => {
                assert_eq!(*found, value, "{}", shown());
                assert!(
                    !is_still_there || *at == now,
                    "{key} of {owner}, now {now}, is at {at}: {}\n  sent {sent}",
                    shown()
                );
            }
        }
    }
}

/// All that is unknown, with the `k` of the object it is in.
fn strangers<'a>(value: &'a Value, is_root: bool, found: &mut HashMap<&'a str, Vec<(u64, &'a Value)>>) {
    match value {
        Value::Object(object) => {
            let k = if is_root { 0 } else { object.get("k").and_then(Value::as_u64).unwrap_or(u64::MAX) };
            for (key, value) in object {
                if key.starts_with("u_") {
                    found.entry(key).or_default().push((k, value));
                } else {
                    strangers(value, false, found);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| strangers(item, false, found)),
        _ => {}
    }
}
