//! The way to the server: it delays, loses, repeats and breaks.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture, stream};
use kinto_client::{
    bytes::Bytes,
    http::{Method, Request, Response, StatusCode},
    testing::Kinto,
    transport::{Body, Transport, TransportError, TransportErrorKind},
};
use kinto_tests::Chance;

use crate::trace;

#[derive(Clone)]
pub(crate) struct Network {
    kinto: Kinto,
    state: Arc<Mutex<State>>,
}

struct State {
    chance: Chance,
    faults: u64,
    is_cut: bool,
    requests: u64,
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    NoConnection,
    LostResponse,
    UnavailableBefore,
    UnavailableAfter,
    CutBody,
    Repeated,
    Collision,
}

impl Network {
    pub(crate) fn new(kinto: Kinto, chance: Chance, faults: u64) -> Self {
        Self { kinto, state: Arc::new(Mutex::new(State { chance, faults, is_cut: false, requests: 0 })) }
    }

    /// Has no faults from now on.
    pub(crate) fn calm(&self) {
        self.with_faults(u64::MAX);
        self.cut(false);
    }

    /// Has a fault with one request in so many from now on.
    pub(crate) fn with_faults(&self, faults: u64) {
        self.state.lock().unwrap().faults = faults;
    }

    /// Has no connections from now on, or has them again.
    pub(crate) fn cut(&self, is_cut: bool) {
        self.state.lock().unwrap().is_cut = is_cut;
    }

    pub(crate) fn requests(&self) -> u64 {
        self.state.lock().unwrap().requests
    }

    fn next(&self, request: &Request<Bytes>) -> (Fault, Duration, Duration) {
        let mut state = self.state.lock().unwrap();
        state.requests += 1;
        let (faults, is_cut) = (state.faults, state.is_cut);
        let is_calm = faults == u64::MAX || !state.chance.one_in(faults);
        let chance = &mut state.chance;
        let repeats = matches!(*request.method(), Method::PUT | Method::DELETE);
        let is_batch = *request.method() == Method::POST;
        let fault = match chance.below(7) {
            _ if is_cut => Fault::NoConnection,
            _ if is_calm => Fault::None,
            0 => Fault::NoConnection,
            2 => Fault::UnavailableBefore,
            3 => Fault::UnavailableAfter,
            4 => Fault::CutBody,
            5 if repeats => Fault::Repeated,
            6 if is_batch => Fault::Collision,
            _ => Fault::LostResponse,
        };
        let there = Duration::from_millis(chance.below(20));
        let back = Duration::from_millis(if chance.one_in(40) { chance.below(3_000) } else { chance.below(20) });
        (fault, there, back)
    }

    async fn carry(&self, request: Request<Bytes>) -> Result<(Response<()>, Bytes), TransportError> {
        let response = self.kinto.send(request).await?;
        let (parts, mut body) = response.into_parts();
        let mut bytes = Vec::new();
        while let Some(chunk) = futures_util::StreamExt::next(&mut body).await {
            bytes.extend_from_slice(&chunk?);
        }
        Ok((Response::from_parts(parts, ()), bytes.into()))
    }
}

fn unavailable() -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(b"<html>unavailable</html>"));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response
}

impl Transport for Network {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Body>, TransportError>> {
        let (fault, there, back) = self.next(&request);
        let number = self.requests();
        async move {
            tokio::time::sleep(there).await;
            trace::note(|| {
                let body = String::from_utf8_lossy(request.body());
                let guard = request.headers().get("if-match").or(request.headers().get("if-none-match"));
                let path = request.uri().path_and_query().map_or("", |path| path.as_str());
                format!("#{number} {} {path} {guard:?} {body} ({fault:?})", request.method())
            });
            let again = || {
                let mut copy = Request::new(request.body().clone());
                *copy.method_mut() = request.method().clone();
                *copy.uri_mut() = request.uri().clone();
                *copy.headers_mut() = request.headers().clone();
                copy
            };
            let refused = || TransportError::new(TransportErrorKind::Connect, "no connection");
            let lost = || TransportError::new(TransportErrorKind::Interrupted, "the response was lost");
            let (response, is_cut) = match fault {
                Fault::NoConnection => return Err(refused()),
                Fault::UnavailableBefore => (unavailable(), false),
                Fault::UnavailableAfter => {
                    self.carry(request).await?;
                    (unavailable(), false)
                }
                Fault::LostResponse => {
                    self.carry(request).await?;
                    return Err(lost());
                }
                Fault::Repeated => {
                    self.carry(again()).await?;
                    let (head, body) = self.carry(request).await?;
                    (head.map(|()| body), false)
                }
                Fault::Collision | Fault::None | Fault::CutBody => {
                    if matches!(fault, Fault::Collision) {
                        self.kinto.collide_next_batches(1);
                    }
                    let (head, body) = self.carry(request).await?;
                    (head.map(|()| body), matches!(fault, Fault::CutBody))
                }
            };
            trace::note(|| format!("#{number} {} {}", response.status(), String::from_utf8_lossy(response.body())));
            tokio::time::sleep(back).await;
            let (parts, body) = response.into_parts();
            let chunks = if is_cut { vec![Ok(body.slice(..body.len() / 2)), Err(lost())] } else { vec![Ok(body)] };
            let body: Body = Box::pin(stream::iter(chunks));
            Ok(Response::from_parts(parts, body))
        }
        .boxed()
    }
}
