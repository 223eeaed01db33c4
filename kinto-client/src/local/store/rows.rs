//! Rows in the file.

use std::{ops::Range, sync::Arc};

use rusqlite::{OptionalExtension as _, Row as SqlRow, ToSql, Transaction, params, params_from_iter};
use serde::{Deserialize, Serialize};

use super::{
    failure::Failure,
    indexes::{self, Index},
    log,
};
use crate::{
    local::row::{Ancestors, Body, Conflict, Entry, Guard, Row, Status, Version},
    wire::timestamp::Timestamp,
};

/// A collection in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CollectionNumber(pub(crate) i64);

/// Returns the next number of the sequence of the whole store.
pub(crate) fn next_number(transaction: &Transaction<'_>) -> Result<u64, Failure> {
    Ok(next_numbers(transaction, 1)?.start)
}

/// Returns the next numbers of the sequence of the whole store.
pub(crate) fn next_numbers(transaction: &Transaction<'_>, count: usize) -> Result<Range<u64>, Failure> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    // With `RETURNING`, SQLite makes a table for what is returned, and without the number of its only row a journal of the
    // statement: 150 KiB that are allocated and freed each time.
    let updated =
        transaction.prepare_cached("UPDATE sequence SET last = last + ? WHERE rowid = 1")?.execute([count])?;
    if updated != 1 {
        // Without it, a number would be given twice.
        return Err(Failure::File("the only row of its table `sequence` is missing".to_owned()));
    }
    let last: i64 = transaction.prepare_cached("SELECT last FROM sequence")?.query_one([], |row| row.get(0))?;
    let end = last.cast_unsigned() + 1;
    Ok(end - count.cast_unsigned()..end)
}

/// Returns a record, and an empty row if there is none.
pub(crate) fn load(transaction: &Transaction<'_>, of: CollectionNumber, id: &str) -> Result<Row, Failure> {
    Ok(find(transaction, of, id)?.row)
}

/// A row as it is in the file.
pub(crate) struct Stored {
    /// `None` if it is not in the file, as a row that says nothing.
    number: Option<i64>,
    is_changed: bool,
    pub(crate) row: Row,
}

fn find(transaction: &Transaction<'_>, of: CollectionNumber, id: &str) -> Result<Stored, Failure> {
    let mut statement = transaction.prepare_cached(
        "SELECT number, base, last_modified, is_changed, local, revision, version, is_own_id, remote, remote_modified, \
         ancestors, problem FROM record WHERE collection = ? AND id = ?",
    )?;
    let Some(found) = statement.query_row(params![of.0, id], read).optional()? else {
        return Ok(Stored { number: None, is_changed: false, row: Row::default() });
    };
    let (number, is_changed, mut row) = found;
    // Only a changed record can have been sent.
    if is_changed {
        row.journal = load_journal(transaction, number)?;
    }
    Ok(Stored { number: Some(number), is_changed, row })
}

const INSERT: &str = "INSERT INTO record (base, last_modified, is_changed, local, revision, version, is_own_id, remote, \
                      remote_modified, ancestors, problem, collection, id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
const UPDATE: &str = "UPDATE record SET base = ?, last_modified = ?, is_changed = ?, local = ?, revision = ?, version = ?, \
                      is_own_id = ?, remote = ?, remote_modified = ?, ancestors = ?, problem = ? WHERE number = ?";

/// The records of a collection, in a transaction that writes.
pub(crate) struct Rows<'t> {
    transaction: &'t Transaction<'t>,
    of: CollectionNumber,
    indexes: Vec<Index>,
}

impl<'t> Rows<'t> {
    pub(crate) fn new(transaction: &'t Transaction<'_>, of: CollectionNumber) -> Result<Self, Failure> {
        Ok(Self { transaction, of, indexes: indexes::of(transaction, of)? })
    }

    /// Returns a record, and an empty row if there is none.
    pub(crate) fn load(&self, id: &str) -> Result<Stored, Failure> {
        find(self.transaction, self.of, id)
    }

    /// Stores a record in place of what [`load`](Self::load) returned, or removes it if it is deleted here and there.
    pub(crate) fn save(&self, id: &str, stored: &Stored, row: &Row) -> Result<(), Failure> {
        let Self { transaction, of, ref indexes } = *self;
        let Stored { number, is_changed, row: before } = stored;
        if before == row {
            return Ok(());
        }
        let status = row.status();
        // The version of a row that was loaded is the one in the file.
        let (old_version, version) = (before.modified, row.version_in(status));
        log::add(transaction, of, id, before, row, version)?;
        let indexed = before.local.as_deref().map(|data| (data, old_version));
        let number = match *number {
            None if row.is_gone() => return Ok(()),
            None => {
                self.write(INSERT, row, status, version, params![of.0, id])?;
                transaction.last_insert_rowid()
            }
            Some(number) if row.is_gone() => {
                indexes::update(transaction, indexes, number, indexed, None)?;
                transaction.prepare_cached("DELETE FROM record WHERE number = ?")?.execute([number])?;
                return Ok(());
            }
            Some(number) => {
                if *is_changed != (status != Status::Clean) || !before.differs_in_journal_alone(row) {
                    self.write(UPDATE, row, status, version, params![number])?;
                }
                number
            }
        };
        save_journal(transaction, number, &before.journal, &row.journal)?;
        if before.local != row.local || old_version != version {
            let now = row.local.as_deref().map(|data| (data, version));
            indexes::update(transaction, indexes, number, indexed, now)?;
        }
        Ok(())
    }

