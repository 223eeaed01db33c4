//! The accounts: the responses that tasks got, and what must be stored according to them.

use std::collections::BTreeMap;

use kinto_client::Result;

use crate::trace;

/// The fate of a write, as its caller was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Done,
    NotDone,
    Unknown,
}

impl Fate {
    pub(crate) fn of<T>(outcome: &Result<T>) -> Self {
        let fate = Self::told_by(outcome);
        trace::note(|| match outcome {
            Ok(_) => "told: done".to_owned(),
            Err(error) => format!("told: {fate:?}: {error}"),
        });
        fate
    }

    fn told_by<T>(outcome: &Result<T>) -> Self {
        match outcome {
            Ok(_) => Self::Done,
            Err(error) if error.may_have_been_applied() => Self::Unknown,
            Err(_) => Self::NotDone,
        }
    }
}

/// A number that several tasks count up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counter {
    pub(crate) done: u64,
    pub(crate) unknown: u64,
}

/// The values that one task wrote to one field, of which the last one counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Field {
    /// The values that the field may have now.
    pub(crate) possible: Vec<Option<u64>>,
}

impl Field {
    fn wrote(&mut self, value: Option<u64>, fate: Fate) {
        if self.possible.is_empty() {
            self.possible.push(None);
        }
        match fate {
            Fate::Done => self.possible = vec![value],
            Fate::NotDone => {}
            Fate::Unknown => self.possible.push(value),
        }
    }
}

/// Everything that was told.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    /// Nothing can be in doubt, since there are no faults, and no other program.
    pub(crate) is_certain: bool,
    /// By record.
    pub(crate) counters: BTreeMap<String, Counter>,
    /// By place, such as the field of a record.
    pub(crate) fields: BTreeMap<String, Field>,
    /// The number of claims that were granted and not given up, and of those in doubt.
    pub(crate) holders: i64,
    pub(crate) doubtful_claims: u64,
    /// Observations that must not be made.
    pub(crate) wrong: Vec<String>,
    pub(crate) steps: u64,
    /// Verbs on one object or list each, alone or in a batch.
    pub(crate) operations: u64,
    pub(crate) done: u64,
    pub(crate) unknown: u64,
}

impl Accounts {
    /// Notes an operation that changes nothing.
    pub(crate) fn read(&mut self) {
        self.operations += 1;
    }

    /// Notes the outcome of an operation that changes something.
    pub(crate) fn told(&mut self, fate: Fate) {
        self.operations += 1;
        match fate {
            Fate::Done => self.done += 1,
            Fate::Unknown => {
                self.unknown += 1;
                if self.is_certain {
                    self.is_wrong("a write is in doubt, and there was no fault".to_owned());
                }
            }
            Fate::NotDone => {}
        }
    }

    /// Notes the outcome of taking the claim or giving it up, which others may have taken.
    pub(crate) fn claimed(&mut self, fate: Fate) {
        self.operations += 1;
        match fate {
            Fate::Done => self.done += 1,
            Fate::Unknown => self.unknown += 1,
            Fate::NotDone => {}
        }
    }

    /// Notes a call that was dropped.
    pub(crate) fn abandoned(&mut self, record: &str) {
        self.operations += 1;
        self.unknown += 1;
        self.counters.entry(record.to_owned()).or_default().unknown += 1;
    }

    pub(crate) fn counted(&mut self, record: &str, fate: Fate) {
        self.told(fate);
        let counter = self.counters.entry(record.to_owned()).or_default();
        match fate {
            Fate::Done => counter.done += 1,
            Fate::Unknown => counter.unknown += 1,
            Fate::NotDone => {}
        }
    }

    pub(crate) fn wrote(&mut self, place: String, value: Option<u64>, fate: Fate) {
        self.told(fate);
        self.fields.entry(place).or_default().wrote(value, fate);
    }

    pub(crate) fn is_wrong(&mut self, what: String) {
        self.wrong.push(what);
    }

    /// Compares a counter with what is stored.
    pub(crate) fn check_counter(&mut self, record: &str, stored: u64) {
        let Counter { done, unknown } = self.counters.get(record).copied().unwrap_or_default();
        if stored < done || stored > done + unknown {
            self.is_wrong(format!("{record} counts {stored}; {done} were acknowledged, and {unknown} are in doubt"));
        }
    }

    /// Compares a field with what is stored.
    pub(crate) fn check_field(&mut self, place: &str, stored: Option<u64>) {
        let Some(field) = self.fields.get(place) else {
            if stored.is_some() {
                self.is_wrong(format!("{place} is {stored:?}, and nobody wrote it"));
            }
            return;
        };
        if !field.possible.contains(&stored) {
            let possible = field.possible.clone();
            self.is_wrong(format!("{place} is {stored:?}, and can only be one of {possible:?}"));
        }
    }
}
