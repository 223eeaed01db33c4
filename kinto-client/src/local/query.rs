//! Lists of the records in a store.

use std::{
    fmt,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_core::{Stream, stream::BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::{
    collection::{Inner, record, without_options},
    store::{
        failure::Failure,
        rows::{CollectionNumber, timestamp},
    },
};
use crate::{
    client::Client,
    error::{Error, Result},
    operation::{Call, CallContext, sealed},
    wire::{
        object::{Record, RecordData},
        timestamp::Timestamp,
    },
};

/// The number of records that a stream reads at once.
const AT_ONCE: usize = 256;

/// Reads records from a store.
pub struct LocalList<T> {
    inner: Arc<Inner>,
    limit: Option<usize>,
    of: PhantomData<fn() -> T>,
}

/// Reads the first record of a list in a store.
pub struct LocalFirst<T>(LocalList<T>);

/// Counts records in a store.
pub struct LocalCount<T>(LocalList<T>);

/// Records of a store as they are read.
#[must_use = "a stream reads nothing until it is polled"]
pub struct LocalStream<T> {
    records: BoxStream<'static, Result<Record<T>>>,
}

/// A record as it is kept: its id, its data and its version.
type Found = (String, Arc<str>, Timestamp);

impl<T: RecordData> LocalList<T> {
    pub(crate) fn new(inner: Arc<Inner>) -> Self {
        Self { inner, limit: None, of: PhantomData }
    }

    fn context(&self) -> CallContext {
        CallContext::new("get records of", &self.inner.remote.records())
    }

    /// Returns the numbers of the rows in the order of the list.
    async fn numbers(&self) -> Result<Vec<i64>> {
        let (of, limit) = (self.inner.number, self.limit);
        self.inner.database.read(move |transaction| numbers(transaction, of, limit)).await
    }

    async fn all(self) -> Result<Vec<Record<T>>> {
        let (of, limit) = (self.inner.number, self.limit);
        let read = move |transaction: &Transaction<'_>| {
            let numbers = numbers(transaction, of, limit)?;
            numbers
                .into_iter()
                .filter_map(|number| find(transaction, number).transpose())
                .collect::<Result<Vec<_>, _>>()
        };
        let found: Vec<Found> = self.inner.database.read(read).await?;
        found.into_iter().map(|(id, body, version)| record::record(&id, &body, version)).collect()
    }

    fn stream(self) -> LocalStream<T> {
        let context = self.context();
        let inner = Arc::clone(&self.inner);
        let pages = async move {
            let numbers = self.numbers().await?;
            Ok(stream::iter(numbers).chunks(AT_ONCE).map(Ok))
        };
        let records = stream::once(pages).try_flatten().and_then(move |numbers| {
            let inner = Arc::clone(&inner);
            async move {
                let read = move |transaction: &Transaction<'_>| {
                    let found = numbers.into_iter().filter_map(|number| find(transaction, number).transpose());
                    found.collect::<Result<Vec<Found>, Failure>>()
                };
                let found = inner.database.read(read).await?;
                Ok(stream::iter(found).map(|(id, body, version)| record::record(&id, &body, version)))
            }
        });
        let records = records.try_flatten().map_err(move |error| context.attach(error));
        LocalStream { records: records.boxed() }
    }
}

/// Returns the numbers of the rows of a list: 8 bytes for each record, so that a stream reads each record once, whatever is
/// written meanwhile.
fn numbers(transaction: &Transaction<'_>, of: CollectionNumber, limit: Option<usize>) -> Result<Vec<i64>, Failure> {
    if limit == Some(0) {
        return Err(Error::invalid("a limit of 0 is not allowed: `limit` must be at least 1").into());
    }
    let mut statement = transaction.prepare_cached(
        "SELECT number FROM record WHERE collection = ? AND data IS NOT NULL ORDER BY version DESC, number DESC LIMIT ?",
    )?;
    let limit = limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
    let numbers = statement.query_map(params![of.0, limit], |row| row.get(0))?;
    Ok(numbers.collect::<rusqlite::Result<_>>()?)
}

fn find(transaction: &Transaction<'_>, number: i64) -> Result<Option<Found>, Failure> {
    let mut statement =
        transaction.prepare_cached("SELECT id, data, version FROM record WHERE number = ? AND data IS NOT NULL")?;
    let found = statement.query_row([number], |row| Ok((row.get(0)?, row.get(1)?, timestamp(row.get(2)?))));
    Ok(found.optional()?)
}

impl<T: RecordData> sealed::Action for LocalList<T> {
    const NAME: &'static str = "LocalList";

    type Output = Vec<Record<T>>;

    async fn run(self, client: Client) -> Result<Vec<Record<T>>> {
        without_options(&client)?;
        let context = self.context();
        self.all().await.map_err(|error| context.attach(error))
    }
}

impl<T: RecordData> sealed::Action for LocalFirst<T> {
    const NAME: &'static str = "LocalFirst";

    type Output = Option<Record<T>>;

    async fn run(self, client: Client) -> Result<Option<Record<T>>> {
        let limit = self.0.limit.unwrap_or(1).min(1);
        let first = LocalList { limit: Some(limit), ..self.0 };
        Ok(sealed::Action::run(first, client).await?.pop())
    }
}

impl<T: RecordData> sealed::Action for LocalCount<T> {
    const NAME: &'static str = "LocalCount";

    type Output = usize;

    async fn run(self, client: Client) -> Result<usize> {
        without_options(&client)?;
        let numbers = self.0.numbers().await;
        numbers.map(|numbers| numbers.len()).map_err(|error| self.0.context().attach(error))
    }
}

impl<'a, T: RecordData> Call<'a, LocalList<T>> {
    /// Reads at most this many records.
    pub fn limit(mut self, records: usize) -> Self {
        self.op.limit = Some(records);
        self
    }

    /// Reads the first record of the list only, `None` if there is none.
    pub fn first(self) -> Call<'a, LocalFirst<T>> {
        Call::new(&self.client, LocalFirst(self.op))
    }

    /// Returns the number of the records.
    pub fn count(self) -> Call<'a, LocalCount<T>> {
        Call::new(&self.client, LocalCount(self.op))
    }

    /// Returns the records as a stream, which holds few of them at a time.
    ///
    /// Each record that is there when the stream begins comes once, as it is when it is read; one that was deleted meanwhile
    /// does not come.
    pub fn stream(self) -> LocalStream<T> {
        match without_options(&self.client) {
            Ok(()) => self.op.stream(),
            Err(error) => LocalStream { records: stream::once(std::future::ready(Err(error))).boxed() },
        }
    }

    /// Returns the records as an iterator, which blocks this thread: [`stream`](Self::stream) without async code.
    #[cfg(feature = "blocking")]
    pub fn iter(self) -> impl Iterator<Item = Result<Record<T>>> + Send + use<T> {
        crate::operation::blocking::iterate(self.stream())
    }
}

impl<T> Stream for LocalStream<T> {
    type Item = Result<Record<T>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.records.poll_next_unpin(context)
    }
}

impl<T> fmt::Debug for LocalList<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalList({})", self.inner.remote.path())
    }
}

impl<T> fmt::Debug for LocalFirst<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalFirst({})", self.0.inner.remote.path())
    }
}

impl<T> fmt::Debug for LocalCount<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalCount({})", self.0.inner.remote.path())
    }
}

impl<T> fmt::Debug for LocalStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalStream")
    }
}
