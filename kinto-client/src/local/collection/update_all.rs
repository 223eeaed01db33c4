//! Changing all records of a collection in a store.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use futures_core::{future::BoxFuture, stream::BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use rusqlite::Transaction;

use super::{
    LocalCollection,
    bulk_from::PIECE,
    change::{Change, Changed, LocalOperation, Stop, carry_out},
    save::{self, LocalSaveOwned},
};
use crate::{
    client::{Client, span},
    error::Result,
    local::{
        inner::{Inner, without_options},
        query::{LocalList, select::Query},
        record,
        row::Row,
        store::{failure::Failure, rows},
    },
    operation::{
        Call, CallContext,
        batch::{
            Options, Progress, ProgressFn,
            pipeline::{CarryOut, Pipeline},
        },
        save::SaveOutcome,
        sealed,
        update_read::{RecordPlace, UpdateReport, Updated, report, update_read},
    },
    wire::{
        list_query::Listing,
        object::{Record, RecordData, id::RecordId},
    },
};

/// Reads records from a store, changes each and saves it.
pub struct LocalUpdateAll<'a, T, F> {
    selection: Selection<T>,
    change: F,
    stop_on_error: bool,
    progress: Option<ProgressFn<'a>>,
}

impl<T: RecordData> LocalCollection<T> {
    /// Reads all records, or those that match, changes each and saves it: for more records than fit into memory.
    ///
    /// Fields that `T` does not have are kept, and nothing is written for records that `change` leaves as they were. A record
    /// that was changed since it was read, by the program or by a synchronization, is read and changed again, unless it does not
    /// match any more. For one record, use [`update_record`](Self::update_record).
    ///
    /// Awaiting the call carries out all updates, up to the first that fails, and returns their numbers;
    /// [`stream`](Call::stream) yields each record as it is stored, and [`iter`](Call::iter) does that in code that blocks.
    /// Records that are created meanwhile are left out. Each record comes once, which takes eight bytes for each.
    ///
    /// Records are read and stored in pieces of 256, each in a transaction of its own: if the program stops, whole pieces are
    /// changed or not.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let store = kinto_client::local::Store::in_memory().await?;
    /// # let notes = store.bind(&client.bucket("default").collection(kinto_server::unique("doc"))).await?;
    /// # notes.create_records((0..60).map(|n| kinto_client::json!({"n": n, "done": n % 2 == 0}))).await?;
    /// use kinto_client::Value;
    ///
    /// let report = notes.update_records(|note: &mut Value| note["done"] = true.into()).await?;
    /// assert_eq!((report.matched, report.changed), (60, 30));
    /// # Ok(()) }
    /// ```
    ///
    /// Options: [`filter`](Call::filter), [`since`](Call::since), [`before`](Call::before),
    /// [`stop_on_error`](Call::stop_on_error), [`on_progress`](Call::on_progress).
    ///
    /// # Errors
    ///
    /// The awaited call is [`Error::is_partial`](crate::Error::is_partial) if one failed:
    /// [`failures`](crate::Error::failures) has those of its piece, and what was read after it and not stored. The others
    /// of its piece and all before were stored. If the file fails, it is
    /// [`Error::is_storage`](crate::Error::is_storage), and the pieces before were stored.
    pub fn update_records<'a, F: FnMut(&mut T) + Send + 'a>(&self, change: F) -> Call<'a, LocalUpdateAll<'a, T, F>> {
        let selection = Selection { inner: Arc::clone(&self.inner), listing: Listing::default() };
        let update = LocalUpdateAll { selection, change, stop_on_error: false, progress: None };
        Call::new(self.inner.remote.client(), update)
    }
}

/// The records that an update changes.
struct Selection<T> {
    inner: Arc<Inner>,
    listing: Listing<T>,
}

impl<T> Clone for Selection<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), listing: self.listing.clone() }
    }
}

impl<T: RecordData> Selection<T> {
    /// Returns the records as a stream, each once.
    fn stream(&self, client: &Client) -> BoxStream<'static, Result<Record<T>>> {
        Call::new(client, LocalList::of(Arc::clone(&self.inner), self.listing.clone())).stream()
    }

    /// Reads records of the stream as they are now, or `None` for one that is not among them any more.
    async fn again(&self, ids: Vec<RecordId<T>>) -> Result<Vec<Result<Option<Record<T>>>>> {
        let (of, query) = (self.inner.number, Query::new(&self.listing)?);
        let names = ids.clone();
        let read = move |transaction: &Transaction<'_>| {
            let load = |id: &RecordId<T>| {
                let is_there = query.holds(transaction, of, id.as_str())?;
                is_there.then(|| rows::load(transaction, of, id.as_str())).transpose()
            };
            names.iter().map(load).collect::<Result<Vec<Option<Row>>, Failure>>()
        };
        let rows = self.inner.database.read(read).await?;
        let record = |(id, row): (&RecordId<T>, &Option<Row>)| {
            row.as_ref().map(|row| record::record_of(id.as_str(), row)).transpose()
        };
        Ok(ids.iter().zip(&rows).map(record).collect())
    }
}

impl<T> Selection<T> {
    fn context(&self) -> CallContext {
        CallContext::new("update", &self.inner.remote.records())
    }
}

#[expect(private_interfaces, reason = "the trait is sealed: no other crate can call it")]
impl<T, F> sealed::Matches for LocalUpdateAll<'_, T, F> {
    type Of = T;

    fn listing(&mut self) -> &mut Listing<T> {
        &mut self.selection.listing
    }
}

/// A save that tells what became of the record.
struct Save<T>(LocalSaveOwned<T>);

