use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::Instrument as _;

use super::{
    exchange::Exchange,
    notice::{Backoff, Notices},
    retry::{Again, Attempt, RetryPolicy, asked_to_wait},
};
use crate::{
    error::{Error, Result},
    wire::{
        path::template_of,
        request::Request,
        response::Response,
        settle::{question, settle, settle_by},
    },
};

/// What may differ from call to call of one client.
#[derive(Clone)]
pub(crate) struct Manner {
    pub(crate) retry: Arc<dyn RetryPolicy>,
    pub(crate) timeout: Duration,
    /// It was chosen for one call, and so cannot be that of a batch with the call in it.
    pub(crate) for_one_call: bool,
}

/// Sends requests, again where that is harmless and can help, and leaves the server alone when it asks for that.
pub(crate) struct Sender {
    pub(crate) exchange: Exchange,
    pub(crate) notices: Arc<Notices>,
    pub(crate) backoff: Backoff,
    /// How many requests may be under way.
    pub(crate) places: Arc<Semaphore>,
}

impl Sender {
    /// Sends a request and gives back the answer, whatever its status.
    pub(crate) async fn send(&self, request: &Request, manner: &Manner) -> Result<Response> {
        let (outcome, repeated) = self.send_until_told(request, manner).await;
        let response = outcome.map_err(|error| if repeated { error.maybe_applied() } else { error })?;
        let response = settle(request, response, repeated);
        Ok(self.clear_up(request, response, manner).await)
    }

    /// Asks the server what the answer to a repeated request leaves open, if there is a way to ask.
    pub(crate) async fn clear_up(&self, request: &Request, response: Response, manner: &Manner) -> Response {
        let Some(question) = question(request, &response) else { return response };
        let (found, _) = self.send_until_told(&question, manner).await;
        settle_by(response, found.ok())
    }

    /// The last answer to a request, or why there is none, and whether an earlier try may have been carried out.
    async fn send_until_told(&self, request: &Request, manner: &Manner) -> (Result<Response>, bool) {
        let started = Instant::now();
        let mut repeated = false;
        for tries in 1.. {
            let outcome = self.send_once(request, manner, tries).await;
            let again = Again::after(request, &outcome);
            repeated |= again == Again::MaybeApplied && !request.method.is_safe();
            let delay = match again {
                Again::No => None,
                _ => manner.retry.delay(&Attempt::new(tries, started.elapsed(), &outcome)),
            };
            match delay {
                Some(delay) => {
                    tracing::debug!(tries, ?delay, "tries again");
                    tokio::time::sleep(delay).await;
                }
                None => return (outcome, repeated),
            }
        }
        (Err(Error::unexpected("the retry policy never ended".to_owned())), repeated)
    }

    /// One try, with a span of its own: `kinto.request`.
    pub(crate) async fn send_once(&self, request: &Request, manner: &Manner, tries: u32) -> Result<Response> {
        let _place = self.place().await?;
        let span = tracing::debug_span!(
            "kinto.request",
            method = %request.method,
            path = template_of(&request.path),
            tries,
            status = tracing::field::Empty,
            milliseconds = tracing::field::Empty,
        );
        let started = Instant::now();
        let outcome = self.exchange.send(request, manner.timeout).instrument(span.clone()).await;
        span.record("milliseconds", milliseconds(started));
        match &outcome {
            Ok(response) => {
                span.record("status", response.status.as_u16());
                span.in_scope(|| tracing::debug!("answered"));
                self.notices.take_down(response);
            }
            Err(error) => span.in_scope(|| tracing::debug!(kind = ?error.kind(), "no answer")),
        }
        outcome
    }

    /// Waits until one more request may be under way.
    async fn place(&self) -> Result<Option<SemaphorePermit<'_>>> {
        loop {
            self.leave_alone().await?;
            // It is never closed.
            let place = self.places.acquire().await.ok();
            // The server may have asked for rest meanwhile.
            if self.notices.backoff().is_none() {
                return Ok(place);
            }
        }
    }

    async fn leave_alone(&self) -> Result<()> {
        let Some(remaining) = self.notices.backoff() else { return Ok(()) };
        match self.backoff {
            Backoff::Wait(at_most) if remaining <= at_most => {
                tracing::debug!(?remaining, "waits, as the server asked with `Backoff`");
                tokio::time::sleep(remaining).await;
                Ok(())
            }
            _ => Err(asked_to_wait(remaining)),
        }
    }
}

/// How long it has been, to a tenth.
pub(crate) fn milliseconds(since: Instant) -> f64 {
    (since.elapsed().as_secs_f64() * 1e4).round() / 10.0
}
