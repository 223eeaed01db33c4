//! The changes of records in a store, in the order in which they were made.

use std::{fmt, marker::PhantomData, result::Result as StdResult, sync::Arc};

use futures_core::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};

use super::{
    collection::LocalCollection,
    inner::{Inner, without_options},
    record,
    row::Origin,
    store::log::{self, Logged, Page},
};
use crate::{
    client::Client,
    error::{Error, Result},
    operation::{Call, CallContext, list::lenient::InvalidObject, sealed},
    wire::{
        object::{Record, RecordData, id::RecordId},
        timestamp::Timestamp,
    },
};

/// The most changes that are read at once.
const AT_ONCE: usize = 1_000;

/// A position in the changes of a store, from which [`LocalCollection::changes_since`] continues.
///
/// The default is the position before the first change. It can be stored as a number, and belongs to its file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChangePosition(i64);

/// A change of the records of a collection in a store.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LocalChange<T> {
    /// A record was created, changed or deleted.
    Changed(Box<RecordChange<T>>),
    /// Changes after the given position are no longer kept: read all records, and continue from this position.
    Reset(ChangePosition),
}

/// A change of one record in a store.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecordChange<T> {
    /// The position after the change.
    pub position: ChangePosition,
    /// The id of the record.
    pub id: RecordId<T>,
    /// The side that made the change.
    pub origin: ChangeOrigin,
    /// The record before the change; `None` if it was created.
    pub before: Option<Record<T>>,
    /// The record after the change; `None` if it was deleted.
    pub after: Option<Record<T>>,
}

/// A change of a record of which a version does not decode as the type it was read as.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{version}")]
#[non_exhaustive]
pub struct InvalidChange {
    /// The position after the change.
    pub position: ChangePosition,
    /// The version that does not decode: the one after the change, or else the one before.
    pub version: InvalidObject,
}

/// The side that made a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChangeOrigin {
    /// A call on the store, by this program or another one with the same file.
    Local,
    /// Another client: a synchronization received it.
    Remote,
    /// Both: a synchronization merged a change of another client with one that was made here.
    Merged,
}

/// Reads the changes of a collection in a store.
pub struct GetLocalChanges<T> {
    inner: Arc<Inner>,
    since: ChangePosition,
    of: PhantomData<fn() -> T>,
}

impl<T> LocalChange<T> {
    /// Returns the position after the change, from which the next call continues.
    #[must_use]
    pub fn position(&self) -> ChangePosition {
        match self {
            Self::Changed(change) => change.position,
            Self::Reset(position) => *position,
        }
    }
}

impl<T: RecordData> LocalCollection<T> {
    /// Reads the changes after a position, by the program and by synchronizations, oldest first.
    ///
    /// There are at most 1,000 at a time: continue from the [`position`](LocalChange::position) of the last, until there are no
    /// more. Each change is returned once, also in another process and after a restart. The file keeps the latest 10,000 changes
    /// of all its collections, or as many as [`OpenStore::keep_changes`](super::OpenStore::keep_changes) says; where older ones are
    /// asked for, the first is a [`LocalChange::Reset`].
    ///
    /// Options: [`lenient`](Call::lenient), [`stream`](Call::stream).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// use kinto_client::{
    ///     Value, json,
    ///     local::{ChangePosition, LocalChange, Store},
    /// };
    ///
    /// let notes = Store::in_memory().await?.bind::<Value>(&client.bucket("default").collection("notes")).await?;
    /// notes.create_record(json!({"text": "Milk"})).id("milk").await?;
    ///
    /// let mut position = ChangePosition::default();
    /// for change in notes.changes_since(position).await? {
    ///     position = change.position();
    ///     match change {
    ///         LocalChange::Changed(change) => println!("{}: {:?} -> {:?}", change.id, change.before, change.after),
    ///         LocalChange::Reset(_) => println!("read all records again"),
    ///         _ => {}
    ///     }
    /// }
    /// assert!(notes.changes_since(position).await?.is_empty());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::is_decode`](crate::Error::is_decode) if a record does not decode as `T`, unless [`lenient`](Call::lenient) is
    /// added.
    pub fn changes_since(&self, position: ChangePosition) -> Call<'static, GetLocalChanges<T>> {
        let changes = GetLocalChanges { inner: Arc::clone(&self.inner), since: position, of: PhantomData };
        Call::new(self.inner.remote.client(), changes)
    }
}

