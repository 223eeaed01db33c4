use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use futures_util::{StreamExt as _, future::BoxFuture, stream};
use kinto_client::{Body, Client, Collection, KintoRecord, Record, Transport, TransportError};
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
struct Holder<F: Shape> {
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
    refused: BTreeMap<&'static str, u64>,
    of_type: BTreeMap<&'static str, u64>,
}

pub(crate) fn check(seeds: Range<u64>) {
    type Case = fn(&Stage, u64, &mut Tally);
    let shelf = Shelf::default();
    let client = Client::builder("https://kinto.example.org/v1").transport(shelf.clone()).build().expect("a client");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let stage = Stage { shelf, records: client.bucket("b").collection("c"), runtime };
    let mut tally = Tally::default();
    macro_rules! cases {
        ($($type:ty),+) => { [$(case::<$type> as Case),+] };
    }
    let cases: Vec<Case> = each!(cases).to_vec();
    for seed in seeds {
        let one = usize::try_from(seed).unwrap() % cases.len();
        cases[one](&stage, seed, &mut tally);
    }
    println!("{tally:#?}");
    let refused: u64 = tally.refused.values().sum();
    assert!(refused * 10 <= tally.saved, "too many are refused");
}

fn case<F: Shape>(stage: &Stage, seed: u64, tally: &mut Tally) {
    let name = std::any::type_name::<F>();
    let mut g = Gen::new(seed);
    let made = Holder::<F> { title: g.word(), field: F::make(&mut g) };
    let mut stored =
        Map::from_iter([("title".to_owned(), json!(made.title)), ("field".to_owned(), made.field.store(&mut g))]);
    g.strangers(&mut stored, 0);
    let stored = Value::Object(stored);
    let mut object = stored.clone();
    object["id"] = "r".into();
    object["last_modified"] = 7.into();
    *stage.shelf.0.lock().unwrap() = Bytes::from(json!({ "data": object }).to_string());
    let read = stage.runtime.block_on(async { stage.records.get_record::<Holder<F>>("r").await });
    let mut record = read.unwrap_or_else(|error| panic!("{name} {seed}: {error}: {stored}"));
    assert_eq!(record.data, made, "{name} {seed}: {stored}");
    let before = record.data.clone();
    let sent = sent(stage, &mut record);
    assert_eq!(sent, Ok(None), "{name} {seed}: nothing was changed: {stored}");

    for _ in 0..=g.number(3) {
        if g.chance(4) {
            record.data.title = g.word();
        } else {
            record.data.field.change(&mut g);
        }
    }
    let held = record.data.clone();
    let shown = || format!("{name} {seed}\n  stored {stored}\n  held {}", json!(held));
    match self::sent(stage, &mut record) {
        Ok(None) => {
            assert_eq!(before, held, "a change is not sent: {}", shown());
            tally.unchanged += 1;
        }
        Ok(Some(sent)) => {
            let again = serde_json::from_value::<Holder<F>>(sent.clone());
            let again = again.unwrap_or_else(|error| panic!("{error}: {}\n  sent {sent}", shown()));
            assert_eq!(again, held, "{}\n  sent {sent}", shown());
            check_unknown(&g, &held, &sent, &shown);
            tally.saved += 1;
        }
        Err(error) => {
            if std::env::var_os("KINTO_SAVING_SHOW").is_some() {
                println!("{}: {error}\n", shown());
            }
            *tally
                .refused
                .entry(if error.contains("which of its items") { "doubtful" } else { "other" })
                .or_default() += 1;
            *tally.of_type.entry(name).or_default() += 1;
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
        // A part of which nothing is as it was is another one, for all that can be told.
        if edited {
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
