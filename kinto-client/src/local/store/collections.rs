//! Collections in the file.

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::{failure::Failure, rows::CollectionNumber};

/// The names under which a collection is kept: two users never share one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Names {
    /// The URL of the server.
    pub(crate) server: String,
    /// The id of the user, as the server says it; empty for nobody.
    pub(crate) user: String,
    pub(crate) bucket: String,
    pub(crate) id: String,
}

/// Returns the number of a collection, which is added if it is new.
pub(crate) fn find_or_add(transaction: &Transaction<'_>, names: &Names) -> Result<CollectionNumber, Failure> {
    let Names { server, user, bucket, id } = names;
    let names = params![server, user, bucket, id];
    let find = "SELECT number FROM collection WHERE server = ? AND user = ? AND bucket = ? AND id = ?";
    if let Some(number) = transaction.query_row(find, names, |row| row.get(0)).optional()? {
        return Ok(CollectionNumber(number));
    }
    let add = "INSERT INTO collection (server, user, bucket, id) VALUES (?, ?, ?, ?) RETURNING number";
    Ok(CollectionNumber(transaction.query_row(add, names, |row| row.get(0))?))
}

/// Returns the users of a server whose records are in the file.
pub(crate) fn users(transaction: &Transaction<'_>, server: &str) -> Result<Vec<String>, Failure> {
    let mut statement = transaction.prepare("SELECT DISTINCT user FROM collection WHERE server = ? ORDER BY user")?;
    let users = statement.query_map([server], |row| row.get(0))?;
    Ok(users.collect::<rusqlite::Result<_>>()?)
}
