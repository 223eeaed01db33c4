//! One operation as one value: how its request is made, and how its answer is read.

#![expect(private_interfaces, reason = "the traits are sealed: nobody outside can call what these appear in")]

use std::{fmt, future::IntoFuture, marker::PhantomData, time::Duration};

use futures_core::future::BoxFuture;
use http::Method;

use crate::{
    client::Client,
    error::{Error, ErrorKind, Result},
    transport::retry::RetryPolicy,
    wire::{path::Address, preview::RequestPreview, request::Request, response::Response},
};

/// `Debug` of an operation: what it is and where, not the data in it, which may be nobody's business.
macro_rules! debug_as_place {
    ($operation:ident [$($generics:tt)*] [$($params:tt)*] $($place:tt)+) => {
        impl<$($generics)*> std::fmt::Debug for $operation<$($params)*> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($operation), "({})"), self.$($place)+)
            }
        }
    };
}

pub(crate) mod account;
pub(crate) mod batch;
#[cfg(feature = "blocking")]
mod blocking;
pub(crate) mod blueprint;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod delete_all;
pub(crate) mod edit;
pub(crate) mod entries;
pub(crate) mod get;
pub(crate) mod grant;
pub(crate) mod if_not_exists;
pub(crate) mod list;
pub(crate) mod many;
pub(crate) mod overwrite;
pub(crate) mod patch;
pub(crate) mod preview;
pub(crate) mod raw;
pub(crate) mod save;
#[cfg(feature = "schema")]
pub(crate) mod schema;
pub(crate) mod server_info;
pub(crate) mod span;
pub(crate) mod update;

/// What a call is about, for errors and logs.
#[derive(Clone)]
pub(crate) struct Subject {
    pub(crate) operation: &'static str,
    pub(crate) object: Address,
}

/// An operation of one request, without any I/O: the one definition that awaiting, blocking, explaining and batches
/// share.
pub trait Operation: sealed::Operation<Output = <Self as Operation>::Output> + Send {
    /// What it gives.
    type Output: Send;
}

/// Something that can be awaited through a [`Call`]: an [`Operation`], or what takes several requests.
pub trait Run: sealed::Run<Output = <Self as Run>::Output> + Send {
    /// What it gives.
    type Output: Send;
}

pub(crate) mod sealed {
    use super::{Client, Request, RequestPreview, Response, Result, Subject};

    pub trait Operation: Sized {
        type Output: Send;

        #[doc(hidden)]
        fn subject(&self) -> Subject;

        /// The request, or `None` if there is nothing to send.
        #[doc(hidden)]
        fn request(&self) -> Result<Option<Request>>;

        #[doc(hidden)]
        fn response(self, response: Response) -> Result<Self::Output>;

        /// What it gives when there was nothing to send.
        #[doc(hidden)]
        fn unsent(self) -> Result<Self::Output> {
            Err(super::Error::invalid("there is nothing to send"))
        }
    }

    /// A call whose first request is known before anything is sent.
    pub trait Preview {
        #[doc(hidden)]
        fn preview(&self) -> Result<RequestPreview>;
    }

    pub trait Run: Sized {
        type Output: Send;

        #[doc(hidden)]
        fn run(self, client: Client) -> impl Future<Output = Result<Self::Output>> + Send;
    }
}

impl<O: sealed::Operation + Send> Operation for O {
    type Output = <O as sealed::Operation>::Output;
}

impl<R: sealed::Run + Send> Run for R {
    type Output = <R as sealed::Run>::Output;
}

impl<O: sealed::Operation + Send> sealed::Run for O {
    type Output = <O as sealed::Operation>::Output;

    async fn run(self, client: Client) -> Result<Self::Output> {
        let subject = self.subject();
        let request = match self.request() {
            Ok(Some(request)) => request,
            Ok(None) => return self.unsent().map_err(|error| subject.blame(error)),
            Err(error) => return Err(subject.blame(error)),
        };
        send(&client, self, request).await.map_err(|error| subject.blame(error))
    }
}

/// Sends the request of an operation and reads the answer.
pub(crate) async fn send<O: sealed::Operation>(client: &Client, operation: O, request: Request) -> Result<O::Output> {
    let response = client.send(&request).await?;
    let refused = !response.status.is_success();
    match read(operation, &request, response) {
        Err(error) if refused => Err(client.explain_missing(request.needs, error).await),
        result => result,
    }
}

