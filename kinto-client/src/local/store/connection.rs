//! The connection to the file.

use std::{
    path::{self, Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, config::DbConfig};

use super::{
    failure::Failure,
    functions, log,
    runner::{Needed, Runner},
    schema,
};
use crate::error::Result;

/// The number of statements that are kept ready.
const STATEMENTS: usize = 64;

/// The memory for pages of the file, in KiB. A pull writes to trees in no order; with the 2,000 KiB that SQLite takes by itself,
/// a tenth of its time went into reading their pages again.
const CACHE: i32 = 8_000;

/// The number of pages in the log of the file after which they are moved into it: four times as many as by default, since the
/// pages of a tree are written by many transactions, and are moved once.
const CHECKPOINT: i32 = 4_000;

/// The longest time that SQLite waits for a lock: it counts milliseconds in 32 bits.
const LONGEST_WAIT: Duration = Duration::from_millis(i32::MAX.unsigned_abs() as u64);

/// The pauses between two tries to make a file ready that another connection has locked.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// A handle of the connection. The last one that is dropped closes it.
#[derive(Clone)]
pub(crate) struct Database {
    runner: Runner,
    name: Arc<str>,
    /// The number of changes that the file keeps.
    keep_changes: u32,
    /// `None` for a store in memory.
    file: Option<Arc<Path>>,
}

/// The place of a store.
pub(crate) enum Place {
    File(PathBuf),
    Memory,
}

impl Place {
    fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Memory => "the store in memory".to_owned(),
        }
    }

    fn connect(&self, busy_timeout: Duration) -> Result<Connection, Failure> {
        let busy_timeout = busy_timeout.min(LONGEST_WAIT);
        let mut connection = match self {
            Self::File(path) => open_file(path)?,
            Self::Memory => Connection::open_in_memory()?,
        };
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        // Otherwise statements are planned anew for each value that is compared with an indexed column.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        functions::add(&connection)?;
        while_busy(busy_timeout, |left| {
            connection.busy_timeout(left)?;
            prepare(&mut connection)
        })?;
        connection.busy_timeout(busy_timeout)?;
        Ok(connection)
    }
}

/// Tries something until no other connection keeps the file locked, or the time is over. It is given the time that is left.
///
/// SQLite waits by itself for most locks, but two connections that switch a new file to WAL at once would wait for each other, so
/// that it tells one of them immediately.
fn while_busy<T>(time: Duration, mut attempt: impl FnMut(Duration) -> Result<T, Failure>) -> Result<T, Failure> {
    let (begun, mut pause) = (Instant::now(), FIRST_PAUSE);
    loop {
        let left = time.saturating_sub(begun.elapsed());
        match attempt(left) {
            Err(failure) if failure.is_busy() && !left.is_zero() => {}
            outcome => return outcome,
        }
        thread::sleep(pause.min(left));
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Makes a file ready, unless it is not one of ours.
fn prepare(connection: &mut Connection) -> Result<(), Failure> {
    schema::check(&connection.transaction()?)?;
    // A commit is on the disk before it is reported, and readers do not wait for it.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -CACHE)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT)?;
    schema::migrate(connection)
}

fn open_file(path: &Path) -> rusqlite::Result<Connection> {
    // Without `SQLITE_OPEN_URI`: a name that begins with `file:` is a name.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags)
}

impl Database {
    /// Opens the file, and makes or updates its tables.
    pub(crate) async fn open(place: Place, busy_timeout: Duration, keep_changes: u32) -> Result<Self> {
        let name: Arc<str> = place.name().into();
        let file = match &place {
            // SQLite too stays with the folder that was the current one.
            Place::File(path) => Some(path::absolute(path).unwrap_or_else(|_| path.clone()).into()),
            Place::Memory => None,
        };
        let connect = move || place.connect(busy_timeout);
        let runner =
            if file.is_some() { Runner::thread(&name, connect).await? } else { Runner::caller(&name, connect)? };
        Ok(Self { runner, name, keep_changes, file })
    }

    /// Runs a job in a transaction that may write. Nothing of it is stored if it fails, or if the caller has gone before it
    /// begins.
    pub(crate) async fn write<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    {
        let keep_changes = self.keep_changes;
        self.run(Needed::ByCaller, move |connection| transact(connection, keep_changes, job)).await
    }

    /// Runs a job in a transaction that may write, also if the caller goes before it begins. Nothing of it is stored if it fails.
    pub(crate) async fn write_in_any_case<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    {
        let keep_changes = self.keep_changes;
        self.run(Needed::InAnyCase, move |connection| transact(connection, keep_changes, job)).await
    }

    /// Runs a job that reads one state of the file.
    pub(crate) async fn read<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    {
        self.run(Needed::ByCaller, move |connection| job(&connection.transaction()?)).await
    }

    async fn run<T, F>(&self, needed: Needed, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, Failure> + Send + 'static,
    {
        self.runner.run(&self.name, needed, job).await?.map_err(|failure| failure.in_store(&self.name))
    }

    /// Has a job run in a transaction that may write, without waiting for it; its failure is not reported.
    pub(crate) fn submit<F>(&self, job: F)
    where
        F: FnOnce(&Transaction<'_>) -> Result<(), Failure> + Send + 'static,
    {
        let keep_changes = self.keep_changes;
        let run = move |connection: &mut Connection| {
            if let Err(failure) = transact(connection, keep_changes, job) {
                tracing::debug!(?failure, "a job of the store failed");
            }
        };
        self.runner.submit(run);
    }

    /// Returns true if this is another handle of the same connection.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.name, &other.name)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the path of the file; `None` for a store in memory.
    pub(crate) fn file(&self) -> Option<Arc<Path>> {
        self.file.clone()
    }
}

/// Runs a job in a transaction that may write, and commits it.
fn transact<T>(
    connection: &mut Connection,
    keep_changes: u32,
    job: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let output = job(&transaction)?;
    log::keep(&transaction, keep_changes)?;
    transaction.commit()?;
    Ok(output)
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    fn failure(code: i32) -> Failure {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None).into()
    }

    #[test]
    fn busy_file_is_tried_again_until_the_time_is_over() {
        let long = Duration::from_secs(3_600);
        let mut tries = 0;
        let outcome = while_busy(long, |left| {
            tries += 1;
            assert!(left <= long);
            if tries < 9 { Err(failure(ffi::SQLITE_BUSY)) } else { Ok(tries) }
        });
        assert_eq!((outcome.unwrap(), tries), (9, 9));
        for (time, code) in [(Duration::ZERO, ffi::SQLITE_BUSY), (long, ffi::SQLITE_CORRUPT)] {
            let mut tries = 0;
            let outcome = while_busy(time, |_| {
                tries += 1;
                Err::<(), _>(failure(code))
            });
            assert_eq!((outcome.is_err(), tries), (true, 1));
        }
        let mut last = None;
        let outcome = while_busy(Duration::from_millis(20), |left| {
            last = Some(left);
            Err::<(), _>(failure(ffi::SQLITE_LOCKED))
        });
        assert_eq!(
            (outcome.is_err(), last),
            (true, Some(Duration::ZERO)),
            "it is tried once more when the time is over"
        );
    }
}
