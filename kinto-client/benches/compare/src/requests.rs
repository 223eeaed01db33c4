//! The number of requests per operation.

use std::collections::BTreeMap;

use crate::{
    Outcome,
    canned::Canned,
    programs::{Programs, run},
    report::Report,
};

const RECORDS: u64 = 10_000;
const PAGE: u64 = 1_000;

pub(crate) fn count(programs: &Programs, report: &mut Report) -> Outcome {
    let server = Canned::start(RECORDS, PAGE)?;
    let requests = |work| -> Outcome<BTreeMap<String, u64>> {
        server.requests()?;
        run(&mut programs.client.command(work, &server.url, RECORDS, 1))?;
        server.requests()
    };
    let saving = requests("save")?;
    let reading = RECORDS / PAGE;
    println!("\nTo read {RECORDS} records and save them, 100 of them changed: {saving:?}");
    let sent: u64 = saving.values().sum();
    report.target("requests to save 10,000 records of which 100 changed", f(sent - reading), f(1 + 100 / 25), 0);

    let unchanged = requests("unchanged")?;
    println!("To read a page, and then ask for what has changed since: {unchanged:?}");
    let sent: u64 = unchanged.values().sum();
    report.target("requests for a collection that has not changed, answered 304", f(sent - 1), 1.0, 0);
    Ok(())
}

fn f(number: u64) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}
