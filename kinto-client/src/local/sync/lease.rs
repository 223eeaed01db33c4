//! One synchronization of a collection at a time, also across processes.

use std::{
    fs::{File, TryLockError},
    path::Path,
    sync::Arc,
    time::Duration,
};

use rusqlite::{Transaction, params};

use super::rest;
use crate::{
    error::{Error, Result, kind::ErrorKind},
    local::{
        inner::Inner,
        store::{failure::Failure, rows::CollectionNumber},
    },
};

/// The time after which a lease ends by itself although its process lives: longer than any request takes.
const TERM: Duration = Duration::from_secs(120);

/// The right to synchronize a collection, until it is released or dropped, or its process ends.
pub(super) struct Lease {
    inner: Arc<Inner>,
    epoch: i64,
    is_released: bool,
    /// The system unlocks it when the process ends, and needs no room on the disk for that.
    _lock: Option<File>,
}

/// The holder of the lock beside the file.
enum Holder {
    Nobody(File),
    Somebody,
    /// There are no locks here, or the store is in memory.
    Unknown,
}

impl Lease {
    /// Takes the lease.
    ///
    /// # Errors
    ///
    /// [`Error::is_unavailable`] if another synchronization of the collection is running, or if the server asked for time.
    pub(super) async fn take(inner: &Arc<Inner>) -> Result<Self> {
        let (number, file) = (inner.number, inner.database.file());
        let take = move |transaction: &Transaction<'_>| {
            let holder = file.map_or(Holder::Unknown, |file| lock(&file, number));
            let is_free = matches!(holder, Holder::Nobody(_));
            Ok((take(transaction, number, is_free)?, holder))
        };
        let (epoch, holder) = inner.database.write(take).await?;
        let lock = match holder {
            Holder::Nobody(lock) => Some(lock),
            Holder::Somebody | Holder::Unknown => None,
        };
        Ok(Self { inner: Arc::clone(inner), epoch, is_released: false, _lock: lock })
    }

    /// Runs a job in a transaction, if this lease is still the current one: what a synchronization learned before another one
    /// took over is older than what that one stores.
    pub(super) async fn write<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    {
        let (number, epoch) = (self.inner.number, self.epoch);
        let job = move |transaction: &Transaction<'_>| {
            let mut statement =
                transaction.prepare_cached("UPDATE collection SET held_until = ? WHERE number = ? AND epoch = ?")?;
            if statement.execute(params![rest::after(TERM), number.0, epoch])? == 0 {
                return Err(taken_over().into());
            }
            job(transaction)
        };
        self.inner.database.write(job).await
    }

    /// Ends the lease, so that who synchronizes next, also by another handle of the file, finds it free.
    pub(super) async fn release(mut self) -> Result<()> {
        self.is_released = true;
        let (number, epoch) = (self.inner.number, self.epoch);
        self.inner.database.write(move |transaction| release(transaction, number, epoch)).await
    }
}

impl Drop for Lease {
    /// Ends the lease of a synchronization that was dropped, without waiting for the file.
    fn drop(&mut self) {
        if !self.is_released {
            let (number, epoch) = (self.inner.number, self.epoch);
            self.inner.database.submit(move |transaction| release(transaction, number, epoch));
        }
    }
}

fn release(transaction: &Transaction<'_>, of: CollectionNumber, epoch: i64) -> Result<(), Failure> {
    let sql = "UPDATE collection SET held_until = 0 WHERE number = ? AND epoch = ?";
    transaction.execute(sql, params![of.0, epoch])?;
    Ok(())
}

/// Locks the file that stands for a collection, beside the store's.
fn lock(store: &Path, of: CollectionNumber) -> Holder {
    // Another process may have opened it through a link.
    let mut path = store.canonicalize().unwrap_or_else(|_| store.to_owned()).into_os_string();
    path.push(format!("-sync{}", of.0));
    // It is left there: a lock on a file that another process has removed would be worth nothing.
    let Ok(file) = File::options().create(true).truncate(false).write(true).open(path) else { return Holder::Unknown };
    match file.try_lock() {
        Ok(()) => Holder::Nobody(file),
        Err(TryLockError::WouldBlock) => Holder::Somebody,
        Err(TryLockError::Error(_)) => Holder::Unknown,
    }
}

/// Returns true if a living process holds the lease of a collection, as far as locks can tell.
pub(crate) fn is_held(store: Option<&Path>, of: CollectionNumber) -> bool {
    !matches!(store.map(|store| lock(store, of)), Some(Holder::Nobody(_)))
}

/// Takes the lease of a collection. `is_free` if no living process holds it, whatever its term is.
fn take(transaction: &Transaction<'_>, of: CollectionNumber, is_free: bool) -> Result<i64, Failure> {
    let sql = "SELECT held_until FROM collection WHERE number = ?";
    let held: i64 = transaction.query_row(sql, [of.0], |row| row.get(0))?;
    let now = rest::after(Duration::ZERO);
    if held > now && !is_free {
        return Err(busy(held - now).into());
    }
    rest::check(transaction, of)?;
    let sql = "UPDATE collection SET held_until = ?, epoch = epoch + 1 WHERE number = ? RETURNING epoch";
    Ok(transaction.query_row(sql, params![rest::after(TERM), of.0], |row| row.get(0))?)
}

fn busy(millis: i64) -> Error {
    let message = "another synchronization of this collection is running, here or in another process";
    Error::new(ErrorKind::Unavailable, message).with_retry_after(Duration::from_millis(millis.unsigned_abs()))
}

fn taken_over() -> Error {
    let message = "another process has taken this synchronization over, because it took too long; nothing is lost";
    Error::new(ErrorKind::Cancelled, message)
}
