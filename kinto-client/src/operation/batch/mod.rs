//! Many operations in few requests.

use std::{
    any::Any,
    fmt,
    marker::PhantomData,
    sync::atomic::{AtomicU64, Ordering},
};

use super::{Call, CallContext, Operation, sealed};
use crate::{
    client::Client,
    error::{Error, Result},
    wire::{preview::RequestPreview, request::Request},
};

pub(crate) mod bulk;
mod dispatch;
mod execute;
mod options;
mod outcome;
pub(crate) mod pipeline;
mod results;
mod schedule;
pub(crate) mod stream;
mod tuple;

pub(crate) use dispatch::Options;
pub use execute::Progress;
pub(crate) use execute::{Outcome, ProgressFn, carry_out, finish};
pub use results::{BatchResults, Ticket};
pub use tuple::{BatchTuple, IntoBatch};

/// Operations of any kind and type that are sent in as few requests as the server allows.
///
/// Each operation has its own result, the same that awaiting it alone would return. They are executed in the
/// order in which they were added; if one request cannot hold them all, operations on records of different
/// collections run concurrently. The server does not undo the others when one of them fails.
///
/// ```
/// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
/// # let server = kinto_server::Server::shared().expect("a server");
/// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
/// # let bucket = client.bucket(kinto_server::unique("doc"));
/// # bucket.create().await?;
/// let mut batch = client.batch();
/// let tickets: Vec<_> = (0..5).map(|i| batch.add(bucket.create_collection(format!("toto-{i}")))).collect();
/// let missing = batch.add(bucket.get_collection("nowhere"));
/// let done = batch.execute().await?;
///
/// let first = done.get(&tickets[0])?;
/// assert_eq!(first.id, "toto-0");
/// assert!(done.get(&missing).is_err_and(|error| error.is_not_found()));
/// # Ok(()) }
/// ```
///
/// # When others write at the same time
///
/// If two writers conflict, the server responds to one operation with 409, rolls back the operations before it
/// in the same request, and still reports those as done. The client retries all of them, and a result says that
/// something is stored only if it is. Two batches of one program never write to the same collection at the same
/// time.
///
/// # When the connection breaks
///
/// Operations that are safe to repeat are retried according to the [`RetryPolicy`](crate::retry::RetryPolicy): all
/// except unconditional writes (`overwrite`, `patch` and `delete` without a precondition, `.server_id()`). The
/// result of those is an error with [`may_have_been_applied`](crate::Error::may_have_been_applied), because
/// their effect is unknown.
#[must_use = "a batch sends nothing until it is executed"]
pub struct Batch<'a> {
    client: Client,
    number: u64,
    operations: Vec<Part<'a>>,
    options: Options,
    progress: Option<ProgressFn<'a>>,
}

/// Executes a batch.
pub struct Execute<'a>(Batch<'a>);

struct Part<'a> {
    operation: Box<dyn Erased + 'a>,
    /// The check whether the call can be part of this batch.
    fits: Result<()>,
}

impl Part<'_> {
    fn request(&self) -> Result<Option<Request>> {
        self.fits.clone()?;
        self.operation.request()
    }
}

/// An operation without its type, which is known to its ticket only.
trait Erased: Send {
    fn context(&self) -> CallContext;
    fn request(&self) -> Result<Option<Request>>;
    fn finish(self: Box<Self>, outcome: Outcome) -> Result<Box<dyn Any + Send + Sync>>;
}

impl<O: Operation<Output: Sync + 'static>> Erased for O {
    fn context(&self) -> CallContext {
        sealed::Operation::context(self)
    }

    fn request(&self) -> Result<Option<Request>> {
        sealed::Operation::request(self)
    }

    fn finish(self: Box<Self>, outcome: Outcome) -> Result<Box<dyn Any + Send + Sync>> {
        finish(*self, outcome).map(|output| Box::new(output) as _)
    }
}

impl Client {
    /// Creates a batch: many operations in few requests.
    pub fn batch<'a>(&self) -> Batch<'a> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        Batch {
            client: self.clone(),
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            operations: Vec::new(),
            options: Options::default(),
            progress: None,
        }
    }
}