    /// Executes a statement with the columns of a row, and what comes after them.
    fn write(
        &self,
        sql: &str,
        row: &Row,
        status: Status,
        version: Timestamp,
        rest: &[&dyn ToSql],
    ) -> Result<(), Failure> {
        let is_changed = status != Status::Clean;
        let conflict = row.conflict.as_ref();
        let ancestors = conflict.map(|conflict| encode(&Sides::of(conflict))).transpose()?;
        let columns = params![
            row.base_body(),
            row.base.as_ref().map(|base| millis(base.last_modified)),
            is_changed,
            row.local.as_ref().filter(|_| is_changed),
            row.revision.cast_signed(),
            millis(version),
            row.is_own_id,
            conflict.and_then(|conflict| conflict.remote.body.as_ref()),
            conflict.map(|conflict| millis(conflict.remote.last_modified)),
            ancestors,
            row.problem.as_ref().map(encode).transpose()?,
        ];
        let values = columns.iter().chain(rest);
        self.transaction.prepare_cached(sql)?.execute(params_from_iter(values))?;
        Ok(())
    }
}

/// The parts of a conflict beside the server's version, as JSON.
#[derive(Serialize, Deserialize)]
struct Sides {
    #[serde(flatten)]
    ancestors: Ancestors,
    /// The data and the version that the server has lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lost: Option<(Option<String>, i64)>,
}

impl Sides {
    fn of(conflict: &Conflict) -> Self {
        let lost = conflict.lost.as_ref();
        let lost = lost.map(|lost| (lost.body.as_deref().map(str::to_owned), millis(lost.last_modified)));
        Self { ancestors: conflict.ancestors.clone(), lost }
    }
}

fn read(row: &SqlRow<'_>) -> rusqlite::Result<(i64, bool, Row)> {
    let time = |column: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(timestamp));
    let base: Option<Body> = row.get(1)?;
    let is_changed = row.get(3)?;
    let local = if is_changed { row.get(4)? } else { base.clone() };
    let sides: Option<Sides> = decode(10, row.get(10)?)?;
    let conflict = match (sides, time(9)?) {
        (Some(Sides { ancestors, lost }), Some(last_modified)) => {
            let remote = Version { body: row.get(8)?, last_modified };
            let lost = lost.map(|(body, time)| Version { body: body.map(Body::from), last_modified: timestamp(time) });
            Some(Conflict { remote, lost, ancestors })
        }
        _ => None,
    };
    let read = Row {
        local,
        base: time(2)?.map(|last_modified| Version { body: base, last_modified }),
        revision: row.get::<_, i64>(5)?.cast_unsigned(),
        modified: timestamp(row.get(6)?),
        is_own_id: row.get(7)?,
        journal: Vec::new(),
        problem: decode(11, row.get(11)?)?,
        conflict,
    };
    Ok((row.get(0)?, is_changed, read))
}

fn load_journal(transaction: &Transaction<'_>, record: i64) -> Result<Vec<Entry>, Failure> {
    let mut statement = transaction.prepare_cached(
        "SELECT attempt, revision, body, if_match, sent FROM journal WHERE record = ? ORDER BY attempt",
    )?;
    let entries = statement.query_map([record], |row| {
        let if_match: Option<i64> = row.get(3)?;
        Ok(Entry {
            attempt: row.get::<_, i64>(0)?.cast_unsigned(),
            revision: row.get::<_, i64>(1)?.cast_unsigned(),
            body: row.get(2)?,
            guard: if_match.map_or(Guard::Absent, |version| Guard::Version(timestamp(version))),
            sent: timestamp(row.get(4)?),
        })
    })?;
    Ok(entries.collect::<rusqlite::Result<_>>()?)
}

fn save_journal(
    transaction: &Transaction<'_>,
    record: i64,
    before: &[Entry],
    journal: &[Entry],
) -> Result<(), Failure> {
    for entry in before.iter().filter(|entry| !journal.contains(entry)) {
        let delete = "DELETE FROM journal WHERE attempt = ?";
        transaction.prepare_cached(delete)?.execute([entry.attempt.cast_signed()])?;
    }
    for entry in journal.iter().filter(|entry| !before.contains(entry)) {
        let Entry { attempt, revision, body, guard, sent } = entry;
        let if_match = match guard {
            Guard::Absent => None,
            Guard::Version(version) => Some(millis(*version)),
        };
        let insert = "INSERT INTO journal (attempt, record, revision, body, if_match, sent) VALUES (?, ?, ?, ?, ?, ?)";
        let values = params![attempt.cast_signed(), record, revision.cast_signed(), body, if_match, millis(*sent)];
        transaction.prepare_cached(insert)?.execute(values)?;
    }
    Ok(())
}

pub(crate) fn millis(time: Timestamp) -> i64 {
    time.as_millis().cast_signed()
}

pub(crate) fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis.cast_unsigned())
}

fn encode(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| Failure::File(format!("a row cannot be written: {error}")))
}

fn decode<T: serde::de::DeserializeOwned>(column: usize, json: Option<Arc<str>>) -> rusqlite::Result<Option<T>> {
    let text = rusqlite::types::Type::Text;
    let invalid = |error| rusqlite::Error::FromSqlConversionFailure(column, text, Box::new(error));
    json.map(|json| serde_json::from_str(&json).map_err(invalid)).transpose()
}
