use serde::Serialize;

use super::{Collection, RecordHandle, typed::TypedCollection};
use crate::{
    operation::{
        Call,
        create::Create,
        delete::{Delete, DeleteTarget},
        delete_all::DeleteAll,
        get::Get,
        list::{GetAll, changes::GetChanges, timestamp::GetTimestamp},
        overwrite::Overwrite,
        patch::Patch,
        save::Save,
        update::Update,
    },
    wire::{
        change_token::ChangeToken,
        object::{Record, RecordData, id::RecordId, kind},
        path::List,
    },
};

/// The records of a collection, of any type.
impl Collection {
    /// Returns this collection with a fixed record type, so that calls need no type arguments.
    #[must_use]
    pub fn typed<T: RecordData>(&self) -> TypedCollection<T> {
        self.client.expect_schema_of::<T>(&self.place);
        TypedCollection::new(self)
    }

    pub(crate) fn records(&self) -> List<kind::Record> {
        self.place.records()
    }

    /// Returns the handle of a record, without sending anything.
    pub fn record<T: RecordData>(&self, id: impl Into<RecordId<T>>) -> RecordHandle<T> {
        RecordHandle::new(&self.client, self.records_of::<T>().at(id.into().as_str()))
    }

    /// Creates a record.
    ///
    /// The client generates a random id, so that a retry is safe if the response is lost. To choose another,
    /// serialize the data with an `id` or call `.id(…)`; `.server_id()` leaves it to the server.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// use kinto_client::json;
    ///
    /// let record = todo.create_record(json!({"title": "Todo #1"})).await?;
    /// assert_eq!(record.data["title"], "Todo #1");
    /// let chosen = todo.create_record(json!({"id": "XXX", "status": "done"})).await?;
    /// assert_eq!(chosen.id, "XXX");
    /// # Ok(()) }
    /// ```
    ///
    /// Options: [`permissions`](crate::Call::permissions), [`if_not_exists`](crate::Call::if_not_exists),
    /// [`id`](crate::Call::id), [`server_id`](crate::Call::server_id).
    ///
    /// # Errors
    ///
    /// [`Error::is_conflict`](crate::Error::is_conflict) if a record with that id exists already, unless
    /// `.if_not_exists()` is added: a create never replaces a record.
    pub fn create_record<T: RecordData>(&self, data: T) -> Call<'static, Create<kind::Record, T>> {
        Call::new(&self.client, Create::new(self.records_of::<T>(), data))
    }

    /// Reads a record.
    ///
    /// Options: [`optional`](crate::Call::optional), [`if_changed_since`](crate::Call::if_changed_since).
    ///
    /// # Errors
    ///
    /// [`Error::is_not_found`](crate::Error::is_not_found) if the record does not exist, unless `.optional()` is
    /// added; [`Error::is_decode`](crate::Error::is_decode) if it does not decode as `T`.
    pub fn get_record<T: RecordData>(&self, id: impl Into<RecordId<T>>) -> Call<'static, Get<kind::Record, T>> {
        self.record(id).get()
    }

    /// Reads all records, page by page, the last changed first.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// # todo.create_record(kinto_client::json!({"title": "Todo #1"})).await?;
    /// use kinto_client::Value;
    ///
    /// for record in todo.get_records::<Value>().await? {
    ///     println!("{} {}", record.id, record.data["title"]);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// Options: [`select`](crate::Call::select), [`select_as`](crate::Call::select_as),
    /// [`filter`](crate::Call::filter), [`sort`](crate::Call::sort), [`limit`](crate::Call::limit),
    /// [`page_size`](crate::Call::page_size), [`max_pages`](crate::Call::max_pages), [`since`](crate::Call::since),
    /// [`before`](crate::Call::before), [`resume`](crate::Call::resume), [`consistent`](crate::Call::consistent),
    /// [`first`](crate::Call::first), [`one`](crate::Call::one), [`count`](crate::Call::count),
    /// [`lenient`](crate::Call::lenient), [`if_changed_since`](crate::Call::if_changed_since),
    /// [`stream`](crate::Call::stream), [`pages`](crate::Call::pages), [`parallel`](crate::Call::parallel).
    ///
    /// # Errors
    ///
    /// [`Error::is_decode`](crate::Error::is_decode), with the record and the place, if a record does not decode
    /// as `T`.
    pub fn get_records<T>(&self) -> Call<'static, GetAll<kind::Record, T>>
    where
        T: RecordData,
    {
        Call::new(&self.client, GetAll::new(self.place.records()))
    }

    /// Reads the time of the last change of the records: their `ETag`, without any record.
    ///
    /// Use it in a service that passes the `ETag` on, or to check cheaply whether the list has changed. It is the time
    /// of the records; that of the collection's attributes is [`Object::last_modified`](crate::Object::last_modified).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// let milk = todo.create_record(kinto_client::json!({"title": "Milk"})).await?;
    /// assert_eq!(todo.get_records_timestamp().await?, milk.last_modified);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::is_not_found`](crate::Error::is_not_found) if the collection does not exist.
    pub fn get_records_timestamp(&self) -> Call<'static, GetTimestamp<kind::Record>> {
        Call::new(&self.client, GetTimestamp::new(self.place.records()))
    }

    /// Saves the changes of a record that was read: [`Handle::save`](crate::handle::Handle::save).
    ///
    /// Fields of the stored record that `T` does not know are kept.
    pub fn save_record<'a, T: RecordData>(&self, record: &'a mut Record<T>) -> Call<'a, Save<'a, kind::Record, T>> {
        self.record(&record.id).save(record)
    }

    /// Reads a record, applies `change` to its data and saves it. If another client changed it in between, all of
    /// this is repeated: [`Handle::update`](crate::handle::Handle::update).
    pub fn update_record<T: RecordData, F: FnMut(&mut T) + Send>(
        &self,
        id: impl Into<RecordId<T>>,
        change: F,
    ) -> Call<'static, Update<kind::Record, T, F>> {
        Call::new(&self.client, Update::new(self.record(id).place, change))
    }

    /// Replaces the record or creates it with `data`, without reading it first; with `.if_match(…)`, only if it has
    /// that version.
    ///
    /// Options: [`if_match`](crate::Call::if_match), [`permissions`](crate::Call::permissions).
    pub fn overwrite_record<T: RecordData>(
        &self,
        id: impl Into<RecordId<T>>,
        data: T,
    ) -> Call<'static, Overwrite<kind::Record, T>> {
        self.record(id).overwrite(data)
    }

    /// Sets the given attributes and keeps the others: [`Handle::patch`](crate::handle::Handle::patch).
    ///
    /// Options: [`permissions`](crate::Call::permissions), [`if_match`](crate::Call::if_match).
    pub fn patch_record<T: RecordData>(
        &self,
        id: impl Into<RecordId<T>>,
        attributes: impl Serialize,
    ) -> Call<'static, Patch<kind::Record, T>> {
        self.record(id).patch(attributes)
    }

    /// Deletes a record: by its id, or a record that was read, unless it was changed since.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// # let record = todo.create_record(kinto_client::json!({"title": "Todo #1"})).await?;
    /// todo.delete_record(&record).await?;
    /// assert!(todo.delete_record("nowhere").if_exists().await?.is_none());
    /// # Ok(()) }
    /// ```
    ///
    /// Options: [`if_match`](crate::Call::if_match).
    ///
    /// # Errors
    ///
    /// [`Error::is_not_found`](crate::Error::is_not_found) if the record does not exist, unless `.if_exists()` is
    /// added; [`Error::is_conflict`](crate::Error::is_conflict) if a record that was read was changed or deleted since.
    pub fn delete_record(&self, record: impl Into<DeleteTarget<kind::Record>>) -> Call<'static, Delete<kind::Record>> {
        let DeleteTarget { id, if_match, .. } = record.into();
        Call::new(&self.client, Delete::new(self.place.records().at(id), if_match))
    }

    /// Reads the changes of the records since `token`, including deletions, the earliest first.
    ///
    /// Begin with [`Records::change_token`](crate::list::Objects::change_token) of a list of the collection, and
    /// continue with the [`token`](crate::list::Changes::token) of each result. No change is missed or returned twice,
    /// even while other clients write. A [`Timestamp`](crate::Timestamp) does not record which changes were returned,
    /// so that those of the 30 seconds before it ([`overlap`](Call::overlap)) are returned again.
    ///
    /// A [`Change::Reset`](crate::list::Change::Reset) is returned if the collection was deleted and created again, if
    /// the server was flushed or restored, or if a returned change has disappeared from the list (a purged tombstone).
    /// All records follow. To detect a reset, the client looks for the last returned change; if that has moved, the
    /// version of the collection decides, so that changed attributes of the collection can cause a reset, too. Two
    /// things are not detected: deletions that were purged before they were returned, and records created with an
    /// older timestamp. A caller that was away for longer than the operator keeps tombstones has to read everything.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// use kinto_client::{Value, json};
    ///
    /// let all = todo.get_records::<Value>().await?;
    /// let milk = todo.create_record(json!({"title": "Milk"})).await?;
    /// let bread = todo.create_record(json!({"title": "Bread"})).await?;
    /// todo.delete_record(&milk).await?;
    ///
    /// let happened = todo.changes_since::<Value>(all.change_token()).await?;
    /// let ids: Vec<_> = happened.changes.iter().filter_map(|change| change.id()).collect();
    /// assert_eq!(ids, [&*bread.id, &*milk.id]);
    /// let text = happened.token.to_string(); // to be kept
    /// assert!(todo.changes_since::<Value>(text.parse::<kinto_client::list::ChangeToken>()?).await?.changes.is_empty());
    /// # Ok(()) }
    /// ```
    ///
    /// Options: [`page_size`](crate::Call::page_size), [`overlap`](crate::Call::overlap),
    /// [`stream`](crate::Call::stream), [`watch`](crate::Call::watch).
    pub fn changes_since<T: RecordData>(&self, token: impl Into<ChangeToken>) -> Call<'static, GetChanges<T>> {
        Call::new(&self.client, GetChanges::new(&self.place, token.into()))
    }

    /// Deletes all records that you may write, or with a [filter](Call::filter) those that match, and returns the
    /// deleted ones.
    ///
    /// Options: [`filter`](crate::Call::filter), [`since`](crate::Call::since), [`before`](crate::Call::before).
    pub fn delete_all_records(&self) -> Call<'static, DeleteAll<kind::Record, serde_json::Value>> {
        self.delete_matching()
    }

    /// Its records, which are of that type.
    pub(super) fn records_of<T: RecordData>(&self) -> List<kind::Record> {
        self.client.expect_schema_of::<T>(&self.place);
        self.place.records()
    }

    pub(crate) fn delete_matching<R>(&self) -> Call<'static, DeleteAll<kind::Record, R>> {
        Call::new(&self.client, DeleteAll::new(self.place.records()))
    }
}
