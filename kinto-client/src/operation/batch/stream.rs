//! Operations that come one after the other, carried out in batches while further ones come.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    vec,
};

use futures_core::{
    Stream,
    future::BoxFuture,
    stream::{BoxStream, FusedStream as _},
};
use futures_util::{StreamExt as _, stream::Fuse};
use tracing::{Instrument as _, Span};

use super::{
    dispatch::Options,
    execute::{carry_out, finish},
};
use crate::{
    client::{Client, span},
    error::{Error, Result, kind::ErrorKind},
    operation::{Call, CallContext, Operation, sealed},
};

/// One operation on each of the objects that a stream yields, in as few requests as the server allows.
pub struct BulkFrom<'a, O> {
    context: CallContext,
    source: BoxStream<'a, O>,
    options: Options,
}

impl<'a, O> BulkFrom<'a, O> {
    pub(crate) fn new(context: CallContext, source: BoxStream<'a, O>) -> Self {
        Self { context, source, options: Options::default() }
    }
}

impl<'a, O: Operation + 'a> Call<'a, BulkFrom<'a, O>> {
    /// Returns the results, one for each operation, in the order of the source.
    ///
    /// An operation is taken from the source when the results are polled: a caller that stops reading them stops the
    /// sending. While one request is under way, the operations of the next one are taken; a source that is slow gets small
    /// requests, and one that always has more gets full ones. No more operations are held than two requests have.
    ///
    /// If the server cannot be asked how many operations a request may have, the only result is that error.
    ///
    /// If the results are dropped before their end, operations may have been applied whose results were not yielded: no more
    /// than one request may have.
    #[must_use = "a stream does nothing until it is polled"]
    pub fn stream(self) -> BoxStream<'a, Result<<O as Operation>::Output>> {
        Box::pin(Results::new(self.client, self.op, span::open("BulkFrom")))
    }

    /// Sends no further request once an operation has failed.
    ///
    /// The rest of the request with the failure has been executed; operations that were taken from the source and not sent
    /// fail with [`Error::is_cancelled`].
    pub fn stop_on_error(mut self) -> Self {
        self.op.options.stop_on_error = true;
        self
    }

    /// Sets the approximate maximum size of one request in bytes; the default is 1 MiB.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.op.options.max_bytes = bytes;
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
        let context = self.context.clone();
        let options = Options { stop_on_error: true, ..self.options };
        let mut results = Results::new(client, Self { options, ..self }, Span::current());
        let (mut total, mut failures) = (0, Vec::new());
        while let Some(result) = results.next().await {
            match result {
                Err(error) if results.is_broken => return Err(error),
                Err(error) => failures.push((total, error)),
                Ok(_) => {}
            }
            total += 1;
        }
        if failures.is_empty() { Ok(total) } else { Err(context.attach(Error::partial(failures, total))) }
    }
}

/// The results of a batch.
type Batch<'a, O> = BoxFuture<'a, Result<Vec<Result<<O as Operation>::Output>>>>;

/// The request that is under way: for the number of operations that a batch may have, or a batch.
enum Running<'a, O: Operation> {
    Limit(BoxFuture<'a, Result<usize>>),
    Batch(Batch<'a, O>),
}

/// The results of operations that come one after the other.
struct Results<'a, O: Operation> {
    client: Client,
    context: CallContext,
    options: Options,
    source: Fuse<BoxStream<'a, O>>,
    /// The operations of the next batch.
    waiting: Vec<O>,
    limit: Option<usize>,
    running: Option<Running<'a, O>>,
    /// The results that are known and not yielded yet.
    known: vec::IntoIter<Result<<O as Operation>::Output>>,
    /// No further operation is carried out.
    is_stopped: bool,
    /// The last result is the error of the whole, and not that of an operation.
    is_broken: bool,
    /// The span of the call.
    span: Span,
}

impl<O: Operation> Unpin for Results<'_, O> {}

impl<'a, O: Operation + 'a> Results<'a, O> {
    fn new(client: Client, operations: BulkFrom<'a, O>, span: Span) -> Self {
        let BulkFrom { context, source, options } = operations;
        Self {
            client,
            context,
            options,
            source: source.fuse(),
            waiting: Vec::new(),
            limit: None,
            running: None,
            known: Vec::new().into_iter(),
            is_stopped: false,
            is_broken: false,
            span,
        }
    }

    /// Takes operations from the source, as many as one batch may have.
    fn take(&mut self, context: &mut Context<'_>) {
        let limit = self.limit.unwrap_or(1);
        while self.waiting.len() < limit {
            match self.source.poll_next_unpin(context) {
                Poll::Ready(Some(operation)) => self.waiting.push(operation),
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
    }

    /// Begins what comes next, if nothing is under way and there is something to do.
    fn begin(&mut self) {
        if self.running.is_some() || self.waiting.is_empty() {
            return;
        }
        let (client, options, span) = (self.client.clone(), self.options, self.span.clone());
        self.running = Some(if self.limit.is_none() {
            let limit = async move {
                let info = client.info().await.map_err(Error::before_batch)?;
                Ok(info.settings.batch_max_requests.max(1))
            };
            Running::Limit(Box::pin(limit.instrument(span)))
        } else {
            let operations = std::mem::take(&mut self.waiting);
            let batch =
                async move { carry_out(&client, operations, sealed::Operation::request, options, None, finish).await };
            Running::Batch(Box::pin(batch.instrument(span)))
        });
    }

    /// Ends everything with one error, since no further operation can be carried out.
    fn fail(&mut self, error: Error) -> Error {
        self.is_stopped = true;
        self.is_broken = true;
        self.waiting.clear();
        self.context.attach(error)
    }

    /// Returns the error of an operation that is not sent, since one before it has failed.
    fn cancelled(&self) -> Error {
        let message = "it was not sent, because an operation before it failed";
        self.context.attach(Error::new(ErrorKind::Cancelled, message))
    }
}

impl<'a, O: Operation + 'a> Stream for Results<'a, O> {
    type Item = Result<<O as Operation>::Output>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(result) = this.known.next() {
                return Poll::Ready(Some(result));
            }
            if this.is_stopped {
                return Poll::Ready(this.waiting.pop().map(|_| Err(this.cancelled())));
            }
            this.take(context);
            this.begin();
            match &mut this.running {
                None if this.source.is_terminated() => return Poll::Ready(None),
                None => return Poll::Pending,
                Some(Running::Limit(limit)) => {
                    let Poll::Ready(limit) = limit.as_mut().poll(context) else { return Poll::Pending };
                    this.running = None;
                    match limit {
                        Ok(limit) => this.limit = Some(limit),
                        Err(error) => return Poll::Ready(Some(Err(this.fail(error)))),
                    }
                }
                Some(Running::Batch(batch)) => {
                    let Poll::Ready(results) = batch.as_mut().poll(context) else { return Poll::Pending };
                    this.running = None;
                    match results {
                        Ok(results) => {
                            this.is_stopped = this.options.stop_on_error && results.iter().any(Result::is_err);
                            this.known = results.into_iter();
                        }
                        Err(error) => return Poll::Ready(Some(Err(this.fail(error)))),
                    }
                }
            }
        }
    }
}

impl<O> fmt::Debug for BulkFrom<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BulkFrom({} {})", self.context.operation, self.context.object)
    }
}
