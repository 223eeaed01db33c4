//! The parameters `_since` and `_expected` of a change set.

use crate::{
    error::{Error, Result},
    wire::{
        list_query::LATEST,
        query::Query,
        random,
        request::{Capability, Request},
        request_path::RequestPath,
        timestamp::Timestamp,
    },
};

/// The part of the server that has change sets.
const CHANGES: Capability = Capability("changes");

/// The values from which one is chosen to pass by all caches: later than any time, so that none is one.
const BUSTING: u64 = 9_999_999_000_000;
const BUSTING_VALUES: u64 = 1_000_000;

/// The parameters of each request for a change set.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parameters {
    pub(super) since: Option<Timestamp>,
    /// The value of `_expected`, which the server requires and caches go by.
    expected: u64,
}

impl Parameters {
    pub(super) fn set_expected(&mut self, timestamp: Timestamp) {
        self.expected = timestamp.as_millis();
    }

    /// Chooses a value once, so that the preview of the call is what is sent.
    pub(super) fn bust_cache(&mut self) {
        let mut bytes = [0; size_of::<u64>()];
        let random = if random::fill(&mut bytes) { u64::from_le_bytes(bytes) } else { 0 };
        self.expected = BUSTING + random % BUSTING_VALUES;
    }

    /// The request for the change set of the collection at that path.
    ///
    /// `_since` is in quotes, without which kinto-changes refuses it; kinto-remote-settings takes both. `_expected` is
    /// not: in quotes it would be redirected there.
    pub(super) fn request(&self, collection: &RequestPath) -> Result<Request> {
        let expected = Timestamp::from_millis(self.expected);
        if let Some(late) = [Some(expected), self.since].into_iter().flatten().find(|time| time.as_millis() > LATEST) {
            return Err(Error::invalid(format!(
                "{late} is later than the server's timestamps can be: at most {LATEST}"
            )));
        }
        let mut query = Query::default();
        query.push("_expected", &expected.to_string());
        if let Some(since) = self.since {
            query.push("_since", &since.to_etag());
        }
        let request = Request::get(format!("{}/changeset", collection.as_str())).needing(CHANGES);
        Ok(Request { query, ..request })
    }
}
