use super::{Bucket, Collection, Group};
use crate::{
    client::Client,
    operation::{
        Call,
        create::Create,
        delete::{Delete, DeleteTarget},
        delete_all::DeleteAll,
        get::Get,
        list::GetAll,
        save::Save,
    },
    wire::{
        object::{
            attributes::{
                BucketAttributes, BucketObject, CollectionAttributes, CollectionObject, GroupAttributes, GroupObject,
            },
            kind,
            principal::Principal,
        },
        path::List,
    },
};

/// Buckets.
impl Client {
    /// Creates a bucket: [`Bucket::create`](crate::handle::Handle::create).
    ///
    /// Options: [`data`](crate::Call::data), [`permissions`](crate::Call::permissions),
    /// [`if_not_exists`](crate::Call::if_not_exists).
    pub fn create_bucket(&self, id: impl Into<String>) -> Call<'static, Create<kind::Bucket, BucketAttributes>> {
        self.bucket(id).create()
    }

    /// Reads a bucket: [`Bucket::get`](crate::handle::Handle::get).
    ///
    /// Options: [`optional`](crate::Call::optional), [`if_changed_since`](crate::Call::if_changed_since).
    pub fn get_bucket(&self, id: impl Into<String>) -> Call<'static, Get<kind::Bucket, BucketAttributes>> {
        self.bucket(id).get()
    }

    /// Reads all buckets that you may read.
    ///
    /// Options: [`select`](crate::Call::select), [`select_as`](crate::Call::select_as),
    /// [`filter`](crate::Call::filter), [`sort`](crate::Call::sort), [`limit`](crate::Call::limit),
    /// [`page_size`](crate::Call::page_size), [`max_pages`](crate::Call::max_pages), [`since`](crate::Call::since),
    /// [`before`](crate::Call::before), [`resume`](crate::Call::resume), [`consistent`](crate::Call::consistent),
    /// [`first`](crate::Call::first), [`one`](crate::Call::one), [`count`](crate::Call::count),
    /// [`lenient`](crate::Call::lenient), [`if_changed_since`](crate::Call::if_changed_since),
    /// [`stream`](crate::Call::stream), [`pages`](crate::Call::pages), [`parallel`](crate::Call::parallel).
    pub fn get_buckets(&self) -> Call<'static, GetAll<kind::Bucket, BucketAttributes>> {
        Call::new(self, GetAll::new(List::buckets()))
    }

    /// Saves a bucket that was read: [`Bucket::save`](crate::handle::Handle::save).
    pub fn save_bucket<'a>(&self, object: &'a mut BucketObject) -> Call<'a, Save<'a, kind::Bucket, BucketAttributes>> {
        self.bucket(&*object.id).save(object)
    }

    /// Deletes a bucket: by its id, or a bucket that was read, unless it was changed since.
    ///
    /// Options: [`if_match`](crate::Call::if_match), [`if_exists`](crate::Call::if_exists).
    pub fn delete_bucket(&self, bucket: impl Into<DeleteTarget<kind::Bucket>>) -> Call<'static, Delete<kind::Bucket>> {
        let DeleteTarget { id, if_match, .. } = bucket.into();
        Call::new(self, Delete::new(List::buckets().at(id), if_match))
    }

    /// Deletes **all buckets that you may write**, with everything in them.
    ///
    /// Options: [`filter`](crate::Call::filter), [`since`](crate::Call::since), [`before`](crate::Call::before).
    pub fn delete_all_buckets(&self) -> Call<'static, DeleteAll<kind::Bucket, BucketAttributes>> {
        Call::new(self, DeleteAll::new(List::buckets()))
    }
}

/// The collections in a bucket.
impl Bucket {
    /// Returns the handle of a collection in this bucket, without sending anything.
    pub fn collection(&self, id: impl Into<String>) -> Collection {
        Collection::new(&self.client, self.place.collections().at(id.into()))
    }

    /// Creates a collection: [`Collection::create`](crate::handle::Handle::create).
    ///
    /// Options: [`data`](crate::Call::data), [`permissions`](crate::Call::permissions),
    /// [`if_not_exists`](crate::Call::if_not_exists).
    pub fn create_collection(
        &self,
        id: impl Into<String>,
    ) -> Call<'static, Create<kind::Collection, CollectionAttributes>> {
        self.collection(id).create()
    }

    /// Reads a collection: [`Collection::get`](crate::handle::Handle::get).
    ///
    /// Options: [`optional`](crate::Call::optional), [`if_changed_since`](crate::Call::if_changed_since).
    pub fn get_collection(&self, id: impl Into<String>) -> Call<'static, Get<kind::Collection, CollectionAttributes>> {
        self.collection(id).get()
    }

    /// Reads all collections of this bucket that you may read.
    ///
    /// Options: [`select`](crate::Call::select), [`select_as`](crate::Call::select_as),
    /// [`filter`](crate::Call::filter), [`sort`](crate::Call::sort), [`limit`](crate::Call::limit),
    /// [`page_size`](crate::Call::page_size), [`max_pages`](crate::Call::max_pages), [`since`](crate::Call::since),
    /// [`before`](crate::Call::before), [`resume`](crate::Call::resume), [`consistent`](crate::Call::consistent),
    /// [`first`](crate::Call::first), [`one`](crate::Call::one), [`count`](crate::Call::count),
    /// [`lenient`](crate::Call::lenient), [`if_changed_since`](crate::Call::if_changed_since),
    /// [`stream`](crate::Call::stream), [`pages`](crate::Call::pages), [`parallel`](crate::Call::parallel).
    pub fn get_collections(&self) -> Call<'static, GetAll<kind::Collection, CollectionAttributes>> {
        Call::new(&self.client, GetAll::new(self.place.collections()))
    }

    /// Saves a collection that was read: [`Collection::save`](crate::handle::Handle::save).
    pub fn save_collection<'a>(
        &self,
        object: &'a mut CollectionObject,
    ) -> Call<'a, Save<'a, kind::Collection, CollectionAttributes>> {
        self.collection(&*object.id).save(object)
    }

    /// Deletes a collection with its records: by its id, or a collection that was read, unless it was changed
    /// since.
    ///
    /// Options: [`if_match`](crate::Call::if_match).
    pub fn delete_collection(
        &self,
        collection: impl Into<DeleteTarget<kind::Collection>>,
    ) -> Call<'static, Delete<kind::Collection>> {
        let DeleteTarget { id, if_match, .. } = collection.into();
        Call::new(&self.client, Delete::new(self.place.collections().at(id), if_match))
    }

    /// Deletes all collections of this bucket that you may write, with their records.
    ///
    /// Options: [`filter`](crate::Call::filter), [`since`](crate::Call::since), [`before`](crate::Call::before).
    pub fn delete_all_collections(&self) -> Call<'static, DeleteAll<kind::Collection, CollectionAttributes>> {
        Call::new(&self.client, DeleteAll::new(self.place.collections()))
    }
}

