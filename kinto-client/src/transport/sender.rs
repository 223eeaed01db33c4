use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::HeaderMap;
use tokio::sync::Semaphore;

use super::{
    acknowledged,
    attempt::{Ahead, Limit, Try},
    exchange::{Exchange, after_sending},
    lease::Lease,
    notice::{Backoff, Notices},
    retry::{Again, Attempt, RetryPolicy},
    task::Task,
};
use crate::{
    error::{Error, Result},
    wire::{
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
    /// Headers of one call, or why they cannot be any.
    pub(crate) headers: Result<HeaderMap>,
    /// It was chosen for one call, and so cannot be that of a batch with the call in it.
    pub(crate) for_one_call: bool,
}

/// Sends requests, again where that is harmless and can help, and leaves the server alone when it asks for that.
pub(crate) struct Sender {
    pub(crate) exchange: Exchange,
    /// What the server is known by among all servers of the program.
    pub(crate) server: u64,
    pub(crate) notices: Arc<Notices>,
    pub(crate) backoff: Backoff,
    /// How many requests may be under way.
    pub(crate) places: Arc<Semaphore>,
    pub(crate) max_places: usize,
}

impl Sender {
    /// Sends a request and gives back the answer, whatever its status.
    pub(crate) async fn send(
        self: &Arc<Self>,
        request: &Request,
        manner: &Manner,
        lease: Option<&Lease>,
    ) -> Result<Response> {
        let (outcome, repeated) = self.send_until_told(request, manner, lease, Ahead::No).await;
        let outcome = outcome.and_then(sent);
        let response = outcome.map_err(|error| if repeated { error.maybe_applied() } else { error })?;
        let response = settle(request, response, repeated);
        Ok(self.clear_up(request, response, manner).await)
    }

    /// Sends a read that nobody waits for yet; `None` if it would be in the way of another request.
    pub(crate) async fn send_ahead(self: &Arc<Self>, request: &Request, manner: &Manner) -> Result<Option<Response>> {
        if self.places.available_permits() == 0 {
            return Ok(None);
        }
        self.send_until_told(request, manner, None, Ahead::Yes).await.0
    }

    /// Asks the server what the answer to a repeated request leaves open, if there is a way to ask.
    pub(crate) async fn clear_up(self: &Arc<Self>, request: &Request, response: Response, manner: &Manner) -> Response {
        let response = acknowledged::judge(self.server, request, response);
        let Some(question) = question(request, &response) else { return response };
        let (found, _) = self.send_until_told(&question, manner, None, Ahead::No).await;
        settle_by(response, found.ok().flatten())
    }

    /// The last answer to a request, or why there is none, and whether an earlier try may have been carried out.
    async fn send_until_told(
        self: &Arc<Self>,
        request: &Request,
        manner: &Manner,
        lease: Option<&Lease>,
        ahead: Ahead,
    ) -> (Result<Option<Response>>, bool) {
        let started = Instant::now();
        let mut repeated = false;
        for tries in 1.. {
            let outcome = match self.attempt(request, manner, tries, lease, ahead).await {
                Ok(Some(response)) => Ok(response),
                Ok(None) => return (Ok(None), repeated),
                Err(error) => Err(error),
            };
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
                None => return (outcome.map(Some), repeated),
            }
        }
        (Err(Error::unexpected("the retry policy never ended".to_owned())), repeated)
    }

    /// One try; whoever calls this asks the policy.
    pub(crate) async fn send_once(
        self: &Arc<Self>,
        request: &Request,
        manner: &Manner,
        tries: u32,
        lease: Option<&Lease>,
    ) -> Result<Response> {
        self.attempt(request, manner, tries, lease, Ahead::No).await.and_then(sent)
    }

    /// One try. It goes on by itself, so that its place and its turn are given back whether or not the caller is polled,
    /// and ends when the caller is dropped.
    async fn attempt(
        self: &Arc<Self>,
        request: &Request,
        manner: &Manner,
        tries: u32,
        lease: Option<&Lease>,
        ahead: Ahead,
    ) -> Result<Option<Response>> {
        let claims = request.claims();
        let turn = lease.and_then(|lease| lease.turn_for(self.server, &claims));
        let (sender, limit) = (Arc::clone(self), Limit::new(manner.timeout));
        let task = Task::start(Try { sender, request: request.clone(), limit, tries, ahead, claims, turn }.run())?;
        task.end().await.map_err(|error| after_sending(request, error))?
    }
}

/// What is sent only where it is in no other's way may not be sent; all else is.
fn sent(response: Option<Response>) -> Result<Response> {
    response.ok_or_else(|| Error::unexpected("the request was not sent".to_owned()))
}

/// How long it has been, to a tenth.
pub(crate) fn milliseconds(since: Instant) -> f64 {
    (since.elapsed().as_secs_f64() * 1e4).round() / 10.0
}
