//! The client: one server, one set of credentials, and the state that all its calls share.

use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use http::Method;
use tokio::{sync::Mutex, time::timeout};

#[cfg(feature = "attachments")]
use crate::transport::file::{FileRequest, FileResponse};
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
        response::Response,
        server_info::ServerInfo,
    },
};

mod builder;
mod default_bucket;
mod fence;
mod headers;
pub(crate) mod replay;
pub(crate) mod span;

pub use builder::ClientBuilder;
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

    /// Sends a request, with retries, and returns the response of any status.
    pub(crate) async fn send(&self, request: &Request) -> Result<Response> {
        let request = self.with_own_headers(request)?;
        self.check_user().await?;
        self.send_addressed(&request).await
    }

    /// Sends a request behind the lock of the fence, if this client has one.
    async fn send_fenced(&self, request: &Request) -> Result<Response> {
        match self.lock_for(request).await? {
            Some(lock) => self.send_as_is(&request.clone().behind(lock)).await,
            None => self.send_as_is(request).await,
        }
    }

    /// Sends a request as it stands.
    async fn send_as_is(&self, request: &Request) -> Result<Response> {
        self.shared.sender.send(request, &self.options, self.lease.as_deref()).await
    }

    /// Sends a read before its result is needed; `None` if it would delay another request.
    pub(crate) async fn send_ahead(&self, request: &Request) -> Result<Option<Response>> {
        let request = self.with_own_headers(request)?;
        self.check_user().await?;
        self.shared.sender.send_ahead(&request, &self.options).await
    }

    /// Returns the request with the headers of this call.
    fn with_own_headers<'r>(&self, request: &'r Request) -> Result<Cow<'r, Request>> {
        let own = self.options.headers.as_ref().map_err(Clone::clone)?;
        if own.is_empty() {
            return Ok(Cow::Borrowed(request));
        }
        let mut headers = own.clone();
        headers.extend(request.headers.as_deref().cloned().unwrap_or_default());
        Ok(Cow::Owned(Request { headers: Some(Arc::new(headers)), ..request.clone() }))
    }

    /// Sends a request without a retry, as try number `tries`, for a caller that applies the retry policy itself.
    pub(crate) async fn send_once(&self, request: &Request, tries: u32) -> Result<Response> {
        let request = self.with_own_headers(request)?;
        self.check_user().await?;
        self.shared.sender.send_once(&request, &self.options, tries, self.lease.as_deref()).await
    }

    /// Sends a request for a file, once, and returns the response when its headers have arrived.
    #[cfg(feature = "attachments")]
    pub(crate) async fn open_file(&self, request: &FileRequest) -> Result<FileResponse> {
        self.check_user().await?;
        self.shared.sender.open_file(request, &self.options).await
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

    /// Resolves an ambiguous response to a retried request with a follow-up request, if there is one.
    pub(crate) async fn resolve_ambiguity(&self, request: &Request, response: Response, repeated: bool) -> Response {
        self.shared.sender.resolve_ambiguity(request, response, repeated, &self.options).await
    }

    /// Refreshes the credentials after the server rejected them. Returns `false` if there are no new ones.
    pub(crate) async fn renew_credentials(&self) -> Result<bool> {
        self.shared.sender.exchange.refresh(self.options.timeout).await
    }

    pub(crate) fn retry_policy(&self) -> &dyn RetryPolicy {
        &*self.options.retry
    }

    async fn check_user(&self) -> Result<()> {
        let Some(expected) = &self.shared.expected_user else { return Ok(()) };
        let user = self.info().await?.user.as_ref().map(|user| &user.id);
        if user == Some(expected) {
            return Ok(());
        }
        let actual = user.map_or_else(|| "an unknown user".to_owned(), |id| format!("`{id}`"));
        let message = format!("the server identifies you as {actual}, not as `{expected}`, so nothing was sent");
        Err(Error::new(ErrorKind::Unauthorized, message))
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
