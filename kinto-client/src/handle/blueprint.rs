use crate::{
    call::{Call, blueprint::MakePlan},
    client::Client,
    wire::blueprint::Blueprint,
};

/// Blueprints.
impl Client {
    /// Compares a blueprint with what the server has, and says what it takes to make the server match. Nothing is changed.
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
}
