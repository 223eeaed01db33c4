//! Deleting entries of a history.

use http::Method;
use serde::{Deserialize, de::IgnoredAny};

use super::{entry::HistoryEntry, scope::Scope};
use crate::{
    client::Client,
    error::{Error, Result},
    operation::{Call, CallContext, debug_as_place, sealed},
    wire::{list_query::Listing, preview::RequestPreview, request::Request, timestamp::Timestamp},
};

/// Deletes the entries of a history that match, and returns their number.
pub struct PurgeHistory<T> {
    scope: Scope,
    listing: Listing<HistoryEntry<T>>,
    all: bool,
    /// The time before which entries are deleted, known with the first page.
    until: Option<Timestamp>,
}

/// One page of deleted entries.
struct Purged {
    count: usize,
    has_more: bool,
    /// The time of the history after the deletion.
    last_modified: Timestamp,
}

impl<T> PurgeHistory<T> {
    pub(super) fn new(scope: Scope) -> Self {
        Self { scope, listing: Listing::default(), all: false, until: None }
    }

    fn context(&self) -> CallContext {
        self.scope.context("purge")
    }

    /// Returns the request for one page, or an error if the call does not say what to delete.
    fn request(&self) -> Result<Request> {
        let Listing { filter, since, before, .. } = &self.listing;
        match (filter.is_some() || since.is_some() || before.is_some(), self.all) {
            (true, true) => {
                return Err(Error::invalid("`.all()` purges the whole history: remove it, or the other conditions"));
            }
            (false, false) => {
                return Err(Error::invalid(
                    "a purge needs a condition: add `.filter(…)`, `.since(…)` or `.before(…)`, or `.all()` to delete \
                     the whole history",
                ));
            }
            _ => {}
        }
        let listing =
            Listing { before: self.until.into_iter().chain(*before).min(), ..self.scope.listing(&self.listing)? };
        if let Some(filter) = &listing.filter {
            filter.check_deletion()?;
        }
        listing.ask(self.scope.request(Method::DELETE, listing.conditions()?)?)
    }

    async fn purge(&mut self, client: &Client) -> Result<usize> {
        let mut count = 0;
        loop {
            match page(client, &self.request()?).await {
                Ok(purged) => {
                    count += purged.count;
                    if !purged.has_more || purged.count == 0 {
                        return Ok(count);
                    }
                    // Others may write faster than pages are deleted: what they add is not waited for.
                    let until = Timestamp::from_millis(purged.last_modified.as_millis().saturating_add(1));
                    self.until.get_or_insert(until);
                }
                Err(error) if count == 0 => return Err(error),
                Err(error) => return Err(error.after_purge(count)),
            }
        }
    }
}

/// Deletes one page of the entries that match.
async fn page(client: &Client, request: &Request) -> Result<Purged> {
    #[derive(Deserialize)]
    struct Deleted {
        data: Vec<IgnoredAny>,
    }
    // The same request is repeated without the token of `Next-Page`, which is valid once and for ten minutes.
    let response = client.send(request).await?;
    let (maybe, refused) = (response.may_be_done(), !response.status.is_success());
    let purged = response.success().and_then(|response| {
        let deleted: Deleted =
            serde_json::from_slice(&response.body).map_err(|error| Error::not_kinto(&error, &response.body))?;
        let has_more = response.next_page()?.is_some();
        Ok(Purged { count: deleted.data.len(), has_more, last_modified: response.etag()? })
    });
    match purged {
        Err(error) if maybe => Err(error.maybe_applied()),
        Err(error) if refused => Err(client.name_missing_capability(request.needs, error).await),
        purged => purged,
    }
}

impl<T> Call<'_, PurgeHistory<T>> {
    /// Deletes all entries: the condition of a purge that has no other.
    pub fn all(mut self) -> Self {
        self.op.all = true;
        self
    }
}

impl<T: 'static> sealed::Action for PurgeHistory<T> {
    const NAME: &'static str = "PurgeHistory";

    type Output = usize;

    async fn run(mut self, client: Client) -> Result<usize> {
        let context = self.context();
        self.purge(&client).await.map_err(|error| context.attach(error))
    }
}

impl<T> sealed::Matches for PurgeHistory<T> {
    type Of = HistoryEntry<T>;

    fn listing(&mut self) -> &mut Listing<HistoryEntry<T>> {
        &mut self.listing
    }
}

impl<T> sealed::Preview for PurgeHistory<T> {
    fn preview(&self) -> Result<RequestPreview> {
        let request = self.request().map_err(|error| self.context().attach(error))?;
        let follows =
            "then the same again, for what is older than the first response, as long as one names a next page";
        RequestPreview::first(request, follows)
    }
}

debug_as_place!(PurgeHistory [T] [T] scope);
