use std::panic::Location;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::Value;

use super::{RecordedRequest, Script, fail};

/// The headers that a recorded request is compared by; the others do not change what a write does.
const PRECONDITIONS: [HeaderName; 2] = [header::IF_MATCH, header::IF_NONE_MATCH];

/// A request that a [`Script`] expects.
pub(super) struct Expected {
    pub(super) method: String,
    pub(super) target: String,
    /// The headers that it must have, or must not have.
    pub(super) headers: Vec<(HeaderName, Option<HeaderValue>)>,
    pub(super) json: Option<Value>,
    pub(super) reply: Option<Reply>,
    /// The line of the test.
    pub(super) location: &'static Location<'static>,
}

/// The response to an expected request.
#[derive(Clone)]
pub(super) enum Reply {
    Lost,
    Response(http::Response<Bytes>),
}

impl Reply {
    pub(super) fn new(status: StatusCode) -> Self {
        let mut response = http::Response::new(Bytes::new());
        *response.status_mut() = status;
        Self::Response(response)
    }

    pub(super) fn set_json(&mut self, json: &Value) {
        if let Self::Response(response) = self {
            *response.body_mut() = json.to_string().into();
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
    }

    pub(super) fn set_header(&mut self, name: HeaderName, value: HeaderValue) {
        if let Self::Response(response) = self {
            response.headers_mut().insert(name, value);
        }
    }
}

impl Expected {
    pub(super) fn new(method: &str, target: String, location: &'static Location<'static>) -> Self {
        Self { method: method.to_owned(), target, headers: Vec::new(), json: None, reply: None, location }
    }

    /// Expects what was received before.
    pub(super) fn like(request: &RecordedRequest, location: &'static Location<'static>) -> Self {
        let headers = PRECONDITIONS.map(|name| (name.clone(), request.headers.get(name).cloned()));
        let json = serde_json::from_slice(&request.body).ok();
        let expected = Self::new(request.method.as_str(), request.target.clone(), location);
        Self { headers: headers.into(), json, ..expected }
    }
}

/// A request that is expected, and what it must contain; created by [`Script::expect`].
///
/// It ends with the response: [`respond`](Self::respond), [`respond_json`](Self::respond_json) or [`lose`](Self::lose).
/// The body is compared only if the test gives one.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> kinto_client::Result<()> {
/// use kinto_client::{json, testing::Script};
///
/// let script = Script::new();
/// let created = json!({"data": {"id": "blog", "last_modified": 42}, "permissions": {}});
/// // The response is lost, so the client sends the request once more.
/// script.expect("PUT", "/buckets/blog").header("If-None-Match", "*").lose();
/// script.expect("PUT", "/buckets/blog").header("If-None-Match", "*").respond_json(201, created);
///
/// script.client().bucket("blog").create().await?;
/// script.finish();
/// # Ok(()) }
/// ```
#[must_use = "an expectation ends with a response: `respond`, `respond_json` or `lose`"]
#[derive(Debug)]
pub struct Expectation<'a> {
    script: &'a Script,
    place: usize,
}

impl<'a> Expectation<'a> {
    pub(super) fn new(script: &'a Script, expected: Expected) -> Self {
        let mut state = script.state();
        state.expected.push(expected);
        Self { script, place: state.expected.len() - 1 }
    }

    fn edit(&self, edit: impl FnOnce(&mut Expected)) {
        if let Some(expected) = self.script.state().expected.get_mut(self.place) {
            edit(expected);
        }
    }

    /// Expects a header with this value.
    ///
    /// # Panics
    ///
    /// If it cannot be a header.
    #[track_caller]
    pub fn header(self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        let (name, value) = header_of(name.as_ref(), value.as_ref());
        self.edit(|expected| expected.headers.push((name, Some(value))));
        self
    }

    /// Expects that there is no such header.
    ///
    /// # Panics
    ///
    /// If it cannot be the name of a header.
    #[track_caller]
    pub fn without_header(self, name: impl AsRef<str>) -> Self {
        let (name, _) = header_of(name.as_ref(), "");
        self.edit(|expected| expected.headers.push((name, None)));
        self
    }

    /// Expects exactly this JSON as the body.
    pub fn json(self, json: Value) -> Self {
        self.edit(|expected| expected.json = Some(json));
        self
    }

    /// Responds with this status and no body.
    ///
    /// # Panics
    ///
    /// If it is no status of HTTP.
    #[track_caller]
    pub fn respond(self, status: impl TryInto<StatusCode>) -> ScriptedResponse<'a> {
        let Ok(status) = status.try_into() else { fail(&"the status of a response has three digits") };
        self.edit(|expected| expected.reply = Some(Reply::new(status)));
        ScriptedResponse(self)
    }

    /// Responds with this status and JSON. Kinto's errors have `code`, `errno`, `error` and `message`; JSON without them is
    /// taken for the response of something else, such as a proxy.
    ///
    /// # Panics
    ///
    /// If it is no status of HTTP.
    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "`json!` makes a value, which the test does not need afterwards")]
    pub fn respond_json(self, status: impl TryInto<StatusCode>, json: Value) -> ScriptedResponse<'a> {
        let response = self.respond(status);
        response.edit(|reply| reply.set_json(&json));
        response
    }

    /// Lets the request arrive, and loses the response. The client cannot know whether it was executed.
    pub fn lose(self) {
        self.edit(|expected| expected.reply = Some(Reply::Lost));
    }
}

/// The response to an expected request; created by [`Expectation::respond`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
/// use kinto_client::{Value, json, testing::Script};
///
/// let script = Script::new();
/// script
///     .expect("GET", "/buckets/blog/collections/posts/records?_sort=title")
///     .respond_json(200, json!({"data": []}))
///     .header("ETag", "\"42\"");
/// let posts = script.client().bucket("blog").collection("posts");
/// assert_eq!(posts.get_records::<Value>().sort(kinto_client::Sort::asc("title")).await?.last_modified.as_millis(), 42);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct ScriptedResponse<'a>(Expectation<'a>);

impl ScriptedResponse<'_> {
    fn edit(&self, edit: impl FnOnce(&mut Reply)) {
        self.0.edit(|expected| {
            if let Some(reply) = &mut expected.reply {
                edit(reply);
            }
        });
    }

    /// Adds a header to the response, such as the `ETag` of a list.
    ///
    /// # Panics
    ///
    /// If it cannot be a header.
    #[allow(clippy::return_self_not_must_use, reason = "the response is part of the script already")]
    #[track_caller]
    pub fn header(self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        let (name, value) = header_of(name.as_ref(), value.as_ref());
        self.edit(|reply| reply.set_header(name, value));
        self
    }

    /// Sets a body that need not be JSON, such as the page of a proxy.
    #[allow(clippy::return_self_not_must_use, reason = "the response is part of the script already")]
    pub fn body(self, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        self.edit(|reply| {
            if let Reply::Response(response) = reply {
                *response.body_mut() = body;
            }
        });
        self
    }
}

#[track_caller]
fn header_of(name: &str, value: &str) -> (HeaderName, HeaderValue) {
    match (name.parse(), value.parse()) {
        (Ok(name), Ok(value)) => (name, value),
        _ => fail(&format!("`{name}: {value}` cannot be a header")),
    }
}
