use crate::{client::Client, record::KintoRecord};
use std::{fmt, marker::PhantomData};

use futures_core::Stream;
use futures_util::StreamExt as _;
use serde::Serialize;

use super::{Collection, RecordHandle};
use crate::{
    operation::{
        Call,
        batch::{bulk::Bulk, stream::BulkFrom},
        create::Create,
        delete::{Delete, TypedDeleteTarget},
        delete_all::DeleteAll,
        edit::Edit,
        get::Get,
        list::{GetAll, changes::GetChanges, timestamp::GetTimestamp},
        overwrite::Overwrite,
        patch::Patch,
        save::{Save, SaveOwned},
        update::Update,
        update_all::UpdateAll,
    },
    wire::{
        change_token::ChangeToken,
        object::{Record, RecordData, attributes::CollectionAttributes, id::RecordId, kind},
    },
};

/// A [`Collection`] whose records are all of type `T`: its methods need no type arguments.
pub struct TypedCollection<T> {
    collection: Collection,
    of: PhantomData<fn() -> T>,
}

impl<T: RecordData> TypedCollection<T> {
    pub(crate) fn new(collection: &Collection) -> Self {
        Self { collection: collection.clone(), of: PhantomData }
    }

    /// Returns the collection without its type.
    #[must_use]
    pub fn untyped(&self) -> &Collection {
        &self.collection
    }

    /// Returns this handle with a fenced client: see [`Client::fenced_by`](crate::Client::fenced_by).
    #[must_use]
    pub fn fenced_by(&self, locks: &Collection) -> Self {
        Self { collection: self.collection.fenced_by(locks), of: PhantomData }
    }

    /// Returns the id of the collection.
    #[must_use]
    pub fn id(&self) -> &str {
        self.collection.id()
    }

    /// Returns the path below the server's version prefix: [`Handle::path`](crate::handle::Handle::path).
    #[must_use]
    pub fn path(&self) -> String {
        self.collection.path()
    }

