//! Loads a JSON file of records into a collection: `cargo run --example load -- FILE.json`.
//!
//! Killed in the middle and run again, it ends with the collection that it would have made at once: read `load.rs`.
//! Without a file it makes one, and without a server it starts one, so that it can be tried with nothing at all. Its memory
//! does not depend on the number of records, but for the 16 bytes of an id.

mod cli;
mod failure;
mod input;
mod load;
mod sample;
mod target;

use std::{
    fmt,
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
    time::Instant,
};

use clap::Parser as _;
use futures_util::stream;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use tokio::sync::mpsc;

use crate::{
    cli::Cli,
    failure::{Failure, Result},
    load::Loaded,
    target::Target,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "load: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: &Cli) -> Result {
    let sample = if cli.file.is_none() { Some(sample::file()?) } else { None };
    let file = cli.file.as_deref().or(sample.as_deref()).ok_or_else(|| Failure::new("which file?"))?;
    let failed = |why: String| Failure::new(format!("{}: {why}", file.display()));
    // A file is read twice, so that nothing is loaded if something in it is wrong. The standard input cannot be.
    let number =
        if file == Path::new("-") { None } else { Some(input::read(input::open(file)?, |_| true).map_err(failed)?) };
    let target = Target::open(cli, file).await?;
    let records = number.map_or_else(|| "the records".to_owned(), |number| format!("{number} records"));
    say(format_args!("{records} of {} go to {}", file.display(), target.name()));

    let start = Instant::now();
    let bar = bar(number);
    let (send, mut receive) = mpsc::channel(100);
    let opened = input::open(file)?;
    let reading = tokio::task::spawn_blocking(move || input::read(opened, |record| send.blocking_send(record).is_ok()));
    let records = stream::poll_fn(move |context| receive.poll_recv(context));
    let loaded = load::load(&target.collection, records, |done| bar.set_position(done as u64)).await;
    bar.finish_and_clear();
    let read = reading.await.map_err(|error| Failure::new(error.to_string()))?;
    report(&loaded)?;
    read.map_err(failed)?;
    say(format_args!("done in {:.1} s", start.elapsed().as_secs_f64()));
    if target.is_passing() {
        say("The server was started for this run, and ends with it: --server URL names one that stays.");
    }
    Ok(())
}

/// Creates a progress bar, which is hidden unless stderr is a terminal; without a number it only counts.
fn bar(records: Option<usize>) -> ProgressBar {
    let bar = records.map_or_else(ProgressBar::no_length, |records| ProgressBar::new(records as u64));
    let template = match records {
        Some(_) => "{bar:40} {pos} of {len}, {speed}, {eta} left",
        None => "{spinner} {pos}, {speed}",
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let speed = |state: &ProgressState, text: &mut dyn fmt::Write| {
        let _ = write!(text, "{:.0} per second", state.per_sec());
    };
    bar.with_style(style.with_key("speed", speed))
}

fn report(loaded: &Loaded) -> Result {
    let Loaded { created, changed, same, failures } = loaded;
    say(format_args!("{created} created, {changed} changed, {same} were there already"));
    for failure in failures.iter().take(5) {
        say(format_args!("{failure}"));
    }
    if failures.is_empty() {
        return Ok(());
    }
    let shown = failures.len().min(5);
    Err(Failure::new(format!("{} are not loaded, of which {shown} are shown; run it again to go on", failures.len())))
}

/// `println!` would panic when nobody reads to the end.
fn say(text: impl std::fmt::Display) {
    let _ = writeln!(io::stdout(), "{text}");
}
