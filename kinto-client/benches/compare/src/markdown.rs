//! The tables of the README, as far as they were measured.

use crate::{
    calls, compression, many,
    measure::Cost,
    report::{Report, Table},
    works::{BY_HAND, ENVELOPE, PLAIN},
};

const CLIENT: &str = "kinto-client";
const PYTHON: &str = "kinto-http";
const NODE: &str = "kinto.js";

/// Prints all tables, ready to be pasted.
pub(crate) fn print(report: &Report) {
    let table = |id: &str| report.tables.iter().find(|table| table.id == id);
    works(["read", "stream", "create"].into_iter().filter_map(table));
    single_calls(calls::WORKS.into_iter().filter_map(|(id, _)| table(id)));
    streams(many::WORKS.into_iter().filter_map(|(_, id, verb)| Some((verb, table(id)?))));
    if let Some(near) = table("compression") {
        compressed(report, near, compression::PAGES.into_iter().filter_map(|(_, id)| table(id)));
    }
    if let Some(table) = table("store") {
        stored(report, table);
    }
}

/// CPU time for each record of the works that all programs do.
fn works<'a>(tables: impl Iterator<Item = &'a Table>) {
    let columns = [CLIENT, PLAIN, ENVELOPE, PYTHON, NODE];
    let rows: Vec<_> = tables
        .map(|table| {
            let cell = |label: &&str| {
                // A program that has one way only stands in the column of the plain struct.
                let cost = table.cost(label).or_else(|| (*label == PLAIN).then(|| table.cost(BY_HAND))?);
                cost.map_or_else(String::new, |cost| micros(cost.cpu))
            };
            (table.title.clone(), columns.iter().map(cell).collect())
        })
        .collect();
    let [_, _, _, python, node] = columns.map(versioned);
    grid("CPU time for each record", &[CLIENT, "by hand, plain struct", "by hand, envelope", &python, &node], &rows);
}

fn single_calls<'a>(tables: impl Iterator<Item = &'a Table>) {
    let columns = [CLIENT, BY_HAND, PYTHON, NODE];
    let mut rows = Vec::new();
    for table in tables {
        let row = |what: &str, of: &dyn Fn(&Cost) -> Option<f64>| {
            let cell = |label: &&str| table.cost(label).and_then(of).map_or_else(String::new, micros);
            (format!("{}: {what}", table.title), columns.iter().map(cell).collect::<Vec<_>>())
        };
        rows.push(row("CPU", &|cost| Some(cost.cpu)));
        rows.push(row("p50", &|cost| cost.latency.map(|[half, _]| half)));
        rows.push(row("p99", &|cost| cost.latency.map(|[_, most]| most)));
    }
    grid("Single calls", &columns.map(versioned).each_ref().map(String::as_str), &rows);
}

fn streams<'a>(tables: impl Iterator<Item = (&'a str, &'a Table)>) {
    let mut columns = Vec::new();
    let mut rows = Vec::new();
    for (verb, table) in tables {
        let [small, large] = &table.costs[..] else { continue };
        columns = [small, large]
            .map(|cost| cost.label.rsplit(", ").next().unwrap_or_default().to_owned())
            .into_iter()
            .chain(["ratio".to_owned(), "peak memory".to_owned()])
            .collect();
        let peak = large.peak / 1024.0;
        let cells =
            vec![micros(small.cpu), micros(large.cpu), format!("{:.3}", table.growth()), format!("{peak:.1} MB")];
        rows.push((verb.to_owned(), cells));
    }
    let columns: Vec<_> = columns.iter().map(String::as_str).collect();
    grid("Streams: CPU time for each record", &columns, &rows);
}

fn compressed<'a>(report: &Report, near: &Table, lines: impl Iterator<Item = &'a Table>) {
    let row = |what: &str, table: &Table, of: fn(&Cost) -> f64, show: fn(f64) -> String| {
        let [gzip, identity] =
            [compression::GZIP, compression::IDENTITY].map(|label| table.cost(label).map_or(f64::NAN, of));
        (what.to_owned(), vec![show(identity), show(gzip), format!("{:.2}", gzip / identity)])
    };
    let mut rows = Vec::new();
    if let Some(bytes) = report.facts.iter().find(|fact| fact.what == compression::BYTES) {
        let cells = vec![megabytes(bytes.plain), megabytes(bytes.ours), format!("{:.3}", bytes.ours / bytes.plain)];
        rows.push(("bytes".to_owned(), cells));
    }
    rows.push(row("CPU for each record", near, |cost| cost.cpu, micros));
    let elapsed = |cost: &Cost| cost.wall * f64::from(u32::try_from(cost.records).unwrap_or(u32::MAX)) / 1e6;
    rows.extend(lines.map(|line| row(&line.title, line, elapsed, seconds)));
    grid(&near.title, &["not compressed", "gzip", "ratio"], &rows);
}

fn stored(report: &Report, table: &Table) {
    let columns = [CLIENT, BY_HAND];
    let row = |what: &str, show: &dyn Fn(&Cost) -> String| {
        let cell = |label: &&str| table.cost(label).map_or_else(String::new, show);
        (what.to_owned(), columns.iter().map(cell).collect::<Vec<_>>())
    };
    let mut rows = vec![
        row("elapsed time for each record", &|cost| micros(cost.wall)),
        row("CPU time for each record", &|cost| micros(cost.cpu)),
        row("peak memory", &|cost| format!("{:.1} MB", cost.peak / 1024.0)),
    ];
    if let Some(lost) = report.facts.iter().find(|fact| fact.what == crate::store::LOST) {
        rows.push((lost.what.to_owned(), vec![lost.ours.to_string(), lost.plain.to_string()]));
    }
    grid(&table.title, &columns, &rows);
}

/// Prints a table, unless it has no rows.
fn grid(title: &str, columns: &[&str], rows: &[(String, Vec<String>)]) {
    if rows.is_empty() {
        return;
    }
    println!("\n{title}:\n\n| | {} |", columns.join(" | "));
    println!("|{}", "---|".repeat(columns.len() + 1));
    for (name, cells) in rows {
        println!("| {name} | {} |", cells.join(" | "));
    }
}

/// Adds the version of a program that is installed at one.
fn versioned(name: &str) -> String {
    let version = match name {
        PYTHON => include_str!("../programs/python/requirements.in").trim().split("==").nth(1),
        NODE => include_str!("../programs/node/package.json")
            .split("\"kinto\": \"")
            .nth(1)
            .and_then(|rest| rest.split('"').next()),
        _ => None,
    };
    let short = version.and_then(|version| version.rsplit_once('.')).map(|(short, _)| format!(" {short}"));
    format!("{name}{}", short.unwrap_or_default())
}

fn micros(value: f64) -> String {
    match value {
        ..10.0 => format!("{value:.2} µs"),
        ..100.0 => format!("{value:.1} µs"),
        ..10_000.0 => format!("{value:.0} µs"),
        _ => format!("{:.1} ms", value / 1e3),
    }
}

fn seconds(value: f64) -> String {
    format!("{value:.1} s")
}

fn megabytes(bytes: f64) -> String {
    format!("{:.1} MB", bytes / 1e6)
}
