use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;

use super::kinto::Kinto;

/// A request that was sent to a [`Kinto`].
#[derive(Clone)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// The method.
    pub method: Method,
    /// The path below `/v1`, with the query: `/buckets/blog?_limit=1`.
    pub target: String,
    /// The headers, with those that the client adds.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// Shows no headers and no body, which may hold passwords.
impl fmt::Debug for RecordedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordedRequest({}, {} bytes)", self.line(), self.body.len())
    }
}

impl RecordedRequest {
    pub(super) fn of(request: &http::Request<Bytes>) -> Self {
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        Self {
            method: request.method().clone(),
            target: target.strip_prefix("/v1").unwrap_or(target).to_owned(),
            headers: request.headers().clone(),
            body: request.body().clone(),
        }
    }

    /// Returns the body as JSON, or `null` if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Returns method and target: `GET /buckets/blog`.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }
}

impl Kinto {
    /// Returns the requests that were sent since the start, or since [`clear_requests`](Self::clear_requests), in
    /// their order. A request whose response was lost is among them.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
    /// use kinto_client::testing::Kinto;
    ///
    /// let kinto = Kinto::new();
    /// kinto.client().bucket("blog").create().await?;
    /// let lines: Vec<String> = kinto.requests().iter().map(|request| request.line()).collect();
    /// assert_eq!(lines, ["PUT /buckets/blog"]);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.state().recorded.clone().unwrap_or_default()
    }

    /// Forgets the requests that were sent until now.
    pub fn clear_requests(&self) {
        if let Some(recorded) = &mut self.state().recorded {
            recorded.clear();
        }
    }
}
