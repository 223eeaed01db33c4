use std::time::{Duration, Instant};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use http::{StatusCode, header};

use super::exchange::Exchange;
use crate::{
    error::{Error, ErrorKind, Result},
    wire::{
        request::{Repeat, Request},
        response::Response,
        settle::settle,
    },
};

/// When and how often a request is sent again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retry {
    pub(crate) max_tries: usize,
    pub(crate) first_delay: Duration,
    pub(crate) max_delay: Duration,
    pub(crate) max_elapsed: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_tries: 5,
            first_delay: Duration::from_millis(100),
            max_delay: Duration::from_secs(10),
            max_elapsed: Duration::from_secs(60),
        }
    }
}

/// Whether a try that failed may be followed by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    No,
    /// The server did nothing.
    NotApplied,
    /// The server may have done it.
    MaybeApplied,
}

impl Again {
    pub(crate) fn after(request: &Request, outcome: &Result<Response>) -> Self {
        let again = match outcome {
            Ok(response) => match response.status {
                // A 409 is a collision with another writer, after which the server has rolled the write back.
                StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS => Self::NotApplied,
                StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                    Self::MaybeApplied
                }
                _ => Self::No,
            },
            Err(error) => match error.kind() {
                ErrorKind::Connection | ErrorKind::TimedOut if error.may_have_been_applied() => Self::MaybeApplied,
                // Of a read there is nothing to apply; of a write nothing was sent.
                ErrorKind::Connection | ErrorKind::TimedOut => Self::NotApplied,
                _ => Self::No,
            },
        };
        match (again, request.repeat) {
            (Self::MaybeApplied, Repeat::Harmful) => Self::No,
            (again, _) => again,
        }
    }
}

impl Retry {
    /// Sends a request, again where that is harmless and can help, and gives back the answer, whatever its status.
    pub(crate) async fn send(&self, exchange: &Exchange, request: &Request) -> Result<Response> {
        let started = Instant::now();
        let mut delays = self.delays();
        let mut repeated = false;
        loop {
            let outcome = exchange.send(request).await;
            let again = Again::after(request, &outcome);
            repeated |= again == Again::MaybeApplied && !request.method.is_safe();
            let delay = if again == Again::No { None } else { delays.next() };
            let delay = delay.map(|delay| wanted(&outcome).map_or(delay, |wanted| wanted.max(delay)));
            match delay {
                Some(delay) if started.elapsed() + delay <= self.max_elapsed => tokio::time::sleep(delay).await,
                _ if repeated => {
                    return outcome.map(|response| settle(request, response)).map_err(Error::maybe_applied);
                }
                _ => return outcome,
            }
        }
    }

    /// The waits between tries: each about twice the one before, and none quite the same in two clients.
    pub(crate) fn delays(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        ExponentialBuilder::default()
            .with_min_delay(self.first_delay)
            .with_max_delay(self.max_delay)
            .with_max_times(self.max_tries.saturating_sub(1))
            .with_jitter()
            .build()
    }
}

/// How long the server wants to be left alone.
fn wanted(outcome: &Result<Response>) -> Option<Duration> {
    let seconds = outcome.as_ref().ok()?.header(header::RETRY_AFTER)?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
