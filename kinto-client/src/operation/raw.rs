use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};

use super::{Call, CallContext, sealed::Operation};
use crate::{
    client::Client,
    error::{Error, Result},
    wire::{
        query::Query,
        request::{Precondition, Request},
        response::Response,
        timestamp::Timestamp,
    },
};

/// Sends a request of the caller's own.
pub struct RawRequest {
    method: Method,
    path: String,
    query: Query,
    body: Option<Bytes>,
    content_type: Option<HeaderValue>,
    precondition: Option<Precondition>,
    may_be_repeated: bool,
    wrong: Option<Error>,
}

/// The response to a [`Client::request`], whatever its status.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RawResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The complete body.
    pub body: Bytes,
    /// `true` if an earlier try of the request may have been executed and this response does not show it: a `412` or
    /// `404` can be its effect.
    pub may_have_been_applied: bool,
}

impl RawResponse {
    /// Decodes the body as JSON.
    ///
    /// # Errors
    ///
    /// [`Error::is_unexpected`] if the body is no JSON, or does not fit `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| Error::not_kinto(&error, &self.body))
    }

    /// Returns the response if its status is a success (2xx), and otherwise the error.
    ///
    /// # Errors
    ///
    /// The error that the typed calls return for this status.
    pub fn success(self) -> Result<Self> {
        if self.status.is_success() {
            return Ok(self);
        }
        let response = Response::new(self.status, self.headers, self.body);
        let error = response.to_error();
        Err(if self.may_have_been_applied { error.maybe_applied() } else { error })
    }
}

impl Client {
    /// Sends a request to any endpoint, with the client's credentials, headers, retries and limits.
    ///
    /// The path is below the version prefix (`/buckets/blog`), and may have a query. Set the rest on the call:
    /// [`json`](Call::json) or [`body`](Call::body), [`query`](Call::query), [`header`](Call::header),
    /// [`if_match`](Call::if_match), [`if_none_match`](Call::if_none_match), [`if_absent`](Call::if_absent).
    ///
    /// Requests that change something (all but `GET`, `HEAD` and `OPTIONS`) are retried only if the server cannot have
    /// executed them; [`repeatable`](Call::repeatable) declares that executing them twice is harmless. Every status is
    /// a response here, not an error: [`RawResponse::success`] turns an error status into an error.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let id = kinto_server::unique("doc");
    /// use kinto_client::{Value, http::Method, json};
    ///
    /// let path = format!("/buckets/{id}");
    /// let created = client.request(Method::PUT, &path).json(json!({"data": {"colour": "blue"}})).if_absent().await?.success()?;
    /// assert_eq!(created.status, 201);
    /// assert_eq!(created.json::<Value>()?["data"]["colour"], "blue");
    ///
    /// let missing = client.request(Method::GET, format!("{path}/collections/none")).await?;
    /// assert_eq!(missing.status, 404);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid`] if the path does not begin with `/`, or has `.` or `..` between slashes or a character
    /// that a URL would have to encode.
    pub fn request(&self, method: Method, path: impl AsRef<str>) -> Call<'static, RawRequest> {
        let (path, query) = match path.as_ref().split_once('?') {
            Some((path, query)) => (path, Query::verbatim(query)),
            None => (path.as_ref(), Query::default()),
        };
        let wrong = check(&method, path, query.as_str()).err();
        let request = RawRequest {
            method,
            path: path.to_owned(),
            query,
            body: None,
            content_type: None,
            precondition: None,
            may_be_repeated: false,
            wrong,
        };
        Call::new(self, request)
    }
}

