use crate::{
    call::{
        Call,
        blueprint::{Ensure, MakePlan},
    },
    client::Client,
    record::KintoRecord,
    wire::blueprint::{Blueprint, BucketSpec, CollectionSpec},
};

/// Blueprints.
impl Client {
    /// Compares a blueprint with what the server has, and says what it takes to make the server match. Nothing is changed, and so
    /// there is no [`preview`](Call::preview).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let app = kinto_server::unique("app");
    /// use kinto_client::{Blueprint, BucketSpec, CollectionSpec, json};
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
    /// [`Error::is_invalid`](crate::Error::is_invalid) if the blueprint has something that the server would refuse; nothing is
    /// sent then.
    pub fn plan(&self, blueprint: &Blueprint) -> Call<'static, MakePlan> {
        Call::new(self, MakePlan::new(blueprint.clone()))
    }

    /// Makes sure that the collection of `T` is there, in its bucket, as its `#[kinto(…)]` attribute says: for the start of a
    /// program.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let client = client.with_auth((kinto_server::unique("alexis"), "p4ssw0rd"))?;
    /// use kinto_client::{Declared, KintoRecord};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize, KintoRecord)]
    /// #[kinto(collection = "todo", sort = "-due", permissions(read = ["system.Authenticated"]))]
    /// struct Todo {
    ///     title: String,
    ///     due: u64,
    /// }
    ///
    /// assert_eq!(client.ensure::<Todo>().await?, Declared::Created);
    /// assert_eq!(client.ensure::<Todo>().await?, Declared::Unchanged);
    /// # Ok(()) }
    /// ```
    ///
    /// Unlike a [plan](Self::plan) it takes nothing away: who is given permissions by somebody else keeps them, and so do
    /// attributes that the type does not declare. Those that it does are set to what it says. If others change the collection at
    /// the same time, it starts again, up to 20 times.
    ///
    /// It has no [`preview`](Call::preview): `client.plan(&Blueprint::new().collection::<T>())` shows what it would change.
    ///
    /// # Errors
    ///
    /// [`Error::is_forbidden`](crate::Error::is_forbidden) if you may not create what is missing, or change what is there.
    pub fn ensure<T: KintoRecord>(&self) -> Call<'static, Ensure> {
        Call::new(self, Ensure::new(Blueprint::new().collection::<T>()))
    }
}

impl Blueprint {
    /// Adds the collection of `T`, in the bucket of `T`, as its `#[kinto(…)]` attribute says.
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
    /// A collection as the `#[kinto(…)]` attribute of `T` says, under whatever name.
    #[must_use]
    pub fn of<T: KintoRecord>() -> Self {
        let spec = Self::new().attributes(T::collection_attributes());
        match T::collection_permissions() {
            Some(permissions) => spec.permissions(|_| permissions),
            None => spec,
        }
    }
}
