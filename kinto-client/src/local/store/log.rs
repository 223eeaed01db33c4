//! The log of changes in the file.

use std::sync::Arc;

use rusqlite::{Row as SqlRow, Transaction, params};

use super::{
    failure::Failure,
    rows::{CollectionNumber, millis, timestamp},
};
use crate::{
    local::row::{Origin, Row, alike_unstamped},
    wire::timestamp::Timestamp,
};

/// A change of a record.
#[derive(Debug)]
pub(crate) struct Logged {
    pub(crate) position: i64,
    pub(crate) id: String,
    pub(crate) origin: Origin,
    pub(crate) before: Option<(Arc<str>, Timestamp)>,
    pub(crate) after: Option<(Arc<str>, Timestamp)>,
}

/// The next changes after a position.
#[derive(Debug)]
pub(crate) enum Page {
    Changes(Vec<Logged>),
    /// Some are no longer kept. Those that follow begin after this position.
    Reset(i64),
}

/// Adds the change of a record, if its data changed.
pub(super) fn add(
    transaction: &Transaction<'_>,
    of: CollectionNumber,
    id: &str,
    before: &Row,
    row: &Row,
    version: Timestamp,
) -> Result<(), Failure> {
    if alike_unstamped(before.local.as_deref(), row.local.as_deref()) {
        return Ok(());
    }
    let mut statement = transaction.prepare_cached(
        "INSERT INTO change (collection, id, origin, before, before_version, after, after_version) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?;
    let origin = match Origin::of(before, row) {
        Origin::Local => 0,
        Origin::Remote => 1,
        Origin::Merged => 2,
    };
    let before_version = before.local.as_ref().map(|_| millis(before.modified));
    let version = row.local.as_ref().map(|_| millis(version));
    statement.execute(params![of.0, id, origin, before.local, before_version, row.local, version])?;
    Ok(())
}

/// Removes all but the latest changes. The last one stays, since the next position is the one after it.
pub(super) fn keep(transaction: &Transaction<'_>, changes: u32) -> Result<(), Failure> {
    let mut statement =
        transaction.prepare_cached("DELETE FROM change WHERE position <= (SELECT max(position) FROM change) - ?")?;
    statement.execute([changes.max(1)])?;
    Ok(())
}

/// Finds the first and the last position. Asked for together, they would be found by reading all changes.
pub(crate) const BOUNDS: &str = "SELECT (SELECT min(position) FROM change), (SELECT max(position) FROM change)";

/// Returns the next changes of a collection after a position.
pub(crate) fn since(
    transaction: &Transaction<'_>,
    of: CollectionNumber,
    position: i64,
    limit: usize,
) -> Result<Page, Failure> {
    let (first, last): (Option<i64>, Option<i64>) =
        transaction.prepare_cached(BOUNDS)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let last = last.unwrap_or_default();
    // A later position than the last is one of another file.
    if position > last || position < first.map_or(last, |first| first - 1) {
        return Ok(Page::Reset(last));
    }
    let mut statement = transaction.prepare_cached(
        "SELECT position, id, origin, before, before_version, after, after_version FROM change \
         WHERE collection = ? AND position > ? ORDER BY position LIMIT ?",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let changes = statement.query_map(params![of.0, position, limit], |row| {
        let origin = match row.get::<_, i64>(2)? {
            0 => Origin::Local,
            1 => Origin::Remote,
            _ => Origin::Merged,
        };
        Ok(Logged { position: row.get(0)?, id: row.get(1)?, origin, before: version(row, 3)?, after: version(row, 5)? })
    })?;
    Ok(Page::Changes(changes.collect::<rusqlite::Result<_>>()?))
}

fn version(row: &SqlRow<'_>, column: usize) -> rusqlite::Result<Option<(Arc<str>, Timestamp)>> {
    let body: Option<Arc<str>> = row.get(column)?;
    let time: Option<i64> = row.get(column + 1)?;
    Ok(body.zip(time.map(timestamp)))
}
