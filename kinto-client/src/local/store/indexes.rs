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

/// The data of a record, with its version.
pub(super) type Indexed<'a> = (&'a str, Timestamp);

/// Notes the data and the version of a record in the indexes of its collection, in place of what was noted of it before, if
/// anything was. What was noted is found by its key: an index by record would be one more tree to write to.
pub(super) fn update(
    transaction: &Transaction<'_>,
    indexes: &[Index],
    record: i64,
    before: Option<Indexed<'_>>,
    after: Option<Indexed<'_>>,
) -> Result<(), Failure> {
    for Index { number, path } in indexes {
        let entry = |(data, version): Indexed<'_>| (sort_key::of_field(data, path), -millis(version));
        let (before, after) = (before.map(entry), after.map(entry));
        if before == after {
            continue;
        }
        if let Some((key, age)) = before {
            let delete = "DELETE FROM index_entry WHERE field = ? AND key = ? AND age = ? AND record = ?";
            let deleted = transaction.prepare_cached(delete)?.execute(params![number, key, age, record])?;
            debug_assert_eq!(deleted, 1, "{path} of {record}");
        }
        if let Some((key, age)) = after {
            let insert = "INSERT INTO index_entry (field, key, age, record) VALUES (?, ?, ?, ?)";
            transaction.prepare_cached(insert)?.execute(params![number, key, age, record])?;
        }
    }
    Ok(())
}
