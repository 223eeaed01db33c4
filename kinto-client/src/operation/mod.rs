//! Operations: the types behind a [`Call`], one for each verb.
//!
//! A method of a handle returns a [`Call`], which does nothing until it is awaited (or, with the feature `blocking`, until
//! `.call()`). Options are methods of the call; each method of a handle lists those of its verb. The types here name calls,
//! so that they can be stored and passed on.
//!
//! Both traits are sealed: [`Operation`] for one request, which can also be a part of a batch, and [`Action`] for anything
//! that can be awaited. They cannot be implemented outside of this crate.
//!
//! ```
//! # #[tokio::main] async fn main() -> kinto_client::Result<()> {
//! # let server = kinto_server::Server::shared().expect("a server");
//! # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
//! # let todos = client.bucket("default").collection(kinto_server::unique("doc"));
//! use kinto_client::{Call, Collection, Value, json, object::kind, operation::Create};
//!
//! fn add(todos: &Collection, title: &str) -> Call<'static, Create<kind::Record, Value>> {
//!     todos.create_record(json!({"title": title}))
//! }
//!
//! let call = add(&todos, "Milk");
//! assert_eq!(call.preview()?.method().unwrap(), "PUT"); // under an id that the client generates
//! assert_eq!(call.await?.data["title"], "Milk");
//! # Ok(()) }
//! ```

#![expect(private_interfaces, reason = "the traits are sealed: no other crate can call methods with these types")]

use std::{fmt, future::IntoFuture, marker::PhantomData, pin::pin, time::Duration};

use futures_core::future::BoxFuture;
use http::Method;

use crate::{
    client::{Client, span},
    error::{Error, Result, kind::ErrorKind},
    transport::retry::RetryPolicy,
    wire::{path::Address, request::Request, response::Response},
};

/// Implements `Debug` for an operation with its name and path, but without its data, which may be confidential.
macro_rules! debug_as_place {
    ($operation:ident [$($generics:tt)*] [$($params:tt)*] $($place:tt)+) => {
        impl<$($generics)*> std::fmt::Debug for $operation<$($params)*> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($operation), "({})"), self.$($place)+)
            }
        }
    };
}

pub(crate) use debug_as_place;

pub(crate) mod batch;
#[cfg(feature = "blocking")]
pub(crate) mod blocking;
mod conditions;
pub(crate) mod create;
pub(crate) mod create_if_not_exists;
pub(crate) mod delete;
pub(crate) mod delete_all;
pub(crate) mod edit;
pub(crate) mod get;
pub(crate) mod grant;
pub(crate) mod list;
pub(crate) mod overwrite;
pub(crate) mod patch;
pub(crate) mod preview;
pub(crate) mod raw;
pub(crate) mod save;
pub(crate) mod sealed;
pub(crate) mod server_info;
pub(crate) mod update;
pub(crate) mod update_all;
pub(crate) mod update_read;

pub use crate::wire::preview::RequestPreview;
pub use {
    batch::{
        BatchTuple, Execute,
        bulk::{Bulk, BulkEach},
        stream::BulkFrom,
    },
    create::Create,
    create_if_not_exists::CreateIfNotExists,
    delete::{Delete, DeleteBucketIfExists, DeleteIfExists, DeleteTarget, TypedDeleteTarget},
    delete_all::DeleteAll,
    edit::{Edit, Nullable},
    get::{Get, GetOptional},
    grant::Grant,
    list::{
        Count, GetAll, GetChanges, GetFirst, GetIfChanged, GetLenient, GetObjectIfChanged, GetOne, GetParallel,
        GetSelected, GetTimestamp, entries::GetEntries,
    },
    overwrite::Overwrite,
    patch::Patch,
    preview::Preview,
    raw::{RawRequest, RawResponse},
    save::{Save, SaveOutcome, SaveOwned, SavePermissions},
    server_info::{FetchServerInfo, GetServerInfo, GetUser},
    update::Update,
    update_all::UpdateAll,
    update_read::UpdateReport,
};

/// The operation and the object of a call, for errors and logs.
#[derive(Clone)]
pub(crate) struct CallContext {
    pub(crate) operation: &'static str,
    pub(crate) object: Address,
}

