use super::{Blueprint, BucketSpec, CollectionSpec, ensure::Ensure, plan::ComputePlan};
use crate::{client::Client, operation::Call, record::KintoRecord};

/// Blueprints.
impl Client {
    /// Compares a blueprint with the server and returns the plan that makes the server match. It changes nothing, and
    /// has no [`preview`](Call::preview).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let app = kinto_server::unique("app");
    /// use kinto_client::{Blueprint, blueprint::{BucketSpec, CollectionSpec}, json};
    ///
    /// let posts = CollectionSpec::new().attributes(json!({"sort": "-date"})).permissions(|p| p.write("group:editors"));
    /// let blueprint =
    ///     Blueprint::new().bucket(&app, BucketSpec::new().group("editors", ["account:alexis"]).collection("posts", posts));
    ///
    /// let plan = client.plan(&blueprint).await?;
    /// println!("{plan}");
    /// # let text = plan.to_string().replace(&app, "app");
    /// # assert_eq!(text.lines().take(3).collect::<Vec<_>>(), ["+ bucket app", "+ group app/editors", "    + member account:alexis"]);
    /// plan.apply().await?;
    ///
    /// assert!(client.plan(&blueprint).await?.is_empty());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid`](crate::Error::is_invalid) if the server would refuse a part of the blueprint; nothing
    /// is sent then.
    pub fn plan(&self, blueprint: &Blueprint) -> Call<'static, ComputePlan> {
        Call::new(self, ComputePlan::new(blueprint.clone()))
    }

    /// Creates or updates the collection of `T` as its `#[kinto(…)]` attribute declares it; use it at the start of
    /// a program.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let client = client.with_auth((kinto_server::unique("alexis"), "p4ssw0rd"))?;
    /// use kinto_client::{KintoRecord, blueprint::EnsureOutcome};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize, KintoRecord)]
    /// #[kinto(collection = "todo", sort = "-due", permissions(read = ["system.Authenticated"]))]
    /// struct Todo {
    ///     title: String,
    ///     due: u64,
    /// }
    ///
    /// assert_eq!(client.ensure::<Todo>().await?, EnsureOutcome::Created);
    /// assert_eq!(client.ensure::<Todo>().await?, EnsureOutcome::Unchanged);
    /// # Ok(()) }
    /// ```
    ///
    /// Unlike a [plan](Self::plan), it removes nothing: permissions for other principals stay, and so do
    /// attributes that the type does not declare. Declared attributes are set to their declared values. If another
    /// client changes the collection at the same time, it is repeated, up to 20 times.
    ///
    /// It has no [`preview`](Call::preview): `client.plan(&Blueprint::new().collection::<T>())` shows what it would change.
    ///
    /// # Errors
    ///
    /// [`Error::is_forbidden`](crate::Error::is_forbidden) if you may not create what is missing, or change what is there;
    /// [`Error::is_not_found`](crate::Error::is_not_found) if the attribute gives permissions to a `group:…` that the bucket
    /// does not have: create the group first, or use a [plan](Self::plan), which can create both. Nothing is written then.
    pub fn ensure<T: KintoRecord>(&self) -> Call<'static, Ensure> {
        Call::new(self, Ensure::new(Blueprint::new().collection::<T>()))
    }
}

impl Blueprint {
    /// Adds the collection of `T` in the bucket of `T`, as its `#[kinto(…)]` attribute declares it.
    ///
    /// ```
    /// use kinto_client::{Blueprint, KintoRecord};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize, KintoRecord)]
    /// #[kinto(bucket = "app", collection = "todo", sort = "-due")]
    /// struct Todo {
    ///     title: String,
    ///     due: u64,
    /// }
    ///
    /// let blueprint = Blueprint::new().collection::<Todo>();
    /// assert_eq!(blueprint.buckets["app"].collections["todo"].attributes["sort"], "-due");
    /// ```
    #[must_use]
    pub fn collection<T: KintoRecord>(self) -> Self {
        self.bucket(T::BUCKET, BucketSpec::new().collection(T::COLLECTION, CollectionSpec::of::<T>()))
    }
}

impl CollectionSpec {
    /// Creates the specification of a collection that the `#[kinto(…)]` attribute of `T` declares; its name is not
    /// used.
    #[must_use]
    pub fn of<T: KintoRecord>() -> Self {
        let spec = Self::new().attributes(T::collection_attributes());
        match T::collection_permissions() {
            Some(permissions) => spec.permissions(|_| permissions),
            None => spec,
        }
    }
}
