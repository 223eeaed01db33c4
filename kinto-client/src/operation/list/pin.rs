use crate::{
    error::{Error, Result, kind::ErrorKind},
    wire::{
        page::Page,
        query::Query,
        random,
        request::{Precondition, Request},
        timestamp::Timestamp,
    },
};

/// The version of a list that a consistent reading is of.
///
/// `If-Match` alone is no proof: the server tests it before it reads, and a proxy that caches drops it. So each page has to say
/// the same version, and so has an answer that is asked for after the last page.
#[derive(Default)]
pub(super) struct Pinned {
    version: Option<Timestamp>,
    /// The last page has arrived, and the last question is under way.
    asking: bool,
}

impl Pinned {
    /// Creates a pin to a known version.
    pub(super) fn to(version: Timestamp) -> Self {
        Self { version: Some(version), asking: false }
    }

    /// Takes note of the version of the first page, and refuses a page of another one.
    pub(super) fn check(&mut self, page: &Page) -> Result<Timestamp> {
        let version = *self.version.get_or_insert(page.timestamp);
        if page.timestamp == version { Ok(version) } else { Err(changed_meanwhile()) }
    }

    /// Returns true if the answer that arrives is the one to the last question, which has no objects for the
    /// caller.
    pub(super) fn is_asking(&self) -> bool {
        self.asking
    }

    /// The question for the version that the list has after its last page was read.
    pub(super) fn follow_up_request(&mut self, mut request: Request) -> Request {
        self.asking = true;
        let mut query = Query::default();
        query.push("_limit", "1");
        query.push("_fields", "id");
        // The server passes over parameters of its own that it does not know; to a cache it is another address each time.
        query.push("_at", &random::uuid().simple().to_string());
        request.query = query;
        request.precondition = self.version.map(Precondition::Unchanged);
        request
    }
}

/// Creates the error for a list that was changed during a consistent read.
pub(super) fn changed_meanwhile() -> Error {
    Error::new(ErrorKind::Conflict, "the list was changed while it was being read")
}
