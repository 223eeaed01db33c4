//! The thread that a connection is used on.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread::{self, ThreadId},
};

use rusqlite::Connection;
use tokio::{sync::oneshot, task::coop};

use super::failure::Failure;
use crate::error::{Error, Result};
#[cfg(feature = "blocking")]
use crate::operation::blocking;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// Runs jobs with a connection, one at a time.
#[derive(Clone)]
pub(crate) enum Runner {
    /// On a thread of its own, since the disk can be slow; and on that of a blocking call, which waits for it in any case.
    ///
    /// A caller has one job in the queue at most, and takes its result when it is polled: one that is not polled holds up no
    /// other.
    Thread {
        // Dropped before the queue, so that it is the thread that closes the file.
        shared: Arc<Shared>,
        jobs: mpsc::Sender<Job>,
    },
    /// On the thread of the caller: memory makes nobody wait, and a clock that a test has stopped would run ahead while another
    /// thread works.
    Caller(Arc<Shared>),
}

/// The reason to run a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needed {
    /// The caller waits for it.
    ByCaller,
    /// It stores what cannot be had again.
    InAnyCase,
}

/// A connection that threads take turns with.
pub(crate) struct Shared {
    connection: Mutex<Connection>,
    user: Mutex<Option<ThreadId>>,
    /// The number of jobs that wait for their thread.
    queued: AtomicUsize,
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
            let shared = match connect() {
                Ok(connection) => Arc::new(Shared::new(connection)),
                Err(failure) => {
                    let _ = opened.send(Err(failure));
                    return;
                }
            };
            if opened.send(Ok(Arc::clone(&shared))).is_ok() {
                for job in queue {
                    if catch_unwind(AssertUnwindSafe(|| shared.run(job))).is_err() {
                        tracing::error!("a job of the store panicked, and nobody waits for it");
                    }
                    shared.queued.fetch_sub(1, Ordering::Release);
                }
            }
        };
        thread::Builder::new()
            .name("kinto-store".to_owned())
            .spawn(serve)
            .map_err(|error| Error::storage(name, "its thread could not be started").caused_by(error))?;
        let outcome = outcome.await.map_err(|_| stopped(name))?;
        Ok(Self::Thread { shared: outcome.map_err(|failure| failure.in_store(name))?, jobs })
    }

    /// Opens a connection that is used on the threads of its callers.
    pub(super) fn caller(name: &str, connect: impl FnOnce() -> Result<Connection, Failure>) -> Result<Self> {
        let connection = connect().map_err(|failure| failure.in_store(name))?;
        Ok(Self::Caller(Arc::new(Shared::new(connection))))
    }

    /// Runs a job, unless the caller has gone before it begins and the job is `Needed` by that alone.
    ///
    /// A panic goes on in the caller, on whichever thread the job was run: it comes from code of the program, such as the
    /// encoding of its type, and is no reason to end the store.
    ///
    /// # Errors
    ///
    /// If the thread has ended, and if this is called by a job, which would wait for itself.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        name: &str,
        needed: Needed,
        job: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<T> {
        match self {
            Self::Thread { shared, .. } if shared.is_used_here() => Err(within_job()),
            Self::Thread { shared, .. } if is_blocking() && shared.queued.load(Ordering::Acquire) == 0 => {
                shared.run(job).ok_or_else(within_job)
            }
            Self::Thread { shared, jobs } => {
                let (reply, result) = oneshot::channel();
                let job = move |connection: &mut Connection| {
                    if needed == Needed::InAnyCase || !reply.is_closed() {
                        let _ = reply.send(catch_unwind(AssertUnwindSafe(|| job(connection))));
                    }
                };
                shared.enqueue(jobs, job).map_err(|_| stopped(name))?;
                let result = result.await.map_err(|_| stopped(name))?;
                Ok(result.unwrap_or_else(|panic| resume_unwind(panic)))
            }
            Self::Caller(shared) => {
                let output = shared.run(job).ok_or_else(within_job);
                // A loop over records has other tasks run, too.
                coop::consume_budget().await;
                output
            }
        }
    }

    /// Has a job run without waiting for it, before any that is run later.
    pub(super) fn submit(&self, job: impl FnOnce(&mut Connection) + Send + 'static) {
        match self {
            Self::Thread { shared, jobs } => {
                let _ = shared.enqueue(jobs, job);
            }
            Self::Caller(shared) => {
                shared.run(job);
            }
        }
    }
}

impl Shared {
    fn new(connection: Connection) -> Self {
        Self { connection: Mutex::new(connection), user: Mutex::new(None), queued: AtomicUsize::new(0) }
    }

    /// Hands a job over to the thread, which those that are run later do not overtake.
    fn enqueue(
        &self,
        jobs: &mpsc::Sender<Job>,
        job: impl FnOnce(&mut Connection) + Send + 'static,
    ) -> Result<(), mpsc::SendError<Job>> {
        self.queued.fetch_add(1, Ordering::Release);
        jobs.send(Box::new(job))
    }

    fn is_used_here(&self) -> bool {
        *lock(&self.user) == Some(thread::current().id())
    }

    /// Runs a job; `None` if it is called by one.
    fn run<T>(&self, job: impl FnOnce(&mut Connection) -> T) -> Option<T> {
        if self.is_used_here() {
            return None;
        }
        let mut connection = lock(&self.connection);
        let turn = Turn(&self.user);
        *lock(&self.user) = Some(thread::current().id());
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

/// Returns true on a thread that a blocking call waits on.
fn is_blocking() -> bool {
    #[cfg(feature = "blocking")]
    return blocking::is_calling();
    #[cfg(not(feature = "blocking"))]
    false
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

#[cfg(test)]
#[cfg(feature = "blocking")]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    /// The thread of this runner never comes, so that what is handed over to it waits.
    fn without_thread() -> (Runner, mpsc::Receiver<Job>) {
        let (jobs, queue) = mpsc::channel();
        let shared = Arc::new(Shared::new(Connection::open_in_memory().unwrap()));
        (Runner::Thread { shared, jobs }, queue)
    }

    #[test]
    fn blocking_call_overtakes_no_job_that_waits() {
        let (runner, queue) = without_thread();
        let run =
            || runner.run("test", Needed::ByCaller, |_| thread::current().id()).now_or_never().transpose().unwrap();
        assert_eq!(run(), None, "an async call is handed over");
        assert_eq!(blocking::wait(async { Ok(run()) }).unwrap(), None);
        assert_eq!(queue.try_iter().count(), 2);

        let (runner, queue) = without_thread();
        let run =
            || runner.run("test", Needed::ByCaller, |_| thread::current().id()).now_or_never().transpose().unwrap();
        assert_eq!(blocking::wait(async { Ok(run()) }).unwrap(), Some(thread::current().id()));
        runner.submit(|_| ());
        assert_eq!(blocking::wait(async { Ok(run()) }).unwrap(), None);
        assert_eq!(queue.try_iter().count(), 2);
    }
}
