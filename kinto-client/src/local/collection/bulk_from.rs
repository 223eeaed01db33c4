//! More records than fit into memory, from a stream.

use std::{fmt, sync::Arc};

use futures_core::{Stream, future::BoxFuture, stream::BoxStream};
use futures_util::{StreamExt as _, stream};

use super::{
    LocalCollection,
    change::{LocalOperation, Stop, carry_out},
    create::LocalCreate,
    delete::LocalDelete,
    overwrite::LocalOverwrite,
    save::LocalSaveOwned,
};
use crate::{
    client::{Client, span},
    error::Result,
    local::inner::{Inner, without_options},
    operation::{
        Call, CallContext,
        batch::{
            Options, Progress, ProgressFn,
            pipeline::{CarryOut, Pipeline},
        },
        create::{Create, NewIds},
        delete::{DeleteTarget, TypedDeleteTarget},
        sealed,
    },
    wire::object::{Record, RecordData, id::RecordId},
};

/// The number of records in one transaction.
pub(super) const PIECE: usize = 256;

/// One operation on each of the records that a stream yields, in transactions of up to 256 records.
pub struct LocalBulkFrom<'a, O> {
    inner: Arc<Inner>,
    context: CallContext,
    source: BoxStream<'a, O>,
    stop_on_error: bool,
    progress: Option<ProgressFn<'a>>,
}

