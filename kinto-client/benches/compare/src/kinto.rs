//! The same work against Kinto on PostgreSQL, with two workers, as a user would see it.

use kinto_server::{Backend, Server};

use crate::{
    Outcome,
    measure::{Case, rounds},
    programs::{Programs, run},
    report::{Report, Table},
    works::cases,
};

const RECORDS: u64 = 100_000;
const PAGE: u32 = 1_000;
const CREATED: u64 = 1_000;
const UPDATED: u64 = 200;
/// The collection is filled in larger batches than Kinto takes by default; nothing of that is measured.
const FILLING: u32 = 500;
const FENCED: &str = "kinto-client, behind a fence";
const PARALLEL: &str = "kinto-client, parallel()";

pub(crate) fn measure(programs: &Programs, times: usize, report: &mut Report) -> Outcome {
    let server = start(FILLING)?;
    fill(programs, server.url(), RECORDS)?;
    let mut cases_read = cases(programs, "read", server.url(), RECORDS);
    let parallel = Case {
        label: PARALLEL.to_owned(),
        work: "read-parallel",
        ..cases(programs, "read", server.url(), RECORDS).remove(0)
    };
    cases_read.insert(0, parallel);
    let costs = rounds(times, &cases_read)?;
    let title = format!("Reading {RECORDS} typed records from Kinto on PostgreSQL, two workers, {PAGE} a page");
    let table = report.table(Table { id: "kinto-read", title, rounds: times, costs });
    if let Some(ratio) = table.ratio("kinto-http", |cost| cost.wall) {
        report.target("wall, reading from Kinto with `parallel()`, against kinto-http", ratio, 0.65, 2);
    }
    drop(server);

    let server = start(25)?;
    fill(programs, server.url(), 25)?;
    let costs = rounds(times, &cases(programs, "create", server.url(), CREATED))?;
    let title = format!("Creating {CREATED} records in batches of 25 in Kinto on PostgreSQL, two workers");
    report.table(Table { id: "kinto-create", title, rounds: times, costs });

    let updates = |label: &str, work| Case {
        label: label.to_owned(),
        work,
        ..cases(programs, "create", server.url(), UPDATED).remove(0)
    };
    let fenced = [updates("kinto-client", "update"), updates(FENCED, "update-fenced")];
    let costs = rounds(times, &fenced)?;
    let title = format!("{UPDATED} updates of one record, read and saved, in Kinto on PostgreSQL, two workers");
    let table = report.table(Table { id: "kinto-update", title, rounds: times, costs });
    if let Some(ratio) = table.ratio(FENCED, |cost| cost.wall) {
        report.target("wall, an update behind a fence, against one without", 1.0 / ratio, 2.0, 2);
    }
    Ok(())
}

/// Starts Kinto on PostgreSQL, with two workers, which takes so many requests in a batch.
pub(crate) fn start(batch: u32) -> Outcome<Server> {
    let server = Server::builder().backend(Backend::PostgreSql).workers(2).paginate_by(PAGE).batch_max_requests(batch);
    // Only the plugins that signing in needs.
    Ok(server.setting("kinto.includes", "kinto.plugins.accounts").start()?)
}

fn fill(programs: &Programs, url: &str, records: u64) -> Outcome {
    eprintln!("storing {records} records in Kinto …");
    run(&mut programs.client.command("prepare", url, 0, 1))?;
    run(&mut programs.client.command("create", url, records, 1))?;
    Ok(())
}
