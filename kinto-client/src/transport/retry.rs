//! Retry policies: how often a request is repeated, and after which delay.

use std::{fmt, time::Duration};

use http::StatusCode;

use crate::{
    error::{Error, Result, kind::ErrorKind},
    wire::{
        random,
        request::{Idempotency, Request},
        response::Response,
    },
};

/// A policy that decides how often a request is retried, and after which delay.
///
/// The client calls it only for requests that are safe to retry: the server did nothing, or executing the request
/// twice has the effect of executing it once. The client decides that, not the policy.
///
/// A batch calls it for each operation of a request without a response that tells what was executed: a broken
/// connection, a 5xx, a malformed response. These operations are retried in smaller requests each time, so that
/// an operation that makes the server fail is found; the longest of the delays is used. Two retries are
/// independent of the policy. If the server refuses a batch as too large, it has executed nothing, and gets the
/// parts. And if an operation of a batch conflicts with another writer (409), the server rolls back the
/// operations before it and still reports them as done; a retry is then the only way to a result, so the batch
/// makes up to eleven of them, within about a quarter of a minute. The policy does decide about a conflict
/// outside of a batch.
///
/// ```
/// use std::time::Duration;
///
/// use kinto_client::{Client, retry::{RetryPolicy, RetryState}};
///
/// /// Three tries, a second apart.
/// #[derive(Debug)]
/// struct Patient;
///
/// impl RetryPolicy for Patient {
///     fn delay(&self, attempt: &RetryState) -> Option<Duration> {
///         (attempt.tries < 3).then_some(Duration::from_secs(1))
///     }
/// }
///
/// let client = Client::builder("https://kinto.example.org/v1").retry(Patient).build()?;
/// # Ok::<(), kinto_client::Error>(())
/// ```
pub trait RetryPolicy: fmt::Debug + Send + Sync + 'static {
    /// Returns the delay before the next try; `None` ends the retries, and the last failure is the result.
    fn delay(&self, attempt: &RetryState) -> Option<Duration>;
}

/// A failed try.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RetryState {
    /// The number of times the request has been sent.
    pub tries: u32,
    /// The time since it was first sent.
    pub elapsed: Duration,
    /// The status of the response, if there was one.
    pub status: Option<StatusCode>,
    /// The delay that the server asked for (`Retry-After`).
    pub retry_after: Option<Duration>,
}

impl RetryState {
    pub(crate) fn new(tries: u32, elapsed: Duration, outcome: &Result<Response>) -> Self {
        let answer = outcome.as_ref().ok();
        Self {
            tries,
            elapsed,
            status: answer.map(|response| response.status),
            retry_after: answer.and_then(Response::retry_after),
        }
    }
}

/// A policy with delays that double each time, with random jitter, and never less than the server asks for.
///
/// The defaults are five tries within a minute: 0.1 s after the first, at most 10 s after any.
#[derive(Clone, Debug)]
pub struct ExponentialBackoff {
    max_tries: u32,
    first_delay: Duration,
    max_delay: Duration,
    max_elapsed: Duration,
}

impl Default for ExponentialBackoff {
    fn default() -> Self {
        Self {
            max_tries: 5,
            first_delay: Duration::from_millis(100),
            max_delay: Duration::from_secs(10),
            max_elapsed: Duration::from_secs(60),
        }
    }
}

impl ExponentialBackoff {
    /// Sets the maximum number of tries; 1 means no retry.
    #[must_use]
    pub fn max_tries(mut self, tries: u32) -> Self {
        self.max_tries = tries;
        self
    }

    /// Sets the approximate delay after the first try.
    #[must_use]
    pub fn first_delay(mut self, delay: Duration) -> Self {
        self.first_delay = delay;
        self
    }

    /// Sets the maximum delay, unless the server asks for more.
    #[must_use]
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// Sets the maximum time between the first try and the start of the last.
    ///
    /// If the server asks for a longer delay, there is no retry.
    #[must_use]
    pub fn max_elapsed(mut self, elapsed: Duration) -> Self {
        self.max_elapsed = elapsed;
        self
    }

    /// Returns the delays, without regard to those that the server asks for.
    pub(crate) fn delays(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        let Self { max_tries, first_delay, max_delay, .. } = *self;
        (0..max_tries.saturating_sub(1)).map(move |again| {
            let delay = first_delay.saturating_mul(2_u32.saturating_pow(again)).min(max_delay);
            delay.saturating_add(Duration::try_from_secs_f64(delay.as_secs_f64() * jitter()).unwrap_or(delay))
        })
    }
}

/// Returns a random number from 0 to 1, so that clients that failed together do not retry together.
fn jitter() -> f64 {
    let (random, _) = random::uuid().as_u64_pair();
    f64::from((random >> 32) as u32) / f64::from(u32::MAX)
}

