//! Indexes of fields: the keys that records are found by and sorted by.

use rusqlite::{Transaction, params};

use super::{
    failure::Failure,
    rows::{CollectionNumber, millis},
};
use crate::{json::sort_key, wire::timestamp::Timestamp};

/// An index of a field in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Index {
    pub(crate) number: i64,
    /// The name of the field, with dots between those of nested ones.
    pub(crate) path: String,
}

/// Returns the indexes of a collection.
pub(crate) fn of(transaction: &Transaction<'_>, of: CollectionNumber) -> Result<Vec<Index>, Failure> {
    let mut statement =
        transaction.prepare_cached("SELECT number, path FROM field_index WHERE collection = ? ORDER BY number")?;
    let indexes = statement.query_map([of.0], |row| Ok(Index { number: row.get(0)?, path: row.get(1)? }))?;
    Ok(indexes.collect::<rusqlite::Result<_>>()?)
}

/// Makes an index of each of these fields that has none, with the records that are there.
pub(crate) fn add(transaction: &Transaction<'_>, of: CollectionNumber, paths: &[String]) -> Result<(), Failure> {
    let known = self::of(transaction, of)?;
    for path in paths.iter().filter(|path| known.iter().all(|index| index.path != **path)) {
        let insert = "INSERT INTO field_index (collection, path) VALUES (?, ?) RETURNING number";
        let number: i64 = transaction.query_row(insert, params![of.0, path], |row| row.get(0))?;
        transaction.execute(
            "INSERT INTO index_entry (field, key, age, record) \
             SELECT ?, kinto_key(data, ?), -version, number FROM record WHERE collection = ? AND data IS NOT NULL",
            params![number, path, of.0],
        )?;
    }
    Ok(())
}

/// Notes the data and the version of a record in the indexes of its collection, in place of what was noted of it before, if
/// anything was.
pub(super) fn update(
    transaction: &Transaction<'_>,
    of: CollectionNumber,
    record: i64,
    was_there: bool,
    data: Option<&str>,
    version: Timestamp,
) -> Result<(), Failure> {
    let indexes = self::of(transaction, of)?;
    if indexes.is_empty() {
        return Ok(());
    }
    if was_there {
        transaction.prepare_cached("DELETE FROM index_entry WHERE record = ?")?.execute([record])?;
    }
    let Some(data) = data else { return Ok(()) };
    let mut insert =
        transaction.prepare_cached("INSERT INTO index_entry (field, key, age, record) VALUES (?, ?, ?, ?)")?;
    for Index { number, path } in indexes {
        insert.execute(params![number, sort_key::of_field(data, &path), -millis(version), record])?;
    }
    Ok(())
}
