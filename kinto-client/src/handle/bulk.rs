//! Many records in few requests: those of an iterator, and those of a stream.

use futures_core::Stream;
use futures_util::StreamExt as _;

use super::Collection;
use crate::{
    operation::{
        Call, CallContext,
        batch::{bulk::Bulk, stream::BulkFrom},
        create::{Create, NewIds},
        delete::{Delete, DeleteTarget},
        overwrite::Overwrite,
        save::{Save, SaveOwned},
    },
    wire::object::{Record, RecordData, id::RecordId, kind},
};

/// Many records at once.
impl Collection {
    /// Creates many records, each as [`create_record`](Self::create_record) does, in as few requests as the server
    /// allows.
    ///
    /// Options: [`each`](crate::Call::each), [`stop_on_error`](crate::Call::stop_on_error),
    /// [`max_bytes`](crate::Call::max_bytes), [`on_progress`](crate::Call::on_progress).
    ///
    /// # Errors
    ///
    /// [`Error::is_partial`](crate::Error::is_partial) if some could not be created, while the others were. Use
    /// `.each()` to get a result for each instead.
    pub fn create_records<T: RecordData>(
        &self,
        data: impl IntoIterator<Item = T>,
    ) -> Call<'static, Bulk<'static, Create<kind::Record, T>>> {
        let records = self.records_of::<T>();
        let context = CallContext::new("create records in", &self.place);
        let mut ids = NewIds::default();
        let creates = data.into_iter().map(|data| Create::with_new_id(records.clone(), data, ids.one())).collect();
        Call::new(&self.client, Bulk::new(context, creates))
    }

