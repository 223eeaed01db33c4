//! The history of a bucket, which the server's `history` plugin keeps: which user changed which object, when, and how.
//!
//! | call | of |
//! |---|---|
//! | `get_history` | [`Bucket`](Bucket::get_history), [`Collection`](Collection::get_history), [`Group`](Group::get_history), [`RecordHandle`](RecordHandle::get_history), [`TypedCollection`](TypedCollection::get_history) |
//! | `purge_history` | the same |
//! | `snapshot` | [`Collection`](Collection::snapshot), [`TypedCollection`](TypedCollection::snapshot): the records as they were at a time |
//! | `restore` | [`RecordHandle`](RecordHandle::restore): an older version of a record |
//!
//! ```
//! # #[tokio::main] async fn main() -> kinto_client::Result<()> {
//! # let server = kinto_server::Server::shared().expect("a server");
//! # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
//! use kinto_client::{
//!     KintoRecord,
//!     history::{HistoryAction, HistoryEntry},
//! };
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, Serialize, Deserialize, KintoRecord)]
//! # #[kinto(collection = "history-doc")]
//! struct Todo {
//!     title: String,
//!     done: bool,
//! }
//!
//! let todos = client.typed::<Todo>();
//! # todos.purge_history().all().await.ok();
//! # todos.delete_all_records().await?;
//! let milk = todos.create_record(Todo { title: "Milk".into(), done: false }).await?;
//! todos.update_record(&milk.id, |todo| todo.done = true).await?;
//!
//! // Which users have finished something?
//! let (entry, f) = (HistoryEntry::<Todo>::fields(), Todo::fields());
//! let finished = entry.action.eq(HistoryAction::Update).and(f.done.eq(true).in_history());
//! for entry in todos.get_history().filter(finished).sort(entry.version.asc()).await? {
//!     println!("{:?} finished {:?}", entry.user_id, entry.target.data);
//! }
//!
//! // As it was before.
//! let before = todos.snapshot(milk.last_modified).await?;
//! assert!(!before[0].data.done);
//! let versions = todos.record(&milk.id).get_history().await?;
//! let restored = todos.record(&milk.id).restore(&versions[1]).if_match(versions[0].target.last_modified).await?;
//! assert!(!restored.data.done);
//! # Ok(()) }
//! ```
//!
//! # Visibility
//!
//! An entry is visible to those who could read the object, its collection or its bucket when it was written, and to
//! those who may read the bucket. All others get no error, but fewer entries. Purging needs `write` on the bucket.
//!
//! # What is not in a history
//!
//! Objects that are deleted with their collection or bucket have no entry of their own, and a bucket takes its history
//! along.
//! The operator can exclude objects and users, limit the number of entries, and switch the plugin on later than a bucket
//! was created. With `kinto.explicit_permissions = false`, Kinto 26.5 records the first change of a batch or of a list
//! only.

#![expect(private_interfaces, reason = "the traits of operations are sealed: no caller can name these types")]

mod differences;
mod entry;
mod fields;
mod get;
mod name;
mod purge;
mod restore;
mod scope;
mod snapshot;

pub use differences::{Differences, FieldDifference};
pub use entry::{HistoryEntry, HistoryTarget};
pub use fields::HistoryFields;
pub use get::{CountHistory, GetFirstEntry, GetHistory, GetHistoryLenient};
pub use name::{HistoryAction, ResourceKind};
pub use purge::PurgeHistory;
pub use restore::Restore;
pub use snapshot::{GetSnapshot, Snapshot};

use scope::Scope;
use serde_json::Value;

use crate::{
    handle::{Bucket, Collection, Group, RecordHandle, TypedCollection},
    operation::Call,
    wire::{
        object::{RecordData, attributes::GroupAttributes},
        timestamp::Timestamp,
    },
};

