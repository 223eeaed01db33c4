//! Applying what the server has.

use std::borrow::Cow;

use super::{
    Ancestors, Body, Conflict, Policy, Row, Rules, UNKNOWN, Version,
    stamp::{self, alike_unstamped},
};
use crate::{
    error::Result,
    json::{
        RESERVED_KEYS,
        equal::is_same,
        merge::three_way::{Copies, Merged, RecordType, Side, alike, merge_readable},
    },
    wire::{
        object::{decode::schema_stamp, file_field},
        timestamp::Timestamp,
    },
};

/// Returns the row after the server was seen to have this version of the record.
///
/// # Errors
///
/// If a copy of the record is no JSON object, so that it cannot be merged.
pub(crate) fn apply(mut row: Row, remote: &Version, rules: &Rules) -> Result<Row> {
    if is_known(&row, remote) {
        return Ok(row);
    }
    row.problem = None;
    if let Some(conflict) = &mut row.conflict {
        // The first base is kept: another one would let a later change of another field take one side for merged.
        update(conflict, remote, rules.record_type)?;
        let theirs = conflict.theirs().body.clone();
        if alike_unstamped(row.local.as_deref(), theirs.as_deref()) {
            row.adopt(remote);
            row.local = theirs;
        }
        return Ok(row);
    }
    if let Some(revision) = sent_revision(&row, remote) {
        row.adopt(remote);
        if row.revision == revision || alike_unstamped(row.local.as_deref(), remote.body.as_deref()) {
            row.set_local(remote.body.clone(), rules);
        }
        return Ok(row);
    }
    let ancestors = ancestors(&row);
    let merged = combine(&row, &ancestors, remote, rules)?;
    if merged.collisions.is_empty() || rules.policy != Policy::Manual {
        row.adopt(remote);
        row.set_local(merged.json.map(Body::from), rules);
    } else {
        row.journal.clear();
        row.conflict = Some(Conflict { remote: remote.clone(), lost: None, ancestors });
    }
    Ok(row)
}

/// Takes a later version of the server into a conflict. Who wrote it had not seen what the server has lost, of which all stays
/// that it does not say otherwise, and all if it is a deletion.
fn update(conflict: &mut Conflict, remote: &Version, record_type: RecordType) -> Result<()> {
    if let (Some(lost), Some(_)) = (&mut conflict.lost, &remote.body) {
        let copies = Copies {
            bases: vec![conflict.remote.body.as_deref()],
            sent: 0,
            local: lost.body.as_deref(),
            remote: remote.body.as_deref(),
        };
        lost.body = merge_readable(&copies, record_type, Side::Remote)?.json.map(Body::from);
        lost.last_modified = remote.last_modified;
    }
    conflict.remote = remote.clone();
    let is_there = |lost: &Version| alike(lost.body.as_deref(), remote.body.as_deref());
    conflict.lost = conflict.lost.take().filter(|lost| !is_there(lost));
    Ok(())
}

/// Returns the row after the server was asked for a record that it is not known to have, and has none. What was sent before
/// `settled` can no longer be executed: longer than any request and any transaction has passed.
pub(crate) fn confirm_absent(mut row: Row, settled: Timestamp) -> Row {
    if row.base_body().is_none() && row.conflict.is_none() {
        row.journal.retain(|entry| entry.sent >= settled);
    }
    row
}

/// Returns what both sides of a conflict agree on, with the values of here where they collide, and what collides.
pub(crate) fn merged(row: &Row, conflict: &Conflict, record_type: RecordType) -> Result<Merged> {
    merged_by(row, conflict, record_type, Side::Local)
}

/// Returns what both sides of a conflict agree on, with the values of this side where they collide, and what collides.
pub(crate) fn merged_by(row: &Row, conflict: &Conflict, record_type: RecordType, side: Side) -> Result<Merged> {
    let rules = Rules { policy: Policy::Prefer(side), record_type, revision: 0, now: UNKNOWN };
    combine(row, &conflict.ancestors, conflict.theirs(), &rules)
}

/// Returns the row after the record disappeared from the server without a deletion, as after a flush: to be sent again, or
/// deleted here unless it was changed here. A conflict stays one.
///
/// # Errors
///
/// As for [`apply`].
pub(crate) fn apply_loss(mut row: Row, is_republished: bool, rules: &Rules) -> Result<Row> {
    if is_republished {
        if let Some(conflict) = &mut row.conflict {
            conflict.lose(Version::gone());
            return Ok(row);
        }
        row.adopt(&Version::gone());
        row.base = None;
        return Ok(row);
    }
    apply(row, &Version::gone(), rules)
}

