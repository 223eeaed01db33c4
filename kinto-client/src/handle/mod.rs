//! Handles: a name and a client, with a method per operation. Creating one sends nothing.
//!
//! [`Bucket`], [`Collection`], [`Group`] and [`RecordHandle`] are the four kinds of a [`Handle`]; [`TypedCollection`] is a
//! collection whose records are of one type.
//!
//! ```
//! # fn main() -> kinto_client::Result<()> {
//! let client = kinto_client::Client::builder("https://kinto.example.org/v1").build()?;
//! let posts = client.bucket("blog").collection("posts");
//! assert_eq!(posts.path(), "/buckets/blog/collections/posts");
//! # Ok(()) }
//! ```

use std::{fmt, marker::PhantomData};

use crate::{
    client::Client,
    operation::{
        Call,
        create::Create,
        delete::Delete,
        get::Get,
        grant::{Change, Grant},
        overwrite::Overwrite,
        save::{Save, SavePermissions},
    },
    wire::{
        object::{
            Object, RecordData,
            attributes::{BucketAttributes, CollectionAttributes, GroupAttributes},
            kind::{self, Kind},
        },
        path::Place,
    },
};

mod bucket;
mod bulk;
mod bulk_stream;
mod change;
mod collection;
mod fence;
mod group;
pub(crate) mod typed;

pub use group::ChangeMembers;
pub use typed::TypedCollection;

/// The handle of a bucket, which holds collections and groups.
pub type Bucket = Handle<kind::Bucket, BucketAttributes>;

/// The handle of a collection, which holds records.
pub type Collection = Handle<kind::Collection, CollectionAttributes>;

/// The handle of a group, a list of principals that permissions can name.
pub type Group = Handle<kind::Group, GroupAttributes>;

/// The handle of a record, for operations on it without reading it first.
pub type RecordHandle<T> = Handle<kind::Record, T>;

/// The handle of an object on a server: [`Bucket`], [`Collection`], [`Group`] or [`RecordHandle`].
///
/// It consists of a name and a [`Client`]: cloning it is cheap, creating it sends nothing, and the object need
/// not exist. The methods here are the same for all four kinds; each kind has more of its own.
pub struct Handle<K: Kind, T> {
    pub(crate) client: Client,
    pub(crate) place: Place<K>,
    of: PhantomData<fn() -> T>,
}

impl<K: Kind, T: RecordData> Handle<K, T> {
    pub(crate) fn new(client: &Client, place: Place<K>) -> Self {
        Self { client: client.clone(), place, of: PhantomData }
    }

