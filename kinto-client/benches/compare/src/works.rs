//! The clients alone: the same work against canned answers.

use crate::{
    Outcome,
    canned::Canned,
    measure::{Case, rounds},
    programs::{Program, Programs},
    report::{Report, Table},
};

pub(crate) const PLAIN: &str = "by hand, one plain struct";
pub(crate) const ENVELOPE: &str = "by hand, an envelope for all types";

pub(crate) const BY_HAND: &str = "by hand";
const RECORDS: u64 = 100_000;
const PAGE: u64 = 1_000;
const CREATED: u64 = 10_000;

/// All programs at the same work, ours first.
pub(crate) fn cases<'a>(programs: &'a Programs, work: &'static str, url: &'a str, records: u64) -> Vec<Case<'a>> {
    let case = |label: &'static str, program: &'a Program, work| Case::new(label, program, work, url, records);
    let mut cases = vec![case(programs.client.name, &programs.client, work)];
    match work {
        "read" => {
            cases.push(case(PLAIN, &programs.plain, work));
            cases.push(case(ENVELOPE, &programs.plain, "read-envelope"));
        }
        "stream" => {
            cases.push(case(PLAIN, &programs.plain, work));
            cases.push(case(ENVELOPE, &programs.plain, "stream-envelope"));
        }
        _ => cases.push(case(BY_HAND, &programs.plain, work)),
    }
    let others = [&programs.python, &programs.node].into_iter().flatten();
    cases.extend(others.map(|program| case(program.name, program, work)));
    cases
}

pub(crate) fn canned(programs: &Programs, times: usize, report: &mut Report) -> Outcome {
    let server = Canned::start(RECORDS, PAGE)?;
    let costs = rounds(times, &cases(programs, "read", &server.url, RECORDS))?;
    let title = format!("Reading {RECORDS} typed records into memory, canned, {PAGE} a page");
    let bounds = [(PLAIN, 1.10), (ENVELOPE, 1.00), ("kinto-http", 0.22), ("kinto.js", 0.25)];
    targets(report, Table { id: "read", title, rounds: times, costs }, "CPU, reading", &bounds);

    let costs = rounds(times, &cases(programs, "stream", &server.url, RECORDS))?;
    let title = format!("Reading {RECORDS} typed records one after the other, canned, {PAGE} a page");
    targets(report, Table { id: "stream", title, rounds: times, costs }, "CPU, streaming", &bounds);

    let costs = rounds(times, &cases(programs, "create", &server.url, CREATED))?;
    let title = format!("Creating {CREATED} records in batches of 25, canned");
    targets(report, Table { id: "create", title, rounds: times, costs }, "CPU, creating", &[("kinto-http", 0.15)]);
    Ok(())
}

/// Adds a table, and the bounds of our CPU time against that of others.
pub(crate) fn targets(report: &mut Report, table: Table, what: &str, at_most: &[(&str, f64)]) {
    let table = report.table(table);
    let ratios: Vec<_> = at_most
        .iter()
        .filter_map(|(label, at_most)| Some((*label, table.ratio(label, |cost| cost.cpu)?, *at_most)))
        .collect();
    for (label, ratio, at_most) in ratios {
        report.target(format!("{what}, against {label}"), ratio, at_most, 2);
    }
}