/// Returns the row after the server went back to an older version of the record, which what is here is to replace. A conflict
/// stays one.
pub(crate) fn republish(mut row: Row, older: &Version, rules: &Rules) -> Row {
    if let Some(conflict) = &mut row.conflict {
        conflict.lose(older.clone());
        return row;
    }
    let version = row.next_version(rules);
    row.adopt(older);
    (row.revision, row.modified) = (rules.revision, version);
    row
}

/// Returns true if this version has been applied before. Versions are compared, not ordered: a write is stamped before it
/// waits for its row, so that the time of a record can go back. A deletion without a time is the one that is known, if any.
fn is_known(row: &Row, remote: &Version) -> bool {
    let known = row.conflict.as_ref().map(|conflict| &conflict.remote).or(row.base.as_ref());
    known.is_some_and(|known| {
        let is_unknown = remote.last_modified == UNKNOWN;
        if is_unknown { known.body.is_none() } else { known.last_modified == remote.last_modified }
    })
}

/// Returns the revision that this version of the server was sent as, if it was sent from here.
fn sent_revision(row: &Row, remote: &Version) -> Option<u64> {
    let mut entries = row.journal.iter().rev();
    let found = entries.find(|entry| match (&entry.body, &remote.body) {
        (Some(sent), Some(stored)) => is_echo(sent, stored),
        (sent, stored) => sent.is_none() && stored.is_none(),
    });
    found.map(|entry| entry.revision)
}

/// Returns true if the server stores this if that is sent: it may stamp the record with the version of the schema.
pub(super) fn is_echo(sent: &str, stored: &str) -> bool {
    let fields = |text: &str| serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).ok();
    if sent == stored {
        return true;
    }
    let Some((mut sent, mut stored)) = fields(sent).zip(fields(stored)) else { return false };
    for fields in [&mut sent, &mut stored] {
        fields.retain(|key, value| {
            let is_stamp = key == "schema" && schema_stamp(value).is_some();
            !is_stamp && !RESERVED_KEYS.contains(&key.as_str())
        });
    }
    is_same(&sent.into(), &stored.into())
}

/// Returns the data that both sides may have been made of: what the server had, and what was sent and may have been stored.
fn ancestors(row: &Row) -> Ancestors {
    let guard = row.guard();
    let mut sent: Vec<Option<String>> = Vec::new();
    for entry in row.journal.iter().filter(|entry| entry.guard == guard) {
        let body = entry.body.as_deref();
        if !sent.iter().any(|known| alike(known.as_deref(), body)) {
            sent.push(body.map(str::to_owned));
        }
    }
    let base = row.base_body().map(ToString::to_string);
    sent.retain(|body| !alike(body.as_deref(), base.as_deref()));
    // No other client knows the id, so that a record of it is the one that was sent, or was made of it.
    let is_proof = row.is_own_id && row.base.is_none() && !sent.is_empty();
    let count = sent.len();
    let bodies = (!is_proof).then_some(base).into_iter().chain(sent).collect();
    Ancestors { bodies, sent: count }
}

fn combine<'a>(row: &'a Row, ancestors: &'a Ancestors, remote: &Version, rules: &Rules) -> Result<Merged> {
    let prefer = match rules.policy {
        Policy::Prefer(side) => side,
        Policy::Manual => Side::Local,
    };
    let theirs = remote.body.as_deref();
    let stamped = |body: Option<&'a str>| match (body, theirs) {
        (Some(body), Some(theirs)) => stamp::stamped(body, theirs).map(Some),
        (body, _) => Ok(body.map(Cow::Borrowed)),
    };
    let bases = ancestors.bodies.iter().map(|body| stamped(body.as_deref())).collect::<Result<Vec<_>>>()?;
    let local = stamped(row.local.as_deref())?;
    let copies = Copies {
        bases: bases.iter().map(Option::as_deref).collect(),
        sent: ancestors.sent,
        local: local.as_deref(),
        remote: theirs,
    };
    let mut merged = merge_readable(&copies, rules.record_type, prefer)?;
    if rules.record_type.has_file
        && let Some(json) = &merged.json
        && let Some(with_file) = file_field::followed(json, remote.body.as_deref())?
    {
        merged.json = Some(with_file.get().to_owned());
    }
    Ok(merged)
}
