//! Single calls against canned answers: the CPU time of each, and how long it takes.

use crate::{
    Outcome,
    canned::Canned,
    measure::rounds,
    programs::Programs,
    report::{Report, Table},
    works::{BY_HAND, cases, targets},
};

/// The works, the names of their tables and what they are.
pub(crate) const WORKS: [(&str, &str); 3] = [
    ("gets", "gets, one after the other"),
    ("gets-at-once", "gets by 64 tasks at once"),
    ("saves", "saves of a changed record, one after the other"),
];

pub(crate) fn measure(programs: &Programs, times: usize, calls: u64, report: &mut Report) -> Outcome {
    let server = Canned::start(calls.max(1), 1_000)?;
    for (work, name) in WORKS {
        let costs = rounds(times, &cases(programs, work, &server.url, calls))?;
        let table = Table { id: work, title: format!("{calls} {name}, canned"), rounds: times, costs };
        targets(report, table, &format!("CPU, {name}"), &[(BY_HAND, 1.25)]);
    }
    Ok(())
}