/// The history of a bucket.
impl Bucket {
    /// Reads every change of the bucket and of the objects in it, the last one first.
    ///
    /// Options: [`filter`](crate::Call::filter), [`sort`](crate::Call::sort), [`since`](crate::Call::since),
    /// [`before`](crate::Call::before), [`limit`](crate::Call::limit), [`page_size`](crate::Call::page_size),
    /// [`max_pages`](crate::Call::max_pages), [`first`](crate::Call::first), [`count`](crate::Call::count),
    /// [`lenient`](crate::Call::lenient), [`stream`](crate::Call::stream).
    ///
    /// # Errors
    ///
    /// [`Error::is_unsupported`](crate::Error::is_unsupported) if the server does not have the history plugin;
    /// [`Error::is_invalid`](crate::Error::is_invalid) for a filter or an order by a field that entries do not have.
    pub fn get_history(&self) -> Call<'static, GetHistory<Value>> {
        Call::new(&self.client, GetHistory::new(Scope::of(&self.place)))
    }

    /// Deletes the entries of the history that match, on all pages, and returns their number.
    ///
    /// It needs a [`filter`](crate::Call::filter), [`since`](crate::Call::since) or [`before`](crate::Call::before), or
    /// [`all`](crate::Call::all). Entries that are written while it runs may be kept.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let bucket = client.bucket(kinto_server::unique("doc"));
    /// # bucket.create().await?;
    /// # bucket.create_group("editors", ["account:niko"]).await?;
    /// use kinto_client::history::{HistoryEntry, ResourceKind};
    ///
    /// let entry = HistoryEntry::<kinto_client::Value>::fields();
    /// let purged = bucket.purge_history().filter(entry.resource_name.eq(ResourceKind::Group)).await?;
    /// assert_eq!(purged, 1);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid`](crate::Error::is_invalid) without a condition;
    /// [`Error::may_have_been_applied`](crate::Error::may_have_been_applied) if it failed after a page was deleted.
    pub fn purge_history(&self) -> Call<'static, PurgeHistory<Value>> {
        Call::new(&self.client, PurgeHistory::new(Scope::of(&self.place)))
    }
}

/// The history of a collection.
impl Collection {
    /// Reads every change of the collection and of its records, the last one first: [`Bucket::get_history`].
    ///
    /// [`TypedCollection::get_history`] reads the changes of records alone, as their type.
    pub fn get_history(&self) -> Call<'static, GetHistory<Value>> {
        Call::new(&self.client, GetHistory::new(Scope::of(&self.place)))
    }

    /// Deletes the entries about the collection and its records that match: [`Bucket::purge_history`].
    pub fn purge_history(&self) -> Call<'static, PurgeHistory<Value>> {
        Call::new(&self.client, PurgeHistory::new(Scope::of(&self.place)))
    }

    /// Reads the records as they were at a time.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// use kinto_client::{Value, json};
    ///
    /// let milk = todo.create_record(json!({"title": "Milk"})).await?;
    /// todo.delete_record(&milk).await?;
    /// let before = todo.snapshot::<Value>(milk.last_modified).await?;
    /// assert_eq!(before[0].data["title"], "Milk");
    /// # Ok(()) }
    /// ```
    ///
    /// The time is a version: [`Records::last_modified`](crate::list::Objects::last_modified) of a list, or that of a
    /// record. A record is in the snapshot in its last version that is not later. A time that is still to come is the present.
    ///
    /// Awaited, it asks the server's endpoint, and checks the response against the collection and its history, because
    /// Kinto 26.5 responds with deleted records among the others, with those of an earlier collection of the same name,
    /// without those that its limit for one query leaves out, and with an empty list for a collection that never was.
    /// If a check fails, and on servers without the endpoint, the records are read page by page, and the versions of
    /// those that were changed since from the history. [`stream`](crate::Call::stream) always reads by pages.
    ///
    /// Options: [`stream`](crate::Call::stream), [`page_size`](crate::Call::page_size),
    /// [`without_endpoint`](crate::Call::without_endpoint), [`allow_incomplete`](crate::Call::allow_incomplete).
    ///
    /// # Errors
    ///
    /// [`Error::is_not_found`](crate::Error::is_not_found) if the collection did not exist at that time;
    /// [`Error::is_unsupported`](crate::Error::is_unsupported) if the server does not have the history plugin, or if the
    /// history does not show everything since then: it was purged, it began later, or you may not read all of it.
    pub fn snapshot<T: RecordData>(&self, at: Timestamp) -> Call<'static, GetSnapshot<T>> {
        Call::new(&self.client, GetSnapshot::new(self.place.clone(), at))
    }
}

