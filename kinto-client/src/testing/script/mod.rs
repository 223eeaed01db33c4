//! Requests that a test expects, with their responses.

use std::{
    fmt,
    panic::Location,
    sync::{
        Arc, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use futures_core::future::BoxFuture;
use serde_json::Value;

use super::recording::RecordedRequest;
use crate::{
    client::{Client, ClientBuilder},
    error::Result,
    transport::{Body, Transport, TransportError, auth::Auth},
};

mod comparison;
mod difference;
mod expectation;
mod recorded;
mod report;
mod state;
mod target;

pub use expectation::{Expectation, ScriptedResponse};

use expectation::Expected;
use state::{Handle, State};

/// The number of scripts of this process: each has a URL of its own, since the writes of one server wait for each other.
static SCRIPTS: AtomicU64 = AtomicU64::new(1);

/// A transport that expects exactly these requests in this order, and responds as the test says. Clones share one script.
///
/// Use it to test the requests themselves, or responses that no Kinto gives. For the behaviour of a program use
/// [`Kinto`](super::Kinto), whose tests do not depend on how a call is sent.
///
/// A request that is missing, unexpected, in another order or with another content fails the test: when the last handle
/// is dropped, or in [`finish`](Self::finish). The call that sent it gets an error that is not retried, so that the test
/// comes to its end. Clients are no handles, because one that a server task holds is dropped where a panic is lost: keep the
/// script in a variable until the test ends.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
/// use kinto_client::{Value, json, testing::Script};
///
/// let script = Script::new();
/// let posts = script.client().bucket("blog").collection("posts");
/// script
///     .expect("GET", "/buckets/blog/collections/posts/records/hello")
///     .respond_json(200, json!({"data": {"id": "hello", "last_modified": 42, "title": "Hi"}}));
/// script
///     .expect("PUT", "/buckets/blog/collections/posts/records/hello")
///     .header("If-Match", "\"42\"")
///     .json(json!({"data": {"title": "Hello"}}))
///     .respond_json(200, json!({"data": {"id": "hello", "last_modified": 43, "title": "Hello"}}));
///
/// let mut post = posts.get_record::<Value>("hello").await?;
/// post.data["title"] = "Hello".into();
/// posts.save_record(&mut post).await?;
/// script.finish();
/// # Ok(()) }
/// ```
///
/// The difference is shown line by line:
///
/// ```should_panic
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// # use kinto_client::{json, testing::Script};
/// let script = Script::new();
/// script.expect("PATCH", "/buckets/blog").json(json!({"data": {"open": true}})).respond(200);
/// let _ = script.client().bucket("blog").patch(json!({"open": false})).await;
/// script.finish();
/// # }
/// ```
///
/// ```text
/// the requests differ from the script
///
/// request 1, expected at tests/blog.rs:12:8, differs:
///   PATCH /buckets/blog
///   body (- expected, + received):
///     {
///       "data": {
///   -     "open": true
///   +     "open": false
///       }
///     }
/// ```
#[derive(Clone)]
pub struct Script(Arc<Handle>);

impl Script {
    /// Creates a script without expectations.
    #[must_use]
    pub fn new() -> Self {
        let url = format!("https://script-{}.test/v1", SCRIPTS.fetch_add(1, Ordering::Relaxed));
        Self(Arc::new(Handle::new(url)))
    }

    /// Creates a script from JSON, such as the content of a file with recorded responses.
    ///
    /// Each entry of the list has `expect`, a method and a target, and `respond`, which has a `status` and may have
    /// `headers` and `json`; `"lose": true` stands in its place for a response that is lost. `headers` and `json` of the entry
    /// itself are those of the request; a header that is `null` must be absent.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use kinto_client::testing::Script;
    ///
    /// // Usually `include_str!("recorded/delete.json")`.
    /// let recorded = r#"[{
    ///     "expect": "DELETE /buckets/blog",
    ///     "headers": {"If-Match": null},
    ///     "respond": {"status": 200, "json": {"data": {"id": "blog", "last_modified": 43, "deleted": true}}}
    /// }]"#;
    /// let script = Script::from_json(recorded.parse()?)?;
    /// script.client().delete_bucket("blog").await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid`](crate::Error::is_invalid) if the JSON is of another form, with the place.
    #[track_caller]
    pub fn from_json(recorded: Value) -> Result<Self> {
        let script = Self::new();
        script.state().expected = recorded::expectations(recorded, Location::caller())?;
        Ok(script)
    }

    /// Expects a request after those that are expected already.
    ///
    /// The target is the path below `/v1` with its query, as in [`RecordedRequest::target`]. Escapes may be left out, and the
    /// order of the parameters is free. `*` stands for one segment of the path, such as an id that the client generates, or
    /// for the value of one parameter.
    #[track_caller]
    pub fn expect(&self, method: impl AsRef<str>, target: impl Into<String>) -> Expectation<'_> {
        Expectation::new(self, Expected::new(method.as_ref(), target.into(), Location::caller()))
    }

    /// Expects a request like one that was received before, by a [`Kinto`](super::Kinto) or a script: its method and target,
    /// its JSON, and its `If-Match` and `If-None-Match`, or their absence.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
    /// use kinto_client::{json, testing::{Kinto, Script}};
    ///
    /// let kinto = Kinto::new();
    /// kinto.client().bucket("blog").create().await?;
    ///
    /// let script = Script::new();
    /// for request in kinto.requests() {
    ///     script.expect_recorded(&request).respond_json(507, json!({"message": "the disk is full"}));
    /// }
    /// assert!(script.client().bucket("blog").create().await.is_err_and(|error| error.is_server_error()));
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn expect_recorded(&self, request: &RecordedRequest) -> Expectation<'_> {
        Expectation::new(self, Expected::like(request, Location::caller()))
    }

    /// Returns the requests that were received, in their order, with the one that was not expected and those after it.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.state().received.clone()
    }

    /// Ends the test if the requests until now differ from the script, or some are missing. More can be expected afterwards.
    ///
    /// Dropping the last handle does the same. Call this where the message should name the line of the test, or where the
    /// script is dropped in a task.
    ///
    /// # Panics
    ///
    /// If the requests differ from the script, with the difference.
    #[track_caller]
    pub fn finish(&self) {
        let report = self.state().report();
        if let Some(report) = report {
            fail(&report);
        }
    }

    /// Returns the URL of the script, which only its own transport can reach.
    #[must_use]
    pub fn url(&self) -> &str {
        self.0.url()
    }

    /// Returns a client with the credentials of a user `test`.
    ///
    /// # Panics
    ///
    /// Never: the settings of the client are fixed, and valid.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client_as(("test", "test"))
    }

    /// Returns a client with other credentials: `("user", "password")`, or any other [`Auth`].
    ///
    /// # Panics
    ///
    /// If the credentials are not valid, such as a user name with a colon.
    #[must_use]
    #[track_caller]
    pub fn client_as(&self, auth: impl Into<Auth>) -> Client {
        match self.client_builder().auth(auth).build() {
            Ok(client) => client,
            Err(error) => fail(&error),
        }
    }

    /// Returns the builder of a client that sends its requests to this script, without credentials, for other options.
    pub fn client_builder(&self) -> ClientBuilder {
        Client::builder(self.url()).transport(self.0.connection())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state()
    }
}

impl Default for Script {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("url", &self.url()).finish_non_exhaustive()
    }
}

impl Transport for Script {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        self.state().respond(&request)
    }
}

/// Fails the test.
#[track_caller]
#[allow(clippy::panic, reason = "that is how a test fails")]
fn fail(reason: &dyn fmt::Display) -> ! {
    panic!("{reason}")
}
