//! Files: bodies that are sent as they are produced, and responses that are read as they arrive, from any host.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tokio::time::{sleep, timeout};
use url::Url;

use super::{
    Body, TransportError, TransportErrorKind,
    base_url::uri_of,
    exchange::{Exchange, MAX_REDIRECTS, compression, interrupted},
    retry::asked_to_wait,
    retrying::{RequestOptions, Sender},
    server_notices::Backoff,
};
use crate::{
    error::{Error, Result, kind::ErrorKind},
    wire::{response::Response, streamed_body::StreamedBody},
};

/// Returns the request with a body that is opened anew, and notes what the connection takes of it.
pub(super) async fn streamed(http: http::Request<Bytes>, streamed: &StreamedBody) -> Result<http::Request<Body>> {
    let parts = streamed.source.open().await?;
    let state = std::sync::Arc::clone(&streamed.state);
    let body: Body = parts
        .inspect(move |_| state.note_part())
        .map_err(|source| TransportError::new(TransportErrorKind::Interrupted, source))
        .boxed();
    let (mut head, _) = http.into_parts();
    head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(streamed.length));
    head.headers.insert(header::CONTENT_TYPE, streamed.content_type.clone());
    Ok(http::Request::from_parts(head, body))
}

/// A request for a file, or for its length.
#[derive(Clone, Debug)]
pub(crate) struct FileRequest {
    pub(crate) method: Method,
    pub(crate) url: Url,
    /// The position of the first byte that is wanted.
    pub(crate) from: u64,
    /// The `ETag` of the version that the bytes before it are of.
    pub(crate) version: Option<HeaderValue>,
}

/// The response to such a request, whatever its status, with the body as it arrives.
pub(crate) struct FileResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
}

impl FileResponse {
    /// Returns the head as a response without a body, for those who decide about retries.
    pub(crate) fn head(&self) -> Response {
        Response::new(self.status, self.headers.clone(), Bytes::new())
    }
}

impl Sender {
    /// Sends a request for a file and returns the response once its headers have arrived.
    ///
    /// It takes none of the permits for concurrent requests: files are often elsewhere, and a caller that does not read
    /// one on must not keep a permit.
    pub(crate) async fn open_file(&self, request: &FileRequest, options: &RequestOptions) -> Result<FileResponse> {
        let is_own = self.exchange.base.is_same_origin(&request.url);
        if let Some(remaining) = self.notices.backoff().filter(|_| is_own) {
            match self.backoff {
                Backoff::Wait(at_most) if remaining <= at_most && remaining < options.timeout => sleep(remaining).await,
                _ => return Err(asked_to_wait(remaining)),
            }
        }
        let late = |_| no_answer(options.timeout);
        let response = timeout(options.timeout, self.exchange.open_file(request, options)).await.map_err(late)??;
        if is_own {
            self.notices.record(&response.head());
        }
        Ok(response)
    }
}

impl Exchange {
    /// Sends the request, and follows redirects. Credentials and the client's own headers go to the server's origin only,
    /// and not any more once a redirect has left it.
    async fn open_file(&self, request: &FileRequest, options: &RequestOptions) -> Result<FileResponse> {
        let (mut url, mut trusted) = (request.url.clone(), true);
        for _ in 0..=MAX_REDIRECTS {
            trusted &= self.base.is_same_origin(&url);
            let mut response = self.open_file_at(&url, request, trusted, options).await?;
            if response.status == StatusCode::UNAUTHORIZED && trusted && self.refresh(options.timeout).await? {
                response = self.open_file_at(&url, request, trusted, options).await?;
            }
            match redirect(&url, &response)? {
                Some(target) => url = target,
                None => return Ok(response),
            }
        }
        Err(Error::unexpected(format!("the server of the file redirects more than {MAX_REDIRECTS} times")))
    }

    async fn open_file_at(
        &self,
        url: &Url,
        request: &FileRequest,
        trusted: bool,
        options: &RequestOptions,
    ) -> Result<FileResponse> {
        let mut http = http::Request::new(Bytes::new());
        *http.method_mut() = request.method.clone();
        *http.uri_mut() = uri_of(url)?;
        let headers = http.headers_mut();
        if trusted {
            headers.clone_from(&self.headers);
            headers.extend(options.headers.clone()?);
            if let Some(authorization) = self.authorization().await? {
                headers.insert(header::AUTHORIZATION, authorization);
            }
        } else if let Some(agent) = self.headers.get(header::USER_AGENT) {
            headers.insert(header::USER_AGENT, agent.clone());
        }
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        // A range is one of the bytes as they are stored.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if request.from > 0 {
            let range = HeaderValue::try_from(format!("bytes={}-", request.from));
            headers.insert(header::RANGE, range.map_err(|error| Error::unexpected(error.to_string()))?);
            if let Some(version) = &request.version {
                headers.insert(header::IF_RANGE, version.clone());
            }
        }
        let response = self.transport.send(http).await.map_err(|error| no_file(url, error))?;
        let (head, body) = response.into_parts();
        if let Some(encoding) = compression(&head.headers).filter(|_| head.status.is_success()) {
            return Err(Error::compressed(&encoding));
        }
        Ok(FileResponse { status: head.status, headers: head.headers, body })
    }
}

/// Returns the URL that the response redirects to.
fn redirect(from: &Url, response: &FileResponse) -> Result<Option<Url>> {
    if ![301, 302, 303, 307, 308].contains(&response.status.as_u16()) {
        return Ok(None);
    }
    let location = response.headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
    let Some(target) = location.and_then(|location| from.join(location).ok()) else { return Ok(None) };
    if !matches!(target.scheme(), "http" | "https") || (from.scheme() == "https" && target.scheme() == "http") {
        return Err(Error::unexpected(format!(
            "the server of the file redirects from {} to {}, which is not followed",
            from.origin().ascii_serialization(),
            target.origin().ascii_serialization()
        )));
    }
    Ok(Some(target))
}

/// Reads the next part of a file, within that time.
pub(crate) async fn next_part(body: &mut Body, at_most: Duration) -> Result<Option<Bytes>> {
    match timeout(at_most, body.try_next()).await {
        Ok(part) => part.map_err(interrupted),
        Err(_) => Err(no_answer(at_most)),
    }
}

fn no_file(url: &Url, error: TransportError) -> Error {
    if error.kind != TransportErrorKind::Connect {
        return interrupted(error);
    }
    let message = format!("could not connect to {}, where the file is", url.origin().ascii_serialization());
    Error::new(ErrorKind::Connect, message).caused_by(error.source)
}

fn no_answer(limit: Duration) -> Error {
    Error::new(ErrorKind::Timeout, format!("the server of the file did not respond within {} s", limit.as_secs_f32()))
}
