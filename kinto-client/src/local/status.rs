//! The state of a collection in a store, in numbers.

use std::{fmt, path::Path, sync::Arc, time::SystemTime};

use rusqlite::{Row as SqlRow, Transaction};

use super::{
    collection::LocalCollection,
    inner::{Inner, without_options},
    pending::PENDING,
    store::{failure::Failure, rows::CollectionNumber},
    sync::{lease, rest},
};
use crate::{
    client::Client,
    error::Result,
    operation::{Call, CallContext, sealed},
    wire::object::RecordData,
};

/// The state of a collection in a store: what the next synchronization sends, and what keeps it from doing so.
///
/// Each changed record is counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalStatus {
    /// Records that the server does not have yet.
    pub to_create: usize,
    /// Records that differ from those on the server, and those of which a response was lost.
    pub to_update: usize,
    /// Records that were deleted here, and not on the server yet.
    pub to_delete: usize,
    /// Records with a conflict, which are not sent before it is resolved: see [`LocalCollection::conflicts`].
    pub conflicts: usize,
    /// Changes that the server refused: see [`LocalCollection::problems`].
    pub problems: usize,
    /// True while a synchronization of the collection is running, here or in another process.
    pub is_syncing: bool,
    /// The time before which the server asked not to be sent anything, if it has not passed: a synchronization fails until then.
    pub wait_until: Option<SystemTime>,
}

impl LocalStatus {
    /// Returns the number of changes that the next synchronization sends: those that [`LocalCollection::pending`] lists.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.to_create + self.to_update + self.to_delete
    }

    /// Returns true if something waits for a decision: a conflict, or a change that the server refused.
    #[must_use]
    pub fn needs_attention(&self) -> bool {
        self.conflicts + self.problems > 0
    }
}

/// Reads the state of a collection in a store.
pub struct GetStatus {
    inner: Arc<Inner>,
}

impl<T: RecordData> LocalCollection<T> {
    /// Returns the number of changes that were not sent yet, and what keeps them from being sent. It reads the file only.
    ///
    /// [`pending`](Self::pending), [`conflicts`](Self::conflicts) and [`problems`](Self::problems) list the records.
    ///
    /// # Errors
    ///
    /// [`Error::is_storage`](crate::Error::is_storage) if the file cannot be read.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_client::testing::Kinto::new();
    /// # let client = server.client();
    /// use kinto_client::{Value, json, local::Store};
    ///
    /// let notes = Store::in_memory().await?.bind::<Value>(&client.bucket("default").collection("notes")).await?;
    /// notes.create_record(json!({"text": "Milk"})).await?;
    ///
    /// let status = notes.status().await?;
    /// assert_eq!((status.to_create, status.pending(), status.needs_attention()), (1, 1, false));
    /// # Ok(()) }
    /// ```
    pub fn status(&self) -> Call<'static, GetStatus> {
        Call::new(self.inner.remote.client(), GetStatus { inner: Arc::clone(&self.inner) })
    }
}

impl sealed::Action for GetStatus {
    const NAME: &'static str = "GetStatus";

    type Output = LocalStatus;

    async fn run(self, client: Client) -> Result<LocalStatus> {
        without_options(&client)?;
        let (number, file) = (self.inner.number, self.inner.database.file());
        let read = move |transaction: &Transaction<'_>| status(transaction, number, file.as_deref());
        let read = self.inner.database.read(read).await;
        read.map_err(|error| CallContext::new("get the status of", &self.inner.remote.records()).attach(error))
    }
}

/// Counts the changed records, and reads no others.
fn counting() -> String {
    format!(
        "SELECT count(*) FILTER (WHERE {PENDING} AND base IS NULL AND local IS NOT NULL), \
         count(*) FILTER (WHERE {PENDING} AND base IS NOT NULL AND local IS NOT NULL), \
         count(*) FILTER (WHERE {PENDING} AND local IS NULL), \
         count(*) FILTER (WHERE ancestors IS NOT NULL), count(*) FILTER (WHERE problem IS NOT NULL) \
         FROM record WHERE collection = ? AND is_changed"
    )
}

fn status(transaction: &Transaction<'_>, of: CollectionNumber, file: Option<&Path>) -> Result<LocalStatus, Failure> {
    let count = |row: &SqlRow<'_>, column: usize| row.get::<_, i64>(column).map(|n| usize::try_from(n).unwrap_or(0));
    let counted = transaction.prepare_cached(&counting())?.query_row([of.0], |row| {
        Ok(LocalStatus {
            to_create: count(row, 0)?,
            to_update: count(row, 1)?,
            to_delete: count(row, 2)?,
            conflicts: count(row, 3)?,
            problems: count(row, 4)?,
            ..LocalStatus::default()
        })
    })?;
    let sql = "SELECT wait_until FROM collection WHERE number = ?";
    let wait_until = rest::resting_until(transaction.query_row(sql, [of.0], |row| row.get(0))?);
    let is_syncing = lease::is_held(transaction, file, of)?;
    Ok(LocalStatus { is_syncing, wait_until, ..counted })
}

impl fmt::Debug for GetStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GetStatus({})", self.inner.remote.path())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::local::{
        marked::Mark,
        pending,
        store::{
            connection::{Database, Place},
            log,
        },
    };

    /// A file of a million records has few that were changed, and is not read to find them.
    #[tokio::test]
    async fn marked_records_and_positions_are_found_by_their_index() {
        let database = Database::open(Place::Memory, Duration::ZERO, 0).await.unwrap();
        for (sql, expected) in [
            (counting(), "SEARCH record USING INDEX record_changed (collection=?"),
            (pending::listing(), "SEARCH record USING INDEX record_changed (collection=?"),
            (Mark::Conflict.sql().to_owned(), "SEARCH record USING INDEX record_conflict (collection=? AND id>?"),
            (Mark::Problem.sql().to_owned(), "SEARCH record USING INDEX record_problem (collection=? AND id>?"),
            (log::BOUNDS.to_owned(), "SEARCH change"),
        ] {
            let plan = database.read(move |transaction| {
                let mut statement = transaction.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
                let values: Vec<i64> = vec![1; statement.parameter_count()];
                let lines =
                    statement.query_map(rusqlite::params_from_iter(values), |row| row.get::<_, String>("detail"))?;
                Ok(lines.collect::<rusqlite::Result<Vec<_>>>()?)
            });
            let mut plan = plan.await.unwrap();
            plan.retain(|line| line != "SCAN CONSTANT ROW" && !line.starts_with("SCALAR SUBQUERY"));
            assert!(!plan.is_empty() && plan.iter().all(|line| line.starts_with(expected)), "{plan:?}");
        }
    }
}
