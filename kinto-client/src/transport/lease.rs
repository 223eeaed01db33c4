use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{
    FutureExt as _,
    future::{Either, select},
    task::AtomicWaker,
};
use tokio::{
    sync::oneshot,
    time::{sleep, timeout},
};

use super::{
    task::Task,
    write_lock::{self, WriteGuard},
};
use crate::{
    error::{Error, Result},
    wire::claim::Claim,
};

/// The time for which an unused write lock is kept for a caller.
const GRACE: Duration = Duration::from_millis(100);

/// The number of times that a waiting caller is woken in vain before it loses its place. Once would be too few
/// where the executor is late.
const WAKES: u32 = 3;

/// A turn for several requests, such as reading and then writing an object without another task's write in between.
///
/// It is kept by a task, not by the caller, and only while it is used: a caller that is not polled for [`GRACE`] loses
/// it. So does one that still waits for it, so that a crowd of them costs those behind it no more than one does. That is
/// for speed and fairness only, since what is written then is guarded by what was read.
pub(crate) struct Lease {
    turn: Weak<WriteGuard>,
    _keeper: Task<()>,
}

/// A turn that is kept while the caller computes, on the thread that it computes on.
pub(crate) struct Busy(Option<Arc<WriteGuard>>);

impl Lease {
    /// Waits for the turn, at most so long. It is lost already if the caller was not polled meanwhile.
    pub(crate) async fn take(server: u64, claims: Vec<Claim>, at_most: Duration) -> Result<Self> {
        let (tell, mut told) = oneshot::channel();
        let caller = Arc::new(Caller::default());
        let watched = Arc::clone(&caller);
        let keeper = Task::start(async move {
            let turn = pin!(timeout(at_most, write_lock::take(server, claims)));
            let turn = match select(turn, pin!(watched.is_gone())).await {
                Either::Left((Ok(turn), _)) => Arc::new(turn),
                Either::Left((Err(_), _)) => return,
                Either::Right(((), _)) => {
                    let _ = tell.send(Weak::new());
                    return;
                }
            };
            if tell.send(Arc::downgrade(&turn)).is_ok() {
                keep(turn).await;
            }
        })?;
        let turn = poll_fn(|context| {
            caller.polled.store(true, Ordering::Relaxed);
            caller.waker.register(context.waker());
            told.poll_unpin(context)
        });
        let turn = turn.await.map_err(|_| not_my_turn(at_most))?;
        Ok(Self { turn, _keeper: keeper })
    }

    /// Returns the turn, unless it is lost or for something else. The caller gives it to a task at once.
    pub(crate) fn turn_for(&self, server: u64, claims: &[Claim]) -> Option<Arc<WriteGuard>> {
        self.turn.upgrade().filter(|turn| turn.is_for(server, claims))
    }

    /// Keeps the turn until what this returns is dropped, which must not be kept over an `await`.
    pub(crate) fn busy(&self) -> Busy {
        Busy(self.turn.upgrade())
    }
}

/// A caller that waits for a turn.
#[derive(Default)]
struct Caller {
    waker: AtomicWaker,
    polled: AtomicBool,
}

impl Caller {
    /// Ends when the caller was woken [`WAKES`] times in a row, and not polled.
    async fn is_gone(&self) {
        let mut unheard = 0;
        while unheard < WAKES {
            self.waker.wake();
            sleep(GRACE).await;
            unheard = if self.polled.swap(false, Ordering::Relaxed) { 0 } else { unheard + 1 };
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if let Some(turn) = &self.0 {
            turn.touch();
        }
    }
}

/// Keeps a turn while it is in use.
async fn keep(turn: Arc<WriteGuard>) {
    loop {
        let idle = turn.used().elapsed();
        let in_use = Arc::strong_count(&turn) > 1;
        if idle >= GRACE && !in_use {
            return;
        }
        sleep(if in_use { GRACE } else { GRACE.saturating_sub(idle) }).await;
    }
}

/// The error of a write that was not sent, because other writes of the program came first for all the time it had.
pub(super) fn not_my_turn(at_most: Duration) -> Error {
    Error::not_sent_within(
        at_most,
        "other writes of this program to the same object, or to the list that it is in, took longer",
    )
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use http::Method;
    use tokio::time::Instant;

    use super::*;
    use crate::wire::request::Request;

    const MINUTE: Duration = Duration::from_secs(60);

    fn claims() -> Vec<Claim> {
        Request::new(Method::PATCH, "/buckets/b/collections/c/records/r".to_owned()).claims()
    }

    #[tokio::test(start_paused = true)]
    async fn take_behind_a_crowd_that_nobody_polls_waits_as_long_as_behind_one() {
        for crowd in [1, 50, 500] {
            let server = 4_711 + crowd;
            let began = Instant::now();
            let mut crowd: Vec<_> = (0..crowd).map(|_| Box::pin(Lease::take(server, claims(), MINUTE))).collect();
            for one in &mut crowd {
                assert!(one.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            }
            let behind = Lease::take(server, claims(), MINUTE).await.unwrap();
            assert!(behind.turn_for(server, &claims()).is_some());
            assert!(began.elapsed() <= GRACE * (WAKES + 4), "{:?} behind {}", began.elapsed(), crowd.len());
            for late in crowd {
                assert!(late.await.unwrap().turn_for(server, &claims()).is_none(), "it was too late");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn take_keeps_the_place_of_a_caller_that_is_polled() {
        let server = 4_710;
        let first = write_lock::take(server, claims()).await;
        let second = tokio::spawn(Lease::take(server, claims(), MINUTE));
        sleep(GRACE * 20).await;
        let mut third = pin!(write_lock::take(server, claims()));
        assert!(third.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(first);
        let second = second.await.unwrap().unwrap();
        assert!(second.turn_for(server, &claims()).is_some());
        assert!(third.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(second);
        third.await;
    }

    #[tokio::test(start_paused = true)]
    async fn take_ends_when_its_time_is_over() {
        let server = 4_709;
        let first = write_lock::take(server, claims()).await;
        let began = Instant::now();
        let error = Lease::take(server, claims(), MINUTE).await.err().unwrap();
        assert!(error.to_string().contains("was not sent within 60 s"), "{error}");
        assert_eq!(began.elapsed().as_secs(), 60);
        drop(first);
    }
}
