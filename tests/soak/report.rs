use std::{collections::BTreeMap, fmt, fs, sync::Arc, time::Duration};

use crate::ledger::{LOST, NOT_APPLIED_BUT_PRESENT, TOO_LONG, Tally, WRONG_COUNTERS, WRONG_READS};

/// The numbers of a run.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) elapsed: Duration,
    pub(crate) records: usize,
    pub(crate) tally: Arc<Tally>,
    pub(crate) met: BTreeMap<&'static str, u64>,
    /// After each quarter of the time, in bytes.
    pub(crate) memory: Vec<u64>,
}

/// The maximum growth of memory after a quarter of the time, in bytes.
const GROWTH: u64 = 16 << 20;

const NEVER: [&str; 5] = [LOST, NOT_APPLIED_BUT_PRESENT, WRONG_READS, WRONG_COUNTERS, TOO_LONG];

impl Report {
    pub(crate) fn failed(&self) -> bool {
        !self.tally.wrongs().is_empty() || self.growth() > GROWTH || self.tally.of("acknowledged writes") == 0
    }

    fn growth(&self) -> u64 {
        let (first, last) = (self.memory.first().copied(), self.memory.last().copied());
        last.unwrap_or_default().saturating_sub(first.unwrap_or_default())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>10.0}  seconds, {} records", self.elapsed.as_secs_f64(), self.records)?;
        let requests: u64 = self.met.values().sum();
        writeln!(f, "{requests:>10}  requests, and what happened to them:")?;
        for (fault, count) in self.met.iter().filter(|(fault, _)| **fault != "none") {
            writeln!(f, "{count:>14}  {fault}")?;
        }
        for (what, count) in self.tally.counts().iter().filter(|(what, _)| !NEVER.contains(what)) {
            writeln!(f, "{count:>10}  {what}")?;
        }
        for what in NEVER {
            writeln!(f, "{:>10}  {what}", self.tally.of(what))?;
        }
        for (operation, longest) in self.tally.longest() {
            writeln!(f, "{:>10.2}  seconds took the longest {operation}", longest.as_secs_f64())?;
        }
        let mebibytes: Vec<String> = self.memory.iter().map(|bytes| (bytes >> 20).to_string()).collect();
        write!(f, "{:>10}  MiB in use after each quarter", mebibytes.join(" "))?;
        self.tally.wrongs().iter().try_for_each(|wrong| write!(f, "\nWRONG: {wrong}"))
    }
}

/// Returns the memory of this process in bytes, or 0 if it is unknown.
pub(crate) fn memory() -> u64 {
    const PAGE: u64 = 4096;
    let pages = fs::read_to_string("/proc/self/statm").ok();
    pages.and_then(|pages| pages.split(' ').nth(1)?.parse::<u64>().ok()).unwrap_or_default() * PAGE
}
