//! State of a script: the expectations that are left, and the received requests.

use std::{
    future::ready,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use bytes::Bytes;
use futures_core::future::BoxFuture;
use futures_util::stream;

use super::{
    RecordedRequest,
    comparison::{self, Mismatch},
    expectation::{Expected, Reply},
    fail,
    report::Failure,
};
use crate::transport::{Body, Transport, TransportError, TransportErrorKind};

/// The handles of the test. Their end is the end of the script, whether or not a client is still there.
pub(super) struct Handle {
    url: String,
    state: Arc<Mutex<State>>,
}

/// The transport of the clients, which does not keep the script from ending.
pub(super) struct Connection(Arc<Mutex<State>>);

#[derive(Default)]
pub(super) struct State {
    pub(super) expected: Vec<Expected>,
    /// The number of expectations that were met.
    met: usize,
    pub(super) received: Vec<RecordedRequest>,
    mismatch: Option<Mismatch>,
    is_reported: bool,
}

impl Handle {
    pub(super) fn new(url: String) -> Self {
        Self { url, state: Arc::default() }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn connection(&self) -> Connection {
        Connection(Arc::clone(&self.state))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let mut state = self.state();
        let differs = state.mismatch.is_some();
        let report = state.report();
        drop(state);
        match report {
            // The test fails already, with an error that the mismatch may have caused.
            Some(report) if thread::panicking() && differs => eprintln!("{report}"),
            Some(report) if !thread::panicking() => fail(&report),
            _ => {}
        }
    }
}

impl Transport for Connection {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        lock(&self.0).respond(&request)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// Returns what the script responds to a request.
    pub(super) fn respond(
        &mut self,
        request: &http::Request<Bytes>,
    ) -> BoxFuture<'static, Result<http::Response<Body>, TransportError>> {
        Box::pin(ready(match self.receive(RecordedRequest::of(request)) {
            Reply::Lost => Err(TransportError::new(TransportErrorKind::Interrupted, "the script lost the response")),
            Reply::Response(response) => Ok(response.map(|body| -> Body { Box::pin(stream::iter([Ok(body)])) })),
        }))
    }

    fn receive(&mut self, request: RecordedRequest) -> Reply {
        let reply = match &self.mismatch {
            Some(mismatch) => mismatch.reply(),
            None => self.compare(&request),
        };
        self.received.push(request);
        reply
    }

    fn compare(&mut self, request: &RecordedRequest) -> Reply {
        let rest = self.expected.get_mut(self.met..).unwrap_or_default();
        match comparison::reply(rest, request, self.met + 1) {
            Ok(reply) => {
                self.met += 1;
                reply
            }
            Err(mismatch) => self.mismatch.insert(mismatch).reply(),
        }
    }

    /// Returns the reason why the test fails, once.
    pub(super) fn report(&mut self) -> Option<Failure> {
        if mem::replace(&mut self.is_reported, true) {
            return None;
        }
        let (met, missing) = self.expected.split_at(self.met);
        let failure = match &self.mismatch {
            Some(mismatch) => Some(Failure::differs(mismatch, self.received.get(met.len() + 1..).unwrap_or_default())),
            None => Failure::missing(missing, met.len()),
        };
        // The test goes on after a `finish` without a failure, and may expect more.
        self.is_reported = failure.is_some();
        failure
    }
}
