//! A request without I/O: method, path, query, preconditions, body, and what a repetition would do.

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, header};
use serde::Serialize;

use super::{claim::Batched, fence::Lock, query::Query, request_path::RequestPath, timestamp::Timestamp};
use crate::error::kind::ErrorKind;
use crate::error::{Error, Result};

/// The precondition of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precondition {
    /// The object does not exist yet: `If-None-Match: *`.
    Absent,
    /// The object or list still has this timestamp: `If-Match`.
    Unchanged(Timestamp),
    /// The object or list has another timestamp, for reads: `If-None-Match`.
    Changed(Timestamp),
}

/// The effect of executing a request twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Idempotency {
    /// The same as executing it once, or the second execution is refused.
    Harmless,
    /// Executing it twice has another effect, so that it may be retried only if it cannot have arrived.
    Harmful,
}

/// The place to which a request about an object is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SentTo {
    /// The object or list itself.
    Subject,
    /// The list that the object is in: a POST with the object's id.
    List,
}

/// A plugin or setting of the server that a request needs, by its name among the server's capabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capability(pub(crate) &'static str);

/// A request without credentials and the server's address, which are added when it is sent.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// The list or object that the request is about.
    pub(crate) subject: RequestPath,
    pub(crate) sent_to: SentTo,
    pub(crate) query: Query,
    pub(crate) precondition: Option<Precondition>,
    pub(crate) body: Option<Bytes>,
    /// The id of the object is one that the client has generated for this request, so that it is nobody else's.
    pub(crate) own_id: bool,
    /// The lock that it is sent behind, in a batch.
    pub(crate) lock: Option<Lock>,
    /// Headers besides those of every request, in whose place they stand.
    pub(crate) headers: Option<Arc<HeaderMap>>,
    /// `true` if the body contains a password.
    pub(crate) secret: bool,
    pub(crate) repeat: Idempotency,
    pub(crate) needs: Option<Capability>,
    pub(crate) alone: Alone,
    /// A redirect is the result, and is not followed.
    pub(crate) keep_redirect: bool,
    /// The claims of the requests in it, if it is a batch.
    pub(crate) batched: Option<Batched>,
    /// The body, if it is produced while it is sent.
    #[cfg(feature = "attachments")]
    pub(crate) streamed: Option<super::streamed_body::StreamedBody>,
}

/// The form of a request that is sent alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alone {
    AsItIs,
    /// In a batch if its query is longer than a URL can be.
    InBatchIfLong,
    /// In a batch, so that no proxy repeats it.
    #[cfg(feature = "local")]
    InBatch,
}

impl Alone {
    /// Returns true if it is sent in a batch, whatever its length.
    pub(crate) fn is_in_batch(self) -> bool {
        !matches!(self, Self::AsItIs | Self::InBatchIfLong)
    }
}

impl Precondition {
    pub(crate) fn header(self) -> (HeaderName, Cow<'static, str>) {
        match self {
            Self::Absent => (header::IF_NONE_MATCH, "*".into()),
            Self::Unchanged(timestamp) => (header::IF_MATCH, timestamp.to_etag().into()),
            Self::Changed(timestamp) => (header::IF_NONE_MATCH, timestamp.to_etag().into()),
        }
    }
}

impl Request {
    pub(crate) fn new(method: Method, path: impl Into<RequestPath>) -> Self {
        let repeat = if method.is_safe() { Idempotency::Harmless } else { Idempotency::Harmful };
        Self {
            method,
            subject: path.into(),
            sent_to: SentTo::Subject,
            query: Query::default(),
            precondition: None,
            body: None,
            own_id: false,
            lock: None,
            headers: None,
            secret: false,
            repeat,
            needs: None,
            alone: Alone::AsItIs,
            keep_redirect: false,
            batched: None,
            #[cfg(feature = "attachments")]
            streamed: None,
        }
    }

    pub(crate) fn get(path: impl Into<RequestPath>) -> Self {
        Self::new(Method::GET, path)
    }

    /// Creates the request that creates an object by a POST to its list, unless it is there.
    pub(crate) fn post(object: RequestPath) -> Self {
        Self { sent_to: SentTo::List, ..Self::new(Method::POST, object) }
    }

    /// Has the request sent in a batch also if it is alone.
    #[cfg(feature = "local")]
    pub(crate) fn in_batch(self) -> Self {
        Self { alone: Alone::InBatch, ..self }
    }

    pub(crate) fn json<B: Serialize>(mut self, body: &B) -> Result<Self> {
        self.body = Some(serde_json::to_vec(body).map_err(|error| Error::invalid(error.to_string()))?.into());
        Ok(self)
    }

    pub(crate) fn with_body(mut self, body: Bytes) -> Self {
        self.body = Some(body);
        self
    }

    pub(crate) fn with_own_id(mut self, own_id: bool) -> Self {
        self.own_id = own_id;
        self
    }

    pub(crate) fn behind(mut self, lock: Lock) -> Self {
        self.lock = Some(lock);
        self
    }

    pub(crate) fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    pub(crate) fn provided(mut self, precondition: impl Into<Option<Precondition>>) -> Self {
        self.precondition = precondition.into();
        self
    }

    pub(crate) fn repeatable(mut self) -> Self {
        self.repeat = Idempotency::Harmless;
        self
    }

    pub(crate) fn needing(mut self, capability: Capability) -> Self {
        self.needs = Some(capability);
        self
    }

    /// Returns true if it changes nothing: a read, or a batch of reads.
    pub(crate) fn only_reads(&self) -> bool {
        self.method.is_safe() || self.batched.as_ref().is_some_and(Batched::only_reads)
    }

    /// Returns true if the server makes a new object of it in any case: a POST to a list that names none.
    pub(crate) fn is_of_new_object(&self) -> bool {
        self.method == Method::POST && self.sent_to == SentTo::Subject
    }

    /// Returns the path below the version prefix, as it is sent: `/buckets/blog`.
    pub(crate) fn path(&self) -> &str {
        match self.sent_to {
            SentTo::Subject => self.subject.as_str(),
            SentTo::List => self.subject.list(),
        }
    }

    /// Returns path and query below the version prefix, as they are sent.
    pub(crate) fn target(&self) -> Cow<'_, str> {
        if self.query.is_empty() {
            return Cow::from(self.path());
        }
        format!("{}?{}", self.path(), self.query.as_str()).into()
    }
}

/// The body of a request that writes an object.
#[derive(Debug, Serialize)]
pub(crate) struct Write<D, P> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<D>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) permissions: Option<P>,
}

impl Request {
    /// Keeps the body of the request in the error if it is a conflict.
    pub(crate) fn attach_to(&self, error: Error) -> Error {
        match &self.body {
            Some(body) if error.kind() == ErrorKind::Conflict && !self.secret => {
                error.with_sent(self.subject.id().unwrap_or_default().to_owned(), body.clone())
            }
            _ => error,
        }
    }
}