impl<T: RecordData> GetLocalChanges<T> {
    pub(super) fn context(&self) -> CallContext {
        CallContext::new("get changes of", &self.inner.remote.records())
    }

    pub(super) async fn page(&self) -> Result<Vec<StdResult<LocalChange<T>, InvalidChange>>> {
        let (of, since) = (self.inner.number, self.since.0);
        let page = self.inner.database.read(move |transaction| log::since(transaction, of, since, AT_ONCE)).await?;
        match page {
            Page::Reset(position) => Ok(vec![Ok(LocalChange::Reset(ChangePosition(position)))]),
            Page::Changes(changes) => {
                Ok(changes.into_iter().map(|logged| decode(logged).map(Box::new).map(LocalChange::Changed)).collect())
            }
        }
    }
}

fn decode<T: RecordData>(logged: Logged) -> StdResult<RecordChange<T>, InvalidChange> {
    let Logged { position, id, origin, before, after } = logged;
    let position = ChangePosition(position);
    let record = |version: Option<(Arc<str>, Timestamp)>| {
        let record = version.map(|(body, time)| record::lenient(&id, &body, time)).transpose();
        record.map_err(|version| InvalidChange { position, version })
    };
    let after = record(after)?;
    Ok(RecordChange {
        position,
        origin: match origin {
            Origin::Local => ChangeOrigin::Local,
            Origin::Remote => ChangeOrigin::Remote,
            Origin::Merged => ChangeOrigin::Merged,
        },
        before: record(before)?,
        after,
        id: id.into(),
    })
}

fn position<T>(change: &StdResult<LocalChange<T>, InvalidChange>) -> ChangePosition {
    match change {
        Ok(change) => change.position(),
        Err(invalid) => invalid.position,
    }
}

fn into_error(invalid: InvalidChange) -> Error {
    invalid.version.error
}

impl<T: RecordData> sealed::Action for GetLocalChanges<T> {
    const NAME: &'static str = "GetLocalChanges";

    type Output = Vec<LocalChange<T>>;

    async fn run(self, client: Client) -> Result<Vec<LocalChange<T>>> {
        without_options(&client)?;
        let page = self.page().await;
        let changes = page.and_then(|page| page.into_iter().map(|change| change.map_err(into_error)).collect());
        changes.map_err(|error| self.context().attach(error))
    }
}

impl<T: RecordData> Call<'_, GetLocalChanges<T>> {
    /// Returns the changes as a stream that ends with the last one there is, and holds few of them at a time. One of a record
    /// that does not decode is an error, after which the stream goes on.
    #[must_use = "a stream reads nothing until it is polled"]
    pub fn stream(self) -> BoxStream<'static, Result<LocalChange<T>>> {
        let (client, list) = (self.client, self.op);
        let context = list.context();
        let pages = stream::try_unfold(list, move |mut list| {
            let outcome = without_options(&client);
            async move {
                outcome?;
                let page = list.page().await?;
                let Some(newest) = page.last() else { return Ok(None) };
                list.since = position(newest);
                Ok(Some((stream::iter(page).map(|change| change.map_err(into_error)), list)))
            }
        });
        pages.try_flatten().map_err(move |error| context.attach(error)).boxed()
    }
}

impl<T> fmt::Debug for GetLocalChanges<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GetLocalChanges({} since {})", self.inner.remote.path(), self.since.0)
    }
}
