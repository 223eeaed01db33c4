//! One try of one request, from the credentials to the last byte of the response, in a task of its own.

use std::{pin::pin, sync::Arc, time::Duration};

use http::HeaderValue;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, sleep, timeout},
};
use tracing::Instrument as _;

use super::{
    acknowledged,
    exchange::after_sending,
    lease::not_my_turn,
    retry::asked_to_wait,
    retrying::{Sender, milliseconds},
    server_notices::Backoff,
    write_lock::{self, WriteGuard},
};
use crate::{
    error::{Error, Result, kind::ErrorKind},
    wire::{claim::Claim, request::Request, request_path::template_of, response::Response},
};

/// The condition of a request: a read ahead is sent only if it delays no other request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ahead {
    No,
    Yes,
}

/// A try that has not begun.
pub(super) struct Try {
    pub(super) sender: Arc<Sender>,
    pub(super) request: Request,
    pub(super) limit: Limit,
    pub(super) tries: u32,
    pub(super) ahead: Ahead,
    pub(super) claims: Vec<Claim>,
    /// The turn, if it is the caller's turn already.
    pub(super) turn: Option<Arc<WriteGuard>>,
}

/// The time that a try may take, all its waits included.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    started: Instant,
    whole: Duration,
}

impl Limit {
    pub(super) fn new(whole: Duration) -> Self {
        Self { started: Instant::now(), whole }
    }

    fn left(self) -> Duration {
        self.whole.saturating_sub(self.started.elapsed())
    }

    async fn within<T>(self, future: impl Future<Output = T>, late: impl FnOnce(Duration) -> Error) -> Result<T> {
        timeout(self.left(), future).await.map_err(|_| late(self.whole))
    }

    /// The same for an exchange, whose time begins anew with each part of a streamed body that the connection takes.
    async fn within_exchange<T>(
        self,
        request: &Request,
        future: impl Future<Output = T>,
        late: impl FnOnce(Duration) -> Error,
    ) -> Result<T> {
        #[cfg(feature = "attachments")]
        if let Some(streamed) = &request.streamed {
            let mut future = pin!(future);
            let (mut taken, mut left) = (streamed.state.taken(), self.left());
            loop {
                match timeout(left, future.as_mut()).await {
                    Ok(output) => return Ok(output),
                    Err(_) if streamed.state.taken() != taken => {
                        (taken, left) = (streamed.state.taken(), self.whole);
                    }
                    Err(_) => return Err(late(self.whole)),
                }
            }
        }
        let _ = request;
        self.within(future, late).await
    }
}

impl Try {
    /// Sends the request once, or twice if the credentials were refreshed. `None` if it was only to be sent where it
    /// is in no other's way.
    pub(super) async fn run(mut self) -> Result<Option<Response>> {
        let turn = self.turn.take();
        let outcome = self.send(turn.clone()).await;
        if let Some(turn) = turn {
            turn.touch();
        }
        outcome
    }

    async fn send(&self, turn: Option<Arc<WriteGuard>>) -> Result<Option<Response>> {
        let exchange = &self.sender.exchange;
        let authorization = self.credentials(exchange.authorization()).await?;
        let sent = self.on_the_wire(turn.clone(), authorization.clone()).await?;
        let Some(response) = sent else { return Ok(None) };
        if !self.credentials(exchange.renewed(&response, authorization.as_ref())).await? {
            return Ok(Some(response));
        }
        let authorization = self.credentials(exchange.authorization()).await?;
        self.on_the_wire(turn, authorization).await
    }

    async fn credentials<T>(&self, asked: impl Future<Output = Result<T>>) -> Result<T> {
        self.limit.within(asked, no_credentials).await?
    }

    /// The exchange itself, with a span of its own: `kinto.request`. What it needs is held here only.
    async fn on_the_wire(
        &self,
        turn: Option<Arc<WriteGuard>>,
        authorization: Option<HeaderValue>,
    ) -> Result<Option<Response>> {
        if self.ahead == Ahead::Yes && self.sender.notices.backoff().is_some() {
            return Ok(None);
        }
        self.wait_for_backoff().await?;
        let _turn = match turn {
            None if !self.claims.is_empty() => Some(Arc::new(self.turn().await?)),
            turn => turn,
        };
        let Some(_place) = self.place().await? else { return Ok(None) };
        let span = tracing::debug_span!(
            "kinto.request",
            method = %self.request.method,
            path = template_of(self.request.path()),
            tries = self.tries,
            status = tracing::field::Empty,
            milliseconds = tracing::field::Empty,
        );
        let started = Instant::now();
        let exchange = pin!(self.sender.exchange.send(&self.request, authorization.as_ref()));
        let late = |limit| after_sending(&self.request, no_answer(limit));
        let outcome = self.limit.within_exchange(&self.request, exchange, late).instrument(span.clone()).await;
        let mut outcome = outcome.and_then(|outcome| outcome);
        span.record("milliseconds", milliseconds(started));
        match &mut outcome {
            Ok(response) => {
                span.record("status", response.status.as_u16());
                span.in_scope(|| tracing::debug!("response received"));
                acknowledged::note(self.sender.server, &self.request, response);
                self.sender.notices.record(response);
            }
            Err(error) => span.in_scope(|| tracing::debug!(kind = ?error.kind(), "no response")),
        }
        outcome.map(Some)
    }

    async fn turn(&self) -> Result<WriteGuard> {
        self.limit.within(write_lock::take(self.sender.server, self.claims.clone()), not_my_turn).await
    }

    /// Waits for a permit to send one more request.
    async fn place(&self) -> Result<Option<OwnedSemaphorePermit>> {
        loop {
            let places = Arc::clone(&self.sender.places);
            let place = match self.ahead {
                Ahead::Yes => match places.try_acquire_owned() {
                    Ok(place) => place,
                    Err(_) => return Ok(None),
                },
                Ahead::No => {
                    let late = |limit| no_place(limit, self.sender.max_places);
                    let place = self.limit.within(places.acquire_owned(), late).await?;
                    place.map_err(|error| Error::unexpected(error.to_string()))?
                }
            };
            // The server may have sent a `Backoff` while this request waited.
            if self.sender.notices.backoff().is_none() {
                return Ok(Some(place));
            }
            drop(place);
            if self.ahead == Ahead::Yes {
                return Ok(None);
            }
            self.wait_for_backoff().await?;
        }
    }

    async fn wait_for_backoff(&self) -> Result<()> {
        let Some(remaining) = self.sender.notices.backoff() else { return Ok(()) };
        match self.sender.backoff {
            Backoff::Wait(at_most) if remaining <= at_most && remaining < self.limit.left() => {
                tracing::debug!(?remaining, "waiting for `Backoff`");
                sleep(remaining).await;
                Ok(())
            }
            _ => Err(asked_to_wait(remaining)),
        }
    }
}

fn no_answer(limit: Duration) -> Error {
    Error::new(ErrorKind::Timeout, format!("the server did not respond within {} s", limit.as_secs_f32()))
}

fn no_credentials(limit: Duration) -> Error {
    Error::new(ErrorKind::Timeout, format!("no credentials were obtained within {} s", limit.as_secs_f32()))
}

fn no_place(limit: Duration, places: usize) -> Error {
    let reason = match places {
        1 => "another request was under way, and `max_concurrent_requests` allows one".to_owned(),
        places => format!("other requests took up all {places} places that `max_concurrent_requests` allows"),
    };
    Error::not_sent_within(limit, &reason)
}