    /// Creates the collection: [`Handle::create`](crate::handle::Handle::create).
    pub fn create(&self) -> Call<'static, Create<kind::Collection, CollectionAttributes>> {
        self.collection.create()
    }

    /// Returns the handle of a record, without sending anything.
    pub fn record(&self, id: impl Into<RecordId<T>>) -> RecordHandle<T> {
        self.collection.record(id)
    }

    /// Creates a record: [`Collection::create_record`].
    pub fn create_record(&self, data: T) -> Call<'static, Create<kind::Record, T>> {
        self.collection.create_record(data)
    }

    /// Reads a record: [`Collection::get_record`].
    pub fn get_record(&self, id: impl Into<RecordId<T>>) -> Call<'static, Get<kind::Record, T>> {
        self.collection.get_record(id)
    }

    /// Reads all records: [`Collection::get_records`].
    pub fn get_records(&self) -> Call<'static, GetAll<kind::Record, T>> {
        self.collection.get_records()
    }

    /// Reads the time of the last change of the records: [`Collection::get_records_timestamp`].
    pub fn get_records_timestamp(&self) -> Call<'static, GetTimestamp<kind::Record>> {
        self.collection.get_records_timestamp()
    }

    /// Saves a record that was read: [`Collection::save_record`].
    pub fn save_record<'a>(&self, record: &'a mut Record<T>) -> Call<'a, Save<'a, kind::Record, T>> {
        self.collection.save_record(record)
    }

    /// Reads a record, changes it and saves it: [`Handle::update`](crate::handle::Handle::update).
    pub fn update_record<F: FnMut(&mut T) + Send>(
        &self,
        id: impl Into<RecordId<T>>,
        change: F,
    ) -> Call<'static, Update<kind::Record, T, F>> {
        self.collection.update_record(id, change)
    }

    /// Replaces a record or creates it: [`Collection::overwrite_record`].
    pub fn overwrite_record(&self, id: impl Into<RecordId<T>>, data: T) -> Call<'static, Overwrite<kind::Record, T>> {
        self.collection.overwrite_record(id, data)
    }

    /// Sets some attributes of a record: [`Collection::patch_record`].
    pub fn patch_record(
        &self,
        id: impl Into<RecordId<T>>,
        attributes: impl Serialize,
    ) -> Call<'static, Patch<kind::Record, T>> {
        self.collection.patch_record(id, attributes)
    }

    /// Sets and removes fields of a record: [`Handle::edit`](crate::handle::Handle::edit).
    pub fn edit_record(&self, id: impl Into<RecordId<T>>) -> Call<'static, Edit<kind::Record, T>> {
        self.record(id).edit()
    }

    /// Deletes a record: [`Collection::delete_record`].
    pub fn delete_record(&self, record: impl Into<TypedDeleteTarget<T>>) -> Call<'static, Delete<kind::Record>> {
        self.collection.delete_record(record.into().target)
    }

    /// Creates many records: [`Collection::create_records`].
    pub fn create_records(
        &self,
        data: impl IntoIterator<Item = T>,
    ) -> Call<'static, Bulk<'static, Create<kind::Record, T>>> {
        self.collection.create_records(data)
    }

    /// Saves many records that were read: [`Collection::save_records`].
    pub fn save_records<'a>(
        &self,
        records: impl IntoIterator<Item = &'a mut Record<T>>,
    ) -> Call<'a, Bulk<'a, Save<'a, kind::Record, T>>> {
        self.collection.save_records(records)
    }

    /// Deletes many records: [`Collection::delete_records`].
    pub fn delete_records<R: Into<TypedDeleteTarget<T>>>(
        &self,
        records: impl IntoIterator<Item = R>,
    ) -> Call<'static, Bulk<'static, Delete<kind::Record>>> {
        self.collection.delete_records(records.into_iter().map(|record| record.into().target))
    }

    /// Creates the records that a stream yields: [`Collection::create_records_from`].
    pub fn create_records_from<'a>(
        &self,
        data: impl Stream<Item = T> + Send + 'a,
    ) -> Call<'a, BulkFrom<'a, Create<kind::Record, T>>> {
        self.collection.create_records_from(data)
    }

    /// Replaces or creates the records that a stream yields with their ids: [`Collection::overwrite_records_from`].
    pub fn overwrite_records_from<'a, I: Into<RecordId<T>>>(
        &self,
        records: impl Stream<Item = (I, T)> + Send + 'a,
    ) -> Call<'a, BulkFrom<'a, Overwrite<kind::Record, T>>> {
        self.collection.overwrite_records_from(records)
    }

    /// Saves the records that a stream yields: [`Collection::save_records_from`].
    pub fn save_records_from<'a>(
        &self,
        records: impl Stream<Item = Record<T>> + Send + 'a,
    ) -> Call<'a, BulkFrom<'a, SaveOwned<kind::Record, T>>> {
        self.collection.save_records_from(records)
    }

    /// Reads the records that match, changes each and saves it: [`Collection::update_records`].
    pub fn update_records<'a, F: FnMut(&mut T) + Send + 'a>(&self, change: F) -> Call<'a, UpdateAll<'a, T, F>> {
        self.collection.update_records(change)
    }

    /// Deletes the records that a stream yields: [`Collection::delete_records_from`].
    pub fn delete_records_from<'a, R: Into<TypedDeleteTarget<T>>>(
        &self,
        records: impl Stream<Item = R> + Send + 'a,
    ) -> Call<'a, BulkFrom<'a, Delete<kind::Record>>> {
        self.collection.delete_records_from(records.map(|record| record.into().target))
    }

    /// Deletes all records that you may write: [`Collection::delete_all_records`].
    pub fn delete_all_records(&self) -> Call<'static, DeleteAll<kind::Record, T>> {
        self.collection.delete_matching()
    }

    /// Reads the changes of the records since `token`: [`Collection::changes_since`].
    pub fn changes_since(&self, token: impl Into<ChangeToken>) -> Call<'static, GetChanges<T>> {
        self.collection.changes_since(token)
    }
}

impl<T> Clone for TypedCollection<T> {
    fn clone(&self) -> Self {
        Self { collection: self.collection.clone(), of: PhantomData }
    }
}

impl<T> fmt::Debug for TypedCollection<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.collection.fmt(f)
    }
}

impl Client {
    /// Returns the handle of the collection that `T` is bound to by its `#[kinto(…)]` attribute, without sending
    /// anything.
    #[must_use]
    pub fn typed<T: KintoRecord>(&self) -> TypedCollection<T> {
        self.bucket(T::BUCKET).collection(T::COLLECTION).typed()
    }
}
