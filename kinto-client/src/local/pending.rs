//! The changes of a collection in a store that were not sent yet.

use std::{fmt, future::ready, marker::PhantomData, result::Result as StdResult, sync::Arc};

use futures_core::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use rusqlite::{Transaction, params};

use super::{
    collection::LocalCollection,
    inner::{Inner, reading, without_options},
    record,
    store::{
        failure::Failure,
        rows::{CollectionNumber, timestamp},
    },
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

/// The rows that a push sends: changed ones without a conflict or a refusal.
pub(super) const PENDING: &str = "is_changed AND ancestors IS NULL AND problem IS NULL";

/// The number of changes that a stream reads at once.
const AT_ONCE: usize = 256;

/// A change that the next synchronization sends.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PendingChange<T> {
    /// A record that the server does not have yet.
    Create(Record<T>),
    /// A record that differs from that on the server, or of which a response was lost.
    Update(Record<T>),
    /// A record that was deleted here.
    Delete(RecordId<T>),
}

impl<T> PendingChange<T> {
    /// Returns the id of the record.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Create(record) | Self::Update(record) => record.id.as_str(),
            Self::Delete(id) => id.as_str(),
        }
    }

    /// Returns the record as it is here; `None` if it was deleted.
    #[must_use]
    pub fn record(&self) -> Option<&Record<T>> {
        match self {
            Self::Create(record) | Self::Update(record) => Some(record),
            Self::Delete(_) => None,
        }
    }
}

/// Lists the changes of a collection in a store that were not sent yet.
pub struct ListPending<T> {
    inner: Arc<Inner>,
    limit: Option<usize>,
    of: PhantomData<fn() -> T>,
}

/// A change as it is kept.
struct Found {
    number: i64,
    id: String,
    is_new: bool,
    local: Option<Arc<str>>,
    version: Timestamp,
}

impl<T: RecordData> LocalCollection<T> {
    /// Returns the changes that the next synchronization sends, in its order. It reads the file only.
    ///
    /// Options: [`limit`](Call::limit), [`lenient`](Call::lenient), [`stream`](Call::stream). [`status`](Self::status) counts
    /// them. Records with a conflict, and changes that the server refused, are not among them.
    ///
    /// # Errors
    ///
    /// [`Error::is_decode`](crate::Error::is_decode) if a record does not decode as `T`, unless [`lenient`](Call::lenient) is
    /// added.
    pub fn pending(&self) -> Call<'static, ListPending<T>> {
        let list = ListPending { inner: Arc::clone(&self.inner), limit: None, of: PhantomData };
        Call::new(self.inner.remote.client(), list)
    }
}

impl Found {
    fn change<T: RecordData>(self) -> StdResult<PendingChange<T>, InvalidObject> {
        let Some(body) = &self.local else { return Ok(PendingChange::Delete(RecordId::from(self.id.as_str()))) };
        let record = record::lenient(&self.id, body, self.version)?;
        Ok(if self.is_new { PendingChange::Create(record) } else { PendingChange::Update(record) })
    }
}

/// Lists the changed records after a position, and reads no others.
pub(super) fn listing() -> String {
    format!(
        "SELECT number, id, base IS NULL, local, version FROM record \
         WHERE collection = ? AND {PENDING} AND number > ? ORDER BY number LIMIT ?"
    )
}

fn find(transaction: &Transaction<'_>, of: CollectionNumber, after: i64, most: i64) -> Result<Vec<Found>, Failure> {
    let mut statement = transaction.prepare_cached(&listing())?;
    let found = statement.query_map(params![of.0, after, most], |row| {
        Ok(Found {
            number: row.get(0)?,
            id: row.get(1)?,
            is_new: row.get(2)?,
            local: row.get(3)?,
            version: timestamp(row.get(4)?),
        })
    })?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

impl<T: RecordData> ListPending<T> {
    pub(super) fn context(&self) -> CallContext {
        CallContext::new("get the pending changes of", &self.inner.remote.records())
    }

    /// Returns the changes, or the records that do not decode.
    pub(super) fn found(self) -> BoxStream<'static, Result<StdResult<PendingChange<T>, InvalidObject>>> {
        let (inner, left) = (self.inner, self.limit.unwrap_or(usize::MAX));
        let pages = stream::try_unfold((0, left), move |(after, left)| {
            let inner = Arc::clone(&inner);
            async move {
                let most = i64::try_from(left.min(AT_ONCE)).unwrap_or(i64::MAX);
                let number = inner.number;
                let found = inner.database.read(move |transaction| find(transaction, number, after, most)).await?;
                let Some(last) = found.last().map(|found| found.number) else { return Ok(None) };
                let left = left.saturating_sub(found.len());
                Ok::<_, Error>(Some((stream::iter(found).map(Found::change).map(Ok), (last, left))))
            }
        });
        pages.try_flatten().boxed()
    }

    fn stream(self) -> BoxStream<'static, Result<PendingChange<T>>> {
        let context = self.context();
        let changes = self.found().and_then(|found| ready(found.map_err(|invalid| invalid.error)));
        changes.map_err(move |error| context.attach(error)).boxed()
    }
}

impl<T: RecordData> sealed::Action for ListPending<T> {
    const NAME: &'static str = "ListPending";

    type Output = Vec<PendingChange<T>>;

    async fn run(self, client: Client) -> Result<Vec<PendingChange<T>>> {
        without_options(&client)?;
        self.stream().try_collect().await
    }
}

impl<T: RecordData> Call<'_, ListPending<T>> {
    /// Reads at most this many changes.
    pub fn limit(mut self, changes: usize) -> Self {
        self.op.limit = Some(changes);
        self
    }

    /// Returns the changes as a stream, which holds few of them at a time. A record that does not decode is an error, after
    /// which the stream goes on.
    #[must_use = "a stream reads nothing until it is polled"]
    pub fn stream(self) -> BoxStream<'static, Result<PendingChange<T>>> {
        reading(&self.client, || self.op.stream())
    }

    /// Returns the changes as an iterator, which blocks this thread: [`stream`](Self::stream) without async code.
    #[cfg(feature = "blocking")]
    pub fn iter(self) -> impl Iterator<Item = Result<PendingChange<T>>> + Send + use<T> {
        crate::operation::blocking::iterate(self.stream())
    }
}

impl<T> fmt::Debug for ListPending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListPending({})", self.inner.remote.path())
    }
}
