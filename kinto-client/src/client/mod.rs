use std::{fmt, sync::Arc, time::Duration};

use tokio::sync::OnceCell;

use crate::{
    call::{
        span,
        turn::{self, Turn, Turns},
    },
    error::{Error, ErrorKind, Result},
    handle::{Bucket, TypedCollection},
    record::KintoRecord,
    transport::{
        auth::Auth,
        retry::RetryPolicy,
        sender::{Manner, Sender},
    },
    wire::{
        path::List,
        principal::Principal,
        request::{Capability, Request},
        response::Response,
        server_info::{ServerInfo, User},
    },
};

mod builder;
mod fence;

pub use builder::ClientBuilder;
use fence::Fence;

/// A Kinto server, and who you are to it.
///
/// Cloning is cheap, and clones share their connections and what is known of the server.
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
    manner: Manner,
    fence: Option<Arc<Fence>>,
}

/// What all clones of a client have in common.
struct Shared {
    sender: Sender,
    server_info: OnceCell<ServerInfo>,
    expected_user: Option<Principal>,
}

impl Client {
    /// Starts to set up a client of the server at `url`, such as `https://kinto.example.org/v1`.
    pub fn builder(url: impl AsRef<str>) -> ClientBuilder {
        ClientBuilder::new(url.as_ref())
    }

    fn new(sender: Sender, manner: Manner, expected_user: Option<Principal>) -> Self {
        Self { shared: Arc::new(Shared { sender, server_info: OnceCell::new(), expected_user }), manner, fence: None }
    }

    /// The same server to somebody else. What is known of the server is asked anew, for it says whom it takes you for;
    /// whom the builder expected is forgotten.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid`] if these cannot be credentials, or would go over plain HTTP to another machine.
    pub fn with_auth(&self, auth: impl Into<Auth>) -> Result<Self> {
        let Sender { exchange, notices, backoff, places } = &self.shared.sender;
        let sender = Sender {
            exchange: exchange.clone().with_auth(auth.into())?,
            notices: Arc::clone(notices),
            backoff: *backoff,
            places: Arc::clone(places),
        };
        Ok(Self::new(sender, self.manner.clone(), None))
    }

    /// This client, but with another policy of when and how often requests are sent again. All else is shared.
    #[must_use]
    pub fn with_retry(&self, policy: impl RetryPolicy) -> Self {
        let manner = Manner { retry: Arc::new(policy), ..self.manner.clone() };
        Self { manner, ..self.clone() }
    }