/// Rejects a path that would arrive as another one.
fn check(method: &Method, path: &str, query: &str) -> Result<()> {
    let refuse = |reason: &str| Err(Error::invalid(format!("{path:?} cannot be the path of a request: {reason}")));
    if matches!(*method, Method::CONNECT | Method::TRACE) {
        return Err(Error::invalid(format!("the method {method} is not supported by Kinto")));
    }
    if !path.starts_with('/') {
        return refuse("it must begin with `/`");
    }
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"#<>\\^`{|}".contains(&byte);
    if !path.bytes().chain(query.bytes()).all(plain) {
        return refuse(
            "it has a character that has to be percent-encoded (`.query(name, value)` does that for a query)",
        );
    }
    let dots = |segment: &str| matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
    if path.split('/').any(dots) {
        return refuse("it must not contain `.` or `..` between slashes");
    }
    Ok(())
}

impl Operation for RawRequest {
    const NAME: &'static str = "RawRequest";

    type Output = RawResponse;

    fn context(&self) -> CallContext {
        CallContext::new("send the request to", self.path.as_str())
    }

    fn request(&self) -> Result<Option<Request>> {
        if let Some(error) = &self.wrong {
            return Err(error.clone());
        }
        let mut request = Request::new(self.method.clone(), self.path.clone()).provided(self.precondition);
        if self.may_be_repeated {
            // What the response to a repeated request means is the caller's to say.
            request = request.repeatable();
        }
        request.query = self.query.clone();
        request.body.clone_from(&self.body);
        if let Some(content_type) = &self.content_type {
            request.headers = Some(Arc::new(HeaderMap::from_iter([(header::CONTENT_TYPE, content_type.clone())])));
        }
        Ok(Some(request))
    }

    fn response(self, response: Response) -> Result<RawResponse> {
        Ok(RawResponse {
            status: response.status,
            headers: response.headers.into_map(),
            body: response.body,
            may_have_been_applied: response.doubt.is_some(),
        })
    }
}

impl Call<'_, RawRequest> {
    /// Sets the body, as JSON.
    pub fn json(mut self, body: impl Serialize) -> Self {
        match serde_json::to_vec(&body) {
            Ok(body) => self.op.body = Some(body.into()),
            Err(error) => self.refuse(Error::invalid(format!("the body cannot be written as JSON: {error}"))),
        }
        self
    }

    /// Sets the body, with its `Content-Type`. Such a call cannot be part of a batch.
    pub fn body(mut self, content_type: impl AsRef<str>, body: impl Into<Bytes>) -> Self {
        let content_type = content_type.as_ref();
        match HeaderValue::from_str(content_type) {
            Ok(content_type) => self.op.content_type = Some(content_type),
            Err(_) => self.refuse(Error::invalid(format!("{content_type:?} cannot be a `Content-Type`"))),
        }
        self.op.body = Some(body.into());
        self.client = self.client.for_one_call();
        self
    }

    /// Adds a parameter to the query; name and value are encoded.
    pub fn query(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.op.query.push(name.as_ref(), value.as_ref());
        self
    }

    /// Sends `If-Match`: if the object or list has another timestamp, the status is `412`.
    pub fn if_match(mut self, last_modified: Timestamp) -> Self {
        self.op.precondition = Some(Precondition::Unchanged(last_modified));
        self
    }

    /// Sends `If-None-Match`: if the object or list still has this timestamp, the status is `304`.
    pub fn if_none_match(mut self, last_modified: Timestamp) -> Self {
        self.op.precondition = Some(Precondition::Changed(last_modified));
        self
    }

    /// Creates the object only if there is none (`If-None-Match: *`): otherwise the status is `412`.
    pub fn if_absent(mut self) -> Self {
        self.op.precondition = Some(Precondition::Absent);
        self
    }

    /// Declares that executing this request twice has the same effect as executing it once, so that it may be retried.
    /// The retry policy decides how often. Read [`RawResponse::may_have_been_applied`] then.
    pub fn repeatable(mut self) -> Self {
        self.op.may_be_repeated = true;
        self
    }

    fn refuse(&mut self, error: Error) {
        self.op.wrong.get_or_insert(error);
    }
}

impl std::fmt::Debug for RawRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RawRequest({} {})", self.method, self.path)
    }
}
