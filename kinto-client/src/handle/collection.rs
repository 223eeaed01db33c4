use serde::Serialize;

use super::{Collection, RecordHandle, TypedCollection};
use crate::{
    call::{
        Call, Subject,
        create::{Create, NewIds},
        delete::{Delete, Target},
        delete_all::DeleteAll,
        get::Get,
        list::{GetAll, GetChanges, GetTimestamp},
        many::Many,
        overwrite::Overwrite,
        patch::Patch,
        save::Save,
        update::Update,
    },
    wire::{
        change_token::ChangeToken,
        id::RecordId,
        kind,
        object::{Data, Record},
        path::List,
    },
};

/// Its records, of any type.
impl Collection {
    /// The same collection with one type for all its records, so that it need not be named with each call.
    #[must_use]
    pub fn typed<T: Data>(&self) -> TypedCollection<T> {
        self.client.expect_schema_of::<T>(&self.place);
        TypedCollection::new(self)
    }

    pub(crate) fn records(&self) -> List<kind::Record> {
        self.place.records()
    }

    /// The place of a record. Nothing is sent.
    pub fn record<T: Data>(&self, id: impl Into<RecordId<T>>) -> RecordHandle<T> {
        RecordHandle::new(&self.client, self.records_of::<T>().at(id.into().as_str()))
    }

