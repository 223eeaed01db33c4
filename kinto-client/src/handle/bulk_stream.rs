//! More records than fit into memory: from a stream, or as many as match a filter.

use futures_core::Stream;
use futures_util::StreamExt as _;

use super::Collection;
use crate::{
    operation::{
        Call, CallContext,
        batch::stream::BulkFrom,
        create::{Create, NewIds},
        delete::{Delete, DeleteTarget},
        overwrite::Overwrite,
        save::SaveOwned,
        update_all::UpdateAll,
    },
    wire::object::{Record, RecordData, id::RecordId, kind},
};

/// More records than fit into memory.
impl Collection {
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
    /// Options: [`stop_on_error`](crate::Call::stop_on_error), [`max_bytes`](crate::Call::max_bytes),
    /// [`on_progress`](crate::Call::on_progress).
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
        Call::new(&self.client, BulkFrom::new(context, creates))
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
    /// Options: [`stop_on_error`](crate::Call::stop_on_error), [`max_bytes`](crate::Call::max_bytes),
    /// [`on_progress`](crate::Call::on_progress).
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
        Call::new(&self.client, BulkFrom::new(context, overwrites))
    }

    /// Reads the records that match, changes each and saves it, in as few requests as the server allows: for more records
    /// than fit into memory.
    ///
    /// Without a [`filter`](crate::Call::filter), it changes all records of the collection. Fields that `T` does not have are
    /// kept, and records that `change` leaves as they were are not sent. A record that another client has changed since it
    /// was read is read and changed again, unless it does not match any more. For one record, use
    /// [`update_record`](Self::update_record).
    ///
    /// Awaiting the call carries out all updates, up to the first that fails, and returns their numbers;
    /// [`stream`](crate::Call::stream) yields each record as it is stored, and [`iter`](crate::Call::iter) does that in code
    /// that blocks.
    ///
    /// No record is left out that exists and matches from the first request to the last, however often other clients change
    /// it meanwhile. One that is created meanwhile, or begins to match, may be. Each record comes once, which takes eight bytes
    /// for each. If what is changed meanwhile, by this call or by others, and still matches does not fit on the last page, its
    /// ids are read once more, a thousand or more with a request where the server allows that, and then, by id, the records
    /// that were missed.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// # todo.create_records((0..60).map(|n| kinto_client::json!({"n": n, "done": n % 2 == 0}))).await?;
    /// use kinto_client::{Filter, Value};
    ///
    /// let report = todo
    ///     .update_records(|todo: &mut Value| todo["done"] = true.into())
    ///     .filter(Filter::field("done").eq(false))
    ///     .await?;
    /// assert_eq!((report.matched, report.changed), (30, 30));
    /// # Ok(()) }
    /// ```
    ///
    /// Options: [`filter`](crate::Call::filter), [`since`](crate::Call::since), [`before`](crate::Call::before),
    /// [`page_size`](crate::Call::page_size), [`stop_on_error`](crate::Call::stop_on_error),
    /// [`max_bytes`](crate::Call::max_bytes), [`on_progress`](crate::Call::on_progress).
    ///
    /// # Errors
    ///
    /// The awaited call is [`Error::is_partial`](crate::Error::is_partial) if one failed:
    /// [`failures`](crate::Error::failures) has those of its request, and what was not sent any more. All before them were
    /// carried out. A list that cannot be read at all is the error of the list. A record whose response was lost for good is
    /// not changed a second time: its error says [`may_have_been_applied`](crate::Error::may_have_been_applied).
    pub fn update_records<'a, T: RecordData, F: FnMut(&mut T) + Send + 'a>(
        &self,
        change: F,
    ) -> Call<'a, UpdateAll<'a, T, F>> {
        Call::new(&self.client, UpdateAll::new(self.records_of::<T>(), change))
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
    /// Options: [`stop_on_error`](crate::Call::stop_on_error), [`max_bytes`](crate::Call::max_bytes),
    /// [`on_progress`](crate::Call::on_progress).
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
        Call::new(&self.client, BulkFrom::new(context, saves))
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
    /// Options: [`stop_on_error`](crate::Call::stop_on_error), [`max_bytes`](crate::Call::max_bytes),
    /// [`on_progress`](crate::Call::on_progress).
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
        Call::new(&self.client, BulkFrom::new(context, deletes))
    }
}
