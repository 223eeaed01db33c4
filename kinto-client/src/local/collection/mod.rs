//! Collections in a store, with the verbs of those on a server.

#![expect(private_interfaces, reason = "`LocalOperation` is sealed: no other crate can call methods with these types")]

use std::{fmt, marker::PhantomData, sync::Arc};

use serde::Serialize;

use super::{inner::Inner, policies::Policies, query::LocalList};
use crate::{
    handle::Collection,
    operation::{
        Call,
        create::Create,
        delete::{DeleteTarget, TypedDeleteTarget},
        edit::Edit,
    },
    wire::object::{Record, RecordData, id::RecordId},
};

pub(crate) mod bind;
pub(crate) mod bulk;
pub(crate) mod bulk_from;
pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod delete_all;
pub(crate) mod edit;
pub(crate) mod get;
pub(crate) mod overwrite;
pub(crate) mod save;
pub(crate) mod update;
pub(crate) mod update_all;

use create::LocalCreate;
use delete::LocalDelete;
use edit::LocalEdit;
use get::LocalGet;
use overwrite::LocalOverwrite;
use save::LocalSave;
use update::LocalUpdate;

/// The records of one collection in a [`Store`](super::Store), all of type `T`.
///
/// Its calls read and write the file only, but for those that synchronize. They are [`Call`]s as those of a
/// [`TypedCollection`](crate::TypedCollection) are; options of requests, such as `.timeout(…)` and `.header(…)`, are
/// [`Error::is_invalid`](crate::Error::is_invalid) there.
pub struct LocalCollection<T> {
    pub(crate) inner: Arc<Inner>,
    pub(crate) policies: Policies,
    of: PhantomData<fn() -> T>,
}

