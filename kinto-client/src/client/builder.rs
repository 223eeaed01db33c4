use std::{fmt, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue, header};
use tokio::sync::Semaphore;

use super::{Client, headers};
use crate::{
    error::{Error, Result},
    transport::{
        Transport,
        auth::Auth,
        base::Base,
        exchange::Exchange,
        http_client::HttpTransport,
        notice::{Backoff, Hook, Notices},
        retry::{Exponential, RetryPolicy},
        sender::{Manner, Sender},
    },
    wire::{alert::Alert, claim, principal::Principal},
};

const TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const READ_TIMEOUT: Duration = Duration::from_secs(30);
const MAX_RESPONSE_SIZE: usize = 128 << 20;
const MAX_BACKOFF: Duration = Duration::from_secs(60);
const MAX_CONCURRENT_REQUESTS: usize = 32;

/// Sets up a [`Client`]; [`Client::builder`] makes one.
#[must_use = "a builder makes nothing until `build` is called"]
pub struct ClientBuilder {
    url: String,
    auth: Option<Auth>,
    headers: HeaderMap,
    wrong_header: Option<Error>,
    timeout: Duration,
    connect_timeout: Duration,
    read_timeout: Duration,
    max_response_size: usize,
    transport: Option<Arc<dyn Transport>>,
    allow_plain_http: bool,
    expected_user: Option<Principal>,
    retry: Arc<dyn RetryPolicy>,
    backoff: Backoff,
    on_alert: Option<Hook>,
    max_concurrent_requests: usize,
    #[cfg(any(feature = "rustls", feature = "native-tls"))]
    root_certificates: Vec<Vec<u8>>,
}

impl ClientBuilder {
    pub(super) fn new(url: &str) -> Self {
        let agent = concat!("kinto-client/", env!("CARGO_PKG_VERSION"), " (Rust)");
        Self {
            url: url.to_owned(),
            auth: None,
            headers: HeaderMap::from_iter([(header::USER_AGENT, HeaderValue::from_static(agent))]),
            wrong_header: None,
            timeout: TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
            read_timeout: READ_TIMEOUT,
            max_response_size: MAX_RESPONSE_SIZE,
            transport: None,
            allow_plain_http: false,
            expected_user: None,
            retry: Arc::new(Exponential::default()),
            backoff: Backoff::Wait(MAX_BACKOFF),
            on_alert: None,
            max_concurrent_requests: MAX_CONCURRENT_REQUESTS,
            #[cfg(any(feature = "rustls", feature = "native-tls"))]
            root_certificates: Vec::new(),
        }
    }

    /// Who you are: `("user", "password")`, or any other [`Auth`]. Without it you are everyone.
    pub fn auth(mut self, auth: impl Into<Auth>) -> Self {
        self.auth = Some(auth.into());
        self
    }

    /// Whom the server must take you for, such as `account:alexis`.
    ///
    /// It is checked before the first request. A server that knows accounts and `basicauth` as well answers to a wrong
    /// password by taking you for somebody else, whose data is not yours.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// use kinto_client::Client;
    ///
    /// let auth = ("admin", "a wrong password");
    /// let client = Client::builder(server.url()).auth(auth).expect_user("account:admin").build()?;
    /// assert!(client.get_buckets().await.is_err_and(|error| error.is_unauthorized()));
    /// # Ok(()) }
    /// ```
    pub fn expect_user(mut self, principal: impl Into<Principal>) -> Self {
        self.expected_user = Some(principal.into());
        self
    }

