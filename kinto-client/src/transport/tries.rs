use tokio::time::{Instant, sleep};

use super::retry::{RetryAction, RetryPolicy, RetryState};
use crate::{error::Result, wire::response::Response};

/// The tries of a request so far, as a retry policy counts them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tries {
    number: u32,
    since: Instant,
}

impl Tries {
    /// Counts the first try.
    pub(crate) fn first() -> Self {
        Self { number: 1, since: Instant::now() }
    }

    /// Returns the number of the current try, from 1.
    pub(crate) fn number(self) -> u32 {
        self.number
    }

    /// Waits before the next try and counts it. Returns `false` at once if there is none.
    pub(crate) async fn wait(
        &mut self,
        policy: &dyn RetryPolicy,
        again: RetryAction,
        outcome: &Result<Response>,
    ) -> bool {
        let delay = match again {
            RetryAction::No => None,
            _ => policy.delay(&RetryState::new(self.number, self.since.elapsed(), outcome)),
        };
        let Some(delay) = delay else { return false };
        tracing::debug!(tries = self.number, ?delay, "retrying");
        sleep(delay).await;
        self.number = self.number.saturating_add(1);
        true
    }
}
