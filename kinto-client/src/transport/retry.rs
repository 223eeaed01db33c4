use std::{fmt, time::Duration};

use http::StatusCode;
use uuid::Uuid;

use crate::{
    error::{Error, ErrorKind, Result},
    wire::{
        request::{Repeat, Request},
        response::Response,
    },
};

/// Decides how often a request is sent again, and after how long.
///
/// It is asked only where sending again does no harm: the server did nothing, or doing it twice is the same as doing it
/// once. Whether that is so is not for a policy to say.
///
/// A batch asks it for each operation of a request that got no answer that tells what was done: a broken connection, a
/// 5xx, an answer that makes no sense. What may be sent again goes in smaller requests each time, so that one operation
/// at which the server fails is found; the longest of the waits counts. Two things are no matter of the policy. If the
/// server refuses a batch as too large, it has done nothing, and gets the parts. And if an operation of a batch collides
/// with another writer (409), the server undoes what came before it and calls it done all the same; sending that again
/// is not another try, but the only way to a result, so it is done whatever the policy says, up to eleven times, within
/// about a quarter of a minute. A collision outside of a batch is for the policy.
///
/// ```
/// use std::time::Duration;
///
/// use kinto_client::{Attempt, Client, RetryPolicy};
///
/// /// Three tries, a second apart.
/// #[derive(Debug)]
/// struct Patient;
///
/// impl RetryPolicy for Patient {
///     fn delay(&self, attempt: &Attempt) -> Option<Duration> {
///         (attempt.tries < 3).then_some(Duration::from_secs(1))
///     }
/// }
///
/// let client = Client::builder("https://kinto.example.org/v1").retry(Patient).build()?;
/// # Ok::<(), kinto_client::Error>(())
/// ```
pub trait RetryPolicy: fmt::Debug + Send + Sync + 'static {
    /// How long to wait before the next try; `None` ends it, and the last failure is the result.
    fn delay(&self, attempt: &Attempt) -> Option<Duration>;
}

/// A try that failed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// How many times the request has been sent.
    pub tries: u32,
    /// How long ago it was first sent.
    pub elapsed: Duration,
    /// The status of the answer, if there was one.
    pub status: Option<StatusCode>,
    /// How long the server asked to be left alone (`Retry-After`).
    pub retry_after: Option<Duration>,
}

impl Attempt {
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

/// Waits about twice as long each time, with some chance in it, and never less than the server asks for.
///
/// Five tries within a minute, unless set otherwise: 0.1 s after the first, at most 10 s after any.
#[derive(Clone, Debug)]
pub struct Exponential {
    max_tries: u32,
    first_delay: Duration,
    max_delay: Duration,
    max_elapsed: Duration,
}

impl Default for Exponential {
    fn default() -> Self {
        Self {
            max_tries: 5,
            first_delay: Duration::from_millis(100),
            max_delay: Duration::from_secs(10),
            max_elapsed: Duration::from_secs(60),
        }
    }
}

impl Exponential {
    /// How often a request is sent at most; 1 means that it is never sent again.
    #[must_use]
    pub fn max_tries(mut self, tries: u32) -> Self {
        self.max_tries = tries;
        self
    }

    /// About how long the first wait is.
    #[must_use]
    pub fn first_delay(mut self, delay: Duration) -> Self {
        self.first_delay = delay;
        self
    }

    /// How long a wait is at most, unless the server asks for more.
    #[must_use]
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// For how long a request is sent again: no try begins later than this after the first. A server that asks for a
    /// longer wait is not waited for.
    #[must_use]
    pub fn max_elapsed(mut self, elapsed: Duration) -> Self {
        self.max_elapsed = elapsed;
        self
    }

