//! One record of a local collection and its rules, without I/O: writing here, applying what the server has, and sending.
//!
//! Every rule is a function from rows to rows, so that a simulation can try all of them in any order.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    json::merge::three_way::{RecordType, Side, alike},
    wire::timestamp::Timestamp,
};

mod apply;
mod origin;
mod push;
mod stamp;
mod write;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod model;
#[cfg(test)]
mod schedules;

pub(crate) use apply::{apply, apply_loss, confirm_absent, merged, merged_by, republish};
pub(crate) use origin::Origin;
pub(crate) use push::{Push, PushResult, begin_push, finish_push};
pub(crate) use stamp::alike_unstamped;
pub(crate) use write::{resolve, write};

/// The data of a record as JSON text, without `id` and `last_modified`.
pub(crate) type Body = Arc<str>;

/// The version of a record on the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    /// `None` for a deleted record.
    pub(crate) body: Option<Body>,
    /// 0 for a deletion whose time is not known.
    pub(crate) last_modified: Timestamp,
}

impl Version {
    /// Returns a deletion whose time is not known.
    pub(crate) fn gone() -> Self {
        Self { body: None, last_modified: UNKNOWN }
    }

    /// Returns the precondition of a write that replaces this version.
    fn guard(&self) -> Guard {
        match self.body {
            Some(_) => Guard::Version(self.last_modified),
            None => Guard::Absent,
        }
    }
}

/// The time of a deletion that the server reported without one.
pub(crate) const UNKNOWN: Timestamp = Timestamp::from_millis(0);

/// The state of a record here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The data as the program sees it; `None` if it is deleted here.
    pub(crate) local: Option<Body>,
    /// The last version that is known of the server; `None` if it never had the record.
    pub(crate) base: Option<Version>,
    /// The number of the last change of `local`, from one sequence of the whole store.
    pub(crate) revision: u64,
    /// The time of the last change of `local`, which is its version to the program while it differs from the server's.
    pub(crate) modified: Timestamp,
    /// True if the id was generated here, so that no other client can have created a record under it.
    pub(crate) is_own_id: bool,
    /// The writes that were sent and may have been executed.
    pub(crate) journal: Vec<Entry>,
    /// The refusal of the last write that was sent.
    pub(crate) problem: Option<Problem>,
    /// Another change that could not be merged.
    pub(crate) conflict: Option<Conflict>,
}

/// A write that was sent and has no response yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The number of this try, from the same sequence as revisions.
    pub(crate) attempt: u64,
    /// The revision of the data that was sent.
    pub(crate) revision: u64,
    /// The data that was sent; `None` for a deletion.
    pub(crate) body: Option<Body>,
    pub(crate) guard: Guard,
    /// The time at which it was sent.
    pub(crate) sent: Timestamp,
}

/// The precondition of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// `If-None-Match: *`
    Absent,
    /// `If-Match`
    Version(Timestamp),
}

/// A change of another client that could not be merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Conflict {
    /// The last version that is known of the server, which a write has to replace.
    pub(crate) remote: Version,
    /// The version that the server had before it lost the record, or went back to an older one, if it is to be brought back.
    pub(crate) lost: Option<Version>,
    /// What both may have been made of: the data of `base`, and what was sent and may have been stored.
    pub(crate) ancestors: Ancestors,
}

/// The data that both sides may have been made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ancestors {
    /// `None` for a record that was not there.
    pub(crate) bodies: Vec<Option<String>>,
    /// The number of those that were sent and may not have arrived, which are the last.
    pub(crate) sent: usize,
}

/// A write that the server refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Problem {
    /// The revision that was refused.
    pub(crate) revision: u64,
    /// The version of the collection's attributes, among them its schema, at the refusal.
    pub(crate) collection: Timestamp,
    /// The HTTP status.
    pub(crate) status: u16,
    pub(crate) errno: Option<u32>,
    pub(crate) message: String,
    /// The path of the field that the server names.
    pub(crate) field: Option<String>,
}

/// The decision about changes that cannot be merged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Policy {
    /// Keeps both versions until the program resolves the conflict.
    #[default]
    Manual,
    /// Takes the values of this side where both sides changed them.
    Prefer(Side),
}