    /// A header that every request has. Its value is treated as a secret: it may be a key.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        match headers::header_of(name.as_ref(), value.as_ref()) {
            Ok((name, value)) => drop(self.headers.insert(name, value)),
            Err(error) => drop(self.wrong_header.get_or_insert(error)),
        }
        self
    }

    /// How your program calls itself, instead of `kinto-client/…`.
    pub fn user_agent(self, agent: impl AsRef<str>) -> Self {
        self.header(header::USER_AGENT.as_str(), agent)
    }

    /// How long one request may take, with its answer read whole. One minute unless set.
    ///
    /// All that it waits for is part of it: for credentials, for other writes of this program to the same object, for one
    /// of the [`max_concurrent_requests`](Self::max_concurrent_requests), and for a server that wants to be left alone. A
    /// request that had to wait for so long is not sent, and the error says so.
    ///
    /// That is one try. What is sent again takes no longer, all in all, than
    /// [`Exponential::max_elapsed`] and this.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long connecting may take. Ten seconds unless set; a client of [`http`](Self::http) or
    /// [`transport`](Self::transport) has its own.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long the server may be silent while it answers. Thirty seconds unless set; a client of [`http`](Self::http)
    /// or [`transport`](Self::transport) has its own.
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.read_timeout = timeout;
        self
    }

    /// How many bytes one answer may have: one page of a list, for instance. 128 MiB unless set.
    pub fn max_response_size(mut self, bytes: usize) -> Self {
        self.max_response_size = bytes;
        self
    }

    /// When and how often requests are sent again where that is harmless: [`Exponential`] unless set.
    pub fn retry(mut self, policy: impl RetryPolicy) -> Self {
        self.retry = Arc::new(policy);
        self
    }

    /// What to do while the server asks to be left alone: wait, at most a minute, unless set.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Is called when the server says that it is going out of service: once for each thing it says. It is logged as a
    /// warning in any case.
    pub fn on_alert(mut self, hook: impl Fn(&Alert) + Send + Sync + 'static) -> Self {
        self.on_alert = Some(Box::new(hook));
        self
    }

    /// How many requests of this client and its clones may be under way at the same time; more wait, which is part of the
    /// time that they have ([`timeout`](Self::timeout)). 32 unless set.
    pub fn max_concurrent_requests(mut self, requests: usize) -> Self {
        self.max_concurrent_requests = requests;
        self
    }

    /// A certificate authority to trust besides the system's, as PEM: one of your own organisation. A client of
    /// [`http`](Self::http) or [`transport`](Self::transport) has its own.
    #[cfg(any(feature = "rustls", feature = "native-tls"))]
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificates.push(pem.into());
        self
    }

    /// A `reqwest` client of your own: proxies, certificates and connection limits are then what it was set to.
    ///
    /// Turn its redirects and retries off, as the client does for its own: they know nothing of what is safe to repeat.
    pub fn http(self, http: reqwest::Client) -> Self {
        self.transport(HttpTransport(http))
    }

    /// Makes the transport that [`build`](Self::build) would use: `reqwest`, with the time limits and certificates that were set on
    /// this builder so far. Give it to a [`transport`](Self::transport) of your own that does something before or after each
    /// request.
    ///
    /// ```
    /// use kinto_client::{
    ///     Client, HttpTransport, Transport, TransportError,
    ///     bytes::Bytes,
    ///     futures_core::future::BoxFuture,
    ///     http::{HeaderValue, Request, Response},
    /// };
    ///
    /// struct Traced(HttpTransport);
    ///
    /// impl Transport for Traced {
    ///     fn send(&self, mut request: Request<Bytes>) -> BoxFuture<'_, Result<Response<kinto_client::Body>, TransportError>> {
    ///         request.headers_mut().insert("x-request-id", HeaderValue::from_static("42"));
    ///         self.0.send(request)
    ///     }
    /// }
    ///
    /// let builder = Client::builder("http://localhost:8888/v1");
    /// let transport = Traced(builder.http_transport()?);
    /// let client = builder.transport(transport).build()?;
    /// # Ok::<(), kinto_client::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid`] if a root certificate cannot be one.
    pub fn http_transport(&self) -> Result<HttpTransport> {
        #[cfg(any(feature = "rustls", feature = "native-tls"))]
        let roots = &self.root_certificates[..];
        #[cfg(not(any(feature = "rustls", feature = "native-tls")))]
        let roots = &[];
        HttpTransport::new(self.connect_timeout, self.read_timeout, roots)
    }

    /// Something else than `reqwest` to carry the requests.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Sends credentials also over plain HTTP to another machine, where everyone on the way can read them.
    pub fn allow_credentials_over_http(mut self) -> Self {
        self.allow_plain_http = true;
        self
    }

    /// Makes the client. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid`] if the URL is none, has no version prefix, or has credentials in it; if a header or the
    /// credentials cannot be sent; if credentials would go over plain HTTP to another machine; and if the URL is one of HTTPS
    /// and neither the feature `rustls` nor `native-tls` is enabled.
    ///
    /// ```
    /// use kinto_client::Client;
    ///
    /// assert!(Client::builder("https://kinto.example.org").build().is_err_and(|error| error.is_invalid()));
    /// ```
    pub fn build(self) -> Result<Client> {
        let base = Base::parse(&self.url)?;
        if let Some(error) = self.wrong_header {
            return Err(error);
        }
        if self.max_concurrent_requests == 0 {
            return Err(Error::invalid("`max_concurrent_requests` must be at least 1"));
        }
        let transport = match &self.transport {
            Some(transport) => Arc::clone(transport),
            None if base.is_https() && !cfg!(any(feature = "rustls", feature = "native-tls")) => {
                return Err(Error::invalid(format!(
                    "{} needs TLS, which this program was built without: enable the feature `rustls` (on by default) or \
                     `native-tls` of kinto-client, or give a `.transport(…)` that has TLS",
                    base.as_str()
                )));
            }
            None => Arc::new(self.http_transport()?),
        };
        let exchange = Exchange {
            base,
            transport,
            auth: None,
            headers: self.headers,
            max_response_size: self.max_response_size,
            allow_plain_http: self.allow_plain_http,
        };
        let exchange = match self.auth {
            Some(auth) => exchange.with_auth(auth)?,
            None => exchange,
        };
        let max_places = self.max_concurrent_requests.min(Semaphore::MAX_PERMITS);
        let sender = Sender {
            server: claim::hash(&exchange.base.server()),
            exchange,
            notices: Arc::new(Notices::with_hook(self.on_alert)),
            backoff: self.backoff,
            places: Arc::new(Semaphore::new(max_places)),
            max_places,
        };
        Ok(Client::new(
            sender,
            Manner { retry: self.retry, timeout: self.timeout, headers: Ok(HeaderMap::new()), for_one_call: false },
            self.expected_user,
        ))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").field("auth", &self.auth).finish_non_exhaustive()
    }
}
