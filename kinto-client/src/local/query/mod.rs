//! Lists of the records in a store.

use std::{fmt, sync::Arc};

use rusqlite::Row as SqlRow;

use super::{
    inner::{Inner, without_options},
    record,
    store::rows::timestamp,
};
use crate::{
    client::Client,
    error::Result,
    operation::{CallContext, sealed},
    wire::{
        list_query::Listing,
        object::{Record, RecordData},
        timestamp::Timestamp,
    },
};

mod count;
mod first;
mod lenient;
pub(super) mod select;
mod stream;
#[cfg(test)]
mod tests;

pub use count::LocalCount;
pub use first::{LocalFirst, LocalOne};
pub use lenient::LocalLenient;

use select::Query;

/// Reads records from a store.
///
/// Filters and orders are those of the server on PostgreSQL: a list has the records that the server would return, in the same
/// order, as far as both have the same records. A field with `#[kinto(index)]` has an index, by which its filters and its order
/// are read.
pub struct LocalList<T> {
    inner: Arc<Inner>,
    listing: Listing<T>,
}

/// A record as it is kept: its id, its data and its version.
type Found = (String, Arc<str>, Timestamp);

impl<T> LocalList<T> {
    pub(crate) fn new(inner: Arc<Inner>) -> Self {
        Self::of(inner, Listing::default())
    }

    pub(crate) fn of(inner: Arc<Inner>, listing: Listing<T>) -> Self {
        Self { inner, listing }
    }

    fn context(&self) -> CallContext {
        CallContext::new("get records of", &self.inner.remote.records())
    }

    /// Reads these columns of the records.
    async fn read<V, F>(&self, columns: &'static str, read: F) -> Result<Vec<V>>
    where
        V: Send + 'static,
        F: Fn(&SqlRow<'_>) -> rusqlite::Result<V> + Send + 'static,
    {
        let (of, query) = (self.inner.number, Query::new(&self.listing)?);
        self.inner.database.read(move |transaction| query.read(transaction, of, columns, read)).await
    }

    async fn found(&self) -> Result<Vec<Found>> {
        self.read("r.id, r.data, r.version", found).await
    }
}

fn found(row: &SqlRow<'_>) -> rusqlite::Result<Found> {
    Ok((row.get(0)?, row.get(1)?, timestamp(row.get(2)?)))
}

fn decode<T: RecordData>((id, body, version): Found) -> Result<Record<T>> {
    record::record(&id, &body, version)
}

#[expect(private_interfaces, reason = "the trait is sealed: no other crate can call it")]
impl<T> sealed::Matches for LocalList<T> {
    type Of = T;

    fn listing(&mut self) -> &mut Listing<T> {
        &mut self.listing
    }
}

impl<T> sealed::Lists for LocalList<T> {}

impl<T: RecordData> sealed::Action for LocalList<T> {
    const NAME: &'static str = "LocalList";

    type Output = Vec<Record<T>>;

    async fn run(self, client: Client) -> Result<Vec<Record<T>>> {
        without_options(&client)?;
        let found = self.found().await;
        let decoded = found.and_then(|found| found.into_iter().map(decode).collect());
        decoded.map_err(|error| self.context().attach(error))
    }
}

impl<T> fmt::Debug for LocalList<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalList({})", self.inner.remote.path())
    }
}
