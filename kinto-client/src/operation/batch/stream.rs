//! Operations that a stream yields, carried out in batches while further ones come.

use std::fmt;

use futures_core::{Stream, stream::BoxStream};
use futures_util::StreamExt as _;

use super::{
    check,
    dispatch::Options,
    execute::{Outcome, Progress, ProgressFn, carry_out, finish},
    pipeline::Pipeline,
};
use crate::{
    client::{Client, span},
    error::Result,
    operation::{Call, CallContext, Operation, sealed},
};

/// One operation on each of the objects that a stream yields, in as few requests as the server allows.
pub struct BulkFrom<'a, O> {
    context: CallContext,
    source: BoxStream<'a, Result<O>>,
    /// The number of requests that are filled before they are sent.
    requests: usize,
    options: Options,
    progress: Option<ProgressFn<'a>>,
}

impl<'a, O: 'a> BulkFrom<'a, O> {
    /// Creates the operation on each object of one collection.
    pub(crate) fn new(context: CallContext, operations: impl Stream<Item = O> + Send + 'a) -> Self {
        Self { context, source: operations.map(Ok).boxed(), requests: 1, options: Options::default(), progress: None }
    }
}

impl<'a, O: Operation + 'a> BulkFrom<'a, O> {
    fn pipeline(self, client: Client) -> Pipeline<'a, Result<O>, <O as Operation>::Output> {
        let Self { context, source, requests, options, progress } = self;
        let inner = client.clone();
        let batch = move |operations: Vec<Result<O>>| -> futures_core::future::BoxFuture<'a, _> {
            let client = inner.clone();
            let request = |operation: &Result<O>| sealed::Operation::request(operation.as_ref().map_err(Clone::clone)?);
            let finish = |operation: Result<O>, outcome: Outcome| finish(operation?, outcome);
            Box::pin(async move { carry_out(&client, operations, request, options, None, finish).await })
        };
        Pipeline::new(client, context, options, source, Box::new(batch)).requests(requests).on_progress(progress)
    }
}

impl Client {
    /// Carries out the calls that a stream yields while it yields them, in few requests: on records of any number of
    /// collections, up to four of which are written to at the same time.
    ///
    /// The calls have to be of one kind, such as [`create_record`](crate::Collection::create_record), and made with this
    /// client or a clone of it. Awaiting the call carries out all of them, up to the first that fails, and returns their
    /// number; [`stream`](Call::stream) yields a result for each, in their order. Calls of different kinds go into a
    /// [`batch`](Self::batch); for one collection, [`create_records_from`](crate::Collection::create_records_from) and the
    /// like hold fewer records.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let bucket = client.bucket(kinto_server::unique("doc"));
    /// # bucket.create().await?;
    /// # for name in ["even", "odd"] { bucket.create_collection(name).await?; }
    /// use futures_util::stream;
    /// use kinto_client::json;
    ///
    /// let calls = (0..60).map(|n| {
    ///     let name = if n % 2 == 0 { "even" } else { "odd" };
    ///     bucket.collection(name).create_record(json!({"n": n}))
    /// });
    /// assert_eq!(client.batch_from(stream::iter(calls)).await?, 60);
    /// # assert_eq!(bucket.collection("odd").get_records::<kinto_client::Value>().count().await?, 30);
    /// # Ok(()) }
    /// ```
    ///
    /// Options: [`stop_on_error`](Call::stop_on_error), [`max_bytes`](Call::max_bytes),
    /// [`on_progress`](Call::on_progress).
    ///
    /// # Errors
    ///
    /// The awaited call is [`Error::is_partial`](crate::Error::is_partial) if one failed:
    /// [`failures`](crate::Error::failures) has those of its requests, and what was not sent any more. All before them were
    /// carried out. A call of another client is [`Error::is_invalid`](crate::Error::is_invalid).
    pub fn batch_from<'a, O: Operation + 'a>(
        &self,
        calls: impl Stream<Item = Call<'a, O>> + Send + 'a,
    ) -> Call<'a, BulkFrom<'a, O>> {
        let client = self.clone();
        let operation = move |call: Call<'a, O>| {
            check(&client, &call).map_err(|error| sealed::Operation::context(&call.op).attach(error))?;
            Ok(call.op)
        };
        let options = Options::default();
        let bulk = BulkFrom {
            context: CallContext::batch(),
            source: calls.map(operation).boxed(),
            requests: options.max_concurrency,
            options,
            progress: None,
        };
        Call::new(self, bulk)
    }
}

impl<'a, O: Operation + 'a> Call<'a, BulkFrom<'a, O>> {
    /// Returns the results, one for each operation, in the order of the source.
    ///
    /// An operation is taken from the source when the results are polled: a caller that stops reading them stops the
    /// sending. While one batch is under way, the operations of the next one are taken; a source that is slow gets small
    /// batches, and one that always has more gets full ones. No more operations are held than two batches have: two
    /// requests for one collection, eight for several.
    ///
    /// If the server cannot be asked how many operations a request may have, the only result is that error.
    ///
    /// If the results are dropped before their end, operations may have been applied whose results were not yielded: no more
    /// than one batch may have.
    #[must_use = "a stream does nothing until it is polled"]
    pub fn stream(self) -> BoxStream<'a, Result<<O as Operation>::Output>> {
        span::open("BulkFrom").in_scope(|| self.op.pipeline(self.client)).boxed()
    }

    /// Calls `progress` with each result once its batch is done.
    ///
    /// `total` is the number of operations that were taken from the source, and of those that it is sure to have still
    /// (the lower bound of [`size_hint`](futures_core::Stream::size_hint)): for a source that does not know its length, it
    /// grows.
    ///
    /// If it returns `false`, no further request is sent. Operations that were taken from the source and not sent fail with
    /// [`Error::is_cancelled`](crate::Error::is_cancelled), for which `progress` is not called.
    ///
    /// The awaited call is then [`Error::is_partial`](crate::Error::is_partial), unless all operations have been taken and
    /// carried out by then.
    pub fn on_progress(mut self, progress: impl FnMut(Progress) -> bool + Send + 'a) -> Self {
        self.op.progress = Some(Box::new(progress));
        self
    }
}

#[cfg(feature = "blocking")]
impl<O: Operation + 'static> Call<'static, BulkFrom<'static, O>> {
    /// Returns an iterator over the results that blocks this thread: [`stream`](Self::stream) without async code. It works
    /// where [`call`](Self::call) does.
    pub fn iter(self) -> impl Iterator<Item = Result<<O as Operation>::Output>> + Send + use<O>
    where
        <O as Operation>::Output: 'static,
    {
        crate::operation::blocking::iterate(self.stream())
    }
}

/// Carries out all operations, up to the first that fails, and returns their number.
impl<'a, O: Operation + 'a> sealed::Action for BulkFrom<'a, O> {
    const NAME: &'static str = "BulkFrom";

    type Output = usize;

    async fn run(self, client: Client) -> Result<usize> {
        self.pipeline(client).run(drop).await
    }
}

impl<O> sealed::Sends for BulkFrom<'_, O> {
    fn options(&mut self) -> &mut Options {
        &mut self.options
    }
}

impl<O> fmt::Debug for BulkFrom<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BulkFrom({} {})", self.context.operation, self.context.object)
    }
}
