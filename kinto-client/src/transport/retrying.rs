//! Applies the retry policy to the tries of one request.

use std::{sync::Arc, time::Duration};

use http::HeaderMap;
use tokio::{sync::Semaphore, time::Instant};

use super::{
    attempt::{Ahead, Limit, Try},
    exchange::{Exchange, after_sending},
    lease::Lease,
    retry::{RetryAction, RetryPolicy},
    server_notices::{Backoff, Notices},
    task::Task,
    tries::Tries,
};
use crate::{
    error::{Error, Result},
    wire::{request::Request, response::Response},
};

/// The options that may differ between the calls of one client.
#[derive(Clone)]
pub(crate) struct RequestOptions {
    pub(crate) retry: Arc<dyn RetryPolicy>,
    pub(crate) timeout: Duration,
    /// The headers of one call, or the error of an invalid one.
    pub(crate) headers: Result<HeaderMap>,
    /// `true` if they were chosen for a single call, which can therefore not be part of a batch.
    pub(crate) for_one_call: bool,
}

/// A sender of requests that retries where that is safe and can help, and waits during a `Backoff` of the
/// server.
pub(crate) struct Sender {
    pub(crate) exchange: Exchange,
    /// The number of the server in this program.
    pub(crate) server: u64,
    pub(crate) notices: Arc<Notices>,
    pub(crate) backoff: Backoff,
    /// The permits for concurrent requests.
    pub(crate) places: Arc<Semaphore>,
    pub(crate) max_places: usize,
}

impl Sender {
    /// Returns the last response to a request, or the reason why there is none, and whether an earlier try may have been
    /// executed.
    pub(crate) async fn send_until_answered(
        self: &Arc<Self>,
        request: &Request,
        options: &RequestOptions,
        lease: Option<&Lease>,
    ) -> (Result<Response>, bool) {
        let (outcome, repeated) = self.send_until_told(request, options, lease, Ahead::No).await;
        (outcome.and_then(sent), repeated)
    }

    /// Sends a read before its result is needed; `None` if it would delay another request.
    pub(crate) async fn send_ahead(
        self: &Arc<Self>,
        request: &Request,
        options: &RequestOptions,
    ) -> Result<Option<Response>> {
        if self.places.available_permits() == 0 {
            return Ok(None);
        }
        self.send_until_told(request, options, None, Ahead::Yes).await.0
    }

    /// Returns the last response or error, and whether an earlier try may have been executed.
    async fn send_until_told(
        self: &Arc<Self>,
        request: &Request,
        options: &RequestOptions,
        lease: Option<&Lease>,
        ahead: Ahead,
    ) -> (Result<Option<Response>>, bool) {
        let mut repeated = false;
        let mut tries = Tries::first();
        loop {
            let outcome = match self.attempt(request, options, tries.number(), lease, ahead).await {
                Ok(Some(response)) => Ok(response),
                Ok(None) => return (Ok(None), repeated),
                Err(error) => Err(error),
            };
            let again = RetryAction::after(request, &outcome);
            repeated |= again == RetryAction::MaybeApplied && !request.method.is_safe();
            if !tries.wait(&*options.retry, again, &outcome).await {
                return (outcome.map(Some), repeated);
            }
        }
    }

    /// Sends one try; the caller applies the retry policy.
    pub(crate) async fn send_once(
        self: &Arc<Self>,
        request: &Request,
        options: &RequestOptions,
        tries: u32,
        lease: Option<&Lease>,
    ) -> Result<Response> {
        self.attempt(request, options, tries, lease, Ahead::No).await.and_then(sent)
    }

    /// Sends one try in a task of its own, so that its permit and its turn are released whether or not the caller is
    /// polled. The task ends when the caller is dropped.
    async fn attempt(
        self: &Arc<Self>,
        request: &Request,
        options: &RequestOptions,
        tries: u32,
        lease: Option<&Lease>,
        ahead: Ahead,
    ) -> Result<Option<Response>> {
        let claims = request.claims();
        let turn = lease.and_then(|lease| lease.turn_for(self.server, &claims));
        let (sender, limit) = (Arc::clone(self), Limit::new(options.timeout));
        let attempt = Try { sender, request: request.clone(), limit, tries, ahead, claims, turn };
        // It takes kilobytes, and a task moves its future several times until it has begun and its result when it has ended.
        let task = Task::start(Box::pin(attempt.run()))?;
        task.end().await.map_err(|error| after_sending(request, error))?
    }
}

/// Returns the response, or an error if the request was not sent.
fn sent(response: Option<Response>) -> Result<Response> {
    response.ok_or_else(|| Error::unexpected("the request was not sent".to_owned()))
}

/// Returns the time since `since` in milliseconds, rounded to a tenth.
pub(crate) fn milliseconds(since: Instant) -> f64 {
    (since.elapsed().as_secs_f64() * 1e4).round() / 10.0
}
