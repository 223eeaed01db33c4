//! The client: one server, one set of credentials, and the state that all its calls share.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use http::Method;
use tokio::{sync::Mutex, time::timeout};

use crate::{
    error::{Error, Result, kind::ErrorKind},
    transport::{
        auth::Auth,
        exchange::Exchange,
        lease::{Busy, Lease},
        retry::RetryPolicy,
        retrying::{RequestOptions, Sender},
        task::Task,
    },
    wire::{
        object::principal::Principal,
        request::{Capability, Request},
        request_path::RequestPath,
        server_info::ServerInfo,
    },
};

mod builder;
mod default_bucket;
mod fence;
mod headers;
pub(crate) mod replay;
mod send;
pub(crate) mod span;
mod user;

pub use builder::ClientBuilder;
pub(crate) use default_bucket::DEFAULT;
use default_bucket::WithSchema;
use fence::Fence;

/// A client for one Kinto server, with one set of credentials.
///
/// Cloning is cheap; clones share their connections and the cached server information.
///
/// ```
/// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
/// # let server = kinto_server::Server::shared().expect("a server");
/// # let url = server.url();
/// use kinto_client::Client;
///
/// let client = Client::builder(url).auth(("alexis", "p4ssw0rd")).build()?;
/// let user = client.user().await?.expect("the server knows alexis");
/// assert!(user.id.as_str().starts_with("basicauth:"));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    options: RequestOptions,
    fence: Option<Arc<Fence>>,
    /// The turn that requests of a read-change-write are sent in.
    lease: Option<Arc<Lease>>,
}

/// The state that all clones of a client share.
struct Shared {
    sender: Arc<Sender>,
    server_info: OnceLock<ServerInfo>,
    /// The user, if the server information was requested before the server accepted the credentials.
    later_user: OnceLock<Principal>,
    /// Held by the task that requests the server information.
    asking: Mutex<()>,
    expected_user: Option<Principal>,
    with_schema: WithSchema,
}

impl Client {
    /// Creates a builder of a client for the server at `url`, such as `https://kinto.example.org/v1`.
    pub fn builder(url: impl AsRef<str>) -> ClientBuilder {
        ClientBuilder::new(url.as_ref())
    }

    fn new(sender: Sender, options: RequestOptions, expected_user: Option<Principal>) -> Self {
        let shared = Shared {
            sender: Arc::new(sender),
            server_info: OnceLock::new(),
            later_user: OnceLock::new(),
            asking: Mutex::default(),
            expected_user,
            with_schema: WithSchema::default(),
        };
        Self { shared: Arc::new(shared), options, fence: None, lease: None }
    }

    /// Returns a client for the same server with other credentials.
    ///
    /// Cached server information and `expect_user` are not carried over.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid`] if the credentials are not valid, or would be sent over plain HTTP to another
    /// machine.
    pub fn with_auth(&self, auth: impl Into<Auth>) -> Result<Self> {
        let Sender { exchange, server, notices, backoff, places, max_places } = &*self.shared.sender;
        let sender = Sender {
            exchange: exchange.clone().with_auth(auth.into())?,
            server: *server,
            notices: Arc::clone(notices),
            backoff: *backoff,
            places: Arc::clone(places),
            max_places: *max_places,
        };
        Ok(Self::new(sender, self.options.clone(), None))
    }

    /// Returns a client for the same server without credentials, and without an expected user.
    pub(crate) fn without_auth(&self) -> Self {
        let Sender { exchange, server, notices, backoff, places, max_places } = &*self.shared.sender;
        let sender = Sender {
            exchange: Exchange { auth: None, ..exchange.clone() },
            server: *server,
            notices: Arc::clone(notices),
            backoff: *backoff,
            places: Arc::clone(places),
            max_places: *max_places,
        };
        Self::new(sender, self.options.clone(), None)
    }

    /// Returns this client with another retry policy, which shares everything else.
    #[must_use]
    pub fn with_retry(&self, policy: impl RetryPolicy) -> Self {
        let options = RequestOptions { retry: Arc::new(policy), ..self.options.clone() };
        Self { options, ..self.clone() }
    }