    /// The waits, without regard to what the server asks for.
    pub(crate) fn delays(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        let Self { max_tries, first_delay, max_delay, .. } = *self;
        (0..max_tries.saturating_sub(1)).map(move |again| {
            let delay = first_delay.saturating_mul(2_u32.saturating_pow(again)).min(max_delay);
            delay.saturating_add(Duration::try_from_secs_f64(delay.as_secs_f64() * chance()).unwrap_or(delay))
        })
    }
}

/// A random number from 0 to 1, another in each process: clients that failed together are not to come back together.
fn chance() -> f64 {
    let (random, _) = Uuid::new_v4().as_u64_pair();
    f64::from((random >> 32) as u32) / f64::from(u32::MAX)
}

impl RetryPolicy for Exponential {
    fn delay(&self, attempt: &Attempt) -> Option<Duration> {
        let waited = usize::try_from(attempt.tries).ok()?.saturating_sub(1);
        let delay = self.delays().nth(waited)?.min(self.max_delay).max(attempt.retry_after.unwrap_or_default());
        (attempt.elapsed.saturating_add(delay) <= self.max_elapsed).then_some(delay)
    }
}

/// Sends nothing again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Never;

impl RetryPolicy for Never {
    fn delay(&self, _: &Attempt) -> Option<Duration> {
        None
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
        Self::of(outcome).of_request(request)
    }

    /// The same, where the request may be one that must not be sent twice.
    pub(crate) fn of_request(self, request: &Request) -> Self {
        match (self, request.repeat) {
            (Self::MaybeApplied, Repeat::Harmful) => Self::No,
            (again, _) => again,
        }
    }

    /// Of a request that may be sent twice.
    pub(crate) fn of(outcome: &Result<Response>) -> Self {
        match outcome {
            Ok(response) => match response.status {
                // A 409 is a collision with another writer, after which the server has rolled the write back.
                StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS => Self::NotApplied,
                StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                    Self::MaybeApplied
                }
                _ => Self::No,
            },
            Err(error) if error.has_waited() => Self::No,
            Err(error) => match error.kind() {
                ErrorKind::Connection | ErrorKind::TimedOut if error.may_have_been_applied() => Self::MaybeApplied,
                // Of a read there is nothing to apply; of a write nothing was sent.
                ErrorKind::Connection | ErrorKind::TimedOut => Self::NotApplied,
                _ => Self::No,
            },
        }
    }
}

/// The error for a wait that is longer than the caller wants to wait.
pub(crate) fn asked_to_wait(remaining: Duration) -> Error {
    let seconds = remaining.as_secs_f64().ceil();
    let message = format!("the server asked to be left alone (`Backoff`) for another {seconds} s, so nothing was sent");
    Error::new(ErrorKind::Unavailable, message).retry_in_at_least(remaining)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(tries: u32, elapsed: u64, retry_after: Option<u64>) -> Attempt {
        let retry_after = retry_after.map(Duration::from_secs);
        Attempt { tries, elapsed: Duration::from_secs(elapsed), status: None, retry_after }
    }

    #[test]
    fn waits_grow_and_end() {
        let policy = Exponential::default();
        for (tries, at_least, at_most) in [(1, 100, 200), (2, 200, 400), (3, 400, 800), (4, 800, 1600)] {
            let delay = policy.delay(&attempt(tries, 0, None)).unwrap().as_millis();
            assert!((at_least..=at_most).contains(&delay), "{tries}: {delay}");
        }
        assert_eq!(policy.delay(&attempt(5, 0, None)), None);
        assert_eq!(policy.delay(&attempt(1, 60, None)), None);
        assert_eq!(policy.clone().max_tries(1).delay(&attempt(1, 0, None)), None);
        assert_eq!(Never.delay(&attempt(1, 0, None)), None);
    }

    #[test]
    fn waits_have_no_limit_that_is_not_asked_for() {
        let policy = Exponential::default().max_tries(u32::MAX).first_delay(Duration::MAX).max_delay(Duration::MAX);
        assert!(policy.delays().take(70).all(|delay| delay == Duration::MAX));
        let policy = Exponential::default().max_tries(100).max_delay(Duration::from_secs(1));
        assert!(policy.delays().skip(4).all(|delay| (1.0..=2.0).contains(&delay.as_secs_f64())));
        assert_eq!(policy.delays().count(), 99);
    }

    #[test]
    fn the_server_is_left_alone_as_long_as_it_asks_but_not_for_ever() {
        let policy = Exponential::default();
        assert_eq!(policy.delay(&attempt(1, 0, Some(30))), Some(Duration::from_secs(30)));
        assert_eq!(policy.delay(&attempt(1, 0, Some(3_000_000_000))), None);
        assert_eq!(policy.delay(&attempt(1, 0, Some(u64::MAX))), None);
    }
}
