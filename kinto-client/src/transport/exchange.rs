//! One exchange: adds credentials and headers, sends the request, follows redirects and reads the body.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt as _;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use url::Url;

use super::{
    Body, Transport, TransportError, TransportErrorKind,
    auth::Auth,
    base_url::{Base, uri_of},
};
use crate::{
    error::{Error, Result, kind::ErrorKind},
    wire::{
        batch,
        request::{Precondition, Request},
        response::Response,
    },
};

/// The maximum number of redirects within the server that are followed.
pub(super) const MAX_REDIRECTS: usize = 3;

/// A sender of requests to one server with one set of credentials.
#[derive(Clone)]
pub(crate) struct Exchange {
    pub(crate) base: Base,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) auth: Option<Auth>,
    pub(crate) headers: HeaderMap,
    pub(crate) max_response_size: usize,
    pub(crate) allow_plain_http: bool,
    #[cfg(feature = "gzip")]
    pub(crate) compress_requests: bool,
}

impl Exchange {
    /// Returns an exchange with the same server with other credentials, if they may be sent there.
    pub(crate) fn with_auth(mut self, auth: Auth) -> Result<Self> {
        auth.check()?;
        if self.base.is_open() && !self.allow_plain_http {
            return Err(Error::invalid(format!(
                "credentials would be sent to {} without encryption: use https, or \
                 `.allow_credentials_over_http()` in a trusted network",
                self.base.as_str()
            )));
        }
        self.auth = Some(auth);
        Ok(self)
    }

    /// Returns the credentials that a request is sent with.
    pub(crate) async fn authorization(&self) -> Result<Option<HeaderValue>> {
        match &self.auth {
            Some(auth) => auth.authorization().await.map(Some),
            None => Ok(None),
        }
    }

    /// Returns true if the server rejected the credentials, and new ones were obtained.
    pub(crate) async fn renewed(&self, response: &Response, rejected: Option<&HeaderValue>) -> Result<bool> {
        match &self.auth {
            _ if response.status != StatusCode::UNAUTHORIZED => Ok(false),
            Some(auth) => auth.refresh(rejected).await,
            None => Err(response.to_error().because("the client has no credentials: `.auth(…)` gives it some")),
        }
    }

    /// Refreshes the credentials within `timeout`. Returns `false` if there are no new ones.
    pub(crate) async fn refresh(&self, timeout: Duration) -> Result<bool> {
        let Some(auth) = &self.auth else { return Ok(false) };
        let renewed = tokio::time::timeout(timeout, auth.refresh(None)).await;
        renewed.unwrap_or_else(|_| {
            let seconds = timeout.as_secs_f32();
            Err(Error::new(ErrorKind::Timeout, format!("no credentials were obtained within {seconds} s")))
        })
    }

    /// Sends a request, in a batch if it has a lock or is too long for a URL, and reads its response, whatever its
    /// status.
    pub(crate) async fn send(&self, request: &Request, authorization: Option<&HeaderValue>) -> Result<Response> {
        let Some(batch) = batch::around(request)? else {
            return self.send_within_origin(request, authorization).await;
        };
        let response = self.send_within_origin(&batch, authorization).await?;
        match response.status {
            StatusCode::OK => {
                let response = batch::response_to(request, &response);
                let mut response = response.map_err(|error| after_sending(request, error))?;
                if response.status == StatusCode::CONFLICT {
                    // The same few seconds each time, and the other writer is done after some milliseconds.
                    response.headers = HeaderMap::new().into();
                }
                Ok(response)
            }
            StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS => Ok(response),
            status if status.is_server_error() => Ok(response),
            _ if request.lock.is_none() && !request.alone.is_in_batch() => Err(response.to_error().of_batch().because(
                "the query is too long for a URL, so it was sent to `/batch`: ask for fewer values at a time if the \
                 server, or a proxy before it, takes none",
            )),
            _ => Err(response.to_error().of_batch()),
        }
    }

    /// Follows redirects within the server.
    async fn send_within_origin(&self, request: &Request, authorization: Option<&HeaderValue>) -> Result<Response> {
        let mut uri = self.base.join(request.path(), request.query.as_str())?;
        for redirects in 0..=MAX_REDIRECTS {
            let response = self.send_to(uri.clone(), request, authorization).await?;
            match self.redirect(&uri, request, &response)? {
                Some(target) => uri = target,
                None => return Ok(Response { redirected_to: (redirects > 0).then(|| uri.into()), ..response }),
            }
        }
        Err(Error::unexpected(format!("the server redirects more than {MAX_REDIRECTS} times")))
    }

    /// Returns the URI that the response redirects to; credentials and data are never sent to another origin.
    fn redirect(&self, from: &Uri, request: &Request, response: &Response) -> Result<Option<Uri>> {
        let keeps_method = match response.status {
            StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => request.method.is_safe(),
            _ => return Ok(None),
        };
        if request.keep_redirect {
            return Ok(None);
        }
        let location = response.header(header::LOCATION).filter(|location| location.is_ascii());
        let target = location.and_then(|location| Url::parse(&from.to_string()).ok()?.join(&location).ok());
        match target {
            Some(target) if !self.base.is_same_origin(&target) => Err(Error::unexpected(format!(
                "the server redirects to another one, {}, which is not followed: use its URL if that is right",
                target.origin().ascii_serialization()
            ))),
            Some(target) if keeps_method => uri_of(&target).map(Some),
            _ => Ok(None),
        }
    }

