//! Constructors of errors, and the methods that add context to them.

use std::{fmt, time::Duration};

use bytes::Bytes;

use super::response::{ErrorResponse, excerpt};
use super::{Error, Inner, Sent, doubt::Doubt, kind::ErrorKind};

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
            waited: false,
            failures: Vec::new(),
            retry_after: None,
            sent: None,
            found: None,
            doubt: None,
            hint: None,
            progress: None,
            source: None,
        }))
    }

    /// Creates an error for invalid input of the caller.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// Creates an error of the file of a store.
    #[cfg(feature = "local")]
    pub(crate) fn storage(store: &str, message: &str) -> Self {
        Self::new(ErrorKind::Storage, format!("{store}: {message}"))
    }

    /// Creates an error for a response that is not one of Kinto.
    pub(crate) fn unexpected(message: String) -> Self {
        Self::new(ErrorKind::Unexpected, message)
    }

    /// Creates an error for a sort by a number that the server reads inexactly in the token of the next page.
    pub(crate) fn unpageable(number: &str) -> Self {
        let message = format!(
            "the server cannot go on after the value {number} of the sort: it reads that number inexactly in its page \
             token, and would repeat or skip records. Collect the list with `.await`, which sorts it here, or raise `page_size`"
        );
        Self::new(ErrorKind::Unsupported, message)
    }

    /// Creates an error for a response whose body is not JSON of the expected form.
    pub(crate) fn not_kinto(error: &dyn fmt::Display, body: &[u8]) -> Self {
        let what = if body.is_empty() { "the body is empty".to_owned() } else { error.to_string() };
        Self::unexpected(format!("the response is not one of Kinto: {what} ({})", excerpt("body", body)))
    }

    /// Creates an error for an object that does not decode as the type it was read as.
    pub(crate) fn decode(id: Option<String>, path: &str, reason: &str) -> Self {
        let which = id.as_ref().map_or_else(|| "an object".to_owned(), |id| format!("the object `{id}`"));
        let place = if path.is_empty() { String::new() } else { format!(" at `{path}`") };
        let mut error = Self::new(ErrorKind::Decode, format!("{which} does not fit: {reason}{place}"));
        error.0.record_id = id;
        error.0.field = (!path.is_empty()).then(|| path.to_owned());
        error
    }

    /// Names the entry of a history whose object did not decode, and where in the entry the object is.
    pub(crate) fn of_entry(mut self, entry: &str, place: &str) -> Self {
        self.0.message = format!("the entry `{entry}` of the history: {}", self.0.message);
        self.0.field = Some(self.0.field.map_or_else(|| place.to_owned(), |field| format!("{place}.{field}")));
        self
    }

    /// Adds that a purge had deleted entries before it failed.
    pub(crate) fn after_purge(mut self, entries: usize) -> Self {
        self.0.message = format!("{} (after {entries} entries had been purged)", self.0.message);
        self.maybe_applied()
    }

    /// Creates an error for a change that cannot be saved without losing data or changing its meaning.
    pub(crate) fn unsavable(path: String, why: &str) -> Self {
        let place = if path.is_empty() { "the data".to_owned() } else { format!("`{path}`") };
        let mut error = Self::invalid(format!("{place} cannot be saved like this: {why}"));
        error.0.field = (!path.is_empty()).then_some(path);
        error
    }

    pub(crate) fn not_visible() -> Self {
        Self::new(
            ErrorKind::NotVisible,
            "the permissions are not visible to you: the server shows them only to those in the object's own `write` \
             list, and never when listing objects. Saving an edit would erase the current ones: use `grant` or `revoke`",
        )
    }

    /// Creates an error from a response with an error status.
    pub(crate) fn refused(refusal: ErrorResponse, retry_after: Option<Duration>, doubt: Option<Doubt>) -> Self {
        let mut error = Self::new(ErrorKind::of(&refusal), refusal.words());
        error.place(refusal.violation.as_ref());
        error.0.hint = refusal.advice();
        error.0.refusal = Some(refusal);
        error.0.retry_after = retry_after;
        error.0.doubt = doubt;
        error.0.maybe_applied = doubt.is_some();
        error
    }

    /// Creates an error for a creation that the server executed as an overwrite.
    pub(crate) fn replaced() -> Self {
        Self::unexpected(
            "the object existed and was replaced, though it was to be created only: a proxy on the way to the server has \
             removed the header `If-None-Match`, and may remove `If-Match` from saves and deletions as well"
                .to_owned(),
        )
        .maybe_applied()
    }

    /// Creates an error for a response that is compressed in a way that the client does not read.
    pub(crate) fn compressed(encoding: &str) -> Self {
        Self::unexpected(format!(
            "the response is compressed (`Content-Encoding: {encoding}`), which the client has not asked for and does not \
             read: enable the feature `gzip`, `brotli` or `zstd` of kinto-client if it is one of these; otherwise a proxy on \
             the way adds `Accept-Encoding` to requests, or a transport does and leaves decompressing to others"
        ))
    }

    /// Creates an error for an object whose version is not the one in `if_match`; nothing was written.
    pub(crate) fn changed(found: &str) -> Self {
        let mut error = Self::new(ErrorKind::Conflict, "the version of the object is not the one in `.if_match(…)`");
        error.0.found = Some(Bytes::copy_from_slice(found.as_bytes()));
        error
    }

    /// Creates an error for a record of a store that conflicts with a change, and is this now.
    #[cfg(feature = "local")]
    pub(crate) fn conflicting(message: &str, found: Option<Bytes>) -> Self {
        let mut error = Self::new(ErrorKind::Conflict, message);
        error.0.found = found;
        error
    }

    /// Turns the error of a whole batch into that of one operation, without a kind such as `NotFound`, which would
    /// be wrong for it.
    pub(crate) fn of_batch(mut self) -> Self {
        if !matches!(self.0.kind, ErrorKind::Unavailable | ErrorKind::Gone) {
            self.0.kind = ErrorKind::Refused;
        }
        self.0.message = format!("the server refused the whole batch: {}", self.0.message);
        self
    }

    /// The lock of a fence could not be written, so that nothing was sent.
    pub(crate) fn of_fence(mut self, locks: &str) -> Self {
        self.0.message = format!("the lock of the fence, in {locks}, could not be written: {}", self.0.message);
        self.because(
            "the collection of locks has to exist, and whoever writes behind the fence needs `write` on it: \
             `BucketSpec::locks` declares it so",
        )
        .not_applied()
    }

    /// Creates an error for a request that was not sent, because its time ran out while it waited in this program.
    pub(crate) fn not_sent_within(limit: Duration, reason: &str) -> Self {
        let seconds = limit.as_secs_f32();
        let message = format!("it was not sent within {seconds} s: {reason} (`timeout` limits the wait)");
        let mut error = Self::new(ErrorKind::Timeout, message);
        error.0.waited = true;
        error
    }

    /// Returns true if the time ran out in this program, so that another try would only wait again.
    pub(crate) fn has_waited(&self) -> bool {
        self.0.waited
    }

    /// Replaces the hint of the error.
    pub(crate) fn because(mut self, hint: &'static str) -> Self {
        self.0.hint = Some(hint);
        self
    }

    /// Makes this a conflict: the object that was read is gone.
    pub(crate) fn deleted_since(mut self) -> Self {
        self.0.kind = ErrorKind::Conflict;
        if self.0.doubt.is_none() {
            self.0.hint = Some("it was deleted since it was read: `.if_exists()` takes that for done");
        }
        self
    }

    /// Adds which steps of a plan were done before the error, and which were not.
    pub(crate) fn in_plan(mut self, progress: String) -> Self {
        self.0.progress = Some(progress);
        self
    }

    /// Adds what else is to be said at its end.
    pub(crate) fn noting(mut self, note: String) -> Self {
        self.0.progress = Some(note);
        self
    }

    pub(crate) fn with_retry_after(mut self, delay: Duration) -> Self {
        self.0.retry_after = Some(delay);
        self
    }

    /// Creates an error for `total` operations of which these failed, each with its position.
    pub(crate) fn partial(failures: Vec<(usize, Self)>, total: usize) -> Self {
        let first = failures.first().map(|(place, error)| format!("; number {place}: {error}")).unwrap_or_default();
        let mut error = Self::new(ErrorKind::Partial, format!("{} of {total} failed{first}", failures.len()));
        error.0.maybe_applied = failures.iter().any(|(_, failure)| failure.may_have_been_applied());
        error.0.failures = failures;
        error
    }

    pub(crate) fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into().into());
        self
    }

    /// Adds the operation and the object, unless they are set already.
    pub(crate) fn during(mut self, operation: &'static str, object: &(impl fmt::Display + ?Sized)) -> Self {
        self.0.operation.get_or_insert(operation);
        self.0.object.get_or_insert_with(|| object.to_string());
        self
    }

    /// Adds the object, unless it is set already.
    pub(crate) fn with_object(mut self, object: &str) -> Self {
        self.0.object.get_or_insert_with(|| object.to_owned());
        self
    }

    /// The server could not be asked what a batch needs to know, so that nothing of the batch was sent.
    pub(crate) fn before_batch(mut self) -> Self {
        (self.0.operation, self.0.object) = (None, None);
        let message = &self.0.message;
        self.0.message =
            format!("nothing was sent, for the server did not return its batch limit (`GET /`): {message}");
        self
    }

    pub(crate) fn maybe_applied(mut self) -> Self {
        self.0.maybe_applied = true;
        self
    }

    /// Adds the request that conflicted.
    pub(crate) fn with_sent(mut self, id: String, body: Bytes) -> Self {
        self.0.sent = Some(Sent { id, body });
        self
    }

    pub(crate) fn not_applied(mut self) -> Self {
        self.0.maybe_applied = false;
        self
    }

    /// Removes everything that quotes the response, which may contain the digest of a password.
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
                "the response is not one of Kinto".to_owned()
            }
            None => self.0.message,
        };
        self
    }
}
