//! The same list read with and without compression, behind nginx: its bytes, CPU time, and the time on a slow line.

use std::time::Duration;

use crate::{
    Outcome,
    canned::Canned,
    line::{Line, Speed},
    measure::{Case, rounds},
    nginx::{self, Nginx},
    programs::{Program, Programs, run},
    report::{Report, Table},
};

/// The size of the pages of all other comparisons.
const PAGE: u64 = 1_000;
/// The sizes of the pages on the line, and the names of their tables: the second is that of a Kinto whose settings name
/// none.
pub(crate) const PAGES: [(u64, &str); 2] = [(PAGE, "line"), (10_000, "line-long-pages")];
const SPEED: Speed = Speed { bits_per_second: 20e6, round_trip: Duration::from_millis(40) };
/// Each round on the line takes most of a minute, of which hardly anything depends on this machine.
const MOST_ON_THE_LINE: usize = 3;
pub(crate) const BYTES: &str = "bytes to read with gzip, and without";
pub(crate) const GZIP: &str = "kinto-client, gzip";
pub(crate) const IDENTITY: &str = "kinto-client, not compressed";

pub(crate) fn measure(programs: &Programs, times: usize, records: u64, report: &mut Report) -> Outcome {
    if nginx::binary().is_none() {
        eprintln!("compression is left out: nginx is not installed");
        return Ok(());
    }
    for (page, id) in PAGES {
        let server = Canned::start(records, page)?;
        let (gzip, identity) = (Nginx::start(&server.url, true)?, Nginx::start(&server.url, false)?);
        let urls = [&*gzip.url, &identity.url];
        if page == PAGE {
            let bytes = [count(programs, urls[0], records)?, count(programs, urls[1], records)?];
            report.fact(BYTES, bytes);
            report.target("bytes with gzip, against without", bytes[0] / bytes[1], 0.15, 3);

            let costs = rounds(times, &cases(programs, urls, records))?;
            let title = format!("Reading {records} records one after the other behind nginx, canned, {page} a page");
            let table = report.table(Table { id: "compression", title, rounds: times, costs });
            if let Some(ratio) = table.ratio(IDENTITY, |cost| cost.cpu) {
                report.target("CPU, reading with gzip, against without", ratio, 1.6, 2);
            }
        }
        let lines = [Line::new(urls[0], Some(SPEED))?, Line::new(urls[1], Some(SPEED))?];
        let times = times.min(MOST_ON_THE_LINE);
        let costs = rounds(times, &cases(programs, lines.each_ref().map(|line| &*line.url), records))?;
        let title = format!("Reading {records} records, {page} a page, on a line of 20 Mbit/s and 40 ms");
        let table = report.table(Table { id, title, rounds: times, costs });
        if let Some(ratio) = table.ratio(IDENTITY, |cost| cost.wall) {
            let what = format!("wall on a line of 20 Mbit/s and 40 ms, {page} a page, gzip against without");
            report.target(what, ratio, 1.0 / 3.0, 3);
        }
    }
    Ok(())
}

/// Counts the bytes of all requests and responses.
fn count(programs: &Programs, url: &str, records: u64) -> Outcome<f64> {
    let line = Line::new(url, None)?;
    run(&mut programs.client.command("stream", &line.url, records, 1))?;
    Ok(line.bytes() as f64)
}

/// Our program and that by hand, each with gzip and without, which is for the server to say.
fn cases<'a>(programs: &'a Programs, [gzip, identity]: [&'a str; 2], records: u64) -> Vec<Case<'a>> {
    let case = |label: &'static str, program: &'a Program, url| Case::new(label, program, "stream", url, records);
    vec![
        case(GZIP, &programs.client, gzip),
        case(IDENTITY, &programs.client, identity),
        case("by hand, gzip", &programs.plain, gzip),
        case("by hand, not compressed", &programs.plain, identity),
    ]
}
