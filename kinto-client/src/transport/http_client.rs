use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use futures_core::future::BoxFuture;
use futures_util::stream;

use super::{Body, Transport, TransportError, TransportErrorKind};
use crate::error::{Error, Result, kind::ErrorKind};

/// The default transport: `reqwest`, without its redirects and retries.
///
/// It connects through the proxy that the system or the environment (`HTTPS_PROXY`, `NO_PROXY`) names. For a server on this
/// machine it uses none, to which it would show the credentials.
///
/// [`ClientBuilder::http_transport`](crate::ClientBuilder::http_transport) creates one to wrap. Cloning is cheap, and
/// clones share their connections.
#[derive(Clone)]
pub struct HttpTransport {
    http: reqwest::Client,
    /// The client for bodies that take longer to send than a response may pause, set up when there is one to send.
    uploads: Option<Arc<Uploads>>,
}

/// The settings of a client that do not change with its use.
pub(crate) struct Setup {
    pub(crate) connect_timeout: Duration,
    /// The certificate authorities that are trusted besides those of the system, each in PEM format.
    pub(crate) roots: Vec<Vec<u8>>,
    pub(crate) uses_proxy: bool,
}

/// A client without a timeout for a pause of the response, which `reqwest` counts from the beginning of the request.
struct Uploads {
    setup: Setup,
    http: OnceLock<reqwest::Client>,
}

impl Uploads {
    fn http(&self) -> Result<&reqwest::Client> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let http = build(&self.setup, None)?;
        Ok(self.http.get_or_init(|| http))
    }
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HttpTransport").field(&self.http).finish()
    }
}

impl HttpTransport {
    /// Creates a client with this timeout for a pause of a response.
    pub(crate) fn new(setup: Setup, read_timeout: Duration) -> Result<Self> {
        let http = build(&setup, Some(read_timeout))?;
        let uploads = Uploads { setup, http: OnceLock::new() };
        Ok(Self { http, uploads: Some(Arc::new(uploads)) })
    }

    /// Creates a transport from a client of the caller's own.
    pub(crate) fn of_client(http: reqwest::Client) -> Self {
        Self { http, uploads: None }
    }
}

fn build(setup: &Setup, read_timeout: Option<Duration>) -> Result<reqwest::Client> {
    let Setup { connect_timeout, roots, uses_proxy } = setup;
    let builder = reqwest::Client::builder();
    let builder = if *uses_proxy { builder } else { builder.no_proxy() };
    #[cfg(any(feature = "rustls", feature = "native-tls"))]
    let builder = builder.tls_certs_merge(certificates(roots)?);
    let builder = match read_timeout {
        Some(timeout) => builder.read_timeout(timeout),
        None => builder,
    };
    builder
        .connect_timeout(*connect_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .build()
        .map_err(|error| {
            let refused = match roots[..] {
                [] => Error::new(ErrorKind::Connect, "could not set up HTTP"),
                _ => Error::invalid("a root certificate is not valid for TLS"),
            };
            refused.caused_by(error)
        })
}

async fn execute(client: reqwest::Client, request: reqwest::Request) -> Result<http::Response<Body>, TransportError> {
    let mut response = client.execute(request).await.map_err(transport_error)?;
    let mut answer = http::Response::new(());
    *answer.status_mut() = response.status();
    *answer.headers_mut() = std::mem::take(response.headers_mut());
    let body: Body = Box::pin(stream::try_unfold(response, |mut response| async move {
        let chunk = response.chunk().await.map_err(transport_error)?;
        Ok(chunk.map(|chunk| (chunk, response)))
    }));
    Ok(answer.map(|()| body))
}

impl Transport for HttpTransport {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        let client = self.http.clone();
        Box::pin(async move {
            let request = reqwest::Request::try_from(request.map(reqwest::Body::from)).map_err(transport_error)?;
            execute(client, request).await
        })
    }

    fn send_stream(&self, request: http::Request<Body>) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        Box::pin(async move {
            let client = match &self.uploads {
                Some(uploads) => {
                    uploads.http().map_err(|error| TransportError::new(TransportErrorKind::Connect, error))?.clone()
                }
                None => self.http.clone(),
            };
            let request = request.map(reqwest::Body::wrap_stream);
            let request = reqwest::Request::try_from(request).map_err(transport_error)?;
            execute(client, request).await
        })
    }
}

fn transport_error(error: reqwest::Error) -> TransportError {
    let kind = if error.is_connect() || error.is_builder() {
        TransportErrorKind::Connect
    } else if error.is_timeout() {
        TransportErrorKind::TimedOut
    } else {
        TransportErrorKind::Interrupted
    };
    // Its message would include the URL, whose query may contain the values of a user's filter.
    TransportError::new(kind, error.without_url())
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
fn certificates(roots: &[Vec<u8>]) -> Result<Vec<reqwest::Certificate>> {
    let read = |pem: &Vec<u8>| {
        let certificates = reqwest::Certificate::from_pem_bundle(pem).map_err(|error| not_pem().caused_by(error))?;
        if certificates.is_empty() { Err(not_pem()) } else { Ok(certificates) }
    };
    Ok(roots.iter().map(read).collect::<Result<Vec<_>>>()?.concat())
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
fn not_pem() -> Error {
    Error::invalid("a root certificate is not in PEM form (`-----BEGIN CERTIFICATE-----`)")
}
