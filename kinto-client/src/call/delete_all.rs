use http::Method;
use serde::Deserialize;

use super::{Subject, delete::DeletedObject, sealed};
use crate::{
    client::Client,
    error::{Error, Result},
    wire::{kind::Kind, object::Tombstone, path::List, request::Request},
};

/// Deletes every object of a list that may be deleted.
pub struct DeleteAll<K: Kind> {
    list: List<K>,
}

#[derive(Deserialize)]
struct Deleted {
    data: Vec<DeletedObject>,
}

impl<K: Kind> DeleteAll<K> {
    pub(crate) fn new(list: List<K>) -> Self {
        Self { list }
    }

    async fn all(&self, client: &Client) -> Result<Vec<Tombstone>> {
        let mut tombstones = Vec::new();
        loop {
            // The same request again, without the token of `Next-Page`: those serve once and for ten minutes, and any
            // that is repeated deletes other objects than it named.
            let request = Request::new(Method::DELETE, self.list.checked()?, self.list.template());
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

impl<K: Kind> sealed::Run for DeleteAll<K> {
    type Output = Vec<Tombstone>;

    async fn run(self, client: Client) -> Result<Vec<Tombstone>> {
        let subject = Subject::new("delete all", &self.list);
        self.all(&client).await.map_err(|error| subject.blame(error))
    }
}

debug_as_place!(DeleteAll [K: Kind] [K] list);
