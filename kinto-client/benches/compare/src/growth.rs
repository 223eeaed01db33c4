//! The same work at several sizes: what a record costs is to stay the same.

use crate::{
    Outcome,
    canned::Canned,
    measure::{Case, Cost, rounds},
    programs::Programs,
    report::{Report, Table},
};

/// Records in a page of the lists that grow: 10, 100 and 1,000 pages.
const PAGE: u64 = 100;
const LISTS: [u64; 3] = [1_000, 10_000, 100_000];
const BATCHES: [u64; 4] = [25, 250, 2_500, 25_000];
const STREAMS: [u64; 2] = [100_000, 1_000_000];

pub(crate) fn measure(programs: &Programs, times: usize, report: &mut Report) -> Outcome {
    let servers = LISTS.map(|records| Canned::start(records, PAGE));
    let servers = servers.into_iter().collect::<Outcome<Vec<_>>>()?;
    let case = |label: String, work, url, records, times| Case {
        times,
        ..Case::new(label, &programs.client, work, url, records)
    };
    // The small ones as often as it takes to be as long as the large ones: a process that is over at once cannot be timed.
    let most = LISTS[2];
    for work in ["read", "stream"] {
        let lists = LISTS.iter().zip(&servers);
        let cases: Vec<_> = lists
            .map(|(&records, server)| {
                case(
                    format!("{records} records, {} pages", records / PAGE),
                    work,
                    &*server.url,
                    records,
                    most / records,
                )
            })
            .collect();
        let title = format!("Growth: {work}, {PAGE} a page");
        let table = Table {
            id: if work == "read" { "lists" } else { "pages" },
            title,
            rounds: times,
            costs: rounds(times, &cases)?,
        };
        flat(report, table, work);
    }

    let most = BATCHES[3];
    let server = servers.first().ok_or("no server")?;
    let cases: Vec<_> = BATCHES
        .iter()
        .map(|&records| case(format!("{records} operations"), "create", &*server.url, records, most / records))
        .collect();
    let title = "Growth: batches".to_owned();
    flat(report, Table { id: "batches", title, rounds: times, costs: rounds(times, &cases)? }, "batches");

    let servers = STREAMS.map(|records| Canned::start(records, 1_000));
    let servers = servers.into_iter().collect::<Outcome<Vec<_>>>()?;
    let streams = STREAMS.iter().zip(&servers);
    let cases: Vec<_> = streams
        .map(|(&records, server)| case(format!("{records} records"), "stream", &*server.url, records, 1))
        .collect();
    let title = "Streaming, 1,000 a page".to_owned();
    let table = report.table(Table { id: "memory", title, rounds: times, costs: rounds(times, &cases)? });
    let peaks: Vec<f64> = table.costs.iter().map(|cost| cost.peak / 1024.0).collect();
    if let [small, large] = peaks[..] {
        report.target("peak memory of streaming 1,000,000 records, MB", large, 32.0, 1);
        report.target("that against streaming 100,000", large / small, 1.10, 2);
    }
    Ok(())
}

/// The most that a record costs at any size, against the smallest size.
fn flat(report: &mut Report, table: Table, what: &str) {
    let table = report.table(table);
    let most = |of: fn(&Cost) -> f64| {
        let smallest = table.costs.first().map_or(f64::NAN, of);
        table.costs.iter().map(of).fold(0.0, f64::max) / smallest
    };
    let (cpu, wall) = (most(|cost| cost.cpu), most(|cost| cost.wall));
    report.target(format!("growth, {what}: CPU for each record, the largest against the smallest"), cpu, 1.10, 2);
    report.target(format!("growth, {what}: wall for each record, the largest against the smallest"), wall, 1.10, 2);
}
