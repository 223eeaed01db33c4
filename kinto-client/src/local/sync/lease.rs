//! One synchronization of a collection at a time, also across processes.
//!
//! A lease is a row of the file and, where there are locks, an exclusive lock on a file beside it. The row says until when the
//! lease holds, its epoch, and whether its holder has the lock. The lock ends with the process, so that the next one does not
//! wait for the term of one that was killed.
//!
//! | row | lock | a synchronization that begins |
//! |---|---|---|
//! | free, or its term is over | free | takes both |
//! | free, or its term is over | held | takes the row alone: the lock is that of a stalled holder |
//! | held with the lock | free | takes both: its holder has ended without a release |
//! | held with the lock | held | is refused until the term is over |
//! | held without a lock | free or held | is refused until the term is over: the lock tells nothing of its holder |
//!
//! A term is also over if more of it is left than a term has: it was written by a clock that was wrong, or is read by one.
//!
//! No living holder within its term loses its lease, by these rules:
//!
//! 1. The row and the lock are taken in one write transaction, and released in one, which gives up the lock before it commits.
//!    SQLite has one writer at a time, so that nobody sees the row free while its holder still has the lock.
//! 2. The lock counts only for a holder that has it. One that took the row alone, beside a stalled holder, keeps it when that one
//!    wakes up and gives its lock up.
//! 3. Who only looks, for the status, takes a shared lock for that moment. Who finds the lock taken tries a shared one, too: two
//!    of these go together, so that somebody who looks is not taken for a holder.
//! 4. If the release cannot be stored, the lock is free and the row held, as after the end of a process.
//!
//! Whatever fails here, the epoch decides what is stored: see [`Lease::write`].

use std::{
    fs::{File, TryLockError},
    path::Path,
    sync::Arc,
    thread,
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
    lock: Option<File>,
}

/// The state of the lock beside the file.
enum Lock {
    /// It was free, and is held by this file now.
    Taken(File),
    /// Others look at it all the time, and nobody holds it.
    Free,
    Held,
    /// There are no locks here, or the store is in memory.
    Unknown,
}

/// The number of times that a lock is tried while others look at it.
const TRIES: usize = 100;

/// The mark of a row whose holder has no lock.
const WITHOUT_LOCK: &str = "without a lock";