impl<'a> Batch<'a> {
    /// Adds an operation and returns the ticket for its result.
    ///
    /// Actions that take several requests cannot be added; the compiler rejects them.
    ///
    /// The call must have been made with the client of the batch or a clone of it, since another client can have
    /// other credentials or another server. All operations share one timeout and one retry policy: call
    /// `.timeout(…)` and `.retry(…)` on [`execute`](Self::execute), not on the added call. Otherwise the result of
    /// the operation is [`Error::is_invalid`](crate::Error::is_invalid).
    pub fn add<O>(&mut self, call: Call<'a, O>) -> Ticket<<O as Operation>::Output>
    where
        O: Operation<Output: Sync + 'static> + 'a,
    {
        let fits = check(&self.client, &call);
        self.operations.push(Part { operation: Box::new(call.op), fits });
        Ticket { batch: self.number, place: self.operations.len() - 1, of: PhantomData }
    }

    /// Adds operations of one type and returns their tickets in the same order.
    pub fn extend<O>(&mut self, calls: impl IntoIterator<Item = Call<'a, O>>) -> Vec<Ticket<<O as Operation>::Output>>
    where
        O: Operation<Output: Sync + 'static> + 'a,
    {
        calls.into_iter().map(|call| self.add(call)).collect()
    }

    /// Returns the number of operations in the batch.
    #[must_use]
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Returns `true` if the batch has no operations.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Sets the approximate maximum size of one request in bytes.
    ///
    /// The default is 1 MiB, which most proxies accept. A larger operation is sent in a request of its own.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.options.max_bytes = bytes;
        self
    }

    /// Sets the maximum number of collections that are written to concurrently, if one request cannot hold
    /// everything; the default is 4.
    pub fn max_concurrency(mut self, collections: usize) -> Self {
        self.options.max_concurrency = collections;
        self
    }

    /// Sends no further request once an operation has failed, and none at all if one of them is invalid.
    ///
    /// The rest of the request with the failure has been executed; operations that were not sent fail with
    /// [`Error::is_cancelled`](crate::Error::is_cancelled).
    pub fn stop_on_error(mut self) -> Self {
        self.options.stop_on_error = true;
        self
    }

    /// Calls `progress` with each result as soon as it is known.
    ///
    /// If it returns `false`, no further request is sent. Operations that were not sent fail with
    /// [`Error::is_cancelled`](crate::Error::is_cancelled), for which `progress` is not called; the results of the
    /// others are available as usual.
    pub fn on_progress(mut self, progress: impl FnMut(Progress) -> bool + Send + 'a) -> Self {
        self.progress = Some(Box::new(progress));
        self
    }

    /// Returns a preview of each operation's own request, without sending any.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid`](crate::Error::is_invalid) for the first operation that cannot be sent.
    pub fn preview(&self) -> Result<Vec<RequestPreview>> {
        let preview = |part: &Part<'a>| {
            let request = part.request().map_err(|error| part.operation.context().attach(error))?;
            Ok(RequestPreview::new(request))
        };
        self.operations.iter().map(preview).collect()
    }

    /// Executes the operations.
    ///
    /// # Errors
    ///
    /// Only if nothing could be sent, because the server did not report how many operations it accepts in one
    /// request. An error of one operation is in its own result.
    pub fn execute(self) -> Call<'a, Execute<'a>> {
        let client = self.client.clone();
        Call::new(&client, Execute(self))
    }
}

impl sealed::Action for Execute<'_> {
    const NAME: &'static str = "Execute";

    type Output = BatchResults;

    async fn run(self, client: Client) -> Result<BatchResults> {
        let Batch { number, operations, options, progress, .. } = self.0;
        let finish = |part: Part<'_>, outcome| part.operation.finish(outcome);
        let results = carry_out(&client, operations, Part::request, options, progress, finish).await;
        let results = results.map_err(|error| CallContext::batch().attach(error))?;
        Ok(BatchResults { batch: number, results })
    }
}

/// Checks whether a call can be part of a batch of that client.
fn check<O>(client: &Client, call: &Call<'_, O>) -> Result<()> {
    if !client.is_same(&call.client) {
        return Err(Error::invalid(
            "this call was made with another client than the batch: use the same client or a clone of it",
        ));
    }
    if !client.is_fenced_as(&call.client) {
        return Err(Error::invalid(
            "this call has another fence than the batch, or only one of them has a fence: make the batch by the client \
             of the fenced handle, as in `todos.client().batch()`",
        ));
    }
    if call.client.is_for_one_call() {
        return Err(Error::invalid(
            "in a batch a call has no `.retry(…)`, `.timeout(…)` or `.header(…)` of its own: give them to the batch, after `.execute()`",
        ));
    }
    Ok(())
}

impl fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subjects = self.operations.iter().map(|part| {
            let CallContext { operation, object } = part.operation.context();
            format!("{operation} {object}")
        });
        f.debug_list().entries(subjects).finish()
    }
}

impl fmt::Debug for Execute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
