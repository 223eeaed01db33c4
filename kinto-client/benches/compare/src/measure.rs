//! Measures a program: many runs, alternating with those of the others, minus the cost of a run that does
//! nothing.

use std::{collections::BTreeMap, time::Instant};

use nix::sys::resource::{Usage, UsageWho, getrusage};
use serde::Serialize;

use crate::{
    Outcome,
    programs::{Program, run},
};

/// One thing to be measured.
pub(crate) struct Case<'a> {
    pub(crate) label: String,
    pub(crate) program: &'a Program,
    pub(crate) work: &'static str,
    pub(crate) url: &'a str,
    pub(crate) records: u64,
    /// The number of times that the program does the work.
    pub(crate) times: u64,
    /// The number of records that it must report each time.
    pub(crate) expected: u64,
    /// The work of the run whose cost is taken off.
    pub(crate) idle: &'static str,
    /// The work after each run that is not measured.
    pub(crate) after: Option<&'a dyn Fn() -> Outcome>,
}

impl<'a> Case<'a> {
    /// Returns the case of a program that does the work once, and has to report all records.
    pub(crate) fn new(
        label: impl Into<String>,
        program: &'a Program,
        work: &'static str,
        url: &'a str,
        records: u64,
    ) -> Self {
        Self {
            label: label.into(),
            program,
            work,
            url,
            records,
            times: 1,
            expected: records,
            idle: "nothing",
            after: None,
        }
    }
}

/// Medians over the rounds, of the work alone, except the peak.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Cost {
    pub(crate) label: String,
    pub(crate) records: u64,
    /// CPU time, user and system, in microseconds for each record.
    pub(crate) cpu: f64,
    /// Elapsed time in microseconds for each record.
    pub(crate) wall: f64,
    /// The most memory that the whole process ever had, in kB.
    pub(crate) peak: f64,
    /// The CPU time of a run that does nothing, in milliseconds; it is taken off above.
    pub(crate) start_cpu: f64,
    /// The most memory that a run that does nothing ever had, in kB; it is not taken off.
    pub(crate) start_peak: f64,
    /// The times that half and 99 % of the calls took at most, in microseconds, where each call was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) latency: Option<[f64; 2]>,
}

#[derive(Default)]
struct Samples {
    cpu: Vec<f64>,
    wall: Vec<f64>,
    peak: Vec<f64>,
    latency: [Vec<f64>; 2],
}

struct Sample {
    cpu: f64,
    wall: f64,
    peak: f64,
    /// The percentiles of single calls, if the program measured them.
    latency: Vec<f64>,
}

/// Measures all cases, one after the other in each round, each after a run that does nothing.
pub(crate) fn rounds(rounds: usize, cases: &[Case<'_>]) -> Outcome<Vec<Cost>> {
    let mut samples: BTreeMap<(usize, bool), Samples> = BTreeMap::new();
    for round in 0..rounds {
        eprint!("\rround {} of {rounds} ", round + 1);
        for (index, case) in cases.iter().enumerate() {
            for idle in [true, false] {
                let sample = once(case, idle).map_err(|error| format!("{}: {error}", case.label))?;
                let samples = samples.entry((index, idle)).or_default();
                samples.cpu.push(sample.cpu);
                samples.wall.push(sample.wall);
                samples.peak.push(sample.peak);
                for (samples, share) in samples.latency.iter_mut().zip(sample.latency) {
                    samples.push(share);
                }
                if let Some(after) = case.after.filter(|_| !idle) {
                    after().map_err(|error| format!("{}: {error}", case.label))?;
                }
            }
        }
    }
    eprint!("\r                    \r");
    let cost = |(index, case): (usize, &Case<'_>)| {
        let [mut work, mut idle] = [false, true].map(|idle| samples.remove(&(index, idle)).unwrap_or_default());
        let records = case.expected.max(1) * case.times;
        let each = |work: f64, idle: f64| (work - idle) * 1e6 / f64::from(u32::try_from(records).unwrap_or(u32::MAX));
        let (idle_cpu, idle_wall) = (median(&mut idle.cpu), median(&mut idle.wall));
        Cost {
            label: case.label.clone(),
            records,
            cpu: each(median(&mut work.cpu), idle_cpu),
            wall: each(median(&mut work.wall), idle_wall),
            peak: median(&mut work.peak),
            start_cpu: idle_cpu * 1e3,
            start_peak: median(&mut idle.peak),
            latency: (!work.latency[0].is_empty()).then(|| work.latency.each_mut().map(|shares| median(shares))),
        }
    };
    Ok(cases.iter().enumerate().map(cost).collect())
}

/// Runs a program once.
fn once(case: &Case<'_>, idle: bool) -> Outcome<Sample> {
    let work = if idle { case.idle } else { case.work };
    let before = children()?;
    let start = Instant::now();
    let said = run(&mut case.program.command(work, case.url, case.records, case.times))?;
    let wall = start.elapsed().as_secs_f64();
    let cpu = children()? - before;
    let mut words = said.split_whitespace();
    let count: u64 = words.next().ok_or("it said nothing")?.parse()?;
    let expected = if idle { 0 } else { case.expected * case.times };
    if count != expected {
        return Err(format!("it had {count} records, and not {expected}").into());
    }
    let peak = words.nth(1).ok_or("it did not say its peak")?.parse()?;
    let latency = words.map(str::parse).collect::<Result<_, _>>()?;
    Ok(Sample { cpu, wall, peak, latency })
}

/// The CPU time of all processes that this one has waited for, in seconds.
fn children() -> Outcome<f64> {
    let usage: Usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}

pub(crate) fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    let middle = samples.len() / 2;
    match (samples.get(middle.wrapping_sub(1)), samples.get(middle)) {
        (Some(low), Some(high)) if samples.len().is_multiple_of(2) => f64::midpoint(*low, *high),
        (_, Some(middle)) => *middle,
        _ => f64::NAN,
    }
}
