//! Faults between a client and the server, as tests ask for them.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use futures_core::future::BoxFuture;
use http::{HeaderValue, Method, StatusCode, header};

use super::kinto::Kinto;
use crate::transport::{TransportError, TransportErrorKind};

/// A change by another client before a request is carried out.
type Before = Box<dyn FnOnce(Kinto) -> BoxFuture<'static, ()> + Send>;

/// The faults to come.
#[derive(Default)]
pub(super) struct Faults {
    next: VecDeque<Verdict>,
    delay: Option<Duration>,
    before_write: VecDeque<Before>,
    collisions: usize,
    expired: usize,
}

/// The faults of one request.
#[derive(Default)]
pub(super) struct Fate {
    pub(super) delay: Option<Duration>,
    pub(super) before: Option<Before>,
    pub(super) verdict: Verdict,
}

/// The response to a request, or the lack of one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Verdict {
    /// The request arrives, and so does the response.
    #[default]
    Carried,
    /// The connection is refused.
    Refused,
    /// The request arrives, and the response is lost.
    Lost,
    /// The response ends in the middle of its body.
    Cut,
    /// Something between client and server responds with this status.
    Failed(StatusCode),
    /// The server is overloaded, and says when to try again.
    Overloaded,
    /// The server carries a batch out, and rolls it back since it collides with another one.
    Collided,
    /// The credentials are rejected.
    Expired,
}

impl Faults {
    pub(super) fn next(&mut self, request: &http::Request<Bytes>) -> Fate {
        let is_batch = is_batch(request);
        let verdict = if let Some(verdict) = self.next.pop_front() {
            verdict
        } else if self.expired > 0 && request.headers().contains_key(header::AUTHORIZATION) {
            self.expired -= 1;
            Verdict::Expired
        } else if is_batch && self.collisions > 0 && writes(request) {
            self.collisions -= 1;
            Verdict::Collided
        } else {
            Verdict::Carried
        };
        let is_carried_out = matches!(verdict, Verdict::Carried | Verdict::Lost | Verdict::Cut);
        let before = if is_carried_out && !self.before_write.is_empty() && writes(request) {
            self.before_write.pop_front()
        } else {
            None
        };
        Fate { delay: self.delay, before, verdict }
    }
}

fn is_batch(request: &http::Request<Bytes>) -> bool {
    *request.method() == Method::POST && request.uri().path().ends_with("/batch")
}