    /// Returns this client with another timeout per request, which shares everything else.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        let options = RequestOptions { timeout, ..self.options.clone() };
        Self { options, ..self.clone() }
    }

    /// Returns this client with one more header on each request, which shares everything else.
    pub(crate) fn with_header(&self, name: &str, value: &str) -> Self {
        let mut options = self.options.clone();
        options.headers = options.headers.and_then(|mut headers| {
            headers::add_to(&mut headers, name, value)?;
            Ok(headers)
        });
        Self { options, ..self.clone() }
    }

    /// Returns the remaining time of the server's last `Backoff` header, if there is any, as received by this
    /// client or a clone.
    #[must_use]
    pub fn backoff(&self) -> Option<Duration> {
        self.shared.sender.notices.backoff()
    }

    /// Returns the URL of the server, including the version prefix.
    #[must_use]
    pub fn url(&self) -> &str {
        self.shared.sender.exchange.base.as_str()
    }

    /// Returns the user that the client was built to expect.
    #[cfg(feature = "local")]
    pub(crate) fn expected_user(&self) -> Option<&Principal> {
        self.shared.expected_user.as_ref()
    }

    /// Returns the server information, requested within another call if it is not cached.
    pub(crate) async fn info(&self) -> Result<&ServerInfo> {
        if self.shared.server_info.get().is_none() {
            span::around(span::open("GetServerInfo"), self.learn()).await?;
        }
        self.known()
    }

    /// Returns the cached server information.
    pub(crate) fn known(&self) -> Result<&ServerInfo> {
        let unknown = || Error::unexpected("the server information was lost".to_owned());
        self.shared.server_info.get().ok_or_else(unknown)
    }

    /// Requests the server information, unless it is cached.
    ///
    /// One of several concurrent callers sends the request, in a task of its own, so that the others do not depend on
    /// a caller that is not polled.
    pub(crate) async fn learn(&self) -> Result<()> {
        if self.shared.server_info.get().is_some() {
            return Ok(());
        }
        let client = self.clone();
        let learn = async move {
            let at_most = client.options.timeout;
            let late = |_| Error::not_sent_within(at_most, "another call was requesting the server information");
            let _asking = timeout(at_most, client.shared.asking.lock()).await.map_err(late)?;
            if client.shared.server_info.get().is_none() {
                let info = client.ask().await?;
                client.shared.server_info.get_or_init(|| info);
            }
            Ok(())
        };
        Task::start(learn)?.end().await?
    }

    /// Requests the server information.
    pub(crate) async fn ask(&self) -> Result<ServerInfo> {
        let read = async {
            let request = Request::get("/".to_owned());
            let response = self.shared.sender.send(&request, &self.options, None).await?.success()?;
            serde_json::from_slice(&response.body).map_err(|error| Error::not_kinto(&error, &response.body))
        };
        read.await.map_err(|error: Error| error.during("get", "/"))
    }

    /// Marks this client as one for a single call with a retry policy or timeout of its own.
    pub(crate) fn for_one_call(mut self) -> Self {
        self.options.for_one_call = true;
        self
    }

    pub(crate) fn is_for_one_call(&self) -> bool {
        self.options.for_one_call
    }

    /// Returns `true` if both clients have the same user and the same server.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Returns true if both write behind the same lock, or both behind none.
    pub(crate) fn is_fenced_as(&self, other: &Self) -> bool {
        self.fence.as_ref().map(|fence| fence.locks()) == other.fence.as_ref().map(|fence| fence.locks())
    }

    /// Returns the timeout of one request.
    #[cfg(feature = "attachments")]
    pub(crate) fn timeout(&self) -> Duration {
        self.options.timeout
    }

    /// Returns true if requests of this client are sent behind a lock.
    #[cfg(feature = "attachments")]
    pub(crate) fn is_fenced(&self) -> bool {
        self.fence.is_some()
    }

    pub(crate) fn retry_policy(&self) -> &dyn RetryPolicy {
        &*self.options.retry
    }

    /// Waits until no other task of this program writes the object at that path, and returns a client that reads and
    /// writes it before any other task does. If the caller is not polled meanwhile, only this turn is lost.
    pub(crate) async fn in_turn(&self, path: RequestPath) -> Result<Self> {
        self.check_user().await?;
        let claims = Request::new(Method::PATCH, path).claims();
        let lease = Lease::take(self.shared.sender.server, claims, self.options.timeout).await?;
        Ok(Self { lease: Some(Arc::new(lease)), ..self.clone() })
    }

    /// Keeps the turn, if there is one, while the caller computes without awaiting anything.
    pub(crate) fn busy(&self) -> Option<Busy> {
        self.lease.as_ref().map(|lease| lease.busy())
    }

    /// Replaces the error by `ErrorKind::Unsupported` if the server refused the request because it lacks a plugin.
    pub(crate) async fn name_missing_capability(&self, needs: Option<Capability>, error: Error) -> Error {
        let Some(Capability(name)) = needs else { return error };
        match self.info().await {
            Ok(info) if !info.has(name) => {
                Error::new(ErrorKind::Unsupported, format!("the server does not offer *{name}*"))
            }
            _ => error,
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("url", &self.url()).finish_non_exhaustive()
    }
}
