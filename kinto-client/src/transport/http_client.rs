use std::time::Duration;

use bytes::Bytes;
use futures_core::future::BoxFuture;
use futures_util::stream;

use super::{Body, Transport, TransportError, TransportErrorKind};
use crate::error::{Error, Result, kind::ErrorKind};

/// The default transport: `reqwest`, without its redirects and retries.
///
/// [`ClientBuilder::http_transport`](crate::ClientBuilder::http_transport) creates one to wrap. Cloning is cheap, and
/// clones share their connections.
#[derive(Clone, Debug)]
pub struct HttpTransport(pub(crate) reqwest::Client);

impl HttpTransport {
    /// Creates a client with these timeouts, which also trusts these certificate authorities, each in PEM format.
    pub(crate) fn new(connect_timeout: Duration, read_timeout: Duration, roots: &[Vec<u8>]) -> Result<Self> {
        let builder = reqwest::Client::builder();
        #[cfg(any(feature = "rustls", feature = "native-tls"))]
        let builder = builder.tls_certs_merge(certificates(roots)?);
        #[cfg(not(any(feature = "rustls", feature = "native-tls")))]
        let _ = roots;
        builder
            .connect_timeout(connect_timeout)
            .read_timeout(read_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build()
            .map(Self)
            .map_err(|error| {
                let refused = match roots {
                    [] => Error::new(ErrorKind::Connect, "could not set up HTTP"),
                    _ => Error::invalid("a root certificate is not valid for TLS"),
                };
                refused.caused_by(error)
            })
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        let client = self.0.clone();
        Box::pin(async move {
            let request = reqwest::Request::try_from(request.map(reqwest::Body::from)).map_err(transport_error)?;
            let mut response = client.execute(request).await.map_err(transport_error)?;
            let mut answer = http::Response::new(());
            *answer.status_mut() = response.status();
            *answer.headers_mut() = std::mem::take(response.headers_mut());
            let body: Body = Box::pin(stream::try_unfold(response, |mut response| async move {
                let chunk = response.chunk().await.map_err(transport_error)?;
                Ok(chunk.map(|chunk| (chunk, response)))
            }));
            Ok(answer.map(|()| body))
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
