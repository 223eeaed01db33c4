use std::{borrow::Cow, fmt};

use bytes::Bytes;
use http::{HeaderName, Method, header};
use serde::Serialize;

use super::{claim::Claim, query::Query, timestamp::Timestamp};
use crate::error::{Error, Result};

/// What must hold for the server to carry a request out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precondition {
    /// There is no such object yet: `If-None-Match: *`.
    Absent,
    /// The object, or list, is still of that time: `If-Match`.
    Unchanged(Timestamp),
    /// The object, or list, is no longer of that time: `If-None-Match`. For reads.
    Changed(Timestamp),
}

/// What sending a request twice does, if the server carried out the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// The same as sending it once, or the second is refused in a way that tells what happened.
    Harmless,
    /// The same as sending it once, for the second is refused; but not in a way that tells whether the first was
    /// carried out, or somebody else has made the same of the object.
    Untold,
    /// Something else: it must not be sent again unless it cannot have arrived.
    Harmful,
}

/// A plugin or setting of the server that a request needs, by its name among the server's capabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capability(pub(crate) &'static str);

/// A request to the server, before credentials and the server's address are added.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// Below the version prefix, with a slash before it: `/buckets/blog`.
    pub(crate) path: String,
    /// The path of the object that it is about, where that is another: a POST to a list that names the object.
    pub(crate) object: Option<String>,
    pub(crate) query: Query,
    pub(crate) precondition: Option<Precondition>,
    pub(crate) body: Option<Bytes>,
    /// The body has a password in it.
    pub(crate) secret: bool,
    pub(crate) repeat: Repeat,
    pub(crate) needs: Option<Capability>,
    /// What the requests in it write to, if it is a batch.
    pub(crate) batched: Option<Vec<Claim>>,
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
    pub(crate) fn new(method: Method, path: String) -> Self {
        let repeat = if method.is_safe() { Repeat::Harmless } else { Repeat::Harmful };
        Self {
            method,
            path,
            object: None,
            query: Query::default(),
            precondition: None,
            body: None,
            secret: false,
            repeat,
            needs: None,
            batched: None,
        }
    }

    pub(crate) fn get(path: String) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn json<B: Serialize>(mut self, body: &B) -> Result<Self> {
        self.body = Some(serde_json::to_vec(body).map_err(|error| Error::invalid(error.to_string()))?.into());
        Ok(self)
    }

    pub(crate) fn with_body(mut self, body: Bytes) -> Self {
        self.body = Some(body);
        self
    }

    pub(crate) fn about(mut self, object: String) -> Self {
        self.object = Some(object);
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

    pub(crate) fn repeatable(self) -> Self {
        self.repeating(Repeat::Harmless)
    }

    pub(crate) fn repeating(mut self, repeat: Repeat) -> Self {
        self.repeat = repeat;
        self
    }

    pub(crate) fn needing(mut self, capability: Capability) -> Self {
        self.needs = Some(capability);
        self
    }

    /// Path and query, as the request line has them below the version prefix.
    pub(crate) fn target(&self) -> Cow<'_, str> {
        if self.query.is_empty() {
            return Cow::from(&self.path);
        }
        format!("{}?{}", self.path, self.query.as_str()).into()
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

/// What a call would send, for reading: see [`Call::explain`](crate::Call::explain).
///
/// It prints as the request would look on the wire, without the headers that every request has, and without
/// credentials, which it does not contain.
#[derive(Clone)]
pub struct Explanation {
    pub(crate) request: Option<Request>,
}

impl Explanation {
    /// The method, or `None` if nothing would be sent.
    #[must_use]
    pub fn method(&self) -> Option<&Method> {
        self.request.as_ref().map(|request| &request.method)
    }

    /// Path and query below the server's version prefix, or `None` if nothing would be sent.
    #[must_use]
    pub fn target(&self) -> Option<String> {
        self.request.as_ref().map(|request| request.target().into_owned())
    }

    /// The body, or `None` if there would be none, or it has a password in it.
    #[must_use]
    pub fn body(&self) -> Option<&str> {
        let request = self.request.as_ref().filter(|request| !request.secret)?;
        request.body.as_deref().and_then(|body| std::str::from_utf8(body).ok())
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(request) = &self.request else {
            return f.write_str("nothing: there is no change to send");
        };
        write!(f, "{} {}", request.method, request.target())?;
        if let Some((name, value)) = request.precondition.map(Precondition::header) {
            let name = if name == header::IF_MATCH { "If-Match" } else { "If-None-Match" };
            write!(f, "\n{name}: {value}")?;
        }
        if let Some(body) = self.body() {
            write!(f, "\nContent-Type: application/json\n\n{body}")?;
        }
        if request.secret {
            f.write_str("\n\n(a body with a password in it)")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Explanation({:?})", self.to_string())
    }
}