/// An operation of one request, without I/O, shared by `.await`, blocking calls, previews and batches.
///
/// This trait is sealed.
pub trait Operation: sealed::Operation<Output = <Self as Operation>::Output> + Send {
    /// The result of the operation.
    type Output: Send;
}

/// An action that a [`Call`] can run: an [`Operation`], or an action of several requests.
///
/// This trait is sealed.
pub trait Action: sealed::Action<Output = <Self as Action>::Output> + Send {
    /// The result of the action.
    type Output: Send;
}

impl<O: sealed::Operation + Send> Operation for O {
    type Output = <O as sealed::Operation>::Output;
}

impl<R: sealed::Action + Send> Action for R {
    type Output = <R as sealed::Action>::Output;
}

impl<O: sealed::Operation + Send> sealed::Action for O {
    const NAME: &'static str = O::NAME;

    type Output = <O as sealed::Operation>::Output;

    async fn run(self, client: Client) -> Result<Self::Output> {
        let context = self.context();
        let request = match self.request() {
            Ok(Some(request)) => request,
            Ok(None) => return self.unsent().map_err(|error| context.attach(error)),
            Err(error) => return Err(context.attach(error)),
        };
        send(&client, self, request).await.map_err(|error| context.attach(error))
    }
}

/// Sends the request of an operation and decodes the response.
pub(crate) async fn send<O: sealed::Operation>(client: &Client, operation: O, request: Request) -> Result<O::Output> {
    let response = client.send(&request).await?;
    let refused = !response.status.is_success();
    match read(operation, &request, response) {
        Err(error) if refused => Err(client.name_missing_capability(request.needs, error).await),
        result => result,
    }
}

/// Decodes the response to an operation.
fn read<O: sealed::Operation>(operation: O, request: &Request, response: Response) -> Result<O::Output> {
    let maybe = response.may_be_done() && !request.method.is_safe();
    operation.response(response).map_err(|error| {
        let error = request.attach_to(error);
        // The id may be in the data alone.
        let error = if error.kind() == ErrorKind::Conflict && request.method == Method::PUT {
            error.with_object(request.path())
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

impl CallContext {
    pub(crate) fn new(operation: &'static str, object: impl Into<Address>) -> Self {
        Self { operation, object: object.into() }
    }

    /// A batch of several kinds of operations.
    pub(crate) fn batch() -> Self {
        Self::new("send the batch to", "/batch")
    }

    pub(crate) fn attach(&self, error: Error) -> Error {
        error.during(self.operation, &self.object)
    }
}

/// A call that has not been sent yet; awaiting it sends it.
///
/// Options are set by methods before it is awaited; each operation has the same options on every kind of
/// object.
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
    /// Sets the retry policy of this call, instead of the client's.
    pub fn retry(mut self, policy: impl RetryPolicy) -> Self {
        self.client = self.client.with_retry(policy).for_one_call();
        self
    }

    /// Sets the timeout of each request of this call, instead of the client's.
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

impl<'a, O: Action + 'a> IntoFuture for Call<'a, O> {
    type Output = Result<<O as Action>::Output>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let span = span::open(<O as sealed::Action>::NAME);
        Box::pin(async move {
            // Kilobytes, which are not moved any more once they are pinned.
            let run = pin!(self.op.run(self.client));
            span::around(span, run).await
        })
    }
}

#[cfg(feature = "blocking")]
impl<'a, O: Action + 'a> Call<'a, O> {
    /// Sends the request and blocks until there is a result, without an async runtime.
    ///
    /// It works on every thread that may wait: one of a program without async code, one of
    /// `tokio::task::spawn_blocking`, inside `tokio::task::block_in_place`, and one that has only entered a runtime.
    ///
    /// # Errors
    ///
    /// The errors of the operation; and [`Error::is_invalid`] in async code, where blocking would stop all other
    /// tasks of the thread, and in the destructor of a thread-local value that runs after the thread has dropped the runtime's.
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
    pub fn call(self) -> Result<<O as Action>::Output> {
        blocking::wait(self.into_future())
    }
}

impl<O: fmt::Debug> fmt::Debug for Call<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Call").field(&self.op).finish()
    }
}
