use super::{Call, sealed};
use crate::{
    client::Client,
    error::Result,
    wire::{
        preview::RequestPreview,
        request::Request,
        server_info::{CurrentUser, ServerInfo},
    },
};

/// Reads the server information, if it is not cached.
#[derive(Debug)]
pub struct GetServerInfo<'a>(&'a Client);

/// Reads the current user, if it is not cached.
#[derive(Debug)]
pub struct GetUser<'a>(&'a Client);

/// Reads the server information from the server.
#[derive(Debug)]
pub struct FetchServerInfo(());

impl Client {
    /// Returns the server information, which is requested once for this client and its clones.
    /// [`fetch_server_info`](Self::fetch_server_info) requests it again.
    ///
    /// # Errors
    ///
    /// The errors of any request.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// let info = client.server_info().await?;
    /// assert!(info.settings.batch_max_requests > 0);
    /// # Ok(()) }
    /// ```
    pub fn server_info(&self) -> Call<'_, GetServerInfo<'_>> {
        Call::new(self, GetServerInfo(self))
    }

    /// Returns the current user, or `None` if the server does not know the credentials, which is no error here.
    ///
    /// It is requested once, also for all clones of this client.
    ///
    /// # Errors
    ///
    /// The errors of any request.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// let user = client.user().await?.expect("the server knows alexis");
    /// assert!(user.id.as_str().starts_with("basicauth:"));
    /// # Ok(()) }
    /// ```
    pub fn user(&self) -> Call<'_, GetUser<'_>> {
        Call::new(self, GetUser(self))
    }

    /// Requests the server information again. [`server_info`](Self::server_info) requests it only once.
    ///
    /// # Errors
    ///
    /// The errors of any request.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// let info = client.fetch_server_info().await?;
    /// assert_eq!(info.url.trim_end_matches('/'), client.url());
    /// # Ok(()) }
    /// ```
    pub fn fetch_server_info(&self) -> Call<'static, FetchServerInfo> {
        Call::new(self, FetchServerInfo(()))
    }
}

/// Returns the preview of the request for the server information, unless that is cached.
fn asks(client: &Client) -> RequestPreview {
    RequestPreview::new(client.known().is_err().then(ask))
}

fn ask() -> Request {
    Request::get("/".to_owned())
}

impl sealed::Preview for GetServerInfo<'_> {
    fn preview(&self) -> Result<RequestPreview> {
        Ok(asks(self.0))
    }
}

impl sealed::Preview for GetUser<'_> {
    fn preview(&self) -> Result<RequestPreview> {
        Ok(asks(self.0))
    }
}

impl sealed::Preview for FetchServerInfo {
    fn preview(&self) -> Result<RequestPreview> {
        Ok(RequestPreview::new(Some(ask())))
    }
}

impl<'a> sealed::Action for GetServerInfo<'a> {
    const NAME: &'static str = "GetServerInfo";

    type Output = &'a ServerInfo;

    async fn run(self, client: Client) -> Result<&'a ServerInfo> {
        client.learn().await?;
        self.0.known()
    }
}

impl<'a> sealed::Action for GetUser<'a> {
    const NAME: &'static str = "GetUser";

    type Output = Option<&'a CurrentUser>;

    async fn run(self, client: Client) -> Result<Option<&'a CurrentUser>> {
        client.learn().await?;
        Ok(self.0.known()?.user.as_ref())
    }
}

impl sealed::Action for FetchServerInfo {
    const NAME: &'static str = "FetchServerInfo";

    type Output = ServerInfo;

    async fn run(self, client: Client) -> Result<ServerInfo> {
        client.ask().await
    }
}