    /// This client, but with another time that one request may take. All else is shared.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        let manner = Manner { timeout, ..self.manner.clone() };
        Self { manner, ..self.clone() }
    }

    /// How much longer the server wants to be left alone, if it does: what it said in its last `Backoff` header, to this
    /// client or a clone.
    #[must_use]
    pub fn backoff(&self) -> Option<Duration> {
        self.shared.sender.notices.backoff()
    }

    /// The server's address, with the version prefix.
    #[must_use]
    pub fn url(&self) -> &str {
        self.shared.sender.exchange.base.as_str()
    }

    /// The bucket of that name; `default` is your own. Nothing is sent.
    pub fn bucket(&self, id: impl Into<String>) -> Bucket {
        Bucket::new(self, List::buckets().at(id.into()))
    }

    /// The collection that `T` is bound to by its `#[kinto(…)]` attribute. Nothing is sent.
    #[must_use]
    pub fn typed<T: KintoRecord>(&self) -> TypedCollection<T> {
        self.bucket(T::BUCKET).collection(T::COLLECTION).typed()
    }

    /// What the server says of itself. It is asked once, also for all clones of this client.
    ///
    /// # Errors
    ///
    /// Those of any request.
    pub async fn server_info(&self) -> Result<&ServerInfo> {
        self.shared.server_info.get_or_try_init(|| self.fetch_server_info()).await
    }

    /// Whom the server takes you for: `None` if it does not know the credentials, which it does not call an error here.
    ///
    /// It is asked once, also for all clones of this client.
    ///
    /// # Errors
    ///
    /// Those of any request.
    pub async fn user(&self) -> Result<Option<&User>> {
        Ok(self.server_info().await?.user.as_ref())
    }

    /// What the server says of itself now, whatever it said before.
    ///
    /// # Errors
    ///
    /// Those of any request.
    pub async fn fetch_server_info(&self) -> Result<ServerInfo> {
        let read = async {
            let response = self.shared.sender.send(&Request::get("/".to_owned()), &self.manner).await?.success()?;
            serde_json::from_slice(&response.body).map_err(|error| Error::not_kinto(&error, &response.body))
        };
        let read = span::around(span::open("GetServerInfo"), read);
        read.await.map_err(|error: Error| error.during("get", "/"))
    }

    /// This client, as the one of a call that has chosen its own policy or timeout.
    pub(crate) fn for_one_call(mut self) -> Self {
        self.manner.for_one_call = true;
        self
    }

    pub(crate) fn is_for_one_call(&self) -> bool {
        self.manner.for_one_call
    }

    /// Whether both are the same user of the same server.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Whether both write behind the same lock, or both behind none.
    pub(crate) fn is_fenced_as(&self, other: &Self) -> bool {
        self.fence.as_ref().map(|fence| fence.locks()) == other.fence.as_ref().map(|fence| fence.locks())
    }

    /// Sends a request and gives back the answer, whatever its status.
    pub(crate) async fn send(&self, request: &Request) -> Result<Response> {
        self.check_user().await?;
        let request = self.fenced(request).await?;
        self.shared.sender.send(&request, &self.manner).await
    }

    /// The same, but the request is never sent again: whoever calls this asks the policy. It is the try of that number.
    pub(crate) async fn send_once(&self, request: &Request, tries: u32) -> Result<Response> {
        self.check_user().await?;
        self.shared.sender.send_once(request, &self.manner, tries).await
    }

    /// Asks the server what the answer to a repeated request leaves open, if there is a way to ask.
    pub(crate) async fn clear_up(&self, request: &Request, response: Response) -> Response {
        self.shared.sender.clear_up(request, response, &self.manner).await
    }

    /// Asks for other credentials, after the server did not know these. Returns false if there are none.
    pub(crate) async fn renew_credentials(&self) -> Result<bool> {
        self.shared.sender.exchange.renew(self.manner.timeout).await
    }

    pub(crate) fn retry_policy(&self) -> &dyn RetryPolicy {
        &*self.manner.retry
    }

    async fn check_user(&self) -> Result<()> {
        let Some(expected) = &self.shared.expected_user else { return Ok(()) };
        let user = self.user().await?.map(|user| &user.id);
        if user == Some(expected) {
            return Ok(());
        }
        let actual = user.map_or_else(|| "nobody it knows".to_owned(), |id| format!("`{id}`"));
        let message = format!("the server takes you for {actual}, and not for `{expected}`, so nothing was sent");
        Err(Error::new(ErrorKind::Unauthorized, message))
    }

    /// Waits until nobody else in this program writes the object at that path.
    pub(crate) async fn turn(&self, path: &str) -> Turn {
        turn::take(self.url(), path).await
    }

    /// Waits until nobody else in this program writes the lists that these requests write to.
    pub(crate) async fn turns<'r>(&self, requests: impl Iterator<Item = &'r Request>) -> Turns {
        let writes = requests.filter(|request| !request.method.is_safe());
        turn::take_lists(self.url(), writes.map(|request| request.path.as_str())).await
    }

    /// Says that a plugin is missing, if that is why the server refused a request that needs it.
    pub(crate) async fn explain_missing(&self, needs: Option<Capability>, error: Error) -> Error {
        let Some(Capability(name)) = needs else { return error };
        match self.server_info().await {
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
