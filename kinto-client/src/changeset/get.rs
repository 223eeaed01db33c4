use std::marker::PhantomData;

use super::{Changeset, body, expected::Parameters};
use crate::{
    error::Result,
    operation::{
        Call, CallContext, debug_as_place,
        list::{changes::Change, lenient::InvalidObject},
        sealed::Operation,
    },
    wire::{
        object::{RecordData, kind},
        path::Place,
        request::Request,
        response::Response,
        timestamp::Timestamp,
    },
};

/// Reads the change set of a collection.
pub struct GetChangeset<T> {
    collection: Place<kind::Collection>,
    parameters: Parameters,
    of: PhantomData<fn() -> T>,
}

/// Reads the change set of a collection and decodes each record separately.
pub struct GetLenientChangeset<T>(GetChangeset<T>);

impl<T> GetChangeset<T> {
    pub(super) fn new(collection: Place<kind::Collection>) -> Self {
        Self { collection, parameters: Parameters::default(), of: PhantomData }
    }
}

impl<T: RecordData> Operation for GetChangeset<T> {
    const NAME: &'static str = "GetChangeset";

    type Output = Changeset<Change<T>>;

    fn context(&self) -> CallContext {
        CallContext::new("get the change set of", &self.collection)
    }

    fn request(&self) -> Result<Option<Request>> {
        self.parameters.request(&self.collection.checked()?).map(Some)
    }

    fn response(self, response: Response) -> Result<Self::Output> {
        body::read(response, self.parameters.since)?.decode(body::change)
    }
}

impl<T: RecordData> Operation for GetLenientChangeset<T> {
    const NAME: &'static str = "GetLenientChangeset";

    type Output = Changeset<std::result::Result<Change<T>, InvalidObject>>;

    fn context(&self) -> CallContext {
        self.0.context()
    }

    fn request(&self) -> Result<Option<Request>> {
        self.0.request()
    }

    fn response(self, response: Response) -> Result<Self::Output> {
        let context = self.context();
        body::read(response, self.0.parameters.since)?.decode(|raw, timestamp| {
            let change = body::change(raw.clone(), timestamp);
            Ok(change.map_err(|error| InvalidObject::new(context.attach(error), raw)))
        })
    }
}

impl<'a, T: RecordData> Call<'a, GetChangeset<T>> {
    /// Restricts the change set to what was changed after this time, deletions included: [`Changeset::timestamp`] of an
    /// earlier one.
    pub fn since(mut self, timestamp: Timestamp) -> Self {
        self.op.parameters.since = Some(timestamp);
        self
    }

    /// Sets the time at which the collection was changed last, as the monitor or a message has it: a cache on the way
    /// that still has an older change set is passed by. The server sends the current state in any case.
    ///
    /// If it is before that of [`since`](Self::since), a server can respond that nothing is newer, without the attributes.
    pub fn expected(mut self, timestamp: Timestamp) -> Self {
        self.op.parameters.set_expected(timestamp);
        self
    }

    /// Passes by all caches on the way to the server. Use [`expected`](Self::expected) where the time is known: this one
    /// makes the server compute the response for every call.
    pub fn bust_cache(mut self) -> Self {
        self.op.parameters.bust_cache();
        self
    }

    /// Returns one result per change, so that a record that does not decode as `T` does not fail the whole call.
    pub fn lenient(self) -> Call<'a, GetLenientChangeset<T>> {
        Call::new(&self.client, GetLenientChangeset(self.op))
    }
}

debug_as_place!(GetChangeset [T] [T] collection);
debug_as_place!(GetLenientChangeset [T] [T] 0.collection);
