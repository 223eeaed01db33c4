//! Answers without a server: what a test, or a fuzzer, makes up, to each kind of call.

mod calls;
pub mod laws;

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use futures_util::{StreamExt as _, future::BoxFuture, stream};
use http::{HeaderName, HeaderValue, StatusCode};
use kinto_client::{
    Client,
    retry::{Backoff, RetryPolicy, RetryState},
    transport::{Body, Transport, TransportError, TransportErrorKind},
};

pub use calls::{CALLS, Note};

/// The number of requests that a call may make before there are no more responses.
const MAX_REQUESTS: usize = 40;

/// A transport that answers from a text: answers with NUL between them, of which the last one is given again and again.
///
/// Each is a status, lines of headers, an empty line and the body. In place of the status there can be `refused`, `cut`
/// or `late`, for no answer at all; with `broken` after the status the connection breaks after the body.
#[derive(Clone)]
pub struct Script {
    answers: Arc<Mutex<VecDeque<Bytes>>>,
    requests: Arc<Mutex<Vec<http::Request<Bytes>>>>,
}

impl Script {
    /// The transport that answers so.
    #[must_use]
    pub fn new(text: &[u8]) -> Self {
        let answers = text.split(|byte| *byte == 0).map(Bytes::copy_from_slice).collect();
        Self { answers: Arc::new(Mutex::new(answers)), requests: Arc::default() }
    }

    /// Returns the requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<http::Request<Bytes>> {
        self.requests.lock().unwrap().clone()
    }

    /// A client that hears nothing but this.
    #[must_use]
    pub fn client(&self) -> Client {
        let builder = Client::builder("https://kinto.example.org/v1").auth(("alexis", "p4ssw0rd"));
        builder.transport(self.clone()).retry(Thrice).backoff(Backoff::Fail).build().expect("a client")
    }

    fn next(&self) -> Bytes {
        let mut answers = self.answers.lock().unwrap();
        match answers.pop_front() {
            Some(last) if answers.is_empty() => {
                answers.push_back(last.clone());
                last
            }
            answer => answer.unwrap_or_default(),
        }
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Script").field(&self.answers).finish()
    }
}

impl Transport for Script {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        let mut requests = self.requests.lock().unwrap();
        requests.push(request);
        let answer = if requests.len() > MAX_REQUESTS { Bytes::from_static(b"refused") } else { self.next() };
        Box::pin(async move { response(&answer) })
    }
}

fn response(answer: &Bytes) -> Result<http::Response<Body>, TransportError> {
    let (head, body) = match answer.windows(2).position(|window| window == b"\n\n") {
        Some(end) => (answer.slice(..end), answer.slice(end + 2..)),
        None => (answer.clone(), Bytes::new()),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let status = lines.next().unwrap_or_default();
    let kind = match status {
        b"refused" => Some(TransportErrorKind::Connect),
        b"cut" => Some(TransportErrorKind::Interrupted),
        b"late" => Some(TransportErrorKind::TimedOut),
        _ => None,
    };
    if let Some(kind) = kind {
        return Err(TransportError::new(kind, "as the script says"));
    }
    let (digits, broken) = status.strip_suffix(b" broken").map_or((status, false), |digits| (digits, true));
    let status = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    let status = status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::OK);
    let pieces = [body.slice(..body.len() / 2), body.slice(body.len() / 2..)];
    let breaks = broken.then(|| TransportError::new(TransportErrorKind::Interrupted, "as the script says"));
    let pieces = pieces.into_iter().map(Ok).chain(breaks.map(Err));
    let body: Body = stream::iter(pieces).boxed();
    let mut response = http::Response::new(body);
    *response.status_mut() = status;
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) =
            (HeaderName::from_bytes(&line[..colon]), HeaderValue::from_bytes(line[colon + 1..].trim_ascii()));
        if let (Ok(name), Ok(value)) = (name, value) {
            response.headers_mut().append(name, value);
        }
    }
    Ok(response)
}

/// Three tries without a wait.
#[derive(Debug)]
struct Thrice;

impl RetryPolicy for Thrice {
    fn delay(&self, attempt: &RetryState) -> Option<std::time::Duration> {
        (attempt.tries < 3).then_some(std::time::Duration::ZERO)
    }
}
