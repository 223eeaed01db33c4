//! The difference between a workspace and what is published, by a merge of both lists in the order of their ids.

use std::{cmp::Ordering, marker::PhantomData};

use bytes::Bytes;
use futures_core::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;
use serde_json::Value;

use super::{ReviewState, rules::Seen};
use crate::{
    client::{Client, span},
    error::{Error, Result, kind::ErrorKind},
    json::{JsonObject, equal},
    operation::{
        Call, CallContext, attempt, debug_as_place,
        get::Get,
        list::{items::Items, pages::Source},
        sealed,
    },
    wire::{
        object::{Object, Record, RecordData, attributes::CollectionAttributes, kind},
        path::{List, Place},
        preview::RequestPreview,
        query::Query,
        request::Request,
    },
};

/// A change that an approval publishes, or a rollback discards.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PendingChange<T> {
    /// The record is new.
    Created(Record<T>),
    /// The record was changed.
    Updated {
        /// The record as it is published.
        before: Record<T>,
        /// The record as it is in the workspace.
        after: Record<T>,
    },
    /// The record was deleted; this is the published one.
    Deleted(Record<T>),
}

impl<T> PendingChange<T> {
    /// Returns the id of the record.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Created(record) | Self::Updated { after: record, .. } | Self::Deleted(record) => &record.id,
        }
    }
}

/// Reads what an approval would publish.
pub struct GetPendingChanges<T> {
    place: Place<kind::Collection>,
    seen: Seen,
    of: PhantomData<fn() -> T>,
}

impl<T: RecordData> GetPendingChanges<T> {
    pub(super) fn new(place: Place<kind::Collection>, state: &ReviewState) -> Self {
        Self { place, seen: Seen::of(state), of: PhantomData }
    }

    fn context(&self) -> CallContext {
        CallContext::new("get the pending changes of", &self.place)
    }

    fn changes(self, client: Client) -> BoxStream<'static, Result<PendingChange<T>>> {
        let context = self.context();
        let published = &self.seen.resource.destination;
        let collection = published.collection.as_deref().unwrap_or(&self.place.id);
        let destination = List::buckets().at(published.bucket.as_str()).collections().at(collection).records();
        let (source, destination) = (self.place.records(), destination);
        let [source, destination] = [&source, &destination].map(|list| Side::new(&client, list));
        let merge = Merge { client, asked: false, get: self, source, destination };
        let changes =
            stream::try_unfold(merge, async |mut merge| Ok(merge.next().await?.map(|change| (change, merge))));
        changes.map_err(move |error| context.attach(error)).boxed()
    }

    /// Checks that the collection is the one that was seen: each change of a record changes its version.
    async fn check_unchanged(&self, client: &Client) -> Result<()> {
        let collection = attempt(client, Get::<_, CollectionAttributes>::new(self.place.clone())).await?;
        if collection.last_modified == self.seen.last_modified {
            return Ok(());
        }
        let message = "the collection is not the one that was seen any more: it was changed";
        Err(Error::new(ErrorKind::Conflict, message).because("get its state again"))
    }
}

/// The records of one of the two collections, in the order of their ids.
struct Side {
    items: Items,
    head: Option<Entry>,
    last: Option<String>,
}

/// A record as received.
struct Entry {
    id: String,
    raw: Bytes,
}

/// Both collections, read side by side.
struct Merge<T> {
    client: Client,
    get: GetPendingChanges<T>,
    asked: bool,
    source: Side,
    destination: Side,
}

impl Side {
    fn new(client: &Client, list: &List<kind::Record>) -> Self {
        let context = CallContext::new("get", list);
        let request = list.checked().map(|path| {
            let mut query = Query::default();
            query.push("_sort", "id");
            Request { query, ..Request::get(path) }
        });
        let items = Items::new(Source::new(client.clone(), context, request), None, false);
        Self { items, head: None, last: None }
    }