impl<T: RecordData> LocalOperation for Save<T> {
    type Output = (Record<T>, SaveOutcome);

    fn context(&self) -> CallContext {
        self.0.context()
    }

    fn change(&self) -> Result<Option<Change>> {
        self.0.change()
    }

    fn finish(self, changed: Option<Changed>) -> Result<Self::Output> {
        let mut record = self.0.record;
        let outcome = save::take(&mut record, changed)?;
        Ok((record, outcome))
    }
}

impl<T: RecordData> RecordPlace<T> for Selection<T> {
    async fn save(&self, records: Vec<Record<T>>) -> Result<Vec<Result<(Record<T>, SaveOutcome)>>> {
        let list = self.inner.remote.records();
        let save = |record: Record<T>| Save(LocalSaveOwned { place: list.at(record.id.as_str()), record });
        carry_out(&self.inner, records.into_iter().map(save).collect(), Stop::Never).await
    }

    async fn read_again(&self, ids: Vec<RecordId<T>>) -> Result<Vec<Result<Option<Record<T>>>>> {
        self.again(ids).await
    }
}

impl<'a, T: RecordData, F: FnMut(&mut T) + Send + 'a> LocalUpdateAll<'a, T, F> {
    fn pipeline(self, client: Client) -> Pipeline<'a, Result<Record<T>>, Updated<T>> {
        let Self { selection, change, stop_on_error, progress, .. } = self;
        let (context, source) = (selection.context(), selection.stream(&client));
        let change: Arc<Mutex<F>> = Arc::new(Mutex::new(change));
        let piece: CarryOut<'a, _, _> = Box::new(move |read| -> BoxFuture<'a, _> {
            let (selection, change) = (selection.clone(), Arc::clone(&change));
            Box::pin(async move { update_read(&selection, read, &change).await })
        });
        let options = Options { stop_on_error, ..Options::default() };
        Pipeline::new(client, context, options, source, piece).storing(PIECE).on_progress(progress)
    }
}

impl<'a, T: RecordData, F: FnMut(&mut T) + Send + 'a> sealed::Action for LocalUpdateAll<'a, T, F> {
    const NAME: &'static str = "LocalUpdateAll";

    type Output = UpdateReport;

    async fn run(self, client: Client) -> Result<UpdateReport> {
        without_options(&client).map_err(|error| self.selection.context().attach(error))?;
        report(self.pipeline(client)).await
    }
}

impl<'a, T: RecordData, F: FnMut(&mut T) + Send + 'a> Call<'a, LocalUpdateAll<'a, T, F>> {
    /// Returns the records, each once it is stored, those that were changed last first.
    ///
    /// Records are read and changed when the results are polled: a caller that stops reading them stops the updates. If the
    /// results are dropped before their end, records may have been changed whose results were not yielded: no more than one
    /// piece has.
    ///
    /// The results go on after a failure, unless the file fails: that error is the last result.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let store = kinto_client::local::Store::in_memory().await?;
    /// # let notes = store.bind(&client.bucket("default").collection(kinto_server::unique("doc"))).await?;
    /// # notes.create_records((0..3).map(|n| kinto_client::json!({"n": n}))).await?;
    /// use futures_util::TryStreamExt as _;
    /// use kinto_client::Value;
    ///
    /// let mut updated = notes.update_records(|note: &mut Value| note["done"] = true.into()).stream();
    /// while let Some(record) = updated.try_next().await? {
    ///     println!("{} is {}", record.id, record.data);
    /// }
    /// # Ok(()) }
    /// ```
    #[must_use = "a stream does nothing until it is polled"]
    pub fn stream(self) -> BoxStream<'a, Result<Record<T>>> {
        if let Err(error) = without_options(&self.client) {
            let error = self.op.selection.context().attach(error);
            return stream::once(std::future::ready(Err(error))).boxed();
        }
        let results = span::open("LocalUpdateAll").in_scope(|| self.op.pipeline(self.client));
        results.try_filter_map(|updated| std::future::ready(Ok(updated.map(|(record, _)| record)))).boxed()
    }

    /// Stores nothing more once a record has failed.
    ///
    /// The others of its piece are stored. Records that were read after it fail with
    /// [`Error::is_cancelled`](crate::Error::is_cancelled).
    pub fn stop_on_error(mut self) -> Self {
        self.op.stop_on_error = true;
        self
    }

    /// Calls `progress` with each result once its piece is stored; `total` is the number of records that were read.
    ///
    /// If it returns `false`, no further piece is stored. Records that were read and not updated fail with
    /// [`Error::is_cancelled`](crate::Error::is_cancelled), for which `progress` is not called.
    ///
    /// The awaited call is then [`Error::is_partial`](crate::Error::is_partial), unless all records have been read and
    /// carried out by then.
    pub fn on_progress(mut self, progress: impl FnMut(Progress) -> bool + Send + 'a) -> Self {
        self.op.progress = Some(Box::new(progress));
        self
    }
}

#[cfg(feature = "blocking")]
impl<T: RecordData, F: FnMut(&mut T) + Send + 'static> Call<'static, LocalUpdateAll<'static, T, F>> {
    /// Returns an iterator over the results that blocks this thread: [`stream`](Self::stream) without async code. It works
    /// where [`call`](Self::call) does.
    pub fn iter(self) -> impl Iterator<Item = Result<Record<T>>> + Send + use<T, F> {
        crate::operation::blocking::iterate(self.stream())
    }
}

impl<T, F> fmt::Debug for LocalUpdateAll<'_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalUpdateAll({})", self.selection.inner.remote.path())
    }
}