    async fn send_to(&self, uri: Uri, request: &Request, authorization: Option<&HeaderValue>) -> Result<Response> {
        let http = self.http_request(uri, request, authorization)?;
        #[cfg(feature = "gzip")]
        let is_compressed = http.headers().contains_key(header::CONTENT_ENCODING);
        #[cfg(feature = "attachments")]
        let sent = match &request.streamed {
            Some(streamed) => self.transport.send_stream(super::file::streamed(http, streamed).await?).await,
            None => self.transport.send(http).await,
        };
        #[cfg(not(feature = "attachments"))]
        let sent = self.transport.send(http).await;
        let response = sent.map_err(|error| self.no_answer(request, error))?;
        let (head, body) = response.into_parts();
        let body = self.read(&head.headers, body).await.map_err(|error| after_sending(request, error))?;
        if let Some(encoding) = compression(&head.headers).filter(|_| !body.is_empty() && is_read(head.status)) {
            return Err(after_sending(request, Error::compressed(&encoding)));
        }
        let response = Response::new(head.status, head.headers, body);
        #[cfg(feature = "gzip")]
        if is_compressed && super::compression::is_not_read(&response) {
            return Err(response.to_error().because(
                "the body of the request was compressed, which this server, or a proxy before it, does not read: build the \
                 client without `.compress_requests()`",
            ));
        }
        Ok(response)
    }

    fn http_request(
        &self,
        uri: Uri,
        request: &Request,
        authorization: Option<&HeaderValue>,
    ) -> Result<http::Request<Bytes>> {
        let mut http = http::Request::new(request.body.clone().unwrap_or_default());
        *http.method_mut() = request.method.clone();
        *http.uri_mut() = uri;
        let headers = http.headers_mut();
        headers.clone_from(&self.headers);
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if request.body.is_some() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        for (name, value) in request.headers.as_deref().into_iter().flatten() {
            headers.insert(name, value.clone());
        }
        if let Some((name, value)) = request.precondition.map(Precondition::header) {
            let value = HeaderValue::from_str(&value).map_err(|error| Error::invalid(value).caused_by(error))?;
            headers.insert(name, value);
        }
        if let Some(authorization) = authorization {
            headers.insert(header::AUTHORIZATION, authorization.clone());
        }
        #[cfg(feature = "gzip")]
        if self.compress_requests
            && let Some(body) = super::compression::compress(http.body())
        {
            *http.body_mut() = body;
            http.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        Ok(http)
    }

    /// Reads a body into one piece, without copying a body that arrives in one chunk.
    async fn read(&self, headers: &HeaderMap, mut body: Body) -> Result<Bytes> {
        let announced = headers
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse::<usize>().ok())
            .unwrap_or(0);
        self.check_size(announced)?;
        let Some(first) = body.try_next().await.map_err(interrupted)? else { return Ok(Bytes::new()) };
        let Some(second) = body.try_next().await.map_err(interrupted)? else {
            self.check_size(first.len())?;
            return Ok(first);
        };
        let mut whole = BytesMut::with_capacity(announced.max(first.len() + second.len()));
        whole.extend_from_slice(&first);
        let mut next = Some(second);
        while let Some(chunk) = next {
            self.check_size(whole.len() + chunk.len())?;
            whole.extend_from_slice(&chunk);
            next = body.try_next().await.map_err(interrupted)?;
        }
        Ok(whole.freeze())
    }

    fn no_answer(&self, request: &Request, error: TransportError) -> Error {
        if error.kind != TransportErrorKind::Connect {
            return after_sending(request, interrupted(error));
        }
        let message = format!("could not connect to {}; {}", self.base.as_str(), self.base.doubts());
        Error::new(ErrorKind::Connect, message).caused_by(error.source)
    }

    fn check_size(&self, size: usize) -> Result<()> {
        if size <= self.max_response_size {
            return Ok(());
        }
        let limit = self.max_response_size;
        let message =
            format!("the response has more than the {limit} bytes that the client accepts: raise `max_response_size`");
        Err(Error::new(ErrorKind::TooLarge, message))
    }
}

/// Returns how a body is compressed, if it is.
pub(super) fn compression(headers: &HeaderMap) -> Option<String> {
    let encoding = headers.get(header::CONTENT_ENCODING)?.to_str().ok()?.trim();
    let shown: String = encoding.chars().take(40).collect();
    (!encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity")).then_some(shown)
}

/// Returns true if what is done next depends on the body. Of the others the status says enough.
fn is_read(status: StatusCode) -> bool {
    !(status.is_server_error() || [StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS].contains(&status))
}

pub(super) fn interrupted(error: TransportError) -> Error {
    let (kind, message) = match error.kind {
        TransportErrorKind::TimedOut => (ErrorKind::Timeout, "the server stopped responding"),
        TransportErrorKind::Unknown => {
            (ErrorKind::Connect, "the transport failed, and does not say how far the request came")
        }
        _ => (ErrorKind::Connect, "the connection broke before the whole response had arrived"),
    };
    Error::new(kind, message).caused_by(error.source)
}

/// Marks the error of a write as possibly applied, since the request had been sent.
pub(super) fn after_sending(request: &Request, error: Error) -> Error {
    if request.only_reads() { error } else { error.maybe_applied() }
}
