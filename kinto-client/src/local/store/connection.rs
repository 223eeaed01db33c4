//! The connection to the file.

use std::{
    path::{self, Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, config::DbConfig};

use super::{failure::Failure, functions, log, runner::Runner, schema};
use crate::error::Result;

/// The number of statements that are kept ready.
const STATEMENTS: usize = 64;

/// The memory for pages of the file, in KiB. A pull writes to trees in no order; with the 2,000 KiB that SQLite takes by itself,
/// a tenth of its time went into reading their pages again.
const CACHE: i32 = 8_000;

/// The number of pages in the log of the file after which they are moved into it: four times as many as by default, since the
/// pages of a tree are written by many transactions, and are moved once.
const CHECKPOINT: i32 = 4_000;

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
        let mut connection = match self {
            Self::File(path) => open_file(path)?,
            Self::Memory => Connection::open_in_memory()?,
        };
        connection.busy_timeout(busy_timeout)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        // Otherwise statements are planned anew for each value that is compared with an indexed column.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        functions::add(&connection)?;
        schema::check(&connection)?;
        // A commit is on the disk before it is reported, and readers do not wait for it.
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "cache_size", -CACHE)?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT)?;
        schema::migrate(&mut connection)?;
        Ok(connection)
    }
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
        self.run(move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let output = job(&transaction)?;
            log::keep(&transaction, keep_changes)?;
            transaction.commit()?;
            Ok(output)
        })
        .await
    }

    /// Runs a job that reads one state of the file.
    pub(crate) async fn read<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    {
        self.run(move |connection| job(&connection.transaction()?)).await
    }

    async fn run<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, Failure> + Send + 'static,
    {
        self.runner.run(&self.name, job).await?.map_err(|failure| failure.in_store(&self.name))
    }

    /// Has a job run in a transaction that may write, without waiting for it; its failure is not reported.
    pub(crate) fn submit<F>(&self, job: F)
    where
        F: FnOnce(&Transaction<'_>) -> Result<(), Failure> + Send + 'static,
    {
        let run = move |connection: &mut Connection| -> Result<(), Failure> {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            job(&transaction)?;
            Ok(transaction.commit()?)
        };
        let run = move |connection: &mut Connection| {
            if let Err(failure) = run(connection) {
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