    /// Returns the id of the object.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.place.id
    }

    /// Returns the path below the server's version prefix: `/buckets/blog/collections/posts`. Its ids are checked
    /// when a call is sent.
    ///
    /// ```
    /// # fn main() -> kinto_client::Result<()> {
    /// let client = kinto_client::Client::builder("https://kinto.example.org/v1").build()?;
    /// assert_eq!(client.bucket("blog").collection("posts").path(), "/buckets/blog/collections/posts");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn path(&self) -> String {
        self.place.to_string()
    }

    /// Returns the client of the handle.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns this handle with a fenced client: see [`Client::fenced_by`].
    #[must_use]
    pub fn fenced_by(&self, locks: &Collection) -> Self {
        Self { client: self.client.fenced_by(locks), ..self.clone() }
    }

    /// Reads the object.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let bucket = client.bucket(kinto_server::unique("doc"));
    /// # bucket.create().await?;
    /// let object = bucket.get().await?;
    /// assert_eq!(object.id, bucket.id());
    /// # Ok(()) }
    /// ```
    ///
    /// Options: [`optional`](crate::Call::optional), [`if_changed_since`](crate::Call::if_changed_since).
    ///
    /// # Errors
    ///
    /// [`Error::is_not_found`](crate::Error::is_not_found) if the object does not exist, unless `.optional()` is
    /// added.
    pub fn get(&self) -> Call<'static, Get<K, T>> {
        Call::new(&self.client, Get::new(self.place.clone()))
    }

    /// Saves the changes of an object that was read, data and permissions.
    ///
    /// Without changes, nothing is sent.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let collection = client.bucket("default").collection(kinto_server::unique("doc"));
    /// # collection.create().await?;
    /// let mut object = collection.get().await?;
    /// object.data.sort = Some("-last_modified".to_owned());
    /// collection.save(&mut object).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::is_conflict`](crate::Error::is_conflict) if another client has changed or deleted the object since
    /// it was read; nothing is stored then.
    pub fn save<'a>(&self, object: &'a mut Object<K, T>) -> Call<'a, Save<'a, K, T>> {
        Call::new(&self.client, Save::new(self.place.clone(), object))
    }

    /// Saves the changed lists of permissions of an object that was read, but not its data.
    ///
    /// # Errors
    ///
    /// As for [`save`](Self::save); and [`Error::is_not_visible`](crate::Error::is_not_visible) if the permissions
    /// were not visible when the object was read.
    pub fn save_permissions<'a>(&self, object: &'a mut Object<K, T>) -> Call<'a, SavePermissions<'a, K, T>> {
        Call::new(&self.client, SavePermissions::new(self.place.clone(), object))
    }

    /// Replaces the object or creates it with `data`, without reading it first.
    ///
    /// The old data is discarded. The permissions are kept, unless `.permissions(…)` sets others. With `.if_match(…)`,
    /// the call replaces only the version that you have.
    ///
    /// Options: [`data`](crate::Call::data), [`if_match`](crate::Call::if_match),
    /// [`permissions`](crate::Call::permissions).
    pub fn overwrite(&self, data: T) -> Call<'static, Overwrite<K, T>> {
        Call::new(&self.client, Overwrite::new(self.place.list.clone(), &*self.place.id, data))
    }

    /// Adds permissions for principals and keeps all others. If another client changed the object in between, this is
    /// repeated.
    ///
    /// It also works on objects whose permissions are not visible to you.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let bucket = client.bucket(kinto_server::unique("doc"));
    /// # bucket.create().await?;
    /// # bucket.create_group("editors", ["account:remy"]).await?;
    /// bucket.grant(|p| p.write(bucket.group("editors")).read(["account:niko", "system.Authenticated"])).await?;
    /// bucket.revoke(|p| p.read("account:niko")).await?;
    ///
    /// let permissions = bucket.get().await?.permissions;
    /// let readers = &permissions.get().expect("I may see them").read;
    /// assert!(readers.iter().map(|reader| reader.as_str()).eq(["system.Authenticated"]));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::is_forbidden`](crate::Error::is_forbidden) if you may not write the object;
    /// [`Error::is_invalid`](crate::Error::is_invalid) for a principal that matches nobody, such as `niko` without its
    /// `account:`.
    pub fn grant(&self, to: impl FnOnce(K::Permissions) -> K::Permissions) -> Call<'static, Grant<K>> {
        let principals = to(K::Permissions::default());
        Call::new(&self.client, Grant::new(self.place.clone(), principals, Change::Grant))
    }

    /// Removes permissions from principals and keeps all others, as [`grant`](Self::grant) does.
    ///
    /// Principals without them are ignored. Principals that match nobody, which other clients may have stored, can be named.
    ///
    /// The server keeps you in the `write` list, because you write the object.
    pub fn revoke(&self, from: impl FnOnce(K::Permissions) -> K::Permissions) -> Call<'static, Grant<K>> {
        let principals = from(K::Permissions::default());
        Call::new(&self.client, Grant::new(self.place.clone(), principals, Change::Revoke))
    }

    /// Deletes the object with everything in it.
    ///
    /// Kinto 26.5 on PostgreSQL takes an `_` in the id for any character when it removes permissions and what is in a
    /// bucket: deleting `my_notes` also takes the permissions, and the records, of `my-notes`. Avoid ids that differ in
    /// such a place only.
    ///
    /// Options: [`if_match`](crate::Call::if_match), [`if_exists`](crate::Call::if_exists).
    ///
    /// # Errors
    ///
    /// [`Error::is_not_found`](crate::Error::is_not_found) if the object does not exist, unless `.if_exists()` is
    /// added; [`Error::is_conflict`](crate::Error::is_conflict) with `.if_match(…)` if it was changed or deleted since;
    /// [`Error::is_forbidden`](crate::Error::is_forbidden) without the permission, also for an object that is not there and in
    /// a parent that you may not read. A GET finds out then whether the object is there: if it is not shown, the request may
    /// have arrived twice, so that it [may have been applied](crate::Error::may_have_been_applied).
    pub fn delete(&self) -> Call<'static, Delete<K>> {
        Call::new(&self.client, Delete::new(self.place.clone(), None))
    }
}

impl<K: Kind, T: RecordData + Default> Handle<K, T> {
    /// Creates the object.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let id = kinto_server::unique("doc");
    /// let bucket = client.bucket(&id);
    /// bucket.create().await?;
    /// assert!(bucket.create().await.is_err_and(|error| error.is_conflict()));
    /// assert!(!bucket.create().if_not_exists().await?.is_created());
    /// # Ok(()) }
    /// ```
    ///
    /// Options: [`data`](crate::Call::data), [`permissions`](crate::Call::permissions),
    /// [`if_not_exists`](crate::Call::if_not_exists), [`id`](crate::Call::id),
    /// [`server_id`](crate::Call::server_id), [`members`](crate::Call::members).
    ///
    /// # Errors
    ///
    /// [`Error::is_conflict`](crate::Error::is_conflict) if it exists already, unless `.if_not_exists()` is added.
    pub fn create(&self) -> Call<'static, Create<K, T>> {
        let create = Create::with_id(self.place.list.clone(), T::default(), &*self.place.id);
        Call::new(&self.client, create)
    }
}

impl<K: Kind, T> Clone for Handle<K, T> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone(), place: self.place.clone(), of: PhantomData }
    }
}

impl<K: Kind, T> fmt::Debug for Handle<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.client.url(), self.place)
    }
}
