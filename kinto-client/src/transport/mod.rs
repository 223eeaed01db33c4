//! How requests reach the server and answers come back: it knows HTTP, and nothing of buckets.

use std::{error::Error as StdError, pin::Pin};

use bytes::Bytes;
use futures_core::{Stream, future::BoxFuture};

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

/// What carries requests to the server: `reqwest`, unless you bring your own.
///
/// An implementation sends exactly the request it is given, once: it follows no redirect, tries nothing again and adds
/// no credentials, because all of that is decided above it.
pub trait Transport: Send + Sync + 'static {
    /// Sends a request, and gives back the answer once its headers have arrived.
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>>;
}

/// Why there is no answer.
#[derive(Debug)]
pub struct TransportError {
    pub(crate) kind: TransportErrorKind,
    pub(crate) source: Box<dyn StdError + Send + Sync>,
}

/// How far a request came that has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// There was no connection: nothing was sent.
    Connect,
    /// The connection broke after it was made: the request may have arrived.
    Interrupted,
    /// Too long nothing was heard: the request may have arrived.
    TimedOut,
}

impl TransportError {
    /// An error of that kind, with its cause.
    pub fn new(kind: TransportErrorKind, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { kind, source: source.into() }
    }
}