impl<T: RecordData> LocalCollection<T> {
    pub(crate) fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner), policies: Policies::default(), of: PhantomData }
    }

    fn call<O>(&self, operation: O) -> Call<'static, O> {
        Call::new(self.inner.remote.client(), operation)
    }

    /// Returns the handle of the collection on the server.
    #[must_use]
    pub fn remote(&self) -> &Collection {
        &self.inner.remote
    }

    /// Creates a record, under a random id unless one is chosen.
    ///
    /// Options: [`id`](Call::id). Data that serializes with an `id` of its own has the same effect.
    ///
    /// # Errors
    ///
    /// [`Error::is_conflict`](crate::Error::is_conflict) if there is a record of that id here: a create never replaces one.
    /// One on the server that is not known here yet shows itself as a conflict when the record is sent.
    pub fn create_record(&self, data: T) -> Call<'static, LocalCreate<T>> {
        let create = Create::new(self.inner.remote.records(), data);
        self.call(LocalCreate { inner: Arc::clone(&self.inner), create })
    }

    /// Reads a record.
    ///
    /// Options: [`optional`](Call::optional).
    ///
    /// # Errors
    ///
    /// [`Error::is_not_found`](crate::Error::is_not_found) if there is none here, unless `.optional()` is added;
    /// [`Error::is_decode`](crate::Error::is_decode) if it does not decode as `T`.
    pub fn get_record(&self, id: impl Into<RecordId<T>>) -> Call<'static, LocalGet<T>> {
        self.call(LocalGet { inner: Arc::clone(&self.inner), id: id.into() })
    }

    /// Reads all records, those that were changed last first.
    ///
    /// Times of changes are in milliseconds. Of records with equal times, the one that was created last is first.
    ///
    /// Options: [`filter`](Call::filter), [`since`](Call::since), [`before`](Call::before), [`sort`](Call::sort),
    /// [`limit`](Call::limit), [`first`](Call::first), [`one`](Call::one), [`count`](Call::count), [`lenient`](Call::lenient),
    /// [`stream`](Call::stream).
    ///
    /// Filters and orders are those of the server on PostgreSQL, by the same handles of fields; `since` and `before` restrict the
    /// time of the last change, here or there. A field with `#[kinto(index)]` is found and sorted by an index.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// use kinto_client::{KintoRecord, local::Store};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize, KintoRecord)]
    /// struct Note {
    ///     text: String,
    ///     #[kinto(index)]
    ///     due: Option<u64>,
    /// }
    ///
    /// let notes = Store::in_memory().await?.collection::<Note>(&client).await?;
    /// notes.create_record(Note { text: "Milk".into(), due: Some(3) }).await?;
    /// notes.create_record(Note { text: "Bread".into(), due: None }).await?;
    ///
    /// let fields = Note::fields();
    /// let next = notes.get_records().filter(fields.due.lt(10)).sort(fields.due.asc()).limit(20).await?;
    /// assert_eq!(next.iter().map(|note| note.data.text.as_str()).collect::<Vec<_>>(), ["Milk"]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::is_decode`](crate::Error::is_decode) if a record does not decode as `T`, and
    /// [`Error::is_invalid`](crate::Error::is_invalid) for a filter or an order that the server would refuse.
    pub fn get_records(&self) -> Call<'static, LocalList<T>> {
        self.call(LocalList::new(Arc::clone(&self.inner)))
    }

    /// Saves a record that was read, if it is still the same here. Without changes, nothing is written.
    ///
    /// # Errors
    ///
    /// [`Error::is_conflict`](crate::Error::is_conflict) if the record was changed or deleted since it was read, by the program
    /// or by a synchronization; [`Error::theirs`](crate::Error::theirs) has the present version.
    pub fn save_record<'a>(&self, record: &'a mut Record<T>) -> Call<'a, LocalSave<'a, T>> {
        let place = self.inner.remote.records().at(record.id.as_str());
        Call::new(self.inner.remote.client(), LocalSave { inner: Arc::clone(&self.inner), place, record })
    }

    /// Reads a record, changes it and saves it; again if it was changed in between, 20 times at most.
    ///
    /// To set fields to values that do not depend on the record, [`edit_record`](Self::edit_record) needs one transaction
    /// instead of two.
    ///
    /// # Errors
    ///
    /// [`Error::is_not_found`](crate::Error::is_not_found) if there is no such record here;
    /// [`Error::is_conflict`](crate::Error::is_conflict) if it was changed in between each time.
    pub fn update_record<F: FnMut(&mut T) + Send>(
        &self,
        id: impl Into<RecordId<T>>,
        change: F,
    ) -> Call<'static, LocalUpdate<T, F>> {
        self.call(LocalUpdate { inner: Arc::clone(&self.inner), id: id.into(), change })
    }

    /// Sets and removes fields of a record and keeps the others, in one transaction.
    ///
    /// Options: [`set`](Call::set), [`unset`](Call::unset), [`if_match`](Call::if_match).
    ///
    /// # Errors
    ///
    /// [`Error::is_not_found`](crate::Error::is_not_found) if there is no such record here;
    /// [`Error::is_conflict`](crate::Error::is_conflict) if it is not in the version of `if_match`;
    /// [`Error::is_decode`](crate::Error::is_decode) if it would no longer decode as `T`. Nothing is stored then.
    pub fn edit_record(&self, id: impl Into<RecordId<T>>) -> Call<'static, LocalEdit<T>> {
        let id = id.into();
        let place = self.inner.remote.records().at(id.as_str());
        self.call(LocalEdit { inner: Arc::clone(&self.inner), id, edit: Edit::new(place) })
    }

    /// Sets some attributes of a record and keeps the others, in one transaction. An attribute that is an object is replaced as
    /// a whole.
    ///
    /// # Errors
    ///
    /// [`Error::is_not_found`](crate::Error::is_not_found) if there is no such record here, and
    /// [`Error::is_decode`](crate::Error::is_decode) if it would no longer decode as `T`. Nothing is stored then.
    pub fn patch_record(&self, id: impl Into<RecordId<T>>, attributes: impl Serialize) -> Call<'static, LocalEdit<T>> {
        let mut call = self.edit_record(id);
        call.op.edit.set_attributes(&attributes);
        call
    }

    /// Replaces a record or creates it. Its old data is discarded, also what `T` does not know.
    ///
    /// # Errors
    ///
    /// [`Error::is_decode`](crate::Error::is_decode) if what `T` writes does not decode as `T`. Nothing is stored then.
    pub fn overwrite_record(&self, id: impl Into<RecordId<T>>, data: T) -> Call<'static, LocalOverwrite<T>> {
        let create = Create::replacing(self.inner.remote.records(), data, id.into().as_str());
        self.call(LocalOverwrite { inner: Arc::clone(&self.inner), create })
    }

    /// Deletes a record by its id, or one that was read, if it is still the same here.
    ///
    /// A record that was never sent leaves nothing behind.
    ///
    /// # Errors
    ///
    /// [`Error::is_not_found`](crate::Error::is_not_found) if there is no such record here;
    /// [`Error::is_conflict`](crate::Error::is_conflict) if it was changed since it was read.
    pub fn delete_record(&self, record: impl Into<TypedDeleteTarget<T>>) -> Call<'static, LocalDelete> {
        let DeleteTarget { id, if_match, .. } = record.into().target;
        let place = self.inner.remote.records().at(id);
        self.call(LocalDelete { inner: Arc::clone(&self.inner), place, if_match })
    }
}

impl<T> Clone for LocalCollection<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), policies: self.policies.clone(), of: PhantomData }
    }
}

impl<T> fmt::Debug for LocalCollection<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalCollection({} in {})", self.inner.remote.path(), self.inner.database.name())
    }
}
