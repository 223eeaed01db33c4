//! How requests reach the server and answers come back: it knows HTTP, and nothing of buckets.

use std::{error::Error as StdError, fmt, pin::Pin, sync::Arc};

use bytes::Bytes;
use futures_core::{Stream, future::BoxFuture};

mod acknowledged;
mod attempt;
pub(crate) mod auth;
pub(crate) mod base;
pub(crate) mod exchange;
pub(crate) mod http_client;
pub(crate) mod lease;
pub(crate) mod notice;
pub(crate) mod retry;
pub(crate) mod sender;
pub(crate) mod task;
mod turn;

/// The body of an answer, as it arrives.
pub type Body = Pin<Box<dyn Stream<Item = Result<Bytes, TransportError>> + Send>>;

/// What carries requests to the server: [`HttpTransport`](crate::HttpTransport), unless you bring your own.
///
/// An implementation sends exactly the request it is given, once: it follows no redirect, tries nothing again and adds
/// no credentials, because all of that is decided above it. One that wraps another (for trace headers, logging, `tower`) finds the
/// default at [`ClientBuilder::http_transport`](crate::ClientBuilder::http_transport).
///
/// The traits are those of the crates `http`, `bytes` and `futures-core`, which are re-exported:
/// [`kinto_client::http`](crate::http), [`kinto_client::bytes`](crate::bytes),
/// [`kinto_client::futures_core`](crate::futures_core).
pub trait Transport: Send + Sync + 'static {
    /// Sends a request, and gives back the answer once its headers have arrived.
    ///
    /// # Errors
    ///
    /// A [`TransportError`], whose kind decides about retries: [`Connect`](TransportErrorKind::Connect) only where nothing can have
    /// been sent. Another library's error becomes [`Unknown`](TransportErrorKind::Unknown) by `?` or
    /// [`TransportError::unknown`].
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>>;
}

/// One transport for several clients, or one that its owner looks at while a client uses it.
impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        (**self).send(request)
    }
}

/// The reason why there is no response.
///
/// A boxed error and an [`std::io::Error`] turn into it with `?`. They are [`Unknown`](TransportErrorKind::Unknown) then, since they
/// do not say whether the request was sent: a write is not sent again after them, unless twice is the same as once.
///
/// ```
/// use kinto_client::{TransportError, TransportErrorKind};
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
#[derive(Debug)]
pub struct TransportError {
    pub(crate) kind: TransportErrorKind,
    pub(crate) source: Box<dyn StdError + Send + Sync>,
}

/// How far a request came that has no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// There was no connection: nothing was sent.
    Connect,
    /// The connection broke after it was made: the request may have arrived.
    Interrupted,
    /// Too long nothing was heard: the request may have arrived.
    TimedOut,
    /// It is not known how far it came: the request may have arrived.
    Unknown,
}

impl TransportError {
    /// An error of that kind, with its cause.
    pub fn new(kind: TransportErrorKind, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { kind, source: source.into() }
    }

    /// An error that does not say how far the request came, which may have arrived: `.map_err(TransportError::unknown)`.
    pub fn unknown(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(TransportErrorKind::Unknown, source)
    }

    /// How far the request came.
    #[must_use]
    pub fn kind(&self) -> TransportErrorKind {
        self.kind
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            TransportErrorKind::Connect => "there was no connection, and nothing was sent",
            TransportErrorKind::Interrupted => "the connection broke, and the request may have been sent",
            TransportErrorKind::TimedOut => "nothing was heard in time, and the request may have been sent",
            TransportErrorKind::Unknown => "the transport failed, and the request may have been sent",
        })?;
        write!(f, ": {}", self.source)
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
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
