//! Records that are written while a stream yields them: a million are to need the memory and the time for each of a few.

use crate::{
    Outcome,
    canned::Canned,
    measure::{Case, Cost, rounds},
    programs::Programs,
    report::{Report, Table},
};

/// The works of the client, the names of their tables, and the verbs.
pub(crate) const WORKS: [(&str, &str, &str); 4] = [
    ("create-from", "many-create", "create"),
    ("overwrite-from", "many-overwrite", "overwrite"),
    ("save-from", "many-save", "save"),
    ("delete-from", "many-delete", "delete"),
];
/// The share of the records that the small stream has.
const SHARE: u64 = 100;

pub(crate) fn measure(programs: &Programs, times: usize, records: u64, report: &mut Report) -> Outcome {
    let (few, many) = ((records / SHARE).max(1), records.max(1));
    let servers = [Canned::start(few, 1_000)?, Canned::start(many, 1_000)?];
    for (work, id, verb) in WORKS {
        let case = |records: u64, url| {
            let label = format!("{verb}, {records} records");
            // The small stream as often as it takes to be as long as the large one, each time with a new client: one that
            // kept something of each record would make only the large one slower.
            let times = many / records;
            Case { times, idle: "new-client", ..Case::new(label, &programs.client, work, url, records) }
        };
        let [small, large] = &servers;
        let costs = rounds(times, &[case(few, &*small.url), case(many, &*large.url)])?;
        let title = format!("Streams into batches of 25: {verb}, canned");
        let table = report.table(Table { id, title, rounds: times, costs });
        let (peak, growth) = (table.peak_of_last(), table.growth());
        report.target(format!("peak memory, {verb} of {many} records from a stream, MB"), peak, 32.0, 1);
        report.target(format!("CPU for each record, {verb} of {many} against {few}"), growth, 1.05, 3);
    }
    Ok(())
}

impl Table {
    fn peak_of_last(&self) -> f64 {
        self.costs.last().map_or(f64::NAN, |cost| cost.peak / 1024.0)
    }

    /// The CPU time for each record of the last case against the first.
    pub(crate) fn growth(&self) -> f64 {
        let cpu = |cost: Option<&Cost>| cost.map_or(f64::NAN, |cost| cost.cpu);
        cpu(self.costs.last()) / cpu(self.costs.first())
    }
}