/// The history of a group.
impl Group {
    /// Reads every change of the group, the last one first: [`Bucket::get_history`].
    pub fn get_history(&self) -> Call<'static, GetHistory<GroupAttributes>> {
        Call::new(&self.client, GetHistory::new(Scope::of(&self.place)))
    }

    /// Deletes the entries about the group that match: [`Bucket::purge_history`].
    pub fn purge_history(&self) -> Call<'static, PurgeHistory<GroupAttributes>> {
        Call::new(&self.client, PurgeHistory::new(Scope::of(&self.place)))
    }
}

/// The history of a record.
impl<T: RecordData> RecordHandle<T> {
    /// Reads the versions of the record, the newest first, also of one that was deleted: [`Bucket::get_history`].
    ///
    /// [`HistoryEntry::differences`] compares two versions, and [`restore`](Self::restore) stores one again.
    pub fn get_history(&self) -> Call<'static, GetHistory<T>> {
        let newest_first = HistoryEntry::fields().version.desc();
        Call::new(&self.client, GetHistory::new(Scope::of(&self.place).records()).sorted(newest_first))
    }

    /// Deletes the versions of the record that match from the history, but not the record: [`Bucket::purge_history`].
    pub fn purge_history(&self) -> Call<'static, PurgeHistory<T>> {
        Call::new(&self.client, PurgeHistory::new(Scope::of(&self.place).records()))
    }

    /// Stores an older version of the record again, as its newest version; a deleted record is created again.
    ///
    /// Fields that `T` does not know are restored, too. If the record is like that already, nothing is stored. Its file, on a
    /// server with `kinto-attachment`, stays the one that it has: the server keeps no files of older versions.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// use kinto_client::{Value, json};
    ///
    /// let milk = todo.create_record(json!({"title": "Milk"})).await?;
    /// todo.delete_record(&milk).await?;
    ///
    /// let record = todo.record::<Value>(&milk.id);
    /// let versions = record.get_history().await?;
    /// let restored = record.restore(&versions[1]).if_match(versions[0].target.last_modified).await?;
    /// assert_eq!(restored.data["title"], "Milk");
    /// # Ok(()) }
    /// ```
    ///
    /// Options: [`if_match`](crate::Call::if_match), [`with_permissions`](crate::Call::with_permissions).
    ///
    /// # Errors
    ///
    /// [`Error::is_conflict`](crate::Error::is_conflict) if the record is changed before the version is stored, or is
    /// not the one in `.if_match(…)`: [`Error::conflict`](crate::Error::conflict) has both;
    /// [`Error::is_invalid`](crate::Error::is_invalid) for a deletion or a version of another record.
    pub fn restore(&self, version: &HistoryEntry<T>) -> Call<'static, Restore<T>> {
        Call::new(&self.client, Restore::new(self.place.clone(), version))
    }
}

/// The history of the records.
impl<T: RecordData> TypedCollection<T> {
    /// Reads every change of the records, the last one first: [`Bucket::get_history`].
    ///
    /// # Errors
    ///
    /// [`Error::is_decode`](crate::Error::is_decode), with the entry and the field, if a version does not decode as
    /// `T`, unless [`lenient`](crate::Call::lenient) is added.
    pub fn get_history(&self) -> Call<'static, GetHistory<T>> {
        let Collection { client, place, .. } = self.untyped();
        Call::new(client, GetHistory::new(Scope::of(place).records()))
    }

    /// Deletes the entries about records that match: [`Bucket::purge_history`].
    pub fn purge_history(&self) -> Call<'static, PurgeHistory<T>> {
        let Collection { client, place, .. } = self.untyped();
        Call::new(client, PurgeHistory::new(Scope::of(place).records()))
    }

    /// Reads the records as they were at a time: [`Collection::snapshot`].
    pub fn snapshot(&self, at: Timestamp) -> Call<'static, GetSnapshot<T>> {
        self.untyped().snapshot(at)
    }
}
