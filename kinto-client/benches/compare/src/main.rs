//! `cargo run --release -p kinto-compare`: what programs cost that do the same work, and what was to be reached.

#![expect(clippy::cast_precision_loss, reason = "what is measured is far from where that begins")]

use std::{error::Error, path::PathBuf};

use clap::{Parser, Subcommand};

mod build;
mod canned;
mod growth;
mod kinto;
mod measure;
mod plot;
mod programs;
mod report;
mod requests;
mod works;

use programs::Programs;
use report::Report;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

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
    /// The folder for the results, as JSON and as plots.
    #[arg(long, global = true, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/results"))]
    out: PathBuf,
}

#[derive(Subcommand, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Reading and creating against canned answers: the clients alone.
    Canned,
    /// Reading and creating against Kinto on PostgreSQL with two workers: what a user gets.
    Kinto,
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
    let Arguments { part, rounds, out } = Arguments::parse();
    if let Some(Part::Serve { records, page }) = part {
        return canned::serve(records, page);
    }
    let wanted = |asked: Part| part.is_none_or(|part| part == asked);
    let programs = Programs::prepare()?;
    let mut report = Report::default();
    if wanted(Part::Requests) {
        requests::count(&programs, &mut report)?;
    }
    if wanted(Part::Canned) {
        works::canned(&programs, 3 * rounds, &mut report)?;
    }
    if wanted(Part::Growth) {
        growth::measure(&programs, rounds, &mut report)?;
    }
    if wanted(Part::Kinto) {
        kinto::measure(&programs, rounds, &mut report)?;
    }
    if wanted(Part::Build) {
        build::measure(rounds, &mut report)?;
    }
    report.print_targets();
    report.write(&out)?;
    plot::draw(&report, &out)
}
