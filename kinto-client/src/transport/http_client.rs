use std::time::Duration;

use bytes::Bytes;
use futures_core::future::BoxFuture;
use futures_util::stream;

use super::{Body, Transport, TransportError, TransportErrorKind};
use crate::error::{Error, ErrorKind, Result};

/// The transport over `reqwest`.
pub(crate) struct HttpClient(pub(crate) reqwest::Client);

impl HttpClient {
    pub(crate) fn new(connect_timeout: Duration, read_timeout: Duration) -> Result<Self> {
        reqwest::Client::builder()
            .connect_timeout(connect_timeout)
            .read_timeout(read_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build()
            .map(Self)
            .map_err(|error| Error::new(ErrorKind::Connection, "could not set up HTTP").caused_by(error))
    }
}

impl Transport for HttpClient {
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
    // Its message would repeat the URL, whose query may hold what a user filtered by.
    TransportError::new(kind, error.without_url())
}
