use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::{StreamExt as _, future::BoxFuture, stream};
use kinto_client::transport::{Body, Transport, TransportError, TransportErrorKind};

use crate::{SentRequest, watch};

/// A transport that remembers what it was given to send, and sends it.
///
/// Clones remember together, so that a test keeps one and gives the other to the client.
#[derive(Clone, Debug)]
pub struct Recorder {
    http: reqwest::Client,
    sent: Arc<Mutex<Vec<SentRequest>>>,
}

impl Default for Recorder {
    fn default() -> Self {
        watch();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            // One that has been idle may be closed by the server just as it is used again, and the request sent twice.
            .pool_max_idle_per_host(0)
            .build()
            .expect("an HTTP client");
        Self { http, sent: Arc::default() }
    }
}

impl Recorder {
    /// Takes the requests that were sent since the last call.
    #[must_use]
    pub fn take(&self) -> Vec<SentRequest> {
        std::mem::take(&mut self.sent.lock().unwrap())
    }

    /// Forgets what was sent so far.
    pub fn forget(&self) {
        let _ = self.take();
    }

    /// The [lines](SentRequest::line) of what was sent since the last time that was asked.
    #[must_use]
    pub fn take_lines(&self) -> Vec<String> {
        self.take().iter().map(SentRequest::line).collect()
    }

    /// The one request that was sent since the last time that was asked.
    #[must_use]
    pub fn take_one(&self) -> SentRequest {
        let mut sent = self.take();
        assert_eq!(sent.len(), 1, "one request was expected: {sent:#?}");
        sent.remove(0)
    }
}

impl Transport for Recorder {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        let (head, body) = request.into_parts();
        self.sent.lock().unwrap().push(SentRequest {
            method: head.method.clone(),
            target: head.uri.path_and_query().map_or_else(String::new, ToString::to_string),
            headers: head.headers.clone(),
            body: String::from_utf8(body.to_vec()).expect("only JSON is sent"),
        });
        let request = http::Request::from_parts(head, reqwest::Body::from(body));
        let http = self.http.clone();
        Box::pin(async move {
            let answer = http.execute(request.try_into().map_err(failed)?).await.map_err(failed)?;
            let mut response = http::Response::new(());
            *response.status_mut() = answer.status();
            response.headers_mut().clone_from(answer.headers());
            let body = answer.bytes().await.map_err(failed)?;
            let body: Body = stream::iter([Ok(body)]).boxed();
            Ok(response.map(|()| body))
        })
    }
}

fn failed(error: reqwest::Error) -> TransportError {
    let kind = if error.is_connect() { TransportErrorKind::Connect } else { TransportErrorKind::Interrupted };
    TransportError::new(kind, error)
}
