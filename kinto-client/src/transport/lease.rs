use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{sync::oneshot, time::sleep};

use super::{
    task::Task,
    turn::{self, Turn},
};
use crate::{
    error::{Error, Result},
    wire::claim::Claim,
};

/// How long a turn is kept for a caller that does nothing with it.
const GRACE: Duration = Duration::from_millis(100);

/// A turn for more than one request: to read an object and then to write it, with nobody in between.
///
/// It is kept by a task, not by the caller, and only while it is used: a caller that is not polled for [`GRACE`] loses
/// it. That is for speed and fairness only, since what is written then is guarded by what was read.
pub(crate) struct Lease {
    turn: Weak<Turn>,
    _keeper: Task<()>,
}

/// A turn that is kept while the caller computes, on the thread that it computes on.
pub(crate) struct Busy(Option<Arc<Turn>>);

impl Lease {
    /// Waits for the turn, at most so long.
    pub(crate) async fn take(server: u64, claims: Vec<Claim>, at_most: Duration) -> Result<Self> {
        let (tell, told) = oneshot::channel();
        let keeper = Task::start(async move {
            let Ok(turn) = tokio::time::timeout(at_most, turn::take(server, claims)).await else { return };
            let turn = Arc::new(turn);
            if tell.send(Arc::downgrade(&turn)).is_ok() {
                keep(turn).await;
            }
        })?;
        let turn = told.await.map_err(|_| not_my_turn(at_most))?;
        Ok(Self { turn, _keeper: keeper })
    }

    /// Returns the turn, unless it is lost or for something else. The caller gives it to a task at once.
    pub(crate) fn turn_for(&self, server: u64, claims: &[Claim]) -> Option<Arc<Turn>> {
        self.turn.upgrade().filter(|turn| turn.is_for(server, claims))
    }

    /// Keeps the turn until what this returns is dropped, which must not be kept over an `await`.
    pub(crate) fn busy(&self) -> Busy {
        Busy(self.turn.upgrade())
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
async fn keep(turn: Arc<Turn>) {
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