/// More records than fit into memory.
impl<T: RecordData> LocalCollection<T> {
    /// Creates the records that a stream yields while it yields them, each as [`create_record`](Self::create_record) does:
    /// for more records than fit into memory.
    ///
    /// Awaiting the call carries out all of them, up to the first that fails, and returns their number;
    /// [`stream`](Call::stream) yields a result for each, and [`iter`](Call::iter) does that in code that blocks.
    ///
    /// Records are stored in pieces, as many as the stream has ready and at most 256, each in a transaction of its own. A
    /// result that was yielded is on the disk; if the program stops, whole pieces are stored or not, in the order of the
    /// stream. For all or nothing, use [`create_records`](Self::create_records).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let store = kinto_client::local::Store::in_memory().await?;
    /// # let notes = store.bind(&client.bucket("default").collection(kinto_server::unique("doc"))).await?;
    /// use futures_util::stream;
    /// use kinto_client::json;
    ///
    /// let numbers = (0..600).map(|n| json!({"n": n}));
    /// assert_eq!(notes.create_records_from(stream::iter(numbers)).await?, 600);
    /// # assert_eq!(notes.get_records().count().await?, 600);
    /// # Ok(()) }
    /// ```
    ///
    /// Options: [`stop_on_error`](Call::stop_on_error), [`on_progress`](Call::on_progress).
    ///
    /// # Errors
    ///
    /// The awaited call is [`Error::is_partial`](crate::Error::is_partial) if one failed:
    /// [`failures`](crate::Error::failures) has it, and what was taken from the stream after it and not stored. All before it
    /// were stored. If the file fails, it is [`Error::is_storage`](crate::Error::is_storage), and the pieces before were
    /// stored.
    pub fn create_records_from<'a>(
        &self,
        data: impl Stream<Item = T> + Send + 'a,
    ) -> Call<'a, LocalBulkFrom<'a, LocalCreate<T>>> {
        let (inner, list) = (Arc::clone(&self.inner), self.inner.remote.records());
        let mut ids = NewIds::default();
        let create = move |data| {
            let create = Create::with_new_id(list.clone(), data, ids.one());
            LocalCreate { inner: Arc::clone(&inner), create }
        };
        self.bulk_from("create records in", data.map(create))
    }

    /// Replaces or creates the records that a stream yields with their ids, while it yields them, each as
    /// [`overwrite_record`](Self::overwrite_record) does.
    ///
    /// Awaiting the call carries out all of them, up to the first that fails, and returns their number;
    /// [`stream`](Call::stream) yields a result for each. Each piece of up to 256 records is stored in a transaction of its
    /// own, as by [`create_records_from`](Self::create_records_from).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let store = kinto_client::local::Store::in_memory().await?;
    /// # let notes = store.bind(&client.bucket("default").collection(kinto_server::unique("doc"))).await?;
    /// use futures_util::stream;
    /// use kinto_client::json;
    ///
    /// let numbers = (0..60).map(|n| (format!("n{n}"), json!({"n": n})));
    /// assert_eq!(notes.overwrite_records_from(stream::iter(numbers)).await?, 60);
    /// # assert_eq!(notes.get_record("n7").await?.data["n"], 7);
    /// # Ok(()) }
    /// ```
    ///
    /// Options: [`stop_on_error`](Call::stop_on_error), [`on_progress`](Call::on_progress).
    ///
    /// # Errors
    ///
    /// As for [`create_records_from`](Self::create_records_from).
    pub fn overwrite_records_from<'a, I: Into<RecordId<T>>>(
        &self,
        records: impl Stream<Item = (I, T)> + Send + 'a,
    ) -> Call<'a, LocalBulkFrom<'a, LocalOverwrite<T>>> {
        let (inner, list) = (Arc::clone(&self.inner), self.inner.remote.records());
        let overwrite = move |(id, data): (I, T)| {
            let create = Create::replacing(list.clone(), data, id.into().as_str());
            LocalOverwrite { inner: Arc::clone(&inner), create }
        };
        self.bulk_from("overwrite records in", records.map(overwrite))
    }

    /// Saves the changes of the records that a stream yields while it yields them, each as
    /// [`save_record`](Self::save_record) does, and returns each with its new version.
    ///
    /// Nothing is written for unchanged records. Awaiting the call carries out all of them, up to the first that fails, and
    /// returns their number; [`stream`](Call::stream) yields a result for each. Each piece of up to 256 records is stored in
    /// a transaction of its own, as by [`create_records_from`](Self::create_records_from).
    ///
    /// A record that could not be saved is not returned: [`Error::conflict`](crate::Error::conflict) has what is stored, if
    /// it was changed. Use [`save_records`](Self::save_records) where the changes cannot be made again.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let store = kinto_client::local::Store::in_memory().await?;
    /// # let notes = store.bind(&client.bucket("default").collection(kinto_server::unique("doc"))).await?;
    /// # notes.create_records((0..60).map(|n| kinto_client::json!({"n": n}))).await?;
    /// use futures_util::{TryStreamExt as _, stream};
    ///
    /// let records = notes.get_records().await?;
    /// let changed = records.into_iter().map(|mut record| {
    ///     record.data["done"] = true.into();
    ///     record
    /// });
    /// let saved: Vec<_> = notes.save_records_from(stream::iter(changed)).stream().try_collect().await?;
    /// assert_eq!(saved.len(), 60);
    /// # Ok(()) }
    /// ```
    ///
    /// Options: [`stop_on_error`](Call::stop_on_error), [`on_progress`](Call::on_progress).
    ///
    /// # Errors
    ///
    /// As for [`create_records_from`](Self::create_records_from).
    pub fn save_records_from<'a>(
        &self,
        records: impl Stream<Item = Record<T>> + Send + 'a,
    ) -> Call<'a, LocalBulkFrom<'a, LocalSaveOwned<T>>> {
        let list = self.inner.remote.records();
        let save = move |record: Record<T>| LocalSaveOwned { place: list.at(record.id.as_str()), record };
        self.bulk_from("save records in", records.map(save))
    }

    /// Deletes the records that a stream yields while it yields them, by their ids, or as records that were read, each as
    /// [`delete_record`](Self::delete_record) does.
    ///
    /// Awaiting the call carries out all of them, up to the first that fails, and returns their number;
    /// [`stream`](Call::stream) yields a result for each. Each piece of up to 256 records is deleted in a transaction of its
    /// own, as by [`create_records_from`](Self::create_records_from).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let store = kinto_client::local::Store::in_memory().await?;
    /// # let notes = store.bind(&client.bucket("default").collection(kinto_server::unique("doc"))).await?;
    /// # notes.create_records((0..60).map(|n| kinto_client::json!({"id": format!("n{n}")}))).await?;
    /// use futures_util::stream;
    ///
    /// let ids = (0..60).map(|n| format!("n{n}"));
    /// assert_eq!(notes.delete_records_from(stream::iter(ids)).await?, 60);
    /// # assert_eq!(notes.get_records().count().await?, 0);
    /// # Ok(()) }
    /// ```
    ///
    /// Options: [`stop_on_error`](Call::stop_on_error), [`on_progress`](Call::on_progress).
    ///
    /// # Errors
    ///
    /// As for [`create_records_from`](Self::create_records_from).
    pub fn delete_records_from<'a, R: Into<TypedDeleteTarget<T>>>(
        &self,
        records: impl Stream<Item = R> + Send + 'a,
    ) -> Call<'a, LocalBulkFrom<'a, LocalDelete>> {
        let (inner, list) = (Arc::clone(&self.inner), self.inner.remote.records());
        let delete = move |record: R| {
            let DeleteTarget { id, if_match, .. } = record.into().target;
            LocalDelete { inner: Arc::clone(&inner), place: list.at(id), if_match }
        };
        self.bulk_from("delete records in", records.map(delete))
    }

    fn bulk_from<'a, O>(
        &self,
        verb: &'static str,
        operations: impl Stream<Item = O> + Send + 'a,
    ) -> Call<'a, LocalBulkFrom<'a, O>> {
        let context = CallContext::new(verb, &self.inner.remote.place);
        let (inner, source) = (Arc::clone(&self.inner), operations.boxed());
        let bulk = LocalBulkFrom { inner, context, source, stop_on_error: false, progress: None };
        Call::new(self.inner.remote.client(), bulk)
    }
}