/// Returns true for a write, and for a batch with a write in it.
fn writes(request: &http::Request<Bytes>) -> bool {
    if !is_batch(request) {
        return !request.method().is_safe();
    }
    let batch: serde_json::Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let method = |part: &serde_json::Value| part.get("method").and_then(serde_json::Value::as_str).map(str::to_owned);
    let by_default = batch.get("defaults").and_then(method);
    let parts = batch.get("requests").and_then(serde_json::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let methods = parts.iter().filter_map(|part| method(part).or_else(|| by_default.clone()));
    methods.into_iter().any(|method| !matches!(method.to_ascii_uppercase().as_str(), "GET" | "HEAD" | "OPTIONS"))
}

type Chunks = Vec<Result<Bytes, TransportError>>;

fn broken(what: &str) -> TransportError {
    TransportError::new(TransportErrorKind::Interrupted, what.to_owned())
}

impl Verdict {
    pub(super) async fn carry_out(
        self,
        kinto: &Kinto,
        mut request: http::Request<Bytes>,
    ) -> Result<http::Response<Chunks>, TransportError> {
        let whole = |response: http::Response<Bytes>| response.map(|body| vec![Ok(body)]);
        match self {
            Self::Refused => Err(TransportError::new(TransportErrorKind::Connect, "the test refused the connection")),
            Self::Failed(status) => Ok(whole(from_a_proxy(status))),
            Self::Overloaded => Ok(whole(kinto.overload(request))),
            Self::Expired => {
                request.headers_mut().remove(header::AUTHORIZATION);
                Ok(whole(kinto.carry(request).await))
            }
            Self::Carried => Ok(whole(kinto.carry(request).await)),
            Self::Lost => {
                kinto.carry(request).await;
                Err(broken("the test lost the response"))
            }
            Self::Cut => Ok(kinto.carry(request).await.map(|body| {
                let half = body.slice(..body.len() / 2);
                vec![Ok(half), Err(broken("the test cut the body"))]
            })),
            Self::Collided => Ok(whole(kinto.collide(request))),
        }
    }
}

/// Returns the response of a proxy, which is no JSON.
fn from_a_proxy(status: StatusCode) -> http::Response<Bytes> {
    let mut response = http::Response::new(Bytes::from(format!("<html><h1>{status}</h1></html>")));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}

impl Kinto {
    fn next(&self, times: usize, verdict: Verdict) {
        self.state().faults.next.extend(std::iter::repeat_n(verdict, times));
    }

    /// Fails the next requests with this status and a page of HTML, as a proxy before the server does. The server does not
    /// see them.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> kinto_client::Result<()> {
    /// use kinto_client::{http::StatusCode, testing::Kinto};
    ///
    /// let kinto = Kinto::new();
    /// kinto.fail_next(2, StatusCode::SERVICE_UNAVAILABLE);
    /// kinto.client().bucket("blog").create().await?;
    /// assert_eq!(kinto.requests().len(), 3, "two were retried");
    /// # Ok(()) }
    /// ```
    pub fn fail_next(&self, requests: usize, status: StatusCode) {
        self.next(requests, Verdict::Failed(status));
    }

    /// Refuses the next requests with 503 and the `Retry-After` of [`KintoBuilder::retry_after`](super::KintoBuilder::retry_after),
    /// as Kinto does when it is overloaded or in maintenance.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> kinto_client::Result<()> {
    /// use std::time::Duration;
    ///
    /// use kinto_client::testing::Kinto;
    ///
    /// let kinto = Kinto::builder().retry_after(Duration::from_secs(600)).build();
    /// kinto.overload_next(1);
    /// let error = kinto.client().bucket("blog").create().await.unwrap_err();
    /// assert_eq!(error.retry_after(), Some(Duration::from_secs(600)), "that is more than the client waits");
    /// # Ok(()) }
    /// ```
    pub fn overload_next(&self, requests: usize) {
        self.next(requests, Verdict::Overloaded);
    }

    /// Refuses the connections of the next requests.
    pub fn refuse_next(&self, requests: usize) {
        self.next(requests, Verdict::Refused);
    }

    /// Passes the next requests without a fault, before those that are asked for afterwards.
    pub fn pass_next(&self, requests: usize) {
        self.next(requests, Verdict::Carried);
    }

    /// Loses the responses to the next requests, which the server carries out.
    pub fn lose_responses(&self, requests: usize) {
        self.next(requests, Verdict::Lost);
    }

    /// Cuts the bodies of the next responses in the middle. The server carries the requests out.
    pub fn cut_bodies(&self, requests: usize) {
        self.next(requests, Verdict::Cut);
    }

    /// Delays all requests from now on, by tokio's clock: a test with `start_paused` does not wait. [`Duration::ZERO`]
    /// ends it.
    pub fn delay(&self, delay: Duration) {
        self.state().faults.delay = Some(delay).filter(|delay| !delay.is_zero());
    }

    /// Runs what another program does just before the next write is carried out, such as a change between the reading of a
    /// record and its saving.
    ///
    /// Use the clients of the server that it is given, which is [`other_program`](Self::other_program). A write of another
    /// client would wait for the write that waits for it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
    /// use kinto_client::{Value, json, testing::Kinto};
    ///
    /// let kinto = Kinto::new();
    /// let todo = kinto.client().bucket("default").collection("todo");
    /// todo.create_record(json!({"n": 1})).id("milk").await?;
    /// let mut record = todo.get_record::<Value>("milk").await?;
    /// kinto.before_next_write(|kinto| async move {
    ///     let todo = kinto.client().bucket("default").collection("todo");
    ///     todo.patch_record::<Value>("milk", json!({"n": 2})).await.unwrap();
    /// });
    /// record.data["n"] = json!(3);
    /// assert!(todo.save_record(&mut record).await.is_err_and(|error| error.is_conflict()));
    /// # Ok(()) }
    /// ```
    pub fn before_next_write<F, R>(&self, change: F)
    where
        F: FnOnce(Kinto) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        self.state().faults.before_write.push_back(Box::new(|kinto| Box::pin(change(kinto))));
    }

    /// Collides the next batches that write with another writer: their last write is refused with 409, the other operations
    /// are said to have succeeded, and nothing of them is stored. This is what Kinto does on PostgreSQL.
    pub fn collide_next_batches(&self, batches: usize) {
        self.state().faults.collisions += batches;
    }

    /// Rejects the credentials of the next requests that have some. The server takes these for anonymous requests: it responds
    /// with 401 where authentication is required, in a batch for each part.
    pub fn expire_logins(&self, requests: usize) {
        self.state().faults.expired += requests;
    }

    /// Returns the number of faults that were asked for and have not happened: a test that asserts that there are none sees
    /// that its program has sent what it was meant to send. Delays, and requests that pass, are not counted.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> kinto_client::Result<()> {
    /// use kinto_client::{http::StatusCode, testing::Kinto};
    ///
    /// let kinto = Kinto::new();
    /// kinto.fail_next(2, StatusCode::SERVICE_UNAVAILABLE);
    /// kinto.client().bucket("blog").create().await?;
    /// assert_eq!(kinto.pending_faults(), 0, "it was tried three times");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn pending_faults(&self) -> usize {
        let faults = &self.state().faults;
        let next = faults.next.iter().filter(|verdict| !matches!(verdict, Verdict::Carried)).count();
        next + faults.before_write.len() + faults.collisions + faults.expired
    }

    /// Cancels all faults that were asked for and have not happened, and the delay.
    pub fn clear_faults(&self) {
        self.state().faults = Faults::default();
    }
}