    /// Creates a record.
    ///
    /// Its id is a random one that the client makes, so that the request can be sent again if its answer is lost. The
    /// data's own `id`, if it serialises with one, and `.id(…)` choose another; `.server_id()` leaves it to the server.
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
    /// # Errors
    ///
    /// [`Error::is_conflict`](crate::Error::is_conflict) if there is a record of that id already, unless
    /// `.if_not_exists()` is added: a create never replaces.
    pub fn create_record<T: Data>(&self, data: T) -> Call<'static, Create<kind::Record, T>> {
        Call::new(&self.client, Create::new(self.records_of::<T>(), data))
    }

    /// Reads a record.
    ///
    /// # Errors
    ///
    /// [`Error::is_not_found`](crate::Error::is_not_found) if there is none, unless `.or_none()` is added;
    /// [`Error::is_decode`](crate::Error::is_decode) if it does not fit `T`.
    pub fn get_record<T: Data>(&self, id: impl Into<RecordId<T>>) -> Call<'static, Get<kind::Record, T>> {
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
    /// # Errors
    ///
    /// [`Error::is_decode`](crate::Error::is_decode) if a record does not fit `T`: it says which, and where.
    pub fn get_records<T>(&self) -> Call<'static, GetAll<kind::Record, T>>
    where
        T: Data,
    {
        Call::new(&self.client, GetAll::new(self.place.records()))
    }

    /// Reads the time of the last change of the records: their `ETag`, without any record.
    ///
    /// For a web service that passes the `ETag` on, and to ask cheaply whether to read again. It is the timestamp of the
    /// records; the collection's own, of its settings, is [`Object::last_modified`](crate::Object::last_modified).
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
    /// [`Error::is_not_found`](crate::Error::is_not_found) if there is no such collection.
    pub fn get_records_timestamp(&self) -> Call<'static, GetTimestamp<kind::Record>> {
        Call::new(&self.client, GetTimestamp::new(self.place.records()))
    }

    /// Saves what was changed in a record that was read: [`Handle::save`](crate::Handle::save).
    ///
    /// Everything that the record has on the server and `T` does not know is kept.
    pub fn save_record<'a, T: Data>(&self, record: &'a mut Record<T>) -> Call<'a, Save<'a, kind::Record, T>> {
        self.record(&record.id).save(record)
    }

    /// Reads a record, lets `change` change its data, and saves it; from the start again if somebody else changed it in
    /// between: [`Handle::update`](crate::Handle::update).
    pub fn update_record<T: Data, F: FnMut(&mut T) + Send>(
        &self,
        id: impl Into<RecordId<T>>,
        change: F,
    ) -> Call<'static, Update<kind::Record, T, F>> {
        Call::new(&self.client, Update::new(self.record(id).place, change))
    }

    /// Puts `data` in the place of whatever record is there, or is not there yet, without a look at it; with
    /// `.if_match(…)`, only in the place of that version.
    pub fn overwrite_record<T: Data>(
        &self,
        id: impl Into<RecordId<T>>,
        data: T,
    ) -> Call<'static, Overwrite<kind::Record, T>> {
        self.record(id).overwrite(data)
    }

    /// Sets the attributes that are given and leaves the others as they are: [`Handle::patch`](crate::Handle::patch).
    pub fn patch_record<T: Data>(
        &self,
        id: impl Into<RecordId<T>>,
        attributes: impl Serialize,
    ) -> Call<'static, Patch<kind::Record, T>> {
        self.record(id).patch(attributes)
    }

    /// Deletes a record: by its id, or as it was read and only if it still is so.
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
    /// # Errors
    ///
    /// [`Error::is_not_found`](crate::Error::is_not_found) if there is none, unless `.if_exists()` is added;
    /// [`Error::is_conflict`](crate::Error::is_conflict) if it was changed since it was read.
    pub fn delete_record(&self, record: impl Into<Target<kind::Record>>) -> Call<'static, Delete<kind::Record>> {
        let Target { id, if_match, .. } = record.into();
        Call::new(&self.client, Delete::new(self.place.records().at(id), if_match))
    }

    /// Creates many records: as [`create_record`](Self::create_record) does each, in as few requests as the server
    /// allows.
    ///
    /// # Errors
    ///
    /// [`Error::is_partial`](crate::Error::is_partial) if some could not be created: the others are. Add `.each()` to
    /// have a result for each instead.
    pub fn create_records<T: Data>(
        &self,
        data: impl IntoIterator<Item = T>,
    ) -> Call<'static, Many<'static, Create<kind::Record, T>>> {
        let records = self.records_of::<T>();
        let subject = Subject::new("create records in", &self.place);
        let mut ids = NewIds::default();
        let creates = data.into_iter().map(|data| Create::with_new_id(records.clone(), data, ids.one())).collect();
        Call::new(&self.client, Many::new(subject, creates))
    }

    /// Saves what was changed in many records that were read: as [`save_record`](Self::save_record) does each, in as few
    /// requests as the server allows. Of those that were not changed nothing is sent.
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
    /// # Errors
    ///
    /// [`Error::is_partial`](crate::Error::is_partial) if some could not be saved: the others are, and have their new
    /// timestamps. Add `.each()` to have a result for each instead.
    pub fn save_records<'a, T: Data>(
        &self,
        records: impl IntoIterator<Item = &'a mut Record<T>>,
    ) -> Call<'a, Many<'a, Save<'a, kind::Record, T>>> {
        let list = self.records_of::<T>();
        let subject = Subject::new("save records in", &self.place);
        let saves = records.into_iter().map(|record| Save::new(list.at(record.id.as_str()), record)).collect();
        Call::new(&self.client, Many::new(subject, saves))
    }

    /// Deletes many records: each by its id, or as it was read and only if it still is so.
    ///
    /// # Errors
    ///
    /// [`Error::is_partial`](crate::Error::is_partial) if some could not be deleted: the others are. Add `.each()` to
    /// have a result for each instead.
    pub fn delete_records<R: Into<Target<kind::Record>>>(
        &self,
        records: impl IntoIterator<Item = R>,
    ) -> Call<'static, Many<'static, Delete<kind::Record>>> {
        let list = self.place.records();
        let subject = Subject::new("delete records in", &self.place);
        let delete = |record: R| {
            let Target { id, if_match, .. } = record.into();
            Delete::new(list.at(id), if_match)
        };
        Call::new(&self.client, Many::new(subject, records.into_iter().map(delete).collect()))
    }

    /// Reads what happened to the records since then, the earliest first, deletions included.
    ///
    /// Begin with [`Records::change_token`](crate::Objects::change_token) of a reading of the collection, and go on with the
    /// [`token`](crate::Changes::token) that each reading of changes gives. Nothing is missed and nothing told twice, whoever
    /// else writes. From a [`Timestamp`](crate::Timestamp), which does not know what was told, the changes of the 30 seconds before it
    /// ([`overlap`](Call::overlap)) are told again.
    ///
    /// A collection that was deleted and made again, a server that was flushed or restored, and a change that was told and then taken
    /// out of the list (a purged tombstone) are a [`Change::Reset`](crate::Change::Reset), after which all that is there is told. To
    /// notice that, the last change that was told is looked for; where it has moved, the collection is asked for its own version. If that
    /// is later, this is a reset, too, though it may only have been given other attributes. Two things cannot be noticed: deletions
    /// that were purged before they were told, and records that are created with a timestamp of the past. Whoever
    /// has been away for longer than the operator keeps tombstones reads everything.
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
    /// assert!(todo.changes_since::<Value>(text.parse::<kinto_client::ChangeToken>()?).await?.changes.is_empty());
    /// # Ok(()) }
    /// ```
    pub fn changes_since<T: Data>(&self, token: impl Into<ChangeToken>) -> Call<'static, GetChanges<T>> {
        Call::new(&self.client, GetChanges::new(&self.place, token.into()))
    }

    /// Deletes all records that you may write; with a [filter](Call::filter), those that match. Gives what was deleted.
    pub fn delete_all_records(&self) -> Call<'static, DeleteAll<kind::Record, crate::Value>> {
        self.delete_matching()
    }

    /// Its records, which are of that type.
    fn records_of<T: Data>(&self) -> List<kind::Record> {
        self.client.expect_schema_of::<T>(&self.place);
        self.place.records()
    }

    pub(super) fn delete_matching<R>(&self) -> Call<'static, DeleteAll<kind::Record, R>> {
        Call::new(&self.client, DeleteAll::new(self.place.records()))
    }
}