    /// Reads the next record, unless one is read already.
    async fn fill(&mut self) -> Result<()> {
        #[derive(Deserialize)]
        struct Named {
            id: String,
        }
        if self.head.is_some() {
            return Ok(());
        }
        let Some(raw) = self.items.next().await.transpose()? else { return Ok(()) };
        let Named { id } = serde_json::from_slice(&raw).map_err(|error| Error::not_kinto(&error, &raw))?;
        if self.last.as_ref().is_some_and(|last| *last >= id) {
            return Err(Error::unexpected(format!(
                "the server does not sort records by their ids as text: `{id}` came after `{}`",
                self.last.as_deref().unwrap_or_default()
            )));
        }
        self.last = Some(id.clone());
        self.head = Some(Entry { id, raw });
        Ok(())
    }
}

impl<T: RecordData> Merge<T> {
    async fn next(&mut self) -> Result<Option<PendingChange<T>>> {
        if !self.asked {
            self.asked = true;
            self.get.seen.check_place(&self.get.place)?;
            self.get.check_unchanged(&self.client).await?;
        }
        loop {
            self.source.fill().await?;
            match self.destination.fill().await {
                // Nothing was published yet.
                Err(error) if error.is_not_found() && self.destination.last.is_none() => {}
                result => result?,
            }
            let order = match (&self.source.head, &self.destination.head) {
                (None, None) => {
                    self.get.check_unchanged(&self.client).await?;
                    return Ok(None);
                }
                (Some(source), Some(destination)) => source.id.cmp(&destination.id),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
            };
            let source = if order.is_le() { self.source.head.take() } else { None };
            let destination = if order.is_ge() { self.destination.head.take() } else { None };
            let change = match (source, destination) {
                (Some(source), Some(destination)) if is_same(&source.raw, &destination.raw)? => continue,
                (Some(source), Some(destination)) => {
                    PendingChange::Updated { before: record(destination)?, after: record(source)? }
                }
                (Some(source), None) => PendingChange::Created(record(source)?),
                (None, Some(destination)) => PendingChange::Deleted(record(destination)?),
                (None, None) => return Ok(None),
            };
            return Ok(Some(change));
        }
    }
}

fn record<T: RecordData>(entry: Entry) -> Result<Record<T>> {
    Object::from_received(entry.raw)
}

/// Returns true if the signer takes the records for the same: it ignores when they were changed, and by which schema they
/// were checked.
fn is_same(one: &Bytes, other: &Bytes) -> Result<bool> {
    let read = |raw: &Bytes| {
        let mut fields: JsonObject = serde_json::from_slice(raw).map_err(|error| Error::not_kinto(&error, raw))?;
        for ignored in ["last_modified", "schema"] {
            fields.remove(ignored);
        }
        Ok(Value::Object(fields))
    };
    Ok(equal::is_same(&read(one)?, &read(other)?))
}

impl<T: RecordData> sealed::Action for GetPendingChanges<T> {
    const NAME: &'static str = "GetPendingChanges";

    type Output = Vec<PendingChange<T>>;

    async fn run(self, client: Client) -> Result<Self::Output> {
        self.changes(client).try_collect().await
    }
}

impl<T: RecordData> sealed::Preview for GetPendingChanges<T> {
    fn preview(&self) -> Result<RequestPreview> {
        let checked = self.place.checked().and_then(|path| self.seen.check_place(&self.place).map(|()| path));
        let path = checked.map_err(|error| self.context().attach(error))?;
        RequestPreview::first(
            Request::get(path),
            "then a GET of each page of the records of both collections, and of the collection once more",
        )
    }
}

impl<T: RecordData> Call<'static, GetPendingChanges<T>> {
    /// Returns the changes as a stream, as they are found, in the order of their ids. At most four pages are in memory.
    ///
    /// If the collection is not the one that was seen, or was changed while it was read, the last item is an error
    /// ([`Error::is_conflict`](crate::Error::is_conflict)).
    #[must_use = "a stream reads nothing until it is polled"]
    pub fn stream(self) -> BoxStream<'static, Result<PendingChange<T>>> {
        span::open("GetPendingChanges").in_scope(|| self.op.changes(self.client))
    }

    /// Returns an iterator over the changes that blocks this thread: [`stream`](Self::stream) without async code. It works
    /// where [`call`](Self::call) does.
    #[cfg(feature = "blocking")]
    pub fn iter(self) -> impl Iterator<Item = Result<PendingChange<T>>> + Send + use<T> {
        crate::operation::blocking::iterate(self.stream())
    }
}

debug_as_place!(GetPendingChanges [T] [T] place);
