use super::{Bucket, Collection, Group};
use crate::{
    call::{
        Call,
        create::Create,
        delete::{Delete, Target},
        delete_all::DeleteAll,
        get::Get,
        list::GetAll,
        save::Save,
    },
    client::Client,
    wire::{
        attributes::{
            BucketAttributes, BucketObject, CollectionAttributes, CollectionObject, GroupAttributes, GroupObject,
        },
        kind,
        path::List,
        principal::Principal,
    },
};

/// Buckets.
impl Client {
    /// Creates a bucket: [`Bucket::create`](crate::Handle::create).
    pub fn create_bucket(&self, id: impl Into<String>) -> Call<'static, Create<kind::Bucket, BucketAttributes>> {
        self.bucket(id).create()
    }

    /// Reads a bucket: [`Bucket::get`](crate::Handle::get).
    pub fn get_bucket(&self, id: impl Into<String>) -> Call<'static, Get<kind::Bucket, BucketAttributes>> {
        self.bucket(id).get()
    }

    /// Reads all buckets that you may read.
    pub fn get_buckets(&self) -> Call<'static, GetAll<kind::Bucket, BucketAttributes>> {
        Call::new(self, GetAll::new(List::buckets()))
    }

    /// Saves a bucket that was read: [`Bucket::save`](crate::Handle::save).
    pub fn save_bucket<'a>(&self, object: &'a mut BucketObject) -> Call<'a, Save<'a, kind::Bucket, BucketAttributes>> {
        self.bucket(&*object.id).save(object)
    }

    /// Deletes a bucket: by its id, or as it was read and only if it still is so.
    pub fn delete_bucket(&self, bucket: impl Into<Target<kind::Bucket>>) -> Call<'static, Delete<kind::Bucket>> {
        let Target { id, if_match, .. } = bucket.into();
        Call::new(self, Delete::new(List::buckets().at(id), if_match))
    }

    /// Deletes **all buckets that you may write**, with everything in them.
    pub fn delete_all_buckets(&self) -> Call<'static, DeleteAll<kind::Bucket, BucketAttributes>> {
        Call::new(self, DeleteAll::new(List::buckets()))
    }
}

/// Its collections.
impl Bucket {
    /// The collection of that name in this bucket. Nothing is sent.
    pub fn collection(&self, id: impl Into<String>) -> Collection {
        Collection::new(&self.client, self.place.collections().at(id.into()))
    }

    /// Creates a collection: [`Collection::create`](crate::Handle::create).
    pub fn create_collection(
        &self,
        id: impl Into<String>,
    ) -> Call<'static, Create<kind::Collection, CollectionAttributes>> {
        self.collection(id).create()
    }

    /// Reads a collection: [`Collection::get`](crate::Handle::get).
    pub fn get_collection(&self, id: impl Into<String>) -> Call<'static, Get<kind::Collection, CollectionAttributes>> {
        self.collection(id).get()
    }

    /// Reads all collections of this bucket that you may read.
    pub fn get_collections(&self) -> Call<'static, GetAll<kind::Collection, CollectionAttributes>> {
        Call::new(&self.client, GetAll::new(self.place.collections()))
    }

    /// Saves a collection that was read: [`Collection::save`](crate::Handle::save).
    pub fn save_collection<'a>(
        &self,
        object: &'a mut CollectionObject,
    ) -> Call<'a, Save<'a, kind::Collection, CollectionAttributes>> {
        self.collection(&*object.id).save(object)
    }

    /// Deletes a collection with its records: by its id, or as it was read and only if it still is so.
    pub fn delete_collection(
        &self,
        collection: impl Into<Target<kind::Collection>>,
    ) -> Call<'static, Delete<kind::Collection>> {
        let Target { id, if_match, .. } = collection.into();
        Call::new(&self.client, Delete::new(self.place.collections().at(id), if_match))
    }

    /// Deletes all collections of this bucket that you may write, with their records.
    pub fn delete_all_collections(&self) -> Call<'static, DeleteAll<kind::Collection, CollectionAttributes>> {
        Call::new(&self.client, DeleteAll::new(self.place.collections()))
    }
}

/// Its groups.
impl Bucket {
    /// The group of that name in this bucket. Nothing is sent.
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
    /// # Errors
    ///
    /// [`Error::is_conflict`](crate::Error::is_conflict) if there is one already, unless `.if_not_exists()` is added.
    pub fn create_group<P: Into<Principal>>(
        &self,
        id: impl Into<String>,
        members: impl IntoIterator<Item = P>,
    ) -> Call<'static, Create<kind::Group, GroupAttributes>> {
        self.group(id).create().members(members)
    }

    /// Reads a group: [`Group::get`](crate::Handle::get).
    pub fn get_group(&self, id: impl Into<String>) -> Call<'static, Get<kind::Group, GroupAttributes>> {
        self.group(id).get()
    }

    /// Reads all groups of this bucket that you may read.
    pub fn get_groups(&self) -> Call<'static, GetAll<kind::Group, GroupAttributes>> {
        Call::new(&self.client, GetAll::new(self.place.groups()))
    }

    /// Saves a group that was read: [`Group::save`](crate::Handle::save).
    pub fn save_group<'a>(&self, object: &'a mut GroupObject) -> Call<'a, Save<'a, kind::Group, GroupAttributes>> {
        self.group(&*object.id).save(object)
    }

    /// Deletes a group: by its id, or as it was read and only if it still is so.
    pub fn delete_group(&self, group: impl Into<Target<kind::Group>>) -> Call<'static, Delete<kind::Group>> {
        let Target { id, if_match, .. } = group.into();
        Call::new(&self.client, Delete::new(self.place.groups().at(id), if_match))
    }

    /// Deletes all groups of this bucket that you may write.
    pub fn delete_all_groups(&self) -> Call<'static, DeleteAll<kind::Group, GroupAttributes>> {
        Call::new(&self.client, DeleteAll::new(self.place.groups()))
    }
}
