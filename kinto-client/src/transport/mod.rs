//! HTTP: sends requests and receives responses, without knowledge of Kinto's objects.
//!
//! [`HttpTransport`] is the default. Implement [`Transport`] to observe or change requests, or respond in a test, and
//! pass it to [`ClientBuilder::transport`](crate::ClientBuilder::transport).
//!
//! ```
//! use futures_core::future::BoxFuture;
//! use kinto_client::{Client, bytes::Bytes, futures_core, http, transport::{Body, HttpTransport, Transport, TransportError}};
//!
//! /// Prints each request before it is sent.
//! struct Printing(HttpTransport);
//!
//! impl Transport for Printing {
//!     fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
//!         println!("{} {}", request.method(), request.uri().path());
//!         self.0.send(request)
//!     }
//! }
//!
//! # fn main() -> kinto_client::Result<()> {
//! let builder = Client::builder("https://kinto.example.org/v1");
//! let transport = Printing(builder.http_transport()?);
//! let client = builder.transport(transport).build()?;
//! # drop(client);
//! # Ok(()) }
//! ```

use std::{error::Error as StdError, pin::Pin, sync::Arc};

use bytes::Bytes;
use futures_core::{Stream, future::BoxFuture};

pub(crate) mod acknowledged;
mod attempt;
pub(crate) mod auth;
pub(crate) mod base_url;
#[cfg(feature = "gzip")]
mod compression;
pub(crate) mod exchange;
#[cfg(feature = "attachments")]
pub(crate) mod file;
pub(crate) mod http_client;
pub(crate) mod lease;
pub(crate) mod retry;
pub(crate) mod retrying;
pub(crate) mod server_notices;
pub(crate) mod task;
pub(crate) mod tries;
mod write_lock;

pub use http_client::HttpTransport;

/// The body of a response as it arrives.
pub type Body = Pin<Box<dyn Stream<Item = Result<Bytes, TransportError>> + Send>>;

/// Sends requests to the server. [`HttpTransport`] is the default implementation.
///
/// An implementation sends exactly the request it is given, once: it follows no redirect, retries nothing and adds no
/// credentials, because the client does all of that. One that wraps another (for trace headers, logging, `tower`) gets
/// the default from [`ClientBuilder::http_transport`](crate::ClientBuilder::http_transport).
///
/// The traits are those of the crates `http`, `bytes` and `futures-core`, which are re-exported:
/// [`kinto_client::http`](crate::http), [`kinto_client::bytes`](crate::bytes),
/// [`kinto_client::futures_core`](crate::futures_core).
pub trait Transport: Send + Sync + 'static {
    /// Sends a request and returns the response once its headers have arrived.
    ///
    /// # Errors
    ///
    /// A [`TransportError`], whose kind decides about retries: use [`Connect`](TransportErrorKind::Connect) only if
    /// nothing can have been sent. Another library's error becomes [`Unknown`](TransportErrorKind::Unknown) by `?` or
    /// [`TransportError::unknown`].
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>>;

    /// Sends a request whose body is produced while it is sent: the upload of a file (feature `attachments`). Its headers
    /// have the `Content-Length`.
    ///
    /// Without an implementation, a body of up to 16 MiB is collected and passed to [`send`](Self::send); a larger one is
    /// refused, and nothing of it is sent.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send). If the body yields an error, the request must not arrive as a whole one.
    fn send_stream(&self, request: http::Request<Body>) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = collect(&head.headers, body).await?;
            self.send(http::Request::from_parts(head, body)).await
        })
    }
}

/// The largest body that is collected for a transport that sends no streams.
const MOST_COLLECTED: usize = 16 * 1024 * 1024;

async fn collect(headers: &http::HeaderMap, mut body: Body) -> Result<Bytes, TransportError> {
    let too_large = || {
        let reason = format!(
            "the body has more than {MOST_COLLECTED} bytes, and this transport sends no streams: implement \
             `Transport::send_stream`"
        );
        TransportError::new(TransportErrorKind::Connect, reason)
    };
    let length =
        headers.get(http::header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > MOST_COLLECTED) {
        return Err(too_large());
    }
    let mut collected = bytes::BytesMut::with_capacity(length.unwrap_or_default());
    while let Some(part) = futures_util::TryStreamExt::try_next(&mut body).await? {
        if collected.len() + part.len() > MOST_COLLECTED {
            return Err(too_large());
        }
        collected.extend_from_slice(&part);
    }
    Ok(collected.freeze())
}

/// One transport for several clients, or one that its owner looks at while a client uses it.
impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        (**self).send(request)
    }

    fn send_stream(&self, request: http::Request<Body>) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        (**self).send_stream(request)
    }
}

/// The reason why there is no response.
///
/// A boxed error and an [`std::io::Error`] convert to it with `?`, as [`Unknown`](TransportErrorKind::Unknown), since
/// they do not say whether the request was sent: a write is not retried after them, unless it is safe to repeat.
///
/// ```
/// use kinto_client::transport::{TransportError, TransportErrorKind};
///
/// fn carry() -> Result<(), TransportError> {
///     Err(std::io::Error::other("the tunnel is gone"))?;
///     Ok(())
/// }
///
/// let error = carry().unwrap_err();
/// assert_eq!(error.kind(), TransportErrorKind::Unknown);
/// assert_eq!(error.to_string(), "the transport failed, and the request may have been sent: the tunnel is gone");
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", .kind.description())]
pub struct TransportError {
    pub(crate) kind: TransportErrorKind,
    pub(crate) source: Box<dyn StdError + Send + Sync>,
}

/// The stage at which a request without a response failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// The connection could not be made: nothing was sent.
    Connect,
    /// The connection broke after it was made: the request may have arrived.
    Interrupted,
    /// The connection was silent for too long: the request may have arrived.
    TimedOut,
    /// An error that does not say how far the request came; it may have arrived.
    Unknown,
}

impl TransportError {
    /// Creates an error of this kind with its cause.
    pub fn new(kind: TransportErrorKind, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { kind, source: source.into() }
    }

    /// Creates an error that does not say how far the request came: `.map_err(TransportError::unknown)`.
    pub fn unknown(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(TransportErrorKind::Unknown, source)
    }

    /// Returns the stage at which the request failed.
    #[must_use]
    pub fn kind(&self) -> TransportErrorKind {
        self.kind
    }
}

impl TransportErrorKind {
    fn description(self) -> &'static str {
        match self {
            Self::Connect => "there was no connection, and nothing was sent",
            Self::Interrupted => "the connection broke, and the request may have been sent",
            Self::TimedOut => "the connection was silent for too long, and the request may have been sent",
            Self::Unknown => "the transport failed, and the request may have been sent",
        }
    }
}

impl From<Box<dyn StdError + Send + Sync>> for TransportError {
    fn from(source: Box<dyn StdError + Send + Sync>) -> Self {
        Self::unknown(source)
    }
}

impl From<std::io::Error> for TransportError {
    fn from(source: std::io::Error) -> Self {
        Self::unknown(source)
    }
}
