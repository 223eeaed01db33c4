//! Many operations in few requests.

use std::{
    any::Any,
    fmt,
    marker::PhantomData,
    sync::atomic::{AtomicU64, Ordering},
};

use super::{Call, Operation, Subject, sealed};
use crate::{
    client::Client,
    error::{Error, Result},
    wire::{preview::RequestPreview, request::Request},
};

mod carry;
mod deliver;
mod done;
mod plan;
mod sort;
mod together;

pub use carry::Progress;
pub(super) use carry::{Outcome, ProgressFn, carry_out, finish};
pub(super) use deliver::Options;
pub use done::{Done, Ticket};
pub use together::{IntoBatch, Together};

/// Operations of any kind and type that are sent together, in as few requests as the server allows.
///
/// Each has its own result, just what awaiting it alone would have given, and they are carried out in the order in which
/// they were added; only those on records of different collections go side by side, where one request cannot hold them
/// all. The server does not undo the others when one of them fails.
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
/// Where two writers collide, the server answers 409 to one operation, rolls back those before it in the same request,
/// and yet reports them as done. This library sends all of them again, and a result says that something is stored only
/// if it is. Two batches of one program never write to the same collection at once.
///
/// # When the connection breaks
///
/// What can be repeated safely is sent again, as the [`RetryPolicy`](crate::RetryPolicy) says: everything but blind
/// writes (`overwrite`, `patch` and `delete` without a precondition, `.server_id()`). Those are reported as errors with
/// [`may_have_been_applied`](crate::Error::may_have_been_applied), because nobody can know.
#[must_use = "a batch sends nothing until it is executed"]
pub struct Batch<'a> {
    client: Client,
    number: u64,
    operations: Vec<Part<'a>>,
    options: Options,
    progress: Option<ProgressFn<'a>>,
}

/// Carries out a batch.
pub struct Execute<'a>(Batch<'a>);

struct Part<'a> {
    operation: Box<dyn Erased + 'a>,
    /// Whether the call can be a part of this batch.
    fits: Result<()>,
}

impl Part<'_> {
    fn request(&self) -> Result<Option<Request>> {
        self.fits.clone()?;
        self.operation.request()
    }
}

/// An operation whose type has been forgotten, except by its ticket.
trait Erased: Send {
    fn subject(&self) -> Subject;
    fn request(&self) -> Result<Option<Request>>;
    fn finish(self: Box<Self>, outcome: Outcome) -> Result<Box<dyn Any + Send + Sync>>;
}

impl<O: Operation<Output: Sync + 'static>> Erased for O {
    fn subject(&self) -> Subject {
        sealed::Operation::subject(self)
    }

    fn request(&self) -> Result<Option<Request>> {
        sealed::Operation::request(self)
    }

    fn finish(self: Box<Self>, outcome: Outcome) -> Result<Box<dyn Any + Send + Sync>> {
        finish(*self, outcome).map(|output| Box::new(output) as _)
    }
}

impl Client {
    /// Starts a batch: many operations in few requests.
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
    /// Adds an operation, and gives the ticket for its result. What takes several requests cannot be added, and does
    /// not compile.
    ///
    /// The call must have been made through the client that the batch is of, or a clone of it; another may be somebody
    /// else, and on another server. How long requests may take and when they are sent again is for all of them the same:
    /// `.timeout(…)` and `.retry(…)` are for what [`execute`](Self::execute) gives, not for the call. Its result is
    /// otherwise [`Error::is_invalid`](crate::Error::is_invalid).
    pub fn add<O>(&mut self, call: Call<'a, O>) -> Ticket<<O as Operation>::Output>
    where
        O: Operation<Output: Sync + 'static> + 'a,
    {
        let fits = check(&self.client, &call);
        self.operations.push(Part { operation: Box::new(call.op), fits });
        Ticket { batch: self.number, place: self.operations.len() - 1, of: PhantomData }
    }

    /// Adds operations of one type, and gives their tickets in the same order.
    pub fn extend<O>(&mut self, calls: impl IntoIterator<Item = Call<'a, O>>) -> Vec<Ticket<<O as Operation>::Output>>
    where
        O: Operation<Output: Sync + 'static> + 'a,
    {
        calls.into_iter().map(|call| self.add(call)).collect()
    }

    /// How many operations there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// How many bytes one request may have at most, about. 1 MiB unless set, which most proxies let pass. An operation
    /// that is larger goes alone.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.options.max_bytes = bytes;
        self
    }

    /// How many collections may be written to at the same time, where one request cannot hold everything. 4 unless set.
    pub fn max_concurrency(mut self, collections: usize) -> Self {
        self.options.max_concurrency = collections;
        self
    }

    /// Sends no further request once an operation has failed, and none at all if one of them cannot be sent. What was
    /// in the same request has been carried out; what was not sent has an error that says so
    /// ([`Error::is_cancelled`](crate::Error::is_cancelled)).
    pub fn stop_on_error(mut self) -> Self {
        self.options.stop_on_error = true;
        self
    }

    /// Is called with each result, once it is known. When it answers `false`, no further request is sent, and what was
    /// not sent has an error that says so ([`Error::is_cancelled`](crate::Error::is_cancelled)), of which it is not told;
    /// the results of the others are there as ever.
    pub fn on_progress(mut self, progress: impl FnMut(Progress) -> bool + Send + 'a) -> Self {
        self.progress = Some(Box::new(progress));
        self
    }

    /// The requests that the operations would make, each on its own, without sending any.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid`](crate::Error::is_invalid) for the first operation that cannot be sent.
    pub fn preview(&self) -> Result<Vec<RequestPreview>> {
        let preview = |part: &Part<'a>| {
            let request = part.request().map_err(|error| part.operation.subject().blame(error))?;
            Ok(RequestPreview::new(request))
        };
        self.operations.iter().map(preview).collect()
    }

    /// Carries out the operations.
    ///
    /// # Errors
    ///
    /// Only if nothing could be sent at all, because the server does not say how many operations it takes at once. What
    /// goes wrong with one operation is in its own result.
    pub fn execute(self) -> Call<'a, Execute<'a>> {
        let client = self.client.clone();
        Call::new(&client, Execute(self))
    }
}

impl sealed::Run for Execute<'_> {
    type Output = Done;

    async fn run(self, client: Client) -> Result<Done> {
        let Batch { number, operations, options, progress, .. } = self.0;
        let finish = |part: Part<'_>, outcome| part.operation.finish(outcome);
        let results = carry_out(&client, operations, Part::request, options, progress, finish).await;
        let results = results.map_err(|error| Subject::batch().blame(error))?;
        Ok(Done { batch: number, results })
    }
}

/// Whether a call can be a part of a batch of that client.
fn check<O>(client: &Client, call: &Call<'_, O>) -> Result<()> {
    if !client.is_same(&call.client) {
        return Err(Error::invalid("this call was made through another client than the batch is of"));
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
            let Subject { operation, object } = part.operation.subject();
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
