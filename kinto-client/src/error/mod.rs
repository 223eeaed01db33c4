use std::{
    fmt::{self, Write as _},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;

use crate::wire::{
    object::{Data, Record},
    refusal::Refusal,
    response::Doubt,
};

mod conflict;
mod kind;
mod made;
mod one_line;
mod violation;

pub use conflict::Conflict;
use conflict::Sent;
pub use kind::ErrorKind;
use one_line::OneLine;

/// A `Result` whose error is this library's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, with which operation, on which object, and what can be done.
///
/// Its `Display` is one line that says all of that. To act on it, ask one of the `is_` methods or
/// [`kind`](Self::kind); to show more, [`status`](Self::status), [`errno`](Self::errno),
/// [`server_message`](Self::server_message) and [`details`](Self::details) are the server's own words.
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
    refusal: Option<Refusal>,
    record_id: Option<String>,
    field: Option<String>,
    rule: Option<String>,
    maybe_applied: bool,
    /// It waited in this program for all the time that it had.
    waited: bool,
    failures: Vec<(usize, Error)>,
    retry_in: Option<Duration>,
    sent: Option<Sent>,
    /// The object that was found in another version than the caller asked for.
    found: Option<Bytes>,
    doubt: Option<Doubt>,
    hint: Option<&'static str>,
    progress: Option<String>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What was being done: `create record`.
    #[must_use]
    pub fn operation(&self) -> Option<&str> {
        self.0.operation
    }

    /// What it was being done to: `/buckets/default/collections/todo`.
    #[must_use]
    pub fn object(&self) -> Option<&str> {
        self.0.object.as_deref()
    }

    /// The HTTP status of the server's answer, if there was an answer and it was a refusal.
    ///
    /// `None` for what was refused here, before anything was sent ([`is_invalid`](Self::is_invalid)).
    /// [`kind`](Self::kind)[`().http_status()`](ErrorKind::http_status) is a status for every error, with which a web service can
    /// answer its own callers.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.0.refusal.as_ref().map(|refusal| refusal.status)
    }

    /// Kinto's number of the refusal, if it gave one: 110 for a missing object, 121 for a forbidden one, …
    #[must_use]
    pub fn errno(&self) -> Option<u32> {
        self.0.refusal.as_ref()?.errno
    }

    /// What the server said, in its own words.
    #[must_use]
    pub fn server_message(&self) -> Option<&str> {
        self.0.refusal.as_ref()?.message.as_deref()
    }

    /// What the server added to its message: which parameter, which object.
    #[must_use]
    pub fn details(&self) -> Option<&Value> {
        self.0.refusal.as_ref()?.details.as_ref()
    }

    /// The two versions of a record that are in conflict: what was to be written, and what others have made of it.
    ///
    /// `None` if this is no conflict of writing, or a version does not fit `T`.
    #[must_use]
    pub fn conflict<T: Data>(&self) -> Option<Conflict<T>> {
        if self.kind() != ErrorKind::Conflict {
            return None;
        }
        let theirs = match self.0.refusal.as_ref()?.existing.clone() {
            Some(existing) => Some(Record::from_received(existing).ok()?),
            None => None,
        };
        Some(Conflict { ours: self.0.sent.as_ref()?.record().ok()?, theirs })
    }

    /// The record that stood in the way of a write, as the server holds it: what others have made of it.
    ///
    /// `None` if this is no conflict, if the record is gone, and if it does not fit `T`. It comes without permissions.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// use kinto_client::{Value, json};
    ///
    /// todo.create_record(json!({"id": "milk", "title": "Milk"})).await?;
    /// let error = todo.create_record(json!({"id": "milk", "title": "Oat milk"})).await.unwrap_err();
    /// assert_eq!(error.theirs::<Value>().unwrap().data["title"], "Milk");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn theirs<T: Data>(&self) -> Option<Record<T>> {
        let existing = self.0.refusal.as_ref().and_then(|refusal| refusal.existing.as_ref()).or(self.0.found.as_ref());
        Record::from_received(existing?.clone()).ok()
    }

    /// The id of the record that did not decode.
    #[must_use]
    pub fn record_id(&self) -> Option<&str> {
        self.0.record_id.as_deref()
    }

    /// After how long the server wants to be asked again, if it said so.
    #[must_use]
    pub fn retry_in(&self) -> Option<Duration> {
        self.0.retry_in
    }

    /// Which of several operations failed, by their places among those that were given, from 0.
    #[must_use]
    pub fn failures(&self) -> &[(usize, Error)] {
        &self.0.failures
    }

    /// Whether the server may have done what it was asked, although no answer says so: the connection broke after
    /// the request was sent, or the answer made no sense. Read before you write again.
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
        let told = doubt.is_some();
        let hint = match inner.hint.or(doubt) {
            Some(hint) => hint.to_owned(),
            None => inner.kind.hint(inner.operation, inner.object.as_deref()),
        };
        if !hint.is_empty() {
            write!(f, " ({hint})")?;
        }
        if inner.maybe_applied && !told {
            f.write_str(" (the server may have done it all the same: read before you write again)")?;
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