/// The circumstances of a change of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) policy: Policy,
    /// The type of the record, as far as a merge knows it.
    pub(crate) record_type: RecordType,
    /// The number that `local` gets if it changes.
    pub(crate) revision: u64,
    /// The time of this change.
    pub(crate) now: Timestamp,
}

/// The difference between a row and the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Clean,
    ToCreate,
    ToUpdate,
    ToDelete,
    /// It is as the server had it, or deleted and not on the server, but a response was lost.
    InDoubt,
    Conflict,
}

impl Conflict {
    /// Returns the side of the others: what the server has, or what it has lost.
    pub(crate) fn theirs(&self) -> &Version {
        self.lost.as_ref().unwrap_or(&self.remote)
    }

    /// Keeps the side of the others, of which the server has only this any more.
    fn lose(&mut self, remote: Version) {
        let theirs = self.lost.take().unwrap_or_else(|| self.remote.clone());
        self.lost = (!alike(theirs.body.as_deref(), remote.body.as_deref())).then_some(theirs);
        self.remote = remote;
    }
}

impl Default for Row {
    /// A record that was never here.
    fn default() -> Self {
        Self {
            local: None,
            base: None,
            revision: 0,
            modified: UNKNOWN,
            is_own_id: false,
            journal: Vec::new(),
            problem: None,
            conflict: None,
        }
    }
}

impl Row {
    /// Returns the data that the server has as far as is known.
    pub(crate) fn base_body(&self) -> Option<&Body> {
        self.base.as_ref()?.body.as_ref()
    }

    /// Returns the difference between the row and the server, which is never stored.
    pub(crate) fn status(&self) -> Status {
        if self.conflict.is_some() {
            return Status::Conflict;
        }
        match (self.base_body(), &self.local) {
            (None, Some(_)) => Status::ToCreate,
            (Some(_), None) => Status::ToDelete,
            (base, local) if !alike(base.map(AsRef::as_ref), local.as_deref()) => Status::ToUpdate,
            _ if !self.journal.is_empty() => Status::InDoubt,
            _ => Status::Clean,
        }
    }

    /// Returns the version of `local`: the server's time, or a later one of here if it differs from what the server has.
    pub(crate) fn version(&self) -> Timestamp {
        self.version_in(self.status())
    }

    /// Returns the version of `local` in a row of this status, which takes a comparison to find out.
    pub(crate) fn version_in(&self, status: Status) -> Timestamp {
        match &self.base {
            Some(base) if status == Status::Clean => base.last_modified,
            _ => self.modified,
        }
    }

    /// Returns true if nothing has to be kept of the row: it is deleted here and there.
    pub(crate) fn is_gone(&self) -> bool {
        self.local.is_none() && self.status() == Status::Clean
    }

    /// Returns true if the row would be the other one with its journal.
    pub(crate) fn differs_in_journal_alone(&self, other: &Self) -> bool {
        let Self { local, base, revision, modified, is_own_id, journal: _, problem, conflict } = self;
        (local, base, revision, modified, is_own_id, problem, conflict)
            == (
                &other.local,
                &other.base,
                &other.revision,
                &other.modified,
                &other.is_own_id,
                &other.problem,
                &other.conflict,
            )
    }

    /// Returns the precondition of the next write.
    fn guard(&self) -> Guard {
        self.base.as_ref().map_or(Guard::Absent, Version::guard)
    }

    /// Takes a version of the server as the one that later changes are made of. What was sent with another precondition
    /// can no longer be executed; a creation that is on its way can be, after a deletion that was made before it.
    fn adopt(&mut self, version: &Version) {
        let guard = version.guard();
        self.base = Some(version.clone());
        self.journal.retain(|entry| entry.guard == guard);
        self.conflict = None;
        self.problem = None;
    }

    /// Sets the data, and its number and time if it changed.
    fn set_local(&mut self, local: Option<Body>, rules: &Rules) {
        if self.local != local {
            self.modified = self.next_version(rules);
            self.local = local;
            self.revision = rules.revision;
        }
    }

    /// Returns a version that `local` did not have before.
    fn next_version(&self, rules: &Rules) -> Timestamp {
        rules.now.max(Timestamp::from_millis(self.version().as_millis().saturating_add(1)))
    }
}
