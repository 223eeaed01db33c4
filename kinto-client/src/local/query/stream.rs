use std::sync::Arc;

use futures_core::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use rusqlite::{OptionalExtension as _, Transaction};

use super::{Found, LocalList, decode, found};
use crate::{
    error::Result,
    local::{inner::reading, store::failure::Failure},
    operation::Call,
    wire::object::{Record, RecordData},
};

/// The number of records that a stream reads at once.
const AT_ONCE: usize = 256;

impl<T: RecordData> LocalList<T> {
    fn stream(self) -> BoxStream<'static, Result<Record<T>>> {
        let context = self.context();
        let inner = Arc::clone(&self.inner);
        let pages = async move {
            // 8 bytes for each record, so that each is read once, whatever is written meanwhile.
            let numbers: Vec<i64> = self.read("r.number", |row| row.get(0)).await?;
            Ok(stream::iter(numbers).chunks(AT_ONCE).map(Ok))
        };
        let records = stream::once(pages).try_flatten().and_then(move |numbers| {
            let inner = Arc::clone(&inner);
            async move {
                let read = move |transaction: &Transaction<'_>| {
                    let found = numbers.into_iter().filter_map(|number| find(transaction, number).transpose());
                    found.collect::<Result<Vec<Found>, Failure>>()
                };
                Ok(stream::iter(inner.database.read(read).await?).map(decode))
            }
        });
        records.try_flatten().map_err(move |error| context.attach(error)).boxed()
    }
}

fn find(transaction: &Transaction<'_>, number: i64) -> Result<Option<Found>, Failure> {
    let mut statement =
        transaction.prepare_cached("SELECT id, data, version FROM record WHERE number = ? AND data IS NOT NULL")?;
    Ok(statement.query_row([number], found).optional()?)
}

impl<T: RecordData> Call<'_, LocalList<T>> {
    /// Returns the records as a stream, which holds few of them at a time.
    ///
    /// Each record that is there when the stream begins comes once, as it is when it is read; one that was deleted meanwhile
    /// does not come.
    #[must_use = "a stream reads nothing until it is polled"]
    pub fn stream(self) -> BoxStream<'static, Result<Record<T>>> {
        reading(&self.client, || self.op.stream())
    }

    /// Returns the records as an iterator, which blocks this thread: [`stream`](Self::stream) without async code.
    #[cfg(feature = "blocking")]
    pub fn iter(self) -> impl Iterator<Item = Result<Record<T>>> + Send + use<T> {
        crate::operation::blocking::iterate(self.stream())
    }
}