    /// Creates the records that a stream yields while it yields them, each as [`create_record`](Self::create_record) does:
    /// for more records than fit into memory.
    ///
    /// Awaiting the call carries out all of them, up to the first that fails, and returns their number;
    /// [`stream`](crate::Call::stream) yields a result for each, and [`iter`](crate::Call::iter) does that in code that blocks.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// use futures_util::{TryStreamExt as _, stream};
    /// use kinto_client::json;
    ///
    /// let numbers = (0..60).map(|n| json!({"n": n}));
    /// let mut created = todo.create_records_from(stream::iter(numbers)).stream();
    /// while let Some(record) = created.try_next().await? {
    ///     println!("{}", record.id);
    /// }
    /// # assert_eq!(todo.get_records::<kinto_client::Value>().count().await?, 60);
    /// # Ok(()) }
    /// ```
    ///
    /// Options: [`stop_on_error`](crate::Call::stop_on_error), [`max_bytes`](crate::Call::max_bytes).
    ///
    /// # Errors
    ///
    /// The awaited call is [`Error::is_partial`](crate::Error::is_partial) if one failed:
    /// [`failures`](crate::Error::failures) has those of its request, and what was not sent any more. All before them were
    /// carried out.
    pub fn create_records_from<'a, T: RecordData>(
        &self,
        data: impl Stream<Item = T> + Send + 'a,
    ) -> Call<'a, BulkFrom<'a, Create<kind::Record, T>>> {
        let records = self.records_of::<T>();
        let context = CallContext::new("create records in", &self.place);
        let mut ids = NewIds::default();
        let creates = data.map(move |data| Create::with_new_id(records.clone(), data, ids.one()));
        Call::new(&self.client, BulkFrom::new(context, creates.boxed()))
    }

    /// Replaces or creates the records that a stream yields with their ids, while it yields them, each as
    /// [`overwrite_record`](Self::overwrite_record) does.
    ///
    /// Awaiting the call carries out all of them, up to the first that fails, and returns their number;
    /// [`stream`](crate::Call::stream) yields a result for each.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// use futures_util::stream;
    /// use kinto_client::json;
    ///
    /// let numbers = (0..60).map(|n| (format!("n{n}"), json!({"n": n})));
    /// assert_eq!(todo.overwrite_records_from(stream::iter(numbers)).await?, 60);
    /// # Ok(()) }
    /// ```
    ///
    /// Options: [`stop_on_error`](crate::Call::stop_on_error), [`max_bytes`](crate::Call::max_bytes).
    ///
    /// # Errors
    ///
    /// The awaited call is [`Error::is_partial`](crate::Error::is_partial) if one failed:
    /// [`failures`](crate::Error::failures) has those of its request, and what was not sent any more. All before them were
    /// carried out.
    pub fn overwrite_records_from<'a, T: RecordData, I: Into<RecordId<T>>>(
        &self,
        records: impl Stream<Item = (I, T)> + Send + 'a,
    ) -> Call<'a, BulkFrom<'a, Overwrite<kind::Record, T>>> {
        let list = self.records_of::<T>();
        let context = CallContext::new("overwrite records in", &self.place);
        let overwrites = records.map(move |(id, data)| Overwrite::new(list.clone(), id.into().as_str(), data));
        Call::new(&self.client, BulkFrom::new(context, overwrites.boxed()))
    }

    /// Saves the changes of many records that were read, each as [`save_record`](Self::save_record) does, in as
    /// few requests as the server allows.
    ///
    /// Unchanged records are not sent.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// # todo.create_records((0..3).map(|i| kinto_client::json!({"title": format!("Todo #{i}")}))).await?;
    /// use kinto_client::Value;
    ///
    /// let mut records = todo.get_records::<Value>().await?;
    /// for record in &mut records {
    ///     record.data["done"] = true.into();
    /// }
    /// todo.save_records(&mut records).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// Options: [`each`](crate::Call::each), [`stop_on_error`](crate::Call::stop_on_error),
    /// [`max_bytes`](crate::Call::max_bytes), [`on_progress`](crate::Call::on_progress).
    ///
    /// # Errors
    ///
    /// [`Error::is_partial`](crate::Error::is_partial) if some could not be saved, while the others were and have
    /// their new timestamps. Use `.each()` to get a result for each instead.
    pub fn save_records<'a, T: RecordData>(
        &self,
        records: impl IntoIterator<Item = &'a mut Record<T>>,
    ) -> Call<'a, Bulk<'a, Save<'a, kind::Record, T>>> {
        let list = self.records_of::<T>();
        let context = CallContext::new("save records in", &self.place);
        let saves = records.into_iter().map(|record| Save::new(list.at(record.id.as_str()), record)).collect();
        Call::new(&self.client, Bulk::new(context, saves))
    }

    /// Deletes many records: each by its id, or as a record that was read, unless it was changed since.
    ///
    /// Options: [`each`](crate::Call::each), [`stop_on_error`](crate::Call::stop_on_error),
    /// [`max_bytes`](crate::Call::max_bytes), [`on_progress`](crate::Call::on_progress).
    ///
    /// # Errors
    ///
    /// [`Error::is_partial`](crate::Error::is_partial) if some could not be deleted, while the others were. Use
    /// `.each()` to get a result for each instead.
    pub fn delete_records<R: Into<DeleteTarget<kind::Record>>>(
        &self,
        records: impl IntoIterator<Item = R>,
    ) -> Call<'static, Bulk<'static, Delete<kind::Record>>> {
        let list = self.place.records();
        let context = CallContext::new("delete records in", &self.place);
        let delete = |record: R| {
            let DeleteTarget { id, if_match, .. } = record.into();
            Delete::new(list.at(id), if_match)
        };
        Call::new(&self.client, Bulk::new(context, records.into_iter().map(delete).collect()))
    }

    /// Saves the changes of the records that a stream yields while it yields them, each as
    /// [`save_record`](Self::save_record) does, and returns each with its new timestamp.
    ///
    /// Unchanged records are not sent. Awaiting the call carries out all of them, up to the first that fails, and returns
    /// their number; [`stream`](crate::Call::stream) yields a result for each. A record that could not be saved is not
    /// returned: [`Error::conflict`](crate::Error::conflict) has its data, and what is stored, if another client has changed
    /// it. Keep a copy, or [`save_records`](Self::save_records), where its changes cannot be made again.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// # todo.create_records((0..60).map(|n| kinto_client::json!({"n": n}))).await?;
    /// use futures_util::{TryStreamExt as _, stream};
    /// use kinto_client::Value;
    ///
    /// let records = todo.get_records::<Value>().await?;
    /// let changed = records.into_iter().map(|mut record| {
    ///     record.data["done"] = true.into();
    ///     record
    /// });
    /// let saved: Vec<_> = todo.save_records_from(stream::iter(changed)).stream().try_collect().await?;
    /// assert_eq!(saved.len(), 60);
    /// # Ok(()) }
    /// ```
    ///
    /// Options: [`stop_on_error`](crate::Call::stop_on_error), [`max_bytes`](crate::Call::max_bytes).
    ///
    /// # Errors
    ///
    /// The awaited call is [`Error::is_partial`](crate::Error::is_partial) if one failed:
    /// [`failures`](crate::Error::failures) has those of its request, and what was not sent any more. All before them were
    /// carried out.
    pub fn save_records_from<'a, T: RecordData>(
        &self,
        records: impl Stream<Item = Record<T>> + Send + 'a,
    ) -> Call<'a, BulkFrom<'a, SaveOwned<kind::Record, T>>> {
        let list = self.records_of::<T>();
        let context = CallContext::new("save records in", &self.place);
        let saves = records.map(move |record| SaveOwned::new(list.at(record.id.as_str()), record));
        Call::new(&self.client, BulkFrom::new(context, saves.boxed()))
    }

    /// Deletes the records that a stream yields while it yields them, by their ids, or as records that were read, each as
    /// [`delete_record`](Self::delete_record) does.
    ///
    /// Awaiting the call carries out all of them, up to the first that fails, and returns their number;
    /// [`stream`](crate::Call::stream) yields a result for each.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// # todo.create_records((0..60).map(|n| kinto_client::json!({"id": format!("n{n}")}))).await?;
    /// use futures_util::stream;
    ///
    /// let ids = (0..60).map(|n| format!("n{n}"));
    /// assert_eq!(todo.delete_records_from(stream::iter(ids)).await?, 60);
    /// # Ok(()) }
    /// ```
    ///
    /// Options: [`stop_on_error`](crate::Call::stop_on_error), [`max_bytes`](crate::Call::max_bytes).
    ///
    /// # Errors
    ///
    /// The awaited call is [`Error::is_partial`](crate::Error::is_partial) if one failed:
    /// [`failures`](crate::Error::failures) has those of its request, and what was not sent any more. All before them were
    /// carried out.
    pub fn delete_records_from<'a, R: Into<DeleteTarget<kind::Record>>>(
        &self,
        records: impl Stream<Item = R> + Send + 'a,
    ) -> Call<'a, BulkFrom<'a, Delete<kind::Record>>> {
        let list = self.place.records();
        let context = CallContext::new("delete records in", &self.place);
        let deletes = records.map(move |record| {
            let DeleteTarget { id, if_match, .. } = record.into();
            Delete::new(list.at(id), if_match)
        });
        Call::new(&self.client, BulkFrom::new(context, deletes.boxed()))
    }
}
