//! Several clients on one Kinto in memory, in virtual time, on one thread, from one seed: random operations, faults and
//! task switches. Afterwards the accounts: what was acknowledged is there, what was refused is not, nothing was done twice,
//! unknown fields live, no step runs past its limit, and no turn is left taken. In some runs the clients are devices with
//! stores, which are equal at the end.
//!
//! `KINTO_SIM_SECONDS` says for how long seeds are tried (two by default), and `KINTO_SIM_SEED` which one is run instead. A
//! seed repeats a run exactly. A failure prints its seed and the shortest schedule that still fails.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "that is how it fails"
)]

mod account;
mod devices;
mod network;
mod plan;
mod run;
mod shaken;
mod tasks;
mod trace;

use std::{
    env, fmt,
    process::ExitCode,
    time::{Duration, Instant},
};

use mimalloc::MiMalloc;
use plan::{Plan, Step};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name}={value} is not a number")))
}

fn main() -> ExitCode {
    // Cargo passes arguments for the usual harness; a list of tests is empty here.
    if env::args().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let (seed, seconds) = (number("KINTO_SIM_SEED"), number("KINTO_SIM_SECONDS").unwrap_or(2));
    trace::keep_panics();
    if let Some(seed) = seed {
        return match run::run(seed, &Plan::of(seed)) {
            Ok(done) => {
                println!("seed {seed}: {done}");
                ExitCode::SUCCESS
            }
            Err(reason) => fail(seed, &reason),
        };
    }
    let limit = Duration::from_secs(seconds);
    let started = Instant::now();
    let first = u64::from(std::process::id()) << 32;
    let (mut clients, mut devices) = (Sum::default(), Sum::default());
    let mut seed = first;
    while started.elapsed() < limit {
        let (plan, begun) = (Plan::of(seed), Instant::now());
        match run::run(seed, &plan) {
            Ok(done) => if plan.world.has_devices() { &mut devices } else { &mut clients }.add(done, begun.elapsed()),
            Err(reason) => return fail(seed, &reason),
        }
        seed += 1;
    }
    println!("clients: {clients}");
    println!("devices: {devices}");
    ExitCode::SUCCESS
}

/// The sum of several runs.
#[derive(Default)]
struct Sum {
    seeds: u64,
    time: Duration,
    done: run::Done,
}

impl Sum {
    fn add(&mut self, done: run::Done, time: Duration) {
        self.seeds += 1;
        self.time += time;
        self.done += done;
    }
}

impl fmt::Display for Sum {
    #[allow(clippy::cast_precision_loss, reason = "numbers for people")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seeds, time, done } = self;
        let rate = done.operations as f64 / time.as_secs_f64().max(f64::MIN_POSITIVE);
        write!(f, "{seeds} seeds in {:.1} s: {done}; {rate:.0} operations a second", time.as_secs_f64())
    }
}

/// Prints what failed, with the shortest schedule that still fails, and how to repeat it.
fn fail(seed: u64, reason: &str) -> ExitCode {
    println!("seed {seed} fails: {reason}");
    let mut plan = Plan::of(seed);
    let mut reason = reason.to_owned();
    let mut size = plan.steps.len().div_ceil(2);
    while size > 0 {
        let mut start = 0;
        while start < plan.steps.len() {
            let end = (start + size).min(plan.steps.len());
            let left: Vec<Step> = plan.steps[..start].iter().chain(&plan.steps[end..]).copied().collect();
            let shorter = Plan { steps: left, ..plan.clone() };
            match run::run(seed, &shorter) {
                Err(still) => (plan, reason) = (shorter, still),
                Ok(_) => start = end,
            }
        }
        size /= 2;
    }
    println!("shortened to {} operations: {reason}", plan.steps.len());
    println!("{plan}");
    trace::start();
    let _ = run::run(seed, &plan);
    for line in trace::end() {
        println!("{line}");
    }
    println!("KINTO_SIM_SEED={seed} repeats it");
    ExitCode::FAILURE
}