impl Lease {
    /// Takes the lease.
    ///
    /// # Errors
    ///
    /// [`Error::is_unavailable`] if another synchronization of the collection is running, or if the server asked for time.
    pub(super) async fn take(inner: &Arc<Inner>) -> Result<Self> {
        let (number, file) = (inner.number, inner.database.file());
        let take = move |transaction: &Transaction<'_>| {
            let lock = file.map_or(Lock::Unknown, |file| take_lock(&file, number));
            Ok((take(transaction, number, &lock)?, lock))
        };
        let (epoch, lock) = inner.database.write(take).await?;
        let lock = match lock {
            Lock::Taken(file) => Some(file),
            Lock::Free | Lock::Held | Lock::Unknown => None,
        };
        Ok(Self { inner: Arc::clone(inner), epoch, is_released: false, lock })
    }

    /// Runs a job in a transaction, if this lease is still the current one: what a synchronization learned before another one
    /// took over is older than what that one stores.
    pub(super) async fn write<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    {
        self.inner.database.write(self.guarded(job)).await
    }

    /// Stores what was received, as [`write`](Self::write) does, also if the synchronization is dropped before its turn comes.
    pub(super) async fn store<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    {
        self.inner.database.write_in_any_case(self.guarded(job)).await
    }

    /// Stores what was received by a synchronization that is being dropped, without waiting for it.
    pub(super) fn submit<F>(&self, job: F)
    where
        F: FnOnce(&Transaction<'_>) -> Result<(), Failure> + Send + 'static,
    {
        self.inner.database.submit(self.guarded(job));
    }

    /// Makes a job fail, and store nothing, if this is not the current lease any more.
    fn guarded<T, F>(&self, job: F) -> impl FnOnce(&Transaction<'_>) -> Result<T, Failure> + Send + use<T, F>
    where
        F: FnOnce(&Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    {
        let (number, epoch) = (self.inner.number, self.epoch);
        move |transaction| {
            let mut statement =
                transaction.prepare_cached("UPDATE collection SET held_until = ? WHERE number = ? AND epoch = ?")?;
            if statement.execute(params![rest::after(TERM), number.0, epoch])? == 0 {
                return Err(taken_over().into());
            }
            job(transaction)
        }
    }

    /// Ends the lease, so that who synchronizes next, also by another handle of the file, finds it free.
    pub(super) async fn release(mut self) -> Result<()> {
        let release = self.releasing();
        let released = self.inner.database.write(release).await;
        // One that is dropped before this was perhaps not released.
        self.is_released = true;
        released
    }

    /// Returns the job that ends the lease. The lock ends with it, also if it is never run.
    fn releasing(&mut self) -> impl FnOnce(&Transaction<'_>) -> Result<(), Failure> + Send + use<> {
        let (number, epoch, lock) = (self.inner.number, self.epoch, self.lock.take());
        move |transaction| {
            let sql = "UPDATE collection SET held_until = 0 WHERE number = ? AND epoch = ?";
            transaction.execute(sql, params![number.0, epoch])?;
            drop(lock);
            Ok(())
        }
    }
}

impl Drop for Lease {
    /// Ends the lease of a synchronization that was dropped, without waiting for the file.
    fn drop(&mut self) {
        if !self.is_released {
            let release = self.releasing();
            self.inner.database.submit(release);
        }
    }
}

/// Opens the file that stands for a collection, beside the store's, for its lock.
fn open_lock(store: &Path, of: CollectionNumber) -> Option<File> {
    // Another process may have opened it through a link.
    let mut path = store.canonicalize().unwrap_or_else(|_| store.to_owned()).into_os_string();
    path.push(format!("-sync{}", of.0));
    // It is left there: a lock on a file that another process has removed would be worth nothing.
    File::options().create(true).truncate(false).write(true).open(path).ok()
}

/// Takes the lock of a collection if it is free.
fn take_lock(store: &Path, of: CollectionNumber) -> Lock {
    let Some(file) = open_lock(store, of) else { return Lock::Unknown };
    for _ in 0..TRIES {
        match file.try_lock() {
            Ok(()) => return Lock::Taken(file),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(_)) => return Lock::Unknown,
        }
        match file.try_lock_shared().map(|()| file.unlock()) {
            Ok(Ok(())) => thread::yield_now(),
            Err(TryLockError::WouldBlock) => return Lock::Held,
            Ok(Err(_)) | Err(TryLockError::Error(_)) => return Lock::Unknown,
        }
    }
    Lock::Free
}

/// Returns true if a living process holds the lease of a collection, whose term is not over, as far as locks can tell.
pub(crate) fn is_held(
    transaction: &Transaction<'_>,
    store: Option<&Path>,
    of: CollectionNumber,
) -> Result<bool, Failure> {
    let is_free = || {
        let lock = store.and_then(|store| open_lock(store, of));
        lock.is_some_and(|lock| lock.try_lock_shared().is_ok())
    };
    let (left, has_lock) = term(transaction, of)?;
    Ok(left.is_some() && !(has_lock && is_free()))
}

/// Returns what is left of the term of a lease, and whether its holder has the lock.
fn term(transaction: &Transaction<'_>, of: CollectionNumber) -> Result<(Option<Duration>, bool), Failure> {
    let sql = "SELECT held_until, holder IS NULL FROM collection WHERE number = ?";
    let (held, has_lock) = transaction.query_row(sql, [of.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((rest::remaining(held, TERM), has_lock))
}

/// Takes the lease of a collection.
fn take(transaction: &Transaction<'_>, of: CollectionNumber, lock: &Lock) -> Result<i64, Failure> {
    let (left, has_lock) = term(transaction, of)?;
    let has_ended = has_lock && matches!(lock, Lock::Taken(_) | Lock::Free);
    if let Some(left) = left.filter(|_| !has_ended) {
        return Err(busy(left).into());
    }
    rest::check(transaction, of)?;
    let holder = if matches!(lock, Lock::Taken(_)) { None } else { Some(WITHOUT_LOCK) };
    let sql = "UPDATE collection SET held_until = ?, holder = ?, epoch = epoch + 1 WHERE number = ? RETURNING epoch";
    Ok(transaction.query_row(sql, params![rest::after(TERM), holder, of.0], |row| row.get(0))?)
}

fn busy(left: Duration) -> Error {
    let message = "another synchronization of this collection is running, here or in another process";
    Error::new(ErrorKind::Unavailable, message).with_retry_after(left)
}

fn taken_over() -> Error {
    let message = "another process has taken this synchronization over, because it took too long; nothing is lost";
    Error::new(ErrorKind::Cancelled, message)
}

#[cfg(test)]
mod tests;
