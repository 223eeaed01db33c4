//! The thread that a connection is used on.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread::{self, ThreadId},
};

use rusqlite::Connection;
use tokio::{sync::oneshot, task::coop};

use super::failure::Failure;
use crate::error::{Error, Result};

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// Runs jobs with a connection, one at a time.
#[derive(Clone)]
pub(crate) enum Runner {
    /// On a thread of its own, since the disk can be slow.
    ///
    /// A caller has one job in the queue at most, and takes its result when it is polled: one that is not polled holds up no
    /// other.
    Thread { jobs: mpsc::Sender<Job>, id: ThreadId },
    /// On the thread of the caller: memory makes nobody wait, and a clock that a test has stopped would run ahead while another
    /// thread works.
    Caller(Arc<Shared>),
}

/// A connection that threads take turns with.
pub(crate) struct Shared {
    connection: Mutex<Connection>,
    user: Mutex<Option<ThreadId>>,
}

impl Runner {
    /// Opens a connection on a new thread.
    pub(super) async fn thread(
        name: &str,
        connect: impl FnOnce() -> Result<Connection, Failure> + Send + 'static,
    ) -> Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let (opened, outcome) = oneshot::channel();
        let serve = move || {
            let mut connection = match connect() {
                Ok(connection) => connection,
                Err(failure) => {
                    let _ = opened.send(Err(failure));
                    return;
                }
            };
            if opened.send(Ok(())).is_ok() {
                for job in queue {
                    job(&mut connection);
                }
            }
        };
        let thread = thread::Builder::new()
            .name("kinto-store".to_owned())
            .spawn(serve)
            .map_err(|error| Error::storage(name, "its thread could not be started").caused_by(error))?;
        let outcome = outcome.await.map_err(|_| stopped(name))?;
        outcome.map_err(|failure| failure.in_store(name))?;
        Ok(Self::Thread { jobs, id: thread.thread().id() })
    }

    /// Opens a connection that is used on the threads of its callers.
    pub(super) fn caller(name: &str, connect: impl FnOnce() -> Result<Connection, Failure>) -> Result<Self> {
        let connection = connect().map_err(|failure| failure.in_store(name))?;
        Ok(Self::Caller(Arc::new(Shared { connection: Mutex::new(connection), user: Mutex::new(None) })))
    }

    /// Runs a job, unless the caller has gone before it begins.
    ///
    /// # Errors
    ///
    /// If the thread has ended, and if this is called by a job, which would wait for itself.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        name: &str,
        job: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<T> {
        match self {
            Self::Thread { id, .. } if thread::current().id() == *id => Err(within_job()),
            Self::Thread { jobs, .. } => {
                let (reply, result) = oneshot::channel();
                let job = move |connection: &mut Connection| {
                    if !reply.is_closed() {
                        let _ = reply.send(job(connection));
                    }
                };
                jobs.send(Box::new(job)).map_err(|_| stopped(name))?;
                result.await.map_err(|_| stopped(name))
            }
            Self::Caller(shared) => {
                // A loop over records has other tasks run, too.
                coop::consume_budget().await;
                shared.run(job).ok_or_else(within_job)
            }
        }
    }

    /// Has a job run without waiting for it.
    pub(super) fn submit(&self, job: impl FnOnce(&mut Connection) + Send + 'static) {
        match self {
            Self::Thread { jobs, .. } => {
                let _ = jobs.send(Box::new(job));
            }
            Self::Caller(shared) => {
                shared.run(job);
            }
        }
    }
}

impl Shared {
    /// Runs a job; `None` if it is called by one.
    fn run<T>(&self, job: impl FnOnce(&mut Connection) -> T) -> Option<T> {
        let this = thread::current().id();
        if *lock(&self.user) == Some(this) {
            return None;
        }
        let mut connection = lock(&self.connection);
        let turn = Turn(&self.user);
        *lock(&self.user) = Some(this);
        let output = job(&mut connection);
        drop(turn);
        Some(output)
    }
}

/// Ends also if the job panics.
struct Turn<'a>(&'a Mutex<Option<ThreadId>>);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *lock(self.0) = None;
    }
}

/// A job that panicked has left no transaction behind: it was rolled back on its way.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn within_job() -> Error {
    Error::invalid(
        "a call on a store cannot be made by the function that decides a conflict, since the store waits for that: read what it \
         needs before the synchronization",
    )
}

fn stopped(name: &str) -> Error {
    Error::storage(name, "its thread has ended")
}
