use std::fmt;

use http::{Method, header};

use super::{
    batch,
    request::{Precondition, Request},
};
use crate::error::Result;

/// The request that a call would send: the return value of [`Call::preview`](crate::Call::preview).
///
/// It prints as the request would look on the wire, without the headers that every request has, and without
/// credentials, which it does not contain. A call of several requests shows the first, which is the only one that is known before
/// its response, and says in words which [follow](Self::follows).
#[derive(Clone)]
pub struct RequestPreview {
    request: Option<Request>,
    follows: Option<&'static str>,
}

impl RequestPreview {
    /// A part of a batch, or `None` if there is nothing to send.
    pub(crate) fn new(request: Option<Request>) -> Self {
        Self { request, follows: None }
    }

    /// The only request of a call, or `None` if there is nothing to send.
    pub(crate) fn only(request: Option<Request>) -> Result<Self> {
        request.map(on_the_wire).transpose().map(Self::new)
    }

    /// The first request of a call, and a description of the others.
    pub(crate) fn first(request: Request, follows: &'static str) -> Result<Self> {
        Ok(Self { request: Some(on_the_wire(request)?), follows: Some(follows) })
    }

    /// A call whose first request goes to a host that is known by its response only, as this describes.
    #[cfg(feature = "attachments")]
    pub(crate) fn elsewhere(follows: &'static str) -> Self {
        Self { request: None, follows: Some(follows) }
    }

    /// Returns the method, or `None` if nothing would be sent.
    #[must_use]
    pub fn method(&self) -> Option<&Method> {
        self.request.as_ref().map(|request| &request.method)
    }

    /// Returns path and query below the server's version prefix, or `None` if nothing would be sent.
    #[must_use]
    pub fn target(&self) -> Option<String> {
        self.request.as_ref().map(|request| request.target().into_owned())
    }

    /// Returns the body, or `None` if there is none, if it contains a password, or if it is not text.
    #[must_use]
    pub fn body(&self) -> Option<&str> {
        let request = self.request.as_ref().filter(|request| !request.secret)?;
        request.body.as_deref().and_then(|body| std::str::from_utf8(body).ok())
    }

    /// Describes the requests that can follow the first one, or `None` if it is the only one.
    #[must_use]
    pub fn follows(&self) -> Option<&str> {
        self.follows
    }
}

/// The request as it is sent: in a batch if it is too long for a URL.
fn on_the_wire(request: Request) -> Result<Request> {
    Ok(batch::around(&request)?.unwrap_or(request))
}

impl fmt::Display for RequestPreview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(request) = &self.request else {
            return f.write_str(self.follows.unwrap_or("nothing: there is no change to send"));
        };
        write!(f, "{} {}", request.method, request.target())?;
        if let Some((name, value)) = request.precondition.map(Precondition::header) {
            let name = if name == header::IF_MATCH { "If-Match" } else { "If-None-Match" };
            write!(f, "\n{name}: {value}")?;
        }
        if let Some(body) = self.body() {
            let own = request.headers.as_deref().and_then(|headers| headers.get(header::CONTENT_TYPE));
            let content_type = own.and_then(|own| own.to_str().ok()).unwrap_or("application/json");
            write!(f, "\nContent-Type: {content_type}\n\n{body}")?;
        }
        if request.secret {
            f.write_str("\n\n(a body with a password in it)")?;
        }
        match self.follows {
            Some(follows) => write!(f, "\n\n({follows})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for RequestPreview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestPreview({:?})", self.to_string())
    }
}
