//! Many records from a stream into Kinto on PostgreSQL, and what is stored of them afterwards.

use std::cell::Cell;

use crate::{
    Outcome,
    kinto::start,
    measure::{Case, rounds},
    programs::{Programs, run},
    report::{Report, Table},
    works::BY_HAND,
};

/// The number of requests in a batch, as Kinto has it by default.
const BATCH: u32 = 25;
pub(crate) const LOST: &str = "records that were acknowledged and are not stored";

pub(crate) fn measure(programs: &Programs, times: usize, records: u64, report: &mut Report) -> Outcome {
    let server = start(BATCH)?;
    let url = server.url();
    let client = |work, records| run(&mut programs.client.command(work, url, records, 1));
    client("prepare", 0)?;
    let [ours, plain] = [Cell::new(0.0), Cell::new(0.0)];
    // Counts the records that are stored, and makes the collection empty, so that none has a larger table than the other.
    let account = |lost: &Cell<f64>| -> Outcome {
        let said = client("check", records)?;
        let stored: u64 = said.split(' ').next().ok_or("it said nothing")?.parse()?;
        lost.set(lost.get() + (records - stored) as f64);
        client("clear", 0)?;
        Ok(())
    };
    let (after_ours, after_plain) = (|| account(&ours), || account(&plain));
    let cases = [
        Case {
            after: Some(&after_ours),
            ..Case::new(programs.client.name, &programs.client, "create-from", url, records)
        },
        Case { after: Some(&after_plain), ..Case::new(BY_HAND, &programs.plain, "create-from", url, records) },
    ];
    let costs = rounds(times, &cases)?;
    let title =
        format!("Storing {records} records from a stream in Kinto on PostgreSQL, two workers, batches of {BATCH}");
    let table = report.table(Table { id: "store", title, rounds: times, costs });
    let ratio = table.ratio(BY_HAND, |cost| cost.wall);
    let lost = [ours.get(), plain.get()];
    println!("acknowledged, and not stored: {}, by hand {}", lost[0], lost[1]);
    report.fact(LOST, lost);
    report.target(LOST, lost[0], 0.0, 0);
    if let Some(ratio) = ratio {
        report.target("wall, storing a stream in Kinto, against by hand with the same requests", ratio, 1.05, 2);
    }
    Ok(())
}
