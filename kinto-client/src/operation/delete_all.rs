//! Deleting all objects of a list, or those that match a filter.

use http::Method;
use serde::Deserialize;

use super::{CallContext, delete::DeletedObject, sealed};
use crate::{
    client::Client,
    error::{Error, Result},
    wire::{
        list_query::Listing,
        object::{kind::Kind, outcome::Tombstone},
        path::List,
        preview::RequestPreview,
        request::Request,
        response::Response,
    },
};

/// Deletes every object of a list that the current user may delete.
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
            match self.page(client).await {
                Ok((deleted, more)) => {
                    let progress = !deleted.is_empty();
                    tombstones.extend(deleted);
                    if !more || !progress {
                        return Ok(tombstones);
                    }
                }
                // The objects of earlier pages have been deleted already.
                Err(error) => return Err(if tombstones.is_empty() { error } else { error.maybe_applied() }),
            }
        }
    }

    fn context(&self) -> CallContext {
        CallContext::new("delete all", &self.list)
    }

    fn request(&self) -> Result<Request> {
        let mut request = Request::new(Method::DELETE, self.list.checked()?);
        if let Some(filter) = &self.listing.filter {
            filter.check_deletion()?;
        }
        request.query = self.listing.conditions()?;
        self.listing.ask(request)
    }

    /// Deletes one page and returns whether there are more.
    async fn page(&self, client: &Client) -> Result<(Vec<Tombstone>, bool)> {
        // The same request is repeated without the token of `Next-Page`: a token is valid once and for ten
        // minutes, and a repeated one deletes other objects than it stands for.
        let response = client.send(&self.request()?).await?;
        let maybe = response.may_be_done();
        let read = |response: Response| {
            let response = response.success()?;
            let deleted: Deleted =
                serde_json::from_slice(&response.body).map_err(|error| Error::not_kinto(&error, &response.body))?;
            Ok((deleted.data.into_iter().map(Tombstone::from).collect(), response.next_page()?.is_some()))
        };
        read(response).map_err(|error: Error| if maybe { error.maybe_applied() } else { error })
    }
}

impl<K: Kind, R> sealed::Preview for DeleteAll<K, R> {
    fn preview(&self) -> Result<RequestPreview> {
        let request = self.request().map_err(|error| self.context().attach(error))?;
        RequestPreview::first(request, "then the same again, as long as a response names a next page")
    }
}

impl<K: Kind, R: 'static> sealed::Action for DeleteAll<K, R> {
    const NAME: &'static str = "DeleteAll";

    type Output = Vec<Tombstone>;

    async fn run(self, client: Client) -> Result<Vec<Tombstone>> {
        let context = self.context();
        self.all(&client).await.map_err(|error| context.attach(error))
    }
}

impl<K: Kind, R> sealed::Matches for DeleteAll<K, R> {
    type Of = R;

    fn listing(&mut self) -> &mut Listing<R> {
        &mut self.listing
    }
}

debug_as_place!(DeleteAll [K: Kind, R] [K, R] list);