impl RetryPolicy for ExponentialBackoff {
    fn delay(&self, attempt: &RetryState) -> Option<Duration> {
        let waited = usize::try_from(attempt.tries).ok()?.saturating_sub(1);
        let delay = self.delays().nth(waited)?.min(self.max_delay).max(attempt.retry_after.unwrap_or_default());
        (attempt.elapsed.saturating_add(delay) <= self.max_elapsed).then_some(delay)
    }
}

/// A policy without retries.
#[derive(Clone, Copy, Debug, Default)]
pub struct NeverRetry;

impl RetryPolicy for NeverRetry {
    fn delay(&self, _: &RetryState) -> Option<Duration> {
        None
    }
}

/// The decision whether a failed try may be followed by a retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryAction {
    No,
    /// A retry is safe, since the server executed nothing.
    NotApplied,
    /// A retry is safe, although the server may have executed the request.
    MaybeApplied,
}

impl RetryAction {
    pub(crate) fn after(request: &Request, outcome: &Result<Response>) -> Self {
        Self::of(outcome).of_request(request)
    }

    /// Returns `No` for a request that must not be executed twice, if it may have been executed.
    pub(crate) fn of_request(self, request: &Request) -> Self {
        match (self, request.repeat) {
            (Self::MaybeApplied, Idempotency::Harmful) => Self::No,
            (again, _) => again,
        }
    }

    /// Decides about a request that may be executed twice.
    pub(crate) fn of(outcome: &Result<Response>) -> Self {
        match outcome {
            Ok(response) => match response.status {
                // A 409 is a conflict with another writer, after which the server has rolled the write back.
                StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS => Self::NotApplied,
                StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                    Self::MaybeApplied
                }
                _ => Self::No,
            },
            Err(error) if error.has_waited() => Self::No,
            Err(error) => match error.kind() {
                ErrorKind::Connect | ErrorKind::Timeout if error.may_have_been_applied() => Self::MaybeApplied,
                // A read changes nothing; a write was not sent.
                ErrorKind::Connect | ErrorKind::Timeout => Self::NotApplied,
                _ => Self::No,
            },
        }
    }
}

/// Creates the error for a `Backoff` that lasts longer than the client is set to wait.
pub(crate) fn asked_to_wait(remaining: Duration) -> Error {
    let seconds = remaining.as_secs_f64().ceil();
    let message = format!("the server asked clients to wait (`Backoff`) for another {seconds} s, so nothing was sent");
    Error::new(ErrorKind::Unavailable, message).with_retry_after(remaining)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(tries: u32, elapsed: u64, retry_after: Option<u64>) -> RetryState {
        let retry_after = retry_after.map(Duration::from_secs);
        RetryState { tries, elapsed: Duration::from_secs(elapsed), status: None, retry_after }
    }

    #[test]
    fn delays_grow_and_end() {
        let policy = ExponentialBackoff::default();
        for (tries, at_least, at_most) in [(1, 100, 200), (2, 200, 400), (3, 400, 800), (4, 800, 1600)] {
            let delay = policy.delay(&attempt(tries, 0, None)).unwrap().as_millis();
            assert!((at_least..=at_most).contains(&delay), "{tries}: {delay}");
        }
        assert_eq!(policy.delay(&attempt(5, 0, None)), None);
        assert_eq!(policy.delay(&attempt(1, 60, None)), None);
        assert_eq!(policy.clone().max_tries(1).delay(&attempt(1, 0, None)), None);
        assert_eq!(NeverRetry.delay(&attempt(1, 0, None)), None);
    }

    #[test]
    fn delays_are_unbounded_when_no_limit_is_set() {
        let policy =
            ExponentialBackoff::default().max_tries(u32::MAX).first_delay(Duration::MAX).max_delay(Duration::MAX);
        assert!(policy.delays().take(70).all(|delay| delay == Duration::MAX));
        let policy = ExponentialBackoff::default().max_tries(100).max_delay(Duration::from_secs(1));
        assert!(policy.delays().skip(4).all(|delay| (1.0..=2.0).contains(&delay.as_secs_f64())));
        assert_eq!(policy.delays().count(), 99);
    }

    #[test]
    fn delay_honours_retry_after_within_max_elapsed() {
        let policy = ExponentialBackoff::default();
        assert_eq!(policy.delay(&attempt(1, 0, Some(30))), Some(Duration::from_secs(30)));
        assert_eq!(policy.delay(&attempt(1, 0, Some(3_000_000_000))), None);
        assert_eq!(policy.delay(&attempt(1, 0, Some(u64::MAX))), None);
    }
}