impl<'a, O: LocalOperation + 'a> LocalBulkFrom<'a, O> {
    fn pipeline(self, client: Client) -> Pipeline<'a, O, <O as LocalOperation>::Output> {
        let Self { inner, context, source, stop_on_error, progress } = self;
        let stop = if stop_on_error { Stop::AtFailure } else { Stop::Never };
        let piece: CarryOut<'a, _, _> = Box::new(move |operations| -> BoxFuture<'a, _> {
            let inner = Arc::clone(&inner);
            Box::pin(async move { carry_out(&inner, operations, stop).await })
        });
        let options = Options { stop_on_error, ..Options::default() };
        Pipeline::new(client, context, options, source, piece).storing(PIECE).on_progress(progress)
    }
}

/// Carries out all operations, up to the first that fails, and returns their number.
impl<'a, O: LocalOperation + 'a> sealed::Action for LocalBulkFrom<'a, O> {
    const NAME: &'static str = "LocalBulkFrom";

    type Output = usize;

    async fn run(self, client: Client) -> Result<usize> {
        without_options(&client).map_err(|error| self.context.attach(error))?;
        Self { stop_on_error: true, ..self }.pipeline(client).run(drop).await
    }
}

impl<'a, O: LocalOperation + 'a> Call<'a, LocalBulkFrom<'a, O>> {
    /// Returns the results, one for each operation, in the order of the source, once each is on the disk.
    ///
    /// An operation is taken from the source when the results are polled: a caller that stops reading them stops the
    /// writing. While one piece is stored, the operations of the next one are taken, so that no more than two pieces of 256
    /// are in memory; a source that is slow gets small pieces.
    ///
    /// The results go on after a failure, unless the file fails: that error is the last result.
    ///
    /// If the results are dropped before their end, operations may have been carried out whose results were not yielded: no
    /// more than one piece has.
    #[must_use = "a stream does nothing until it is polled"]
    pub fn stream(self) -> BoxStream<'a, Result<<O as LocalOperation>::Output>> {
        if let Err(error) = without_options(&self.client) {
            let error = self.op.context.attach(error);
            return stream::once(std::future::ready(Err(error))).boxed();
        }
        span::open("LocalBulkFrom").in_scope(|| self.op.pipeline(self.client)).boxed()
    }

    /// Stores nothing more once an operation has failed.
    ///
    /// Those before it are stored. Operations that were taken from the source after it fail with
    /// [`Error::is_cancelled`](crate::Error::is_cancelled).
    pub fn stop_on_error(mut self) -> Self {
        self.op.stop_on_error = true;
        self
    }

    /// Calls `progress` with each result once its piece is stored.
    ///
    /// `total` is the number of operations that were taken from the source, and of those that it is sure to have still
    /// (the lower bound of [`size_hint`](Stream::size_hint)): for a source that does not know its length, it grows.
    ///
    /// If it returns `false`, no further piece is stored. Operations that were taken from the source and not stored fail
    /// with [`Error::is_cancelled`](crate::Error::is_cancelled), for which `progress` is not called.
    ///
    /// The awaited call is then [`Error::is_partial`](crate::Error::is_partial), unless all operations have been taken and
    /// carried out by then.
    pub fn on_progress(mut self, progress: impl FnMut(Progress) -> bool + Send + 'a) -> Self {
        self.op.progress = Some(Box::new(progress));
        self
    }
}

#[cfg(feature = "blocking")]
impl<O: LocalOperation + 'static> Call<'static, LocalBulkFrom<'static, O>> {
    /// Returns an iterator over the results that blocks this thread: [`stream`](Self::stream) without async code. It works
    /// where [`call`](Self::call) does.
    pub fn iter(self) -> impl Iterator<Item = Result<<O as LocalOperation>::Output>> + Send + use<O>
    where
        <O as LocalOperation>::Output: 'static,
    {
        crate::operation::blocking::iterate(self.stream())
    }
}

impl<O> fmt::Debug for LocalBulkFrom<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalBulkFrom({} {})", self.context.operation, self.context.object)
    }
}
