//! Many records in one transaction.

use std::{fmt, sync::Arc};

use super::{
    LocalCollection,
    change::{LocalOperation, Stop, carry_out},
    create::LocalCreate,
    delete::LocalDelete,
    save::LocalSave,
};
use crate::{
    client::Client,
    error::Result,
    local::inner::{Inner, without_options},
    operation::{
        Call, CallContext,
        batch::bulk::all_or_partial,
        create::{Create, NewIds},
        delete::{DeleteTarget, TypedDeleteTarget},
        sealed,
    },
    wire::object::{Record, RecordData},
};

/// One operation on each of many records in a store, in one transaction.
pub struct LocalBulk<O> {
    inner: Arc<Inner>,
    context: CallContext,
    operations: Vec<O>,
    stop: Stop,
}

/// The operations of a [`LocalBulk`], with one result for each.
pub struct LocalBulkEach<O>(LocalBulk<O>);

/// Many records at once.
impl<T: RecordData> LocalCollection<T> {
    /// Creates many records, each as [`create_record`](Self::create_record) does, in one transaction.
    ///
    /// A record that cannot be created fails alone, and the others are stored. Meanwhile other calls on the store wait, and
    /// all records are in memory: for more than some ten thousand, use [`create_records_from`](Self::create_records_from).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let store = kinto_client::local::Store::in_memory().await?;
    /// # let notes = store.bind(&client.bucket("default").collection(kinto_server::unique("doc"))).await?;
    /// use kinto_client::json;
    ///
    /// let created = notes.create_records((0..60).map(|n| json!({"n": n}))).await?;
    /// assert_eq!((created.len(), created[7].data["n"].as_u64()), (60, Some(7)));
    /// # assert_eq!(notes.get_records().count().await?, 60);
    /// # Ok(()) }
    /// ```
    ///
    /// Options: [`each`](Call::each), [`stop_on_error`](Call::stop_on_error).
    ///
    /// # Errors
    ///
    /// [`Error::is_partial`](crate::Error::is_partial) if some could not be created, while the others were. Use `.each()` to
    /// get a result for each instead. [`Error::is_storage`](crate::Error::is_storage) if the file failed: then none was
    /// created.
    pub fn create_records(&self, data: impl IntoIterator<Item = T>) -> Call<'static, LocalBulk<LocalCreate<T>>> {
        let list = self.inner.remote.records();
        let mut ids = NewIds::default();
        let create = |data| {
            let create = Create::with_new_id(list.clone(), data, ids.one());
            LocalCreate { inner: Arc::clone(&self.inner), create }
        };
        self.bulk("create records in", data.into_iter().map(create).collect())
    }

    /// Saves the changes of many records that were read, each as [`save_record`](Self::save_record) does, in one
    /// transaction.
    ///
    /// Nothing is written for unchanged records. A record that cannot be saved fails alone, and the others are stored.
    /// Where the records are not needed afterwards, or are too many for the memory, use
    /// [`save_records_from`](Self::save_records_from).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let store = kinto_client::local::Store::in_memory().await?;
    /// # let notes = store.bind(&client.bucket("default").collection(kinto_server::unique("doc"))).await?;
    /// # notes.create_records((0..3).map(|n| kinto_client::json!({"n": n}))).await?;
    /// let mut records = notes.get_records().await?;
    /// for record in &mut records {
    ///     record.data["done"] = true.into();
    /// }
    /// notes.save_records(&mut records).await?;
    /// # assert_eq!(notes.get_records().first().await?.unwrap().data["done"], true);
    /// # Ok(()) }
    /// ```
    ///
    /// Options: [`each`](Call::each), [`stop_on_error`](Call::stop_on_error).
    ///
    /// # Errors
    ///
    /// [`Error::is_partial`](crate::Error::is_partial) if some could not be saved, while the others were and have their new
    /// versions. Use `.each()` to get a result for each instead. [`Error::is_storage`](crate::Error::is_storage) if the file
    /// failed: then none was saved.
    pub fn save_records<'a>(
        &self,
        records: impl IntoIterator<Item = &'a mut Record<T>>,
    ) -> Call<'a, LocalBulk<LocalSave<'a, T>>> {
        let list = self.inner.remote.records();
        let save = |record: &'a mut Record<T>| LocalSave {
            inner: Arc::clone(&self.inner),
            place: list.at(record.id.as_str()),
            record,
        };
        self.bulk("save records in", records.into_iter().map(save).collect())
    }

    /// Deletes many records in one transaction: each by its id, or as a record that was read, unless it was changed since.
    ///
    /// A record that cannot be deleted fails alone, and the others are deleted. To delete all of them, use
    /// [`delete_all_records`](Self::delete_all_records).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let store = kinto_client::local::Store::in_memory().await?;
    /// # let notes = store.bind(&client.bucket("default").collection(kinto_server::unique("doc"))).await?;
    /// use kinto_client::json;
    ///
    /// let created = notes.create_records((0..3).map(|n| json!({"n": n}))).await?;
    /// notes.delete_records(&created[1..]).await?;
    /// assert_eq!(notes.get_records().await?[0].id, created[0].id);
    /// # assert_eq!(notes.get_records().count().await?, 1);
    /// # Ok(()) }
    /// ```
    ///
    /// Options: [`each`](Call::each), [`stop_on_error`](Call::stop_on_error).
    ///
    /// # Errors
    ///
    /// [`Error::is_partial`](crate::Error::is_partial) if some could not be deleted, while the others were. Use `.each()` to
    /// get a result for each instead. [`Error::is_storage`](crate::Error::is_storage) if the file failed: then none was
    /// deleted.
    pub fn delete_records<R: Into<TypedDeleteTarget<T>>>(
        &self,
        records: impl IntoIterator<Item = R>,
    ) -> Call<'static, LocalBulk<LocalDelete>> {
        let list = self.inner.remote.records();
        let delete = |record: R| {
            let DeleteTarget { id, if_match, .. } = record.into().target;
            LocalDelete { inner: Arc::clone(&self.inner), place: list.at(id), if_match }
        };
        self.bulk("delete records in", records.into_iter().map(delete).collect())
    }

    fn bulk<'a, O>(&self, verb: &'static str, operations: Vec<O>) -> Call<'a, LocalBulk<O>> {
        let context = CallContext::new(verb, &self.inner.remote.place);
        let bulk = LocalBulk { inner: Arc::clone(&self.inner), context, operations, stop: Stop::Never };
        Call::new(self.inner.remote.client(), bulk)
    }
}

