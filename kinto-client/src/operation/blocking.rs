//! Calls and streams that block the caller's thread.

use std::{
    cell::Cell,
    pin::pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use futures_core::Stream;
use futures_util::StreamExt as _;
use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::coop,
};

use crate::error::{Error, Result, kind::ErrorKind};

/// Runs a future to completion on the current thread.
pub(crate) fn wait<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    check_thread()?;
    drive(future)?
}

/// Reads a stream on whichever thread asks for the next item.
pub(crate) fn iterate<T: 'static, S>(stream: S) -> impl Iterator<Item = Result<T>> + Send + use<T, S>
where
    S: Stream<Item = Result<T>> + Send + Unpin + 'static,
{
    let mut left = Some(stream);
    std::iter::from_fn(move || {
        let stream = left.as_mut()?;
        let item = match check_thread().and_then(|()| drive(stream.next())) {
            Ok(item) => item,
            Err(error) => {
                left = None;
                return Some(Err(error));
            }
        };
        if item.is_none() {
            left = None;
        }
        item
    })
}

/// Returns true while a blocking call polls its future on this thread: what takes long may be done right here then.
#[cfg(feature = "local")]
pub(crate) fn is_calling() -> bool {
    CALLING.get()
}

thread_local! {
    static CALLING: Cell<bool> = const { Cell::new(false) };
}

/// A blocking call on this thread, until it is dropped. One may be made within another, by a function of the caller.
struct Calling {
    was: bool,
}

impl Calling {
    fn new() -> Self {
        Self { was: CALLING.replace(true) }
    }
}

impl Drop for Calling {
    fn drop(&mut self) {
        CALLING.set(self.was);
    }
}

/// Polls a future on this thread until it ends. What it spawns, and its timers and connections, are driven by the
/// runtime's own thread.
///
/// It is not the runtime's `block_on`, since that panics where a thread must not wait.
fn drive<T>(future: impl Future<Output = T>) -> Result<T> {
    let _entered = runtime()?.enter();
    let _calling = Calling::new();
    let alarm = Arc::new(Alarm { thread: thread::current(), rang: AtomicBool::new(false) });
    let waker = Waker::from(Arc::clone(&alarm));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Ok(output);
        }
        while !alarm.rang.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }
}

/// Wakes a thread. It has a state of its own, since a future may itself park the thread while it is polled.
struct Alarm {
    thread: Thread,
    rang: AtomicBool,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.rang.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

fn check_thread() -> Result<()> {
    if is_polling_a_task() {
        return Err(Error::invalid(
            "this would wait inside of async code, where it holds up everything else: use the async form (`.await`, \
             `.stream()`), or `tokio::task::spawn_blocking`",
        ));
    }
    // Entering a runtime would panic, and a panic in such a destructor aborts the program.
    if Handle::try_current().is_err_and(|error| error.is_thread_local_destroyed()) {
        return Err(Error::invalid(
            "this thread is ending, and has already dropped what a blocking call needs: the destructor of a thread-local value \
             must not make one. Make the call before the thread ends, or on another one",
        ));
    }
    Ok(())
}

/// Returns true on a thread that a Tokio runtime polls a task on.
///
/// There, each operation takes something from the task's budget, which runs out. A thread that may block has none:
/// neither in `spawn_blocking` and `block_in_place`, nor where a runtime has only been entered.
fn is_polling_a_task() -> bool {
    let mut context = Context::from_waker(Waker::noop());
    (0..=u8::MAX).any(|_| match coop::poll_proceed(&mut context) {
        Poll::Ready(taken) => {
            taken.made_progress();
            false
        }
        Poll::Pending => true,
    })
}

/// Returns the runtime that all blocking calls of the program share, so that connections are reused between
/// calls.
fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("kinto-client")
        .enable_all()
        .build()
        .map_err(|error| Error::new(ErrorKind::Connect, "could not start a runtime").caused_by(error))?;
    Ok(RUNTIME.get_or_init(|| runtime))
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, sync::mpsc};

    use super::*;

    /// Makes a blocking call, and reads a stream, when it is dropped.
    struct AtEnd(mpsc::Sender<(Result<()>, Option<Result<()>>)>);

    impl Drop for AtEnd {
        fn drop(&mut self) {
            let read = iterate(futures_util::stream::iter([Ok(())])).next();
            self.0.send((wait(async { Ok(()) }), read)).unwrap();
        }
    }

    thread_local! {
        static AT_END: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
    }

    /// A thread drops its values in the opposite order of their first use.
    #[test]
    fn blocking_call_is_an_error_after_the_thread_has_dropped_what_it_needs() {
        for is_first in [true, false] {
            let (sent, received) = mpsc::channel();
            let work = move || {
                if is_first {
                    AT_END.set(Some(AtEnd(sent)));
                    wait(async { Ok(()) }).unwrap();
                } else {
                    wait(async { Ok(()) }).unwrap();
                    AT_END.set(Some(AtEnd(sent)));
                }
            };
            thread::spawn(work).join().unwrap();
            let (called, read) = received.recv().unwrap();
            if is_first {
                for error in [called.unwrap_err(), read.unwrap().unwrap_err()] {
                    assert!(error.is_invalid() && error.to_string().contains("thread-local"), "{error}");
                }
            } else {
                assert!(called.is_ok() && read.is_some_and(|read| read.is_ok()));
            }
        }
    }
}
