use http::StatusCode;
use serde::Deserialize;

use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    json::JsonObject,
    operation::{Call, CallContext, sealed::Operation},
    wire::{request::Request, response::Response},
};

const PATH: &str = "/__version__";

/// The version of a server's installation, from the file `version.json` that whoever deploys it writes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ServerVersion {
    /// The name of the software: `kinto`.
    pub name: Option<String>,
    /// The version or tag: `26.5.0`.
    pub version: Option<String>,
    /// The address of the source code.
    pub source: Option<String>,
    /// The commit that was deployed.
    pub commit: Option<String>,
    /// The address or number of the build.
    pub build: Option<String>,
    /// All other fields of the file.
    #[serde(flatten)]
    pub other: JsonObject,
}

/// Reads the version of the server's installation.
#[derive(Debug)]
pub struct GetServerVersion(());

impl Operation for GetServerVersion {
    const NAME: &'static str = "GetServerVersion";

    type Output = ServerVersion;

    fn context(&self) -> CallContext {
        CallContext::new("get", PATH)
    }

    fn request(&self) -> Result<Option<Request>> {
        Ok(Some(Request::get(PATH.to_owned())))
    }

    fn response(self, response: Response) -> Result<ServerVersion> {
        // Kinto 26.5.0 fails with a 500 if there is no file; its documentation says 404.
        if [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::NOT_FOUND].contains(&response.status) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "the server cannot tell its version ({}): its file `version.json` is missing or is no JSON \
                     (setting `version_json_path`); `server_info` has the version of the software",
                    response.status
                ),
            ));
        }
        let response = response.success()?;
        serde_json::from_slice(&response.body).map_err(|error| Error::not_kinto(&error, &response.body))
    }
}

/// The version of the server.
impl Client {
    /// Reads the version of the server's installation: its commit, build and source.
    ///
    /// The version of the software alone is in [`server_info`](Self::server_info), on every server.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).build()?;
    /// match client.server_version().await {
    ///     Ok(version) => println!("commit {:?}", version.commit),
    ///     Err(error) if error.is_unsupported() => println!("there is no version.json"),
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::is_unsupported`](crate::Error::is_unsupported) if the server has no file `version.json`, to which Kinto
    /// responds with 500.
    pub fn server_version(&self) -> Call<'static, GetServerVersion> {
        Call::new(self, GetServerVersion(()))
    }
}
