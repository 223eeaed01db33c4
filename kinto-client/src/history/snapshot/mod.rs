//! A collection as it was at a time.

use std::{cmp::Reverse, fmt, marker::PhantomData, ops, slice, vec};

use futures_core::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::scope::Scope;
use crate::{
    client::{Client, span},
    error::{Error, Result, kind::ErrorKind},
    operation::{Call, CallContext, debug_as_place, sealed},
    wire::{
        object::{Record, RecordData, kind},
        path::Place,
        preview::RequestPreview,
        timestamp::Timestamp,
    },
};

mod endpoint;
mod era;
mod former;
mod present;
mod versions;

use era::Era;

/// Reads the records of a collection as they were at a time.
pub struct GetSnapshot<T> {
    view: View,
    asks_endpoint: bool,
    of: PhantomData<fn() -> T>,
}

/// The collection and the time of a snapshot, and how it is read.
#[derive(Clone)]
struct View {
    place: Place<kind::Collection>,
    at: Timestamp,
    page_size: Option<u32>,
    allows_incomplete: bool,
}

impl View {
    /// Returns the part of the history that is about the records.
    fn records(&self) -> Scope {
        Scope::of(&self.place).records()
    }

    fn context(&self) -> CallContext {
        CallContext::new("read a snapshot of", &self.place)
    }

    /// Returns the end of the time of the snapshot, which a list can be restricted to.
    fn end(&self) -> Timestamp {
        Timestamp::from_millis(self.at.as_millis().saturating_add(1))
    }

    /// Returns the error for a history that does not prove the state of the collection, unless the caller allows that.
    fn doubt(&self, reason: &str) -> Result<()> {
        if self.allows_incomplete {
            return Ok(());
        }
        let message = format!(
            "the history does not show for certain how the collection was at {}: {reason}; `.allow_incomplete()` takes what \
             it shows",
            self.at
        );
        Err(Error::new(ErrorKind::Unsupported, message))
    }
}

impl<T: RecordData> GetSnapshot<T> {
    pub(super) fn new(place: Place<kind::Collection>, at: Timestamp) -> Self {
        let view = View { place, at, page_size: None, allows_incomplete: false };
        Self { view, asks_endpoint: true, of: PhantomData }
    }

    fn check(&self) -> Result<()> {
        if self.view.page_size == Some(0) {
            return Err(Error::invalid("`page_size` must be at least 1"));
        }
        Ok(())
    }

    async fn all(self, client: &Client) -> Result<Vec<Record<T>>> {
        self.check()?;
        let era = Era::find(client, &self.view).await?;
        if self.asks_endpoint && era.is_present() {
            let read = endpoint::records(client, &self.view, &era).await?;
            if let Some(records) = read {
                return Ok(records);
            }
        }
        records(client, &self.view, era).try_collect().await
    }
}

/// Reads the records page by page.
fn records<T: RecordData>(client: &Client, view: &View, era: Era) -> BoxStream<'static, Result<Record<T>>> {
    if era.is_present() { present::records(client, view, era) } else { former::records(client, view, &era) }
}

impl<T: RecordData> sealed::Action for GetSnapshot<T> {
    const NAME: &'static str = "GetSnapshot";

    type Output = Snapshot<T>;

    async fn run(self, client: Client) -> Result<Snapshot<T>> {
        let (context, at) = (self.view.context(), self.view.at);
        let mut items = self.all(&client).await.map_err(|error| context.attach(error))?;
        items.sort_by(|one, other| {
            Reverse(one.last_modified)
                .cmp(&Reverse(other.last_modified))
                .then_with(|| one.id.as_str().cmp(other.id.as_str()))
        });
        Ok(Snapshot { at, items })
    }
}

impl<T: RecordData> sealed::Preview for GetSnapshot<T> {
    fn preview(&self) -> Result<RequestPreview> {
        let request = self.check().and_then(|()| Era::request(&self.view));
        let request = request.map_err(|error| self.view.context().attach(error))?;
        let follows =
            "then GETs of the server's snapshot, of the records, and of the versions of those that were changed since";
        RequestPreview::first(request, follows)
    }
}

impl<T: RecordData> Call<'_, GetSnapshot<T>> {
    /// Sets the number of records, and of entries of the history, per page; the server may send fewer.
    pub fn page_size(mut self, objects: u32) -> Self {
        self.op.view.page_size = Some(objects);
        self
    }

    /// Reads the records and the history page by page, and does not ask the server's endpoint, whose response is one page.
    pub fn without_endpoint(mut self) -> Self {
        self.op.asks_endpoint = false;
        self
    }

    /// Takes what the history shows where it does not show everything, instead of failing.
    ///
    /// A record whose versions of that time are missing is then left out, or there in an older version.
    pub fn allow_incomplete(mut self) -> Self {
        self.op.view.allows_incomplete = true;
        self
    }

    /// Returns the records as a stream, as they arrive, in no order.
    ///
    /// It reads page by page, and has a page of records and a page of the history in memory, and eight bytes for each
    /// record. If the history turns out to be incomplete, the error comes after records.
    #[must_use = "a stream reads nothing until it is polled"]
    pub fn stream(self) -> BoxStream<'static, Result<Record<T>>> {
        let context = self.op.view.context();
        let span = span::open("GetSnapshot");
        let client = self.client;
        let opened = async move {
            self.op.check()?;
            let era = Era::find(&client, &self.op.view).await?;
            Ok(records(&client, &self.op.view, era))
        };
        let records = stream::once(tracing::Instrument::instrument(opened, span)).try_flatten();
        records.map_err(move |error| context.attach(error)).boxed()
    }

    /// Returns an iterator that reads the records and blocks this thread: [`stream`](Self::stream) without async code.
    #[cfg(feature = "blocking")]
    pub fn iter(self) -> impl Iterator<Item = Result<Record<T>>> + Send + use<T> {
        crate::operation::blocking::iterate(self.stream())
    }
}

/// The records of a collection as they were at a time, the last changed first.
///
/// It dereferences to a slice and can be iterated. The records come without permissions. A save of one that was changed
/// since is a conflict: [`restore`](crate::handle::RecordHandle::restore) stores an older version.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot<T> {
    /// The time of the snapshot.
    pub at: Timestamp,
    items: Vec<Record<T>>,
}

impl<T> Snapshot<T> {
    /// Returns the records as a vector.
    #[must_use]
    pub fn into_vec(self) -> Vec<Record<T>> {
        self.items
    }
}

impl<T> ops::Deref for Snapshot<T> {
    type Target = [Record<T>];

    fn deref(&self) -> &[Record<T>] {
        &self.items
    }
}

impl<T> IntoIterator for Snapshot<T> {
    type Item = Record<T>;
    type IntoIter = vec::IntoIter<Record<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a Snapshot<T> {
    type Item = &'a Record<T>;
    type IntoIter = slice::Iter<'a, Record<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.place, self.at)
    }
}

debug_as_place!(GetSnapshot [T] [T] view);