impl<O: LocalOperation> LocalBulk<O> {
    async fn each(self, client: &Client) -> Result<Vec<Result<<O as LocalOperation>::Output>>> {
        let Self { inner, context, operations, stop } = self;
        let carry_out = async {
            without_options(client)?;
            carry_out(&inner, operations, stop).await
        };
        carry_out.await.map_err(|error| context.attach(error))
    }
}

impl<O: LocalOperation> sealed::Action for LocalBulk<O> {
    const NAME: &'static str = "LocalBulk";

    type Output = Vec<<O as LocalOperation>::Output>;

    async fn run(self, client: Client) -> Result<Self::Output> {
        let context = self.context.clone();
        all_or_partial(self.each(&client).await?).map_err(|error| context.attach(error))
    }
}

impl<O: LocalOperation> sealed::Action for LocalBulkEach<O> {
    const NAME: &'static str = "LocalBulkEach";

    type Output = Vec<Result<<O as LocalOperation>::Output>>;

    async fn run(self, client: Client) -> Result<Self::Output> {
        self.0.each(&client).await
    }
}

impl<'a, O: LocalOperation> Call<'a, LocalBulk<O>> {
    /// Returns one result for each operation, in the order of the input, instead of one error if any of them failed.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let store = kinto_client::local::Store::in_memory().await?;
    /// # let notes = store.bind(&client.bucket("default").collection(kinto_server::unique("doc"))).await?;
    /// use kinto_client::json;
    ///
    /// let twins = [json!({"id": "a"}), json!({"id": "b"}), json!({"id": "a"})];
    /// let created = notes.create_records(twins).each().await?;
    /// assert!(created[0].is_ok() && created[1].is_ok());
    /// assert!(created[2].as_ref().is_err_and(|error| error.is_conflict()));
    /// # Ok(()) }
    /// ```
    pub fn each(self) -> Call<'a, LocalBulkEach<O>> {
        Call::new(&self.client, LocalBulkEach(self.op))
    }

    /// Stores nothing more once an operation has failed.
    ///
    /// Those before it are stored, and those after it fail with [`Error::is_cancelled`](crate::Error::is_cancelled). Nothing
    /// at all is stored if one of them is invalid.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let store = kinto_client::local::Store::in_memory().await?;
    /// # let notes = store.bind(&client.bucket("default").collection(kinto_server::unique("doc"))).await?;
    /// use kinto_client::json;
    ///
    /// let twins = [json!({"id": "a"}), json!({"id": "a"}), json!({"id": "b"})];
    /// let error = notes.create_records(twins).stop_on_error().await.unwrap_err();
    /// assert!(error.failures()[0].1.is_conflict() && error.failures()[1].1.is_cancelled());
    /// assert_eq!(notes.get_records().count().await?, 1);
    /// # Ok(()) }
    /// ```
    pub fn stop_on_error(mut self) -> Self {
        self.op.stop = Stop::BeforeInvalid;
        self
    }
}

impl<O> fmt::Debug for LocalBulk<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalBulk({} × {} {})", self.operations.len(), self.context.operation, self.context.object)
    }
}

impl<O> fmt::Debug for LocalBulkEach<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
