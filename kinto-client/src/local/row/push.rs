//! Sending the changes of a record, and what the responses mean.

use super::{Body, Entry, Guard, Problem, Row, Rules, Status, Version, apply::apply, apply::is_echo};
use crate::{error::Result, wire::timestamp::Timestamp};

/// The next request for a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Push {
    Put {
        body: Body,
        guard: Guard,
    },
    Delete {
        guard: Guard,
    },
    /// A deletion needs the version of the record, which is not known yet.
    Get,
}

/// The response to a write.
#[derive(Clone, Debug)]
pub(crate) enum PushResult {
    /// The server stored this; for a deletion, its tombstone.
    Stored(Version),
    /// The precondition failed (412), and the server has this. `in_doubt` if a try before it may have been executed.
    Failed { existing: Version, in_doubt: bool },
    /// There is no such record (404).
    NotFound,
    /// The server refuses the data or the user, or fails on it each time: then it is `in_doubt` if it was executed.
    Refused { problem: Problem, in_doubt: bool },
    /// It was certainly not executed.
    NotSent,
    /// It may have been executed.
    Lost,
}

/// Returns the next request for a record, and the row with its journal entry; `None` if there is nothing to send, or nothing
/// before a conflict is resolved or a refusal is dealt with.
pub(crate) fn begin_push(mut row: Row, attempt: u64, now: Timestamp) -> Option<(Row, Push)> {
    let status = row.status();
    if row.problem.is_some() || matches!(status, Status::Clean | Status::Conflict) {
        return None;
    }
    let guard = row.guard();
    let push = match (&row.local, guard) {
        (None, Guard::Absent) => return Some((row, Push::Get)),
        (None, Guard::Version(_)) => Push::Delete { guard },
        // Also an edit that was undone while its response was out: this makes the server leave the version that the edit
        // was sent for, so that it cannot be executed later.
        (Some(body), _) => Push::Put { body: body.clone(), guard },
    };
    row.journal.push(Entry { attempt, revision: row.revision, body: row.local.clone(), guard, sent: now });
    Some((row, push))
}

/// Returns the row after the response to an attempt.
///
/// # Errors
///
/// If a copy of the record is no JSON object, so that it cannot be merged.
pub(crate) fn finish_push(mut row: Row, attempt: u64, result: PushResult, rules: &Rules) -> Result<Row> {
    let Some(entry) = row.journal.iter().find(|entry| entry.attempt == attempt).cloned() else {
        // The server was seen to have left the version that this was sent for. The response is older than that.
        return Ok(row);
    };
    match result {
        PushResult::Stored(version) => {
            row.adopt(&version);
            if row.revision == entry.revision {
                row.set_local(version.body, rules);
            }
        }
        PushResult::Failed { existing, in_doubt } => {
            let is_own = match (&entry.body, &existing.body) {
                (Some(sent), Some(stored)) => is_echo(sent, stored),
                (sent, stored) => sent.is_none() && stored.is_none(),
            };
            if !in_doubt && !is_own {
                row.journal.retain(|entry| entry.attempt != attempt);
            }
            return apply(row, &existing, rules);
        }
        PushResult::NotFound => return apply(row, &Version::gone(), rules),
        PushResult::Refused { problem, in_doubt } => {
            row.journal.retain(|entry| entry.attempt != attempt || in_doubt);
            if row.revision == entry.revision {
                row.problem = Some(problem);
            }
        }
        PushResult::NotSent => row.journal.retain(|entry| entry.attempt != attempt),
        PushResult::Lost => {}
    }
    Ok(row)
}
