//! Sends the same sequences of requests to two Kinto servers, a real one and the one of `kinto_client::testing`, and
//! compares what comes back. With `KINTO_TEST_AGAINST=server` both are real: what is reported then is wrong here.
//!
//! A sequence is known by its number: `KINTO_TEST_SEQUENCES` says how many there are (500), `KINTO_TEST_SEED` which (1),
//! and `KINTO_TEST_SEQUENCE` runs a single one. Those that begin elsewhere than at 0 begin at `KINTO_TEST_FIRST`, and
//! `KINTO_TEST_WORLD` leaves out those under other settings than it names. What is found is printed with the fewest steps
//! that show it.
//!
//! With `KINTO_TEST_FORGET` set to the name of a header the second server never gets it: the comparison must find that.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "where the means of a test fail, the test fails: at once, and where it was"
)]

mod concrete;
mod generate;
mod normal;
mod report;
mod run;
mod shrink;
mod side;
mod step;
mod world;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use report::Finding;
use run::Tally;
use world::{Pair, WORLDS, World};

/// So often a difference of one kind is made short. After that it is only counted, and if it has changed nothing the
/// sequence goes on.
const SHRUNK: usize = 2;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The differences that all pairs of servers have found.
#[derive(Debug, Default)]
struct Found {
    tally: Tally,
    sequences: usize,
    /// By kind, the sequences in which a difference was found, and by which request.
    kinds: BTreeMap<String, Vec<(u64, String)>>,
}

impl Found {
    fn add(&mut self, tally: Tally) {
        self.tally.add(tally);
        self.sequences += 1;
        if self.sequences.is_multiple_of(100) {
            eprintln!("… {} sequences, {} requests", self.sequences, self.tally.requests);
        }
    }

    /// The kinds of differences that were made short often enough.
    fn known(&self) -> BTreeSet<String> {
        self.kinds.iter().filter(|(_, found)| found.len() >= SHRUNK).map(|(kind, _)| kind.clone()).collect()
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}")))
}

#[tokio::main]
async fn main() -> Result<ExitCode, Failure> {
    // Cargo passes arguments for the usual harness; a list of tests is empty here.
    if std::env::args().any(|argument| argument == "--list") {
        return Ok(ExitCode::SUCCESS);
    }
    let seed = setting("KINTO_TEST_SEED", 1);
    let first = setting("KINTO_TEST_SEQUENCE", setting("KINTO_TEST_FIRST", 0));
    let is_single = std::env::var("KINTO_TEST_SEQUENCE").is_ok();
    let sequences = if is_single { 1 } else { setting("KINTO_TEST_SEQUENCES", 500) };
    let only = std::env::var("KINTO_TEST_WORLD").ok();
    let found = Arc::new(Mutex::new(Found::default()));
    let begun = Instant::now();
    let mut pairs = Vec::new();
    for world in WORLDS.iter().filter(|world| only.as_ref().is_none_or(|only| only == world.name)) {
        let numbers = (first..first + sequences).filter(|number| World::of(*number).name == world.name);
        let numbers: Arc<Mutex<VecDeque<u64>>> = Arc::new(Mutex::new(numbers.collect()));
        let needed = numbers.lock().unwrap().len().min(world.pairs);
        for _ in 0..needed {
            pairs.push(tokio::spawn(work(world, seed, Arc::clone(&numbers), Arc::clone(&found))));
        }
    }
    for pair in pairs {
        pair.await??;
    }
    let found = found.lock().unwrap();
    println!("{}", report::summary(&found.kinds, sequences, &found.tally, begun.elapsed()));
    Ok(if found.kinds.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs sequences on a pair of servers until there are no more.
async fn work(
    world: &'static World,
    seed: u64,
    numbers: Arc<Mutex<VecDeque<u64>>>,
    found: Arc<Mutex<Found>>,
) -> Result<(), Failure> {
    let mut pair = Pair::start(world).await?;
    let next = || numbers.lock().unwrap().pop_front();
    while let Some(number) = next() {
        let steps = generate::sequence(seed, number);
        let (mut tally, known) = (Tally::default(), found.lock().unwrap().known());
        let difference = run::run(&mut pair, &steps, &known, &mut tally).await;
        found.lock().unwrap().add(tally);
        let Some(difference) = difference else { continue };
        let kind = difference.kind();
        if known.contains(&kind) {
            found.lock().unwrap().kinds.entry(kind).or_default().push((number, difference.shape()));
            continue;
        }
        let (steps, difference) = shrink::shrink(&mut pair, &steps, &known, difference).await;
        let shape = difference.shape();
        let world = world.name;
        println!("{}", Finding { number, world, kind: format!("{shape}: {kind}"), steps, difference }.text(seed));
        found.lock().unwrap().kinds.entry(kind).or_default().push((number, shape));
    }
    Ok(())
}
