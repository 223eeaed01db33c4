//! `cargo run --release -p kinto-compare`: what programs cost that do the same work, and what was to be reached.

#![expect(clippy::cast_precision_loss, reason = "what is measured is far from where that begins")]

use std::{error::Error, num::NonZeroU64, path::PathBuf};

use clap::{Parser, Subcommand};

mod build;
mod calls;
mod canned;
mod compression;
mod growth;
mod kinto;
mod line;
mod local;
mod many;
mod markdown;
mod measure;
mod nginx;
mod plot;
mod programs;
mod report;
mod requests;
mod store;
mod works;

use programs::Programs;
use report::Report;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// The number of rounds of what takes long enough to be measured well in few.
const MOST_LONG: usize = 3;

/// Compares programs that do the same work with kinto-client, by hand, with kinto-http and with kinto.js.
///
/// Each run is a process of its own, in turns with the others. CPU time is user and system time of the process, wall is
/// from its start to its end; of both the median of runs that do nothing is taken off, so that no program pays for the
/// start of its language. Peaks of memory are of the whole process.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The part to measure; everything by default.
    #[command(subcommand)]
    part: Option<Part>,
    /// The number of rounds, of which the median is taken. The runs against canned responses are short, so that
    /// other load of the machine affects them; there are three times as many of them.
    #[arg(long, global = true, default_value_t = 7)]
    rounds: usize,
    /// Takes one in so many of the calls and records of the parts `calls`, `many`, `local` and `compression`, to try them out.
    #[arg(long, global = true, default_value = "1")]
    one_in: NonZeroU64,
    /// The number of records of the part `store`. Of 100,000 a run takes some 15 minutes, and there are two in a round.
    #[arg(long, global = true, default_value_t = 5_000)]
    stored: u64,
    /// The folder for the results, as JSON and as plots.
    #[arg(long, global = true, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/results"))]
    out: PathBuf,
}

#[derive(Subcommand, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Reading and creating against canned answers: the clients alone.
    Canned,
    /// Single calls against canned answers: CPU time and latency.
    Calls,
    /// A million records written while a stream yields them, against ten thousand.
    Many,
    /// Records in a store: a first pull, queries, edits and a push.
    Local,
    /// Reading behind nginx with gzip and without, and the same on a slow line.
    Compression,
    /// Reading and creating against Kinto on PostgreSQL with two workers: what a user gets.
    Kinto,
    /// Many records from a stream into Kinto on PostgreSQL, and what is stored of them.
    Store,
    /// The time and memory for each record as lists and batches grow.
    Growth,
    /// The number of requests of a save, and of a check for changes.
    Requests,
    /// The cost of kinto-client in the build of a program.
    Build,
    /// The canned answers, until the input ends.
    #[command(hide = true)]
    Serve { records: u64, page: u64 },
}

fn main() -> Outcome {
    let Arguments { part, rounds, one_in, stored, out } = Arguments::parse();
    if let Some(Part::Serve { records, page }) = part {
        return canned::serve(records, page);
    }
    let wanted = |asked: Part| part.is_none_or(|part| part == asked);
    let scaled = |count: u64| (count / one_in).max(1);
    let programs = Programs::prepare()?;
    let mut report = Report::default();
    if wanted(Part::Requests) {
        requests::count(&programs, &mut report)?;
    }
    if wanted(Part::Canned) {
        works::canned(&programs, 3 * rounds, &mut report)?;
    }
    if wanted(Part::Calls) {
        calls::measure(&programs, rounds, scaled(10_000), &mut report)?;
    }
    if wanted(Part::Many) {
        many::measure(&programs, rounds.min(MOST_LONG), scaled(1_000_000), &mut report)?;
    }
    if wanted(Part::Compression) {
        compression::measure(&programs, rounds, scaled(100_000), &mut report)?;
    }
    if wanted(Part::Local) {
        local::measure(&programs, rounds, scaled(100_000), &mut report)?;
    }
    if wanted(Part::Growth) {
        growth::measure(&programs, rounds, &mut report)?;
    }
    if wanted(Part::Kinto) {
        kinto::measure(&programs, rounds, &mut report)?;
    }
    if wanted(Part::Store) {
        store::measure(&programs, rounds.min(MOST_LONG), stored, &mut report)?;
    }
    if wanted(Part::Build) {
        build::measure(rounds, &mut report)?;
    }
    markdown::print(&report);
    report.print_targets();
    report.write(&out)?;
    plot::draw(&report, &out)
}
