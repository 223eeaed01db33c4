//! The builder of a client, which validates URL, credentials, headers and limits.

use std::{fmt, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue, header};
use tokio::sync::Semaphore;

use super::{Client, headers};
use crate::{
    error::{Error, Result, alert::Alert},
    transport::{
        Transport,
        auth::Auth,
        base_url::Base,
        exchange::Exchange,
        http_client::{HttpTransport, Setup},
        retry::{ExponentialBackoff, RetryPolicy},
        retrying::{RequestOptions, Sender},
        server_notices::{Backoff, Hook, Notices},
    },
    wire::{claim, object::principal::Principal},
};

const TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const READ_TIMEOUT: Duration = Duration::from_secs(30);
const MAX_RESPONSE_SIZE: usize = 128 << 20;
const MAX_BACKOFF: Duration = Duration::from_secs(60);
const MAX_CONCURRENT_REQUESTS: usize = 32;

/// The builder of a [`Client`], created by [`Client::builder`].
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
    #[cfg(feature = "gzip")]
    compress_requests: bool,
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
            #[cfg(feature = "gzip")]
            compress_requests: false,
            expected_user: None,
            retry: Arc::new(ExponentialBackoff::default()),
            backoff: Backoff::Wait(MAX_BACKOFF),
            on_alert: None,
            max_concurrent_requests: MAX_CONCURRENT_REQUESTS,
            #[cfg(any(feature = "rustls", feature = "native-tls"))]
            root_certificates: Vec::new(),
        }
    }

    /// Sets the credentials: `("user", "password")`, or any other [`Auth`]; without them, requests are anonymous.
    pub fn auth(mut self, auth: impl Into<Auth>) -> Self {
        self.auth = Some(auth.into());
        self
    }

    /// Sets the principal that the server must report for the credentials, such as `account:alexis`.
    ///
    /// It is checked before the first request. A server with both accounts and `basicauth` responds to a wrong
    /// password by treating you as another user, without your data.
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

    /// Adds a header to every request.
    ///
    /// Its value is treated as a secret, since it may be a key.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        match headers::header_of(name.as_ref(), value.as_ref()) {
            Ok((name, value)) => drop(self.headers.insert(name, value)),
            Err(error) => drop(self.wrong_header.get_or_insert(error)),
        }
        self
    }

    /// Sets the `User-Agent` header, instead of `kinto-client/…`.
    pub fn user_agent(self, agent: impl AsRef<str>) -> Self {
        self.header(header::USER_AGENT.as_str(), agent)
    }

    /// Sets the timeout of one request, including the reading of its response; the default is one minute.
    ///
    /// It includes all waiting: for credentials, for other writes of this program to the same object, for one of the
    /// [`max_concurrent_requests`](Self::max_concurrent_requests), and for the server's `Backoff`. A request that
    /// waited for that long is not sent, and the error says so.
    ///
    /// It applies to each try. All tries of a request together take at most [`ExponentialBackoff::max_elapsed`] and
    /// one timeout more.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the timeout for connecting; the default is ten seconds.
    ///
    /// A client set by [`reqwest_client`](Self::reqwest_client) or [`transport`](Self::transport) has its own.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets the timeout for a pause within a response; the default is thirty seconds.
    ///
    /// A client set by [`reqwest_client`](Self::reqwest_client) or [`transport`](Self::transport) has its own.
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.read_timeout = timeout;
        self
    }

    /// Sets the maximum size of one response in bytes, such as one page of a list; the default is 128 MiB.
    ///
    /// Of a compressed response the decompressed bytes count: decompressing ends at this size.
    pub fn max_response_size(mut self, bytes: usize) -> Self {
        self.max_response_size = bytes;
        self
    }

    /// Sets the retry policy, which is applied to requests that are safe to repeat; the default is
    /// [`ExponentialBackoff`].
    pub fn retry(mut self, policy: impl RetryPolicy) -> Self {
        self.retry = Arc::new(policy);
        self
    }

    /// Sets the behaviour during a `Backoff` that the server asked for; the default is to wait for a minute at
    /// most.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Calls `hook` when the server announces that it is going out of service, once per announcement.
    ///
    /// Each is logged as a warning as well.
    pub fn on_alert(mut self, hook: impl Fn(&Alert) + Send + Sync + 'static) -> Self {
        self.on_alert = Some(Box::new(hook));
        self
    }

    /// Sets the maximum number of concurrent requests of this client and its clones; 32 unless set. Further
    /// requests wait, which counts towards their [`timeout`](Self::timeout).
    pub fn max_concurrent_requests(mut self, requests: usize) -> Self {
        self.max_concurrent_requests = requests;
        self
    }

    /// Adds a trusted certificate authority in PEM format, such as one of your organisation, to those of the
    /// system.
    ///
    /// A client set by [`reqwest_client`](Self::reqwest_client) or [`transport`](Self::transport) has its own.
    #[cfg(any(feature = "rustls", feature = "native-tls"))]
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificates.push(pem.into());
        self
    }

    /// Sets a `reqwest` client of your own, with its own proxies, certificates and connection limits.
    ///
    /// Disable its redirects and retries, as the default client does: they do not consider which requests are safe
    /// to repeat.
    pub fn reqwest_client(self, http: reqwest::Client) -> Self {
        self.transport(HttpTransport::of_client(http))
    }

    /// Returns the transport that [`build`](Self::build) would use: `reqwest`, with the time limits and certificates
    /// set on this builder so far. Wrap it in a [`transport`](Self::transport) of your own to do something before or
    /// after each request.
    ///
    /// ```
    /// use kinto_client::{
    ///     Client, bytes::Bytes, futures_core::future::BoxFuture, http::{HeaderValue, Request, Response},
    ///     transport::{HttpTransport, Transport, TransportError},
    /// };
    ///
    /// struct Traced(HttpTransport);
    ///
    /// impl Transport for Traced {
    ///     fn send(&self, mut request: Request<Bytes>) -> BoxFuture<'_, Result<Response<kinto_client::transport::Body>, TransportError>> {
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
    /// [`Error::is_invalid`] if a root certificate is not valid.
    pub fn http_transport(&self) -> Result<HttpTransport> {
        #[cfg(any(feature = "rustls", feature = "native-tls"))]
        let roots = self.root_certificates.clone();
        #[cfg(not(any(feature = "rustls", feature = "native-tls")))]
        let roots = Vec::new();
        let uses_proxy = !Base::parse(&self.url).is_ok_and(|base| base.is_loopback());
        HttpTransport::new(Setup { connect_timeout: self.connect_timeout, roots, uses_proxy }, self.read_timeout)
    }

    /// Sets another transport than `reqwest`.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Allows credentials over plain HTTP to another machine, where anyone on the way can read them.
    pub fn allow_credentials_over_http(mut self) -> Self {
        self.allow_plain_http = true;
        self
    }

    /// Compresses the bodies of requests by gzip, if they have at least 1 KiB.
    ///
    /// Kinto itself does not read compressed requests: use this where a proxy before it decompresses them. Where nobody
    /// does, the first request with such a body fails with an error that says so, and nothing is written. Responses are
    /// compressed without this, if the server, or a proxy before it, offers that.
    ///
    /// ```
    /// use kinto_client::Client;
    ///
    /// let client = Client::builder("https://kinto.example.org/v1").compress_requests().build()?;
    /// # drop(client);
    /// # Ok::<(), kinto_client::Error>(())
    /// ```
    #[cfg(feature = "gzip")]
    pub fn compress_requests(mut self) -> Self {
        self.compress_requests = true;
        self
    }

    /// Creates the client, without sending anything.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid`] if the URL is invalid, has no version prefix or has credentials in it; if a header or the
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
            #[cfg(feature = "gzip")]
            compress_requests: self.compress_requests,
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
            RequestOptions {
                retry: self.retry,
                timeout: self.timeout,
                headers: Ok(HeaderMap::new()),
                for_one_call: false,
            },
            self.expected_user,
        ))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").field("auth", &self.auth).finish_non_exhaustive()
    }
}
