use std::{
    fmt::{self, Write as _},
    sync::Arc,
    time::Duration,
};

use http::StatusCode;
use serde_json::Value;

use crate::wire::{
    object::{Data, Record},
    refusal::{Refusal, excerpt},
    request::Request,
    response::Response,
};

mod conflict;
mod kind;
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
    failures: Vec<(usize, Error)>,
    retry_in: Option<Duration>,
    sent: Option<Sent>,
    hint: Option<&'static str>,
    progress: Option<String>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            operation: None,
            object: None,
            refusal: None,
            record_id: None,
            field: None,
            rule: None,
            maybe_applied: false,
            failures: Vec::new(),
            retry_in: None,
            sent: None,
            hint: None,
            progress: None,
            source: None,
        }))
    }

    /// What the caller gave cannot be sent.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// The server, or something before it, answered what Kinto does not.
    pub(crate) fn unexpected(message: String) -> Self {
        Self::new(ErrorKind::Unexpected, message)
    }

    /// An answer that should be JSON of a certain form and is not.
    pub(crate) fn not_kinto(error: &serde_json::Error, body: &[u8]) -> Self {
        let what = if body.is_empty() { "the body is empty".to_owned() } else { error.to_string() };
        Self::unexpected(format!("the answer is not what Kinto sends: {what} ({})", excerpt("body", body)))
    }

    /// An object that does not fit the type it is read as.
    pub(crate) fn decode(id: Option<String>, path: &str, reason: &str) -> Self {
        let which = id.as_ref().map_or_else(|| "an object".to_owned(), |id| format!("the object `{id}`"));
        let place = if path.is_empty() { String::new() } else { format!(" at `{path}`") };
        let mut error = Self::new(ErrorKind::Decode, format!("{which} does not fit: {reason}{place}"));
        error.0.record_id = id;
        error.0.field = (!path.is_empty()).then(|| path.to_owned());
        error
    }

    pub(crate) fn not_visible() -> Self {
        Self::new(
            ErrorKind::NotVisible,
            "the permissions are not visible to you: the server shows them only to those in the object's own `write` \
             list, and lists never have them. Saving an edit would erase what is there; use `grant` and `revoke`",
        )
    }

    /// The server's refusal, as an error of the kind that its status tells.
    pub(crate) fn refused(response: &Response) -> Self {
        let refusal = Refusal::read(response);
        let mut error = Self::new(ErrorKind::of(&refusal), refusal.words());
        error.place(refusal.violation.as_ref());
        error.0.refusal = Some(refusal);
        error.0.retry_in = response.retry_after();
        error
    }

    /// What the server said of a whole batch it did not say of its parts: none of them is missing for that, or forbidden.
    pub(crate) fn of_batch(mut self) -> Self {
        if !matches!(self.0.kind, ErrorKind::Unavailable | ErrorKind::Gone) {
            self.0.kind = ErrorKind::Refused;
        }
        self.0.message = format!("the server refused the whole batch that it was in: {}", self.0.message);
        self
    }

    /// With this as the hint of what can be done.
    pub(crate) fn because(mut self, hint: &'static str) -> Self {
        self.0.hint = Some(hint);
        self
    }

    /// It stopped a plan, of which this was done and that was not.
    pub(crate) fn in_plan(mut self, progress: String) -> Self {
        self.0.progress = Some(progress);
        self
    }

    pub(crate) fn retry_in_at_least(mut self, delay: Duration) -> Self {
        self.0.retry_in = Some(delay);
        self
    }

    /// Of `total` operations these failed, each by its place among them.
    pub(crate) fn partial(failures: Vec<(usize, Self)>, total: usize) -> Self {
        let first = failures.first().map(|(place, error)| format!("; number {place}: {error}")).unwrap_or_default();
        let mut error = Self::new(ErrorKind::Partial, format!("{} of {total} failed{first}", failures.len()));
        error.0.failures = failures;
        error
    }

    pub(crate) fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into().into());
        self
    }

    /// Says which operation on which object it was, unless a deeper place has said it.
    pub(crate) fn during(mut self, operation: &'static str, object: &str) -> Self {
        self.0.operation.get_or_insert(operation);
        self.0.object.get_or_insert_with(|| object.to_owned());
        self
    }

    pub(crate) fn maybe_applied(mut self) -> Self {
        self.0.maybe_applied = true;
        self
    }

    /// What was sent, if it conflicts with what is there.
    pub(crate) fn having_sent(mut self, request: &Request) -> Self {
        if self.kind() == ErrorKind::Conflict && !request.secret {
            self.0.sent = request.body.clone().map(|body| Sent { path: request.path.clone(), body });
        }
        self
    }

    pub(crate) fn not_applied(mut self) -> Self {
        self.0.maybe_applied = false;
        self
    }

    /// Without anything that quotes the answer, in which there may be the digest of a password.
    pub(crate) fn without_quotes(mut self) -> Self {
        self.0.message = match &mut self.0.refusal {
            Some(refusal) => {
                refusal.details = None;
                refusal.existing = None;
                refusal.violation = None;
                if refusal.foreign.is_some() {
                    refusal.foreign = Some("not shown".to_owned());
                }
                refusal.words()
            }
            None if matches!(self.0.kind, ErrorKind::Unexpected | ErrorKind::Decode) => {
                "the answer is not what Kinto sends".to_owned()
            }
            None => self.0.message,
        };
        self
    }

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
        let existing = self.0.refusal.as_ref()?.existing.clone()?;
        Record::from_received(existing).ok()
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
        let hint = match inner.hint {
            Some(hint) => hint.to_owned(),
            None => inner.kind.hint(inner.operation, inner.object.as_deref()),
        };
        if !hint.is_empty() {
            write!(f, " ({hint})")?;
        }
        if inner.maybe_applied {
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