/// Reads the answer to an operation.
fn read<O: sealed::Operation>(operation: O, request: &Request, response: Response) -> Result<O::Output> {
    let maybe = response.may_be_done() && !request.method.is_safe();
    operation.response(response).map_err(|error| {
        let error = error.having_sent(request);
        // The id may be in the data alone.
        let error = if error.kind() == ErrorKind::Conflict && request.method == Method::PUT {
            error.with_object(&request.path)
        } else {
            error
        };
        if maybe { error.maybe_applied() } else { error }
    })
}

/// Carries out one operation of several that make up a call.
pub(crate) async fn attempt<O: sealed::Operation>(client: &Client, operation: O) -> Result<O::Output> {
    match operation.request()? {
        Some(request) => send(client, operation, request).await,
        None => operation.unsent(),
    }
}

impl Subject {
    pub(crate) fn new(operation: &'static str, object: impl Into<Address>) -> Self {
        Self { operation, object: object.into() }
    }

    /// A batch of several kinds of operations.
    pub(crate) fn batch() -> Self {
        Self::new("send the batch to", "/batch")
    }

    pub(crate) fn blame(&self, error: Error) -> Error {
        error.during(self.operation, &self.object)
    }
}

/// An operation that has not been sent yet.
///
/// Await it to send it. Before that it can be given options, by the methods of the operation it is: the same on every
/// kind of object.
///
/// ```
/// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
/// # let server = kinto_server::Server::shared().expect("a server");
/// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
/// # let id = kinto_server::unique("call");
/// let create = client.bucket(&id).create();
/// assert_eq!(create.preview()?.to_string().lines().next(), Some(format!("PUT /buckets/{id}").as_str()));
///
/// let bucket = create.await?;
/// assert_eq!(bucket.id, id);
/// # Ok(()) }
/// ```
#[must_use = "a call does nothing until it is awaited"]
pub struct Call<'a, O> {
    pub(crate) client: Client,
    pub(crate) op: O,
    of: PhantomData<&'a ()>,
}

impl<O> Call<'_, O> {
    pub(crate) fn new(client: &Client, op: O) -> Self {
        Self { client: client.clone(), op, of: PhantomData }
    }
}

impl<O> Call<'_, O> {
    /// When and how often the requests of this call are sent again, instead of the client's own policy.
    pub fn retry(mut self, policy: impl RetryPolicy) -> Self {
        self.client = self.client.with_retry(policy).for_one_call();
        self
    }

    /// How long each request of this call may take, instead of the client's own timeout.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.client = self.client.with_timeout(timeout).for_one_call();
        self
    }

    /// Adds a header to each request of this call, such as one that connects it with a trace. Its value is treated as a secret.
    ///
    /// For a header of all calls see [`ClientBuilder::header`](crate::ClientBuilder::header).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # client.bucket("default").create_collection(kinto_server::unique("doc")).await?;
    /// let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    /// let bucket = client.bucket("default").get().header("traceparent", trace).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The call is [`Error::is_invalid`] if this cannot be a header, or is one that the library sets itself: `Authorization`,
    /// `If-Match`, `If-None-Match`, `Content-Type`, `Content-Length`, `Host`.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.client = self.client.with_header(name.as_ref(), value.as_ref()).for_one_call();
        self
    }
}

impl<'a, O: Run + 'a> IntoFuture for Call<'a, O> {
    type Output = Result<<O as Run>::Output>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(span::around(span::open(span::name_of::<O>()), self.op.run(self.client)))
    }
}

#[cfg(feature = "blocking")]
impl<'a, O: Run + 'a> Call<'a, O> {
    /// Sends it and waits: what `.await` gives, without an async runtime of yours.
    ///
    /// It works on every thread that may wait: one of a program without async code, one of
    /// `tokio::task::spawn_blocking`, inside `tokio::task::block_in_place`, and one that has only entered a runtime.
    ///
    /// # Errors
    ///
    /// Those of the operation; and [`Error::is_invalid`] inside async code, where waiting would block all else.
    ///
    /// ```
    /// # fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// use kinto_client::json;
    ///
    /// let record = todo.create_record(json!({"title": "Milk"})).call()?;
    /// assert_eq!(record.data["title"], "Milk");
    /// # Ok(()) }
    /// ```
    pub fn call(self) -> Result<<O as Run>::Output> {
        blocking::wait(self.into_future())
    }
}

impl<O: fmt::Debug> fmt::Debug for Call<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Call").field(&self.op).finish()
    }
}
