//! The error of all operations: its kind, operation and object, and advice.

use std::{
    fmt::{self, Write as _},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;

use doubt::Doubt;
use response::ErrorResponse;

pub(crate) mod alert;
mod builder;
pub(crate) mod doubt;
pub(crate) mod kind;
mod one_line;
pub(crate) mod response;
pub(crate) mod schema_violation;
mod violation;

pub use kind::ErrorKind;
use one_line::OneLine;

/// A `Result` whose error is this library's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error with its kind, the operation, the object, and advice on resolving it.
///
/// `Display` writes all of that on one line. To handle it, use one of the `is_` methods or
/// [`kind`](Self::kind); to show more, [`status`](Self::status), [`errno`](Self::errno),
/// [`server_message`](Self::server_message) and [`details`](Self::details) return parts of the server's
/// response.
///
/// ```
/// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
/// # let server = kinto_server::Server::shared().expect("a server");
/// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
/// # let todo = client.bucket("default").collection("todo");
/// match todo.get_record::<kinto_client::Value>("nowhere").await {
///     Ok(record) => println!("{:?}", record.data),
///     Err(error) if error.is_not_found() => println!("there is none"),
///     Err(error) => return Err(error),
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    operation: Option<&'static str>,
    object: Option<String>,
    refusal: Option<ErrorResponse>,
    record_id: Option<String>,
    field: Option<String>,
    rule: Option<String>,
    maybe_applied: bool,
    /// True if the whole time limit was spent waiting within this program.
    waited: bool,
    failures: Vec<(usize, Error)>,
    retry_after: Option<Duration>,
    sent: Option<Sent>,
    /// The object that was found in another version than the caller asked for.
    found: Option<Bytes>,
    doubt: Option<Doubt>,
    hint: Option<&'static str>,
    progress: Option<String>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the operation that failed: `create record`.
    #[must_use]
    pub fn operation(&self) -> Option<&str> {
        self.0.operation
    }

    /// Returns the path of the object of the operation: `/buckets/default/collections/todo`.
    #[must_use]
    pub fn object(&self) -> Option<&str> {
        self.0.object.as_deref()
    }

    /// Returns the HTTP status of the response, if there was one with an error status.
    ///
    /// `None` for an error that was found before anything was sent ([`is_invalid`](Self::is_invalid)).
    /// [`http_status`](ErrorKind::http_status) of the [`kind`](Self::kind) is a status for every error, with which a
    /// web service can respond to its own callers.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.0.refusal.as_ref().map(|refusal| refusal.status)
    }

    /// Returns Kinto's error number, if the response had one: 110 for a missing object, 121 for a forbidden one, …
    #[must_use]
    pub fn errno(&self) -> Option<u32> {
        self.0.refusal.as_ref()?.errno
    }

    /// Returns the error message of the server.
    #[must_use]
    pub fn server_message(&self) -> Option<&str> {
        self.0.refusal.as_ref()?.message.as_deref()
    }

    /// Returns the details that the server added to its message, such as the parameter or the object.
    #[must_use]
    pub fn details(&self) -> Option<&Value> {
        self.0.refusal.as_ref()?.details.as_ref()
    }

    /// Returns the contents of the server's error response.
    pub(crate) fn refusal(&self) -> Option<&ErrorResponse> {
        self.0.refusal.as_ref()
    }

    /// Returns the object that was found in another version than the caller asked for.
    pub(crate) fn found(&self) -> Option<&Bytes> {
        self.0.found.as_ref()
    }

    /// Returns the request that conflicted.
    pub(crate) fn sent(&self) -> Option<&Sent> {
        self.0.sent.as_ref()
    }

    /// Returns the id of the record that did not decode.
    #[must_use]
    pub fn record_id(&self) -> Option<&str> {
        self.0.record_id.as_deref()
    }

    /// Returns the delay that the server asked for before a retry, if it did.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Returns the operations that failed, of several ones, with their positions in the input, starting from 0.
    #[must_use]
    pub fn failures(&self) -> &[(usize, Error)] {
        &self.0.failures
    }

    /// Returns `true` if the server may have executed the request although no response confirms it.
    ///
    /// That is so if the connection broke after the request was sent, or if the response was malformed; of several
    /// operations, if it is so for one of the [`failures`](Self::failures). Read before you write again.
    #[must_use]
    pub fn may_have_been_applied(&self) -> bool {
        self.0.maybe_applied
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        let f = &mut OneLine(f);
        if let Some(operation) = inner.operation {
            write!(f, "could not {operation}")?;
            if let Some(object) = &inner.object {
                write!(f, " {object}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&inner.message)?;
        let doubt = inner.doubt.and_then(Doubt::hint);
        let quoted = inner.failures.first().is_some_and(|(_, failure)| failure.may_have_been_applied());
        let addition = inner.doubt.and_then(Doubt::addition);
        let told = doubt.or(addition).is_some() || quoted;
        let mut hint = match inner.hint.or(doubt) {
            Some(hint) => hint.to_owned(),
            None => inner.kind.hint(inner.operation, inner.object.as_deref()),
        };
        if let Some(addition) = addition {
            hint = format!("{hint}; {addition}");
        }
        if !hint.is_empty() {
            write!(f, " ({hint})")?;
        }
        if inner.maybe_applied && !told && !inner.failures.is_empty() {
            f.write_str(" (the server may have executed some of them nevertheless: read before you write again)")?;
        } else if inner.maybe_applied && !told {
            f.write_str(" (the server may have executed it nevertheless: read before you write again)")?;
        }
        if let Some(progress) = &inner.progress {
            write!(f, "; {progress}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        f.debug_struct("Error")
            .field("kind", &inner.kind)
            .field("message", &self.to_string())
            .field("source", &inner.source)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// The body of the request that conflicted, and the id of its object.
#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) id: String,
    pub(crate) body: Bytes,
}