/// The groups in a bucket.
impl Bucket {
    /// Returns the handle of a group in this bucket, without sending anything.
    pub fn group(&self, id: impl Into<String>) -> Group {
        Group::new(&self.client, self.place.groups().at(id.into()))
    }

    /// Creates a group with these members.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let bucket = client.bucket(kinto_server::unique("doc"));
    /// # bucket.create().await?;
    /// let mut group = bucket.create_group("moderators", ["account:alexis", "account:remy"]).await?;
    /// group.add("account:niko");
    /// group.remove("account:remy");
    /// bucket.save_group(&mut group).await?;
    /// assert_eq!(bucket.get_group("moderators").await?.members(), ["account:alexis", "account:niko"]);
    /// # Ok(()) }
    /// ```
    ///
    /// Options: [`data`](crate::Call::data), [`permissions`](crate::Call::permissions),
    /// [`if_not_exists`](crate::Call::if_not_exists), [`members`](crate::Call::members).
    ///
    /// # Errors
    ///
    /// [`Error::is_conflict`](crate::Error::is_conflict) if it exists already, unless `.if_not_exists()` is added.
    pub fn create_group<P: Into<Principal>>(
        &self,
        id: impl Into<String>,
        members: impl IntoIterator<Item = P>,
    ) -> Call<'static, Create<kind::Group, GroupAttributes>> {
        self.group(id).create().members(members)
    }

    /// Reads a group: [`Group::get`](crate::handle::Handle::get).
    ///
    /// Options: [`optional`](crate::Call::optional), [`if_changed_since`](crate::Call::if_changed_since).
    pub fn get_group(&self, id: impl Into<String>) -> Call<'static, Get<kind::Group, GroupAttributes>> {
        self.group(id).get()
    }

    /// Reads all groups of this bucket that you may read.
    ///
    /// Options: [`select`](crate::Call::select), [`select_as`](crate::Call::select_as),
    /// [`filter`](crate::Call::filter), [`sort`](crate::Call::sort), [`limit`](crate::Call::limit),
    /// [`page_size`](crate::Call::page_size), [`max_pages`](crate::Call::max_pages), [`since`](crate::Call::since),
    /// [`before`](crate::Call::before), [`resume`](crate::Call::resume), [`consistent`](crate::Call::consistent),
    /// [`first`](crate::Call::first), [`one`](crate::Call::one), [`count`](crate::Call::count),
    /// [`lenient`](crate::Call::lenient), [`if_changed_since`](crate::Call::if_changed_since),
    /// [`stream`](crate::Call::stream), [`pages`](crate::Call::pages), [`parallel`](crate::Call::parallel).
    pub fn get_groups(&self) -> Call<'static, GetAll<kind::Group, GroupAttributes>> {
        Call::new(&self.client, GetAll::new(self.place.groups()))
    }

    /// Saves a group that was read: [`Group::save`](crate::handle::Handle::save).
    pub fn save_group<'a>(&self, object: &'a mut GroupObject) -> Call<'a, Save<'a, kind::Group, GroupAttributes>> {
        self.group(&*object.id).save(object)
    }

    /// Deletes a group: by its id, or a group that was read, unless it was changed since.
    ///
    /// Options: [`if_match`](crate::Call::if_match).
    pub fn delete_group(&self, group: impl Into<DeleteTarget<kind::Group>>) -> Call<'static, Delete<kind::Group>> {
        let DeleteTarget { id, if_match, .. } = group.into();
        Call::new(&self.client, Delete::new(self.place.groups().at(id), if_match))
    }

    /// Deletes all groups of this bucket that you may write.
    ///
    /// Options: [`filter`](crate::Call::filter), [`since`](crate::Call::since), [`before`](crate::Call::before).
    pub fn delete_all_groups(&self) -> Call<'static, DeleteAll<kind::Group, GroupAttributes>> {
        Call::new(&self.client, DeleteAll::new(self.place.groups()))
    }
}

impl Client {
    /// Returns the handle of a bucket, without sending anything; `default` is your personal bucket.
    pub fn bucket(&self, id: impl Into<String>) -> Bucket {
        Bucket::new(self, List::buckets().at(id.into()))
    }
}
