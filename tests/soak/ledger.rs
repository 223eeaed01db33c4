//! The expected state of the server, given the results that the callers got.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use kinto_client::{Error, Record, Value};

use crate::Item;

/// The data of a record, or `None` if there is no such record.
pub(crate) type State = Option<Value>;

/// One record, and what may have become of it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: String,
    /// The one state that was acknowledged last, and those that were reported as in doubt since.
    pub(crate) possible: Vec<State>,
    /// The states that were reported as not applied since then.
    pub(crate) refused: Vec<State>,
    /// Those who were acknowledged to be readers.
    pub(crate) granted: Vec<String>,
    /// The state that was read last.
    pub(crate) record: Option<Record<Item>>,
}

impl Entry {
    pub(crate) fn new(id: String) -> Self {
        Self { id, possible: vec![None], refused: Vec::new(), granted: Vec::new(), record: None }
    }

    /// Takes down how a write of this state ended.
    pub(crate) fn told<T>(&mut self, outcome: &Result<T, Error>, state: State, tally: &Tally) {
        match outcome {
            Ok(_) => {
                tally.count("acknowledged writes");
                (self.possible, self.refused) = (vec![state], Vec::new());
            }
            Err(error) if error.may_have_been_applied() => {
                tally.count("writes in doubt");
                self.possible.push(state);
            }
            Err(error) => {
                tally.count(if error.is_conflict() { "conflicts" } else { "writes reported as not applied" });
                self.refused.push(state);
            }
        }
    }

    /// The state, if there is no doubt about it.
    pub(crate) fn known(&self) -> Option<&State> {
        if let [state] = &self.possible[..] { Some(state) } else { None }
    }

    /// The data, if it is there and there is no doubt about it.
    pub(crate) fn data(&self) -> Option<&Value> {
        self.known()?.as_ref()
    }

    /// Judges what the server holds in the end.
    pub(crate) fn judge(&self, held: &State, tally: &Tally) {
        if self.possible.contains(held) {
            return;
        }
        let what = if self.refused.contains(held) { NOT_APPLIED_BUT_PRESENT } else { LOST };
        tally.wrong(what, &format!("{}: {held:?} is held, and that should be {:?}", self.id, self.possible));
    }
}

impl Entry {
    /// Judges who may read it in the end.
    pub(crate) fn judge_readers(&self, readers: &Value, tally: &Tally) {
        for reader in &self.granted {
            if !readers.as_array().is_some_and(|readers| readers.iter().any(|held| held == reader)) {
                tally.wrong(LOST, &format!("{}: {reader} is none of the readers {readers}", self.id));
            }
        }
    }
}

pub(crate) const LOST: &str = "acknowledged writes lost";
pub(crate) const NOT_APPLIED_BUT_PRESENT: &str = "writes reported as not applied, but present";
pub(crate) const WRONG_READS: &str = "reads of what is not so";
pub(crate) const TOO_LONG: &str = "operations beyond their limit";
pub(crate) const WRONG_COUNTERS: &str = "counters that are wrong";

/// Numbers of everything.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    counts: Mutex<BTreeMap<&'static str, u64>>,
    /// The descriptions of the violations.
    wrongs: Mutex<Vec<String>>,
    /// The longest time that one operation of each kind took.
    longest: Mutex<BTreeMap<&'static str, Duration>>,
}

impl Tally {
    pub(crate) fn count(&self, what: &'static str) {
        *self.counts.lock().unwrap().entry(what).or_default() += 1;
    }

    pub(crate) fn add(&self, what: &'static str, count: u64) {
        *self.counts.lock().unwrap().entry(what).or_default() += count;
    }

    pub(crate) fn wrong(&self, what: &'static str, how: &str) {
        self.count(what);
        self.wrongs.lock().unwrap().push(format!("{what}: {how}"));
    }

    /// Takes down how long an operation took, which is wrong beyond its limit, if it has one.
    pub(crate) fn took(&self, what: &'static str, time: Duration, limit: Option<Duration>) {
        let mut longest = self.longest.lock().unwrap();
        let before = longest.entry(what).or_default();
        *before = time.max(*before);
        drop(longest);
        if limit.is_some_and(|limit| time > limit) {
            self.wrong(TOO_LONG, &format!("{what} took {time:?}"));
        }
    }

    pub(crate) fn longest(&self) -> BTreeMap<&'static str, Duration> {
        self.longest.lock().unwrap().clone()
    }

    pub(crate) fn of(&self, what: &str) -> u64 {
        self.counts.lock().unwrap().get(what).copied().unwrap_or_default()
    }

    pub(crate) fn counts(&self) -> Vec<(&'static str, u64)> {
        self.counts.lock().unwrap().iter().map(|(what, count)| (*what, *count)).collect()
    }

    pub(crate) fn wrongs(&self) -> Vec<String> {
        self.wrongs.lock().unwrap().clone()
    }
}
