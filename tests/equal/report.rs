//! The findings of a run, for people to read.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::run::{Difference, Tally};
use crate::step::{Step, listed};

/// The largest number of characters that are printed of an answer.
const LONGEST: usize = 3000;

/// A difference and the shortest sequence that was found to show it.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) number: u64,
    pub(crate) world: &'static str,
    pub(crate) kind: String,
    pub(crate) steps: Vec<Step>,
    pub(crate) difference: Difference,
}

impl Finding {
    pub(crate) fn text(&self, seed: u64) -> String {
        let Self { number, world, kind, steps, difference } = self;
        let mut text = format!("=== {kind}\nKINTO_TEST_SEED={seed} KINTO_TEST_SEQUENCE={number} ({world})\n");
        text += &listed(steps);
        for (place, one, other) in difference.places() {
            let _ = writeln!(text, "  {place}:\n    {}\n    {}", cut(&one.to_string()), cut(&other.to_string()));
        }
        for (name, said) in ["first", "second"].iter().zip(difference.said()) {
            let _ = writeln!(text, "--- the {name}, told and answering:\n{}", cut(&said));
        }
        text
    }
}

fn cut(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    format!(
        "{}… ({} bytes)",
        &text[..(0..=LONGEST).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default()],
        text.len()
    )
}

/// All that was found, as often as it was.
pub(crate) fn summary(
    findings: &BTreeMap<String, Vec<(u64, String)>>,
    sequences: u64,
    tally: &Tally,
    time: Duration,
) -> String {
    let mut text = String::new();
    let mut kinds: Vec<_> = findings.iter().collect();
    kinds.sort_by_key(|(_, numbers)| std::cmp::Reverse(numbers.len()));
    for (kind, found) in kinds {
        let times = found.len() + tally.known.get(kind).copied().unwrap_or_default();
        let _ = writeln!(text, "{times:>6} × {kind}");
        for (number, shape) in found.iter().take(4) {
            let _ = writeln!(text, "         {number}: {shape}");
        }
    }
    let _ = writeln!(text, "answers of the first:");
    for ((status, errno), times) in &tally.answers {
        let errno = if *errno == 0 { String::new() } else { format!("/{errno}") };
        let _ = writeln!(text, "{times:>8} × {status}{errno}");
    }
    let differences = findings.values().map(Vec::len).sum::<usize>() + tally.known.values().sum::<usize>();
    let Tally { steps, requests, .. } = tally;
    let _ = write!(
        text,
        "{sequences} sequences, {steps} steps, {requests} requests, {differences} differences, {:.1} seconds",
        time.as_secs_f64(),
    );
    text
}
