//! Records in a store: a first pull, queries, edits and a push.

use crate::{
    Outcome,
    canned::Canned,
    measure::{Case, Cost, rounds},
    programs::Programs,
    report::{Report, Table},
};

const OURS: &str = "kinto-client, local";
const RUSQLITE: &str = "rusqlite";
const STREAM: &str = "kinto-client, a stream";
const KINTO_JS: &str = "kinto.js, in memory";
/// The number of edits, each of which is on the disk when it returns.
const EDITS: u64 = 500;
/// The number of records that are changed before a push.
const PUSHED: u64 = 1_000;
/// The number of queries of 20 records each.
const FOUND: u64 = 100 * 20;

pub(crate) fn measure(programs: &Programs, times: usize, records: u64, report: &mut Report) -> Outcome {
    pull(programs, times, records, report)?;
    growth(programs, times, records, report)?;
    query(programs, times, records, report)?;
    edit(programs, times, report)?;
    push(programs, times, report)
}

/// A first pull, against the same records read one after the other, alone and into tables by rusqlite; and against kinto.js with
/// its records in memory.
fn pull(programs: &Programs, times: usize, records: u64, report: &mut Report) -> Outcome {
    let server = Canned::start(records, 1_000)?;
    let mut cases = vec![
        Case::new(OURS, &programs.local, "pull", &server.url, records),
        Case::new(STREAM, &programs.client, "stream", &server.url, records),
        Case::new(RUSQLITE, &programs.local, "pull-by-hand", &server.url, records),
    ];
    if let Some(node) = &programs.node_local {
        cases.push(Case::new(KINTO_JS, node, "pull", &server.url, records));
    }
    let costs = rounds(times, &cases)?;
    let title = format!("First pull of {records} records into a store, canned");
    let table = report.table(Table { id: "local-pull", title, rounds: times, costs });
    let targets = [(STREAM, "a stream of them", 2.5), (KINTO_JS, "kinto.js", 0.35)];
    let ratios = targets.map(|(label, name, most)| (table.ratio(label, |cost| cost.cpu), name, most));
    for (ratio, name, most) in ratios {
        if let Some(ratio) = ratio {
            report.target(format!("CPU, first pull of {records} records, against {name}"), ratio, most, 2);
        }
    }
    Ok(())
}

/// The memory of a first pull of few and of many records.
fn growth(programs: &Programs, times: usize, records: u64, report: &mut Report) -> Outcome {
    let sizes = [(records / 10).max(1), records * 10];
    let [few, many] = sizes.map(|records| Canned::start(records, 1_000));
    let (few, many) = (few?, many?);
    let case = |records, url| Case::new(format!("{records} records"), &programs.local, "pull", url, records);
    let costs = rounds(times.min(3), &[case(sizes[0], &few.url), case(sizes[1], &many.url)])?;
    let table = Table { id: "local-growth", title: "First pulls, canned".to_owned(), rounds: times.min(3), costs };
    let table = report.table(table);
    let peak = table.costs.last().map_or(f64::NAN, |cost| cost.peak / 1024.0);
    report.target(format!("peak memory, first pull of {} records, MB", sizes[1]), peak, 48.0, 1);
    Ok(())
}

/// The first records by a field with an index.
fn query(programs: &Programs, times: usize, records: u64, report: &mut Report) -> Outcome {
    let records = records * 10;
    let server = Canned::start(records, 1_000)?;
    let case = Case { expected: FOUND, ..Case::new(OURS, &programs.local, "query", &server.url, records) };
    let costs = rounds(times.min(3), &[case])?;
    let title = format!("The first 20 of {records} records by an indexed field");
    let table = report.table(Table { id: "local-query", title, rounds: times.min(3), costs });
    let half = table.costs.first().and_then(|cost| cost.latency).map_or(f64::NAN, |[half, _]| half / 1000.0);
    report.target(format!("a query of 20 among {records} records by an index, median, ms"), half, 1.0, 2);
    Ok(())
}

/// Durable edits of one record each. The rows of rusqlite are written by a thread that waits, as blocking calls do.
fn edit(programs: &Programs, times: usize, report: &mut Report) -> Outcome {
    let server = Canned::start(EDITS, 1_000)?;
    let works = [
        ("edits, blocking", "edits-blocking"),
        ("edits", "edits"),
        ("updates by a function", "updates"),
        (RUSQLITE, "edits-by-hand"),
    ];
    let cases = works.map(|(label, work)| Case::new(label, &programs.local, work, &server.url, EDITS));
    let costs = rounds(times, &cases)?;
    let title = format!("{EDITS} edits of one record each, each on the disk");
    let table = report.table(Table { id: "local-edits", title, rounds: times, costs });
    let half = |cost: &Cost| cost.latency.map_or(f64::NAN, |[half, _]| half);
    let Some(by_hand) = table.cost(RUSQLITE).map(half) else { return Ok(()) };
    let ratio = |label| table.cost(label).map_or(f64::NAN, |cost| half(cost) / by_hand);
    let ratios = works.map(|(label, _)| (label, ratio(label)));
    for (label, ratio) in ratios.into_iter().filter(|(label, _)| *label != RUSQLITE) {
        report.target(format!("time, durable {label}, median, against rusqlite"), ratio, 1.2, 2);
    }
    Ok(())
}

/// A push of changes, without what the changes themselves take, against saving as many records.
fn push(programs: &Programs, times: usize, report: &mut Report) -> Outcome {
    let server = Canned::start(PUSHED, 1_000)?;
    let case =
        |label, program, work, expected| Case { expected, ..Case::new(label, program, work, &server.url, PUSHED) };
    let cases = [
        case("pull, edit, push", &programs.local, "pull-and-push", PUSHED),
        case("pull, edit", &programs.local, "pull-and-edit", PUSHED),
        case("read and save_records", &programs.client, "save-all", PUSHED),
        case("read", &programs.client, "read", PUSHED),
    ];
    let costs = rounds(times, &cases)?;
    let title = format!("A push of {PUSHED} changes, canned");
    let table = report.table(Table { id: "local-push", title, rounds: times, costs });
    let [all, edit, save, read] = ["pull, edit, push", "pull, edit", "read and save_records", "read"]
        .map(|label| table.cost(label).map_or(f64::NAN, |cost| cost.cpu));
    report.target("CPU, a push, against save_records", (all - edit) / (save - read), 1.2, 2);
    Ok(())
}
