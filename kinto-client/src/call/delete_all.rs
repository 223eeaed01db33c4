use http::Method;
use serde::Deserialize;

use super::{Call, Subject, delete::DeletedObject, sealed};
use crate::{
    client::Client,
    error::{Error, Result},
    wire::{
        filter::Filter, kind::Kind, listing::Listing, object::Tombstone, path::List, request::Request,
        timestamp::Timestamp,
    },
};

/// Deletes every object of a list that may be deleted.
pub struct DeleteAll<K: Kind, R> {
    list: List<K>,
    listing: Listing<R>,
}

#[derive(Deserialize)]
struct Deleted {
    data: Vec<DeletedObject>,
}

impl<K: Kind, R> DeleteAll<K, R> {
    pub(crate) fn new(list: List<K>) -> Self {
        Self { list, listing: Listing::default() }
    }

    async fn all(&self, client: &Client) -> Result<Vec<Tombstone>> {
        let mut tombstones = Vec::new();
        loop {
            // The same request again, without the token of `Next-Page`: those serve once and for ten minutes, and any
            // that is repeated deletes other objects than it named.
            let mut request = Request::new(Method::DELETE, self.list.checked()?, self.list.template());
            request.query = self.listing.conditions()?;
            let response = client.send(&request).await?.success()?;
            let deleted: Deleted = serde_json::from_slice(&response.body)
                .map_err(|error| Error::not_kinto(&error, &response.body).maybe_applied())?;
            let progress = !deleted.data.is_empty();
            tombstones.extend(deleted.data.into_iter().map(Tombstone::from));
            if response.next_page()?.is_none() || !progress {
                return Ok(tombstones);
            }
        }
    }
}

impl<K: Kind, R: 'static> sealed::Run for DeleteAll<K, R> {
    type Output = Vec<Tombstone>;

    async fn run(self, client: Client) -> Result<Vec<Tombstone>> {
        let subject = Subject::new("delete all", &self.list);
        self.all(&client).await.map_err(|error| subject.blame(error))
    }
}

impl<K: Kind, R> Call<'_, DeleteAll<K, R>> {
    /// Only the objects that match. Given more than once, those that match all.
    pub fn filter(mut self, filter: Filter<R>) -> Self {
        self.op.listing.add_filter(filter);
        self
    }

    /// Only what was changed after that time.
    pub fn since(mut self, last_modified: Timestamp) -> Self {
        self.op.listing.since = Some(last_modified);
        self
    }

    /// Only what was last changed before that time.
    pub fn before(mut self, last_modified: Timestamp) -> Self {
        self.op.listing.before = Some(last_modified);
        self
    }
}

debug_as_place!(DeleteAll [K: Kind, R] [K, R] list);
