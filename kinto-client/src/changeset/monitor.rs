use super::{Changeset, MonitorEntry, body, expected::Parameters};
use crate::{
    error::{Error, Result},
    handle::Collection,
    operation::{Call, CallContext, sealed::Operation},
    wire::{request::Request, request_path::RequestPath, response::Response, timestamp::Timestamp},
};

/// The collection of the plugin, which is not stored.
const MONITOR: &str = "/buckets/monitor/collections/changes";

/// Reads the times of the last changes of all published collections.
#[derive(Debug, Default)]
pub struct GetMonitorChangeset {
    parameters: Parameters,
    bucket: Option<String>,
    collection: Option<String>,
}

impl Operation for GetMonitorChangeset {
    const NAME: &'static str = "GetMonitorChangeset";

    type Output = Changeset<MonitorEntry>;

    fn context(&self) -> CallContext {
        CallContext::new("get the change set of", MONITOR)
    }

    fn request(&self) -> Result<Option<Request>> {
        let mut request = self.parameters.request(&RequestPath::from(MONITOR))?;
        for (name, id) in [("bucket", &self.bucket), ("collection", &self.collection)] {
            if let Some(id) = id {
                request.query.push(name, id);
            }
        }
        Ok(Some(request))
    }

    fn response(self, response: Response) -> Result<Self::Output> {
        body::read(response, self.parameters.since)?
            .decode(|raw, _| serde_json::from_slice(&raw).map_err(|error| Error::not_kinto(&error, &raw)))
    }
}

impl Call<'_, GetMonitorChangeset> {
    /// Restricts the entries to collections that were changed after this time: [`Changeset::timestamp`] of an earlier
    /// call. A server may redirect an old time, and then sends all entries ([`Changeset::since`] is `None`).
    pub fn since(mut self, timestamp: Timestamp) -> Self {
        self.op.parameters.since = Some(timestamp);
        self
    }

    /// Sets the time at which a collection was changed last, as a message has it: a cache on the way that still has older
    /// entries is passed by.
    pub fn expected(mut self, timestamp: Timestamp) -> Self {
        self.op.parameters.set_expected(timestamp);
        self
    }

    /// Passes by all caches on the way to the server.
    pub fn bust_cache(mut self) -> Self {
        self.op.parameters.bust_cache();
        self
    }

    /// Restricts the entries to collections of the bucket with this id.
    pub fn bucket(mut self, id: impl Into<String>) -> Self {
        self.op.bucket = Some(id.into());
        self
    }

    /// Restricts the entries to one collection.
    pub fn collection(mut self, collection: &Collection) -> Self {
        self.op.bucket = collection.place.list.bucket().map(str::to_owned);
        self.op.collection = Some(collection.id().to_owned());
        self
    }
}
