use std::{
    future::poll_fn,
    panic,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, TryLockError, Weak},
    task::{Poll, ready},
};

use tokio::{runtime::Handle, task::JoinHandle};
use tracing::{Instrument as _, Span, instrument::WithSubscriber as _};

use crate::error::{Error, Result, kind::ErrorKind};

/// A task that ends when this is dropped.
///
/// A write lock that it holds is free at once then, also if nobody drives its runtime any more.
pub(crate) struct Task<T> {
    handle: JoinHandle<T>,
    work: Weak<Work<T>>,
}

/// The future of a task, until it has ended.
type Work<T> = Mutex<Option<Pin<Box<dyn Future<Output = T> + Send>>>>;

impl<T: Send + 'static> Task<T> {
    /// Starts a future that goes on by itself, whether or not the caller is polled, and logs where the caller does.
    pub(crate) fn start(future: impl Future<Output = T> + Send + 'static) -> Result<Self> {
        let handle = Handle::try_current().map_err(|error| {
            Error::invalid("calls have to be awaited within a Tokio runtime (`#[tokio::main]`)").caused_by(error)
        })?;
        let future = future.instrument(Span::current()).with_current_subscriber();
        let kept: Arc<Work<T>> = Arc::new(Mutex::new(Some(Box::pin(future))));
        let work = Arc::downgrade(&kept);
        let handle = handle.spawn(poll_fn(move |context| {
            let mut work = kept.lock().unwrap_or_else(PoisonError::into_inner);
            // Without it, the task was dropped, and is aborted as soon as its runtime is driven.
            let Some(future) = work.as_mut() else { return Poll::Pending };
            let output = ready!(future.as_mut().poll(context));
            *work = None;
            Poll::Ready(output)
        }));
        Ok(Self { handle, work })
    }

    /// Waits for its end. An error means that the runtime was shut down before that.
    pub(crate) async fn end(mut self) -> Result<T> {
        match (&mut self.handle).await {
            Ok(output) => Ok(output),
            Err(error) if error.is_panic() => panic::resume_unwind(error.into_panic()),
            Err(error) => Err(Error::new(ErrorKind::Cancelled, "the runtime was shut down meanwhile").caused_by(error)),
        }
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.handle.abort();
        let Some(work) = self.work.upgrade() else { return };
        let unfinished = match work.try_lock() {
            Ok(mut work) => work.take(),
            Err(TryLockError::Poisoned(work)) => work.into_inner().take(),
            // It is being polled, so that its runtime drops it after that.
            Err(TryLockError::WouldBlock) => None,
        };
        drop(unfinished);
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::{runtime::Builder, task::yield_now};

    use super::*;

    #[test]
    fn dropped_task_holds_nothing_although_its_runtime_is_not_driven() {
        let runtime = Builder::new_current_thread().build().unwrap();
        for is_polled in [true, false] {
            let held = Arc::new(());
            let watched = Arc::downgrade(&held);
            let work = async move {
                pending::<()>().await;
                drop(held);
            };
            let task = runtime.block_on(async {
                let task = Task::start(work).unwrap();
                if is_polled {
                    yield_now().await;
                }
                task
            });
            assert!(watched.upgrade().is_some());
            drop(task);
            assert!(watched.upgrade().is_none(), "polled: {is_polled}");
        }
    }

    #[test]
    fn task_whose_runtime_is_shut_down_holds_nothing() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let held = Arc::new(());
        let watched = Arc::downgrade(&held);
        let task = runtime.block_on(async {
            Task::start(async move {
                pending::<()>().await;
                drop(held);
            })
        });
        drop(runtime);
        assert!(watched.upgrade().is_none());
        drop(task);
    }
}
