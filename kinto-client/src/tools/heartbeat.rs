//! The health of a server and of its backends.

use std::collections::BTreeMap;

use http::StatusCode;

use crate::{
    client::Client,
    error::{Error, Result},
    operation::{Call, CallContext, sealed},
    wire::{preview::RequestPreview, request::Request, response::Response},
};

const HEARTBEAT: &str = "/__heartbeat__";
const LB_HEARTBEAT: &str = "/__lbheartbeat__";

/// The health of each backend of a server.
///
/// ```
/// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
/// # let server = kinto_server::Server::shared().expect("a server");
/// # let client = kinto_client::Client::builder(server.url()).build()?;
/// let heartbeat = client.heartbeat().await?;
/// assert_eq!(heartbeat.backends["storage"], Some(true));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Heartbeat {
    /// The backends and plugins by name: `storage`, `permission`, `cache` and those of plugins. `true` is working, `false` is
    /// failing or slower than the server's time limit, `None` is one that the server does not check.
    pub backends: BTreeMap<String, Option<bool>>,
}

impl Heartbeat {
    /// Returns `true` if no backend is failing, as the server's status 200 says.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.failing().next().is_none()
    }

    /// Returns the names of the failing backends.
    pub fn failing(&self) -> impl Iterator<Item = &str> {
        self.backends.iter().filter(|(_, works)| **works == Some(false)).map(|(name, _)| name.as_str())
    }

    fn read(response: &Response) -> Result<Self> {
        let is_heartbeat = [StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE].contains(&response.status);
        match serde_json::from_slice::<BTreeMap<String, Option<bool>>>(&response.body) {
            Ok(backends) if is_heartbeat && !backends.is_empty() => Ok(Self { backends }),
            Ok(_) if response.status == StatusCode::OK => {
                Err(Error::unexpected("the server's heartbeat names no backend".to_owned()))
            }
            Err(error) if response.status == StatusCode::OK => Err(Error::not_kinto(&error, &response.body)),
            _ => Err(response.to_error()),
        }
    }
}

/// Reads the health of the server's backends.
#[derive(Debug)]
pub struct GetHeartbeat(());

/// Checks that the server responds.
#[derive(Debug)]
pub struct GetLbHeartbeat(());

/// Sends a request once and without credentials: they would be checked in the backends whose health is in question.
async fn ask(client: &Client, path: &'static str) -> Result<Response> {
    client.without_auth().send_once(&Request::get(path.to_owned()), 1).await
}

impl sealed::Preview for GetHeartbeat {
    fn preview(&self) -> Result<RequestPreview> {
        RequestPreview::only(Some(Request::get(HEARTBEAT.to_owned())))
    }
}

impl sealed::Action for GetHeartbeat {
    const NAME: &'static str = "GetHeartbeat";

    type Output = Heartbeat;

    async fn run(self, client: Client) -> Result<Heartbeat> {
        let heartbeat = ask(&client, HEARTBEAT).await.and_then(|response| Heartbeat::read(&response));
        heartbeat.map_err(|error| CallContext::new("get", HEARTBEAT).attach(error))
    }
}

impl sealed::Preview for GetLbHeartbeat {
    fn preview(&self) -> Result<RequestPreview> {
        RequestPreview::only(Some(Request::get(LB_HEARTBEAT.to_owned())))
    }
}

impl sealed::Action for GetLbHeartbeat {
    const NAME: &'static str = "GetLbHeartbeat";

    type Output = ();

    async fn run(self, client: Client) -> Result<()> {
        let response = ask(&client, LB_HEARTBEAT).await.and_then(Response::success);
        response.map(drop).map_err(|error| CallContext::new("get", LB_HEARTBEAT).attach(error))
    }
}

/// The health of the server.
impl Client {
    /// Reads the health of each backend of the server: storage, permissions, cache, and those of plugins.
    ///
    /// A failing backend is a result, not an error: the server responds with 503 then, and names it. The request is sent once,
    /// without retries and without credentials. [`lb_heartbeat`](Self::lb_heartbeat) checks the server without its backends.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).build()?;
    /// let heartbeat = client.heartbeat().await?;
    /// let failing: Vec<&str> = heartbeat.failing().collect();
    /// assert!(failing.is_empty(), "down: {failing:?}");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The errors of any request; [`Error::is_unavailable`](crate::Error::is_unavailable) for a 503 that is not a heartbeat,
    /// such as that of a proxy.
    pub fn heartbeat(&self) -> Call<'static, GetHeartbeat> {
        Call::new(self, GetHeartbeat(()))
    }

    /// Checks that the server responds, whatever its backends do: the check of load balancers.
    ///
    /// The request is sent once, without retries and without credentials.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).build()?;
    /// client.lb_heartbeat().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The errors of any request.
    pub fn lb_heartbeat(&self) -> Call<'static, GetLbHeartbeat> {
        Call::new(self, GetLbHeartbeat(()))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;

    use super::*;

    fn read(status: u16, body: &'static str) -> Result<Heartbeat> {
        let status = StatusCode::from_u16(status).unwrap();
        Heartbeat::read(&Response::new(status, HeaderMap::new(), Bytes::from_static(body.as_bytes())))
    }

    #[test]
    fn heartbeat_names_backends_of_both_statuses() {
        let healthy = read(200, r#"{"storage":true,"plugin":null}"#).unwrap();
        assert!(healthy.is_healthy());
        assert_eq!(healthy.backends["plugin"], None);
        let failing = read(503, r#"{"storage":false,"cache":false,"permission":true,"plugin":null}"#).unwrap();
        assert!(!failing.is_healthy());
        assert_eq!(failing.failing().collect::<Vec<_>>(), ["cache", "storage"]);
    }

    #[test]
    fn heartbeat_rejects_other_responses() {
        let error = read(503, r#"{"code":503,"errno":201,"error":"Service Unavailable"}"#).unwrap_err();
        assert_eq!((error.is_unavailable(), error.errno()), (true, Some(201)), "{error}");
        assert!(read(503, "<html>").unwrap_err().is_unavailable());
        assert!(read(503, "{}").unwrap_err().is_unavailable());
        assert!(read(404, r#"{"storage":true}"#).is_err());
        for body in ["", "{}", "[]", r#"{"storage":"up"}"#, "<html>"] {
            assert!(read(200, body).unwrap_err().is_unexpected(), "{body}");
        }
    }
}
