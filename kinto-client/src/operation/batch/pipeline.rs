//! Carries out the items of a stream in batches, one after the other, while further items come.

use std::{
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
    execute::{Progress, ProgressFn},
};
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    operation::CallContext,
};

/// The results of a batch, one for each of its items.
type Batch<'a, R> = BoxFuture<'a, Result<Vec<Result<R>>>>;

/// Carries out a batch.
pub(crate) type CarryOut<'a, I, R> = Box<dyn FnMut(Vec<I>) -> Batch<'a, R> + Send + 'a>;

/// The request that is under way: for the number of operations that a batch may have, or a batch.
enum Running<'a, R> {
    Limit(BoxFuture<'a, Result<usize>>),
    Batch(Batch<'a, R>),
}

/// The results of items that come one after the other, in their order.
///
/// Items are taken only when it is polled, and no more than the next batch may have.
pub(crate) struct Pipeline<'a, I, R> {
    client: Client,
    context: CallContext,
    stop_on_error: bool,
    /// The number of requests that one batch may fill.
    requests: usize,
    source: Fuse<BoxStream<'a, I>>,
    carry_out: CarryOut<'a, I, R>,
    progress: Option<ProgressFn<'a>>,
    /// The results so far; `total` are the items that were taken.
    counted: Progress,
    /// The items of the next batch.
    waiting: Vec<I>,
    limit: Option<usize>,
    /// The reason why an item was not carried out after a stop.
    unsent: &'static str,
    running: Option<Running<'a, R>>,
    /// The results that are known and not yielded yet.
    known: vec::IntoIter<Result<R>>,
    /// No further item is carried out.
    is_stopped: bool,
    /// The last result is the error of the whole, and not that of an item.
    is_broken: bool,
    /// The span of the call.
    span: Span,
}

impl<I, R> Unpin for Pipeline<'_, I, R> {}

impl<'a, I, R: 'a> Pipeline<'a, I, R> {
    pub(crate) fn new(
        client: Client,
        context: CallContext,
        options: Options,
        source: BoxStream<'a, I>,
        carry_out: CarryOut<'a, I, R>,
    ) -> Self {
        Self {
            client,
            context,
            stop_on_error: options.stop_on_error,
            requests: 1,
            source: source.fuse(),
            carry_out,
            progress: None,
            counted: Progress { done: 0, failed: 0, total: 0 },
            waiting: Vec::new(),
            limit: None,
            unsent: "it was not sent, because the call was stopped before",
            running: None,
            known: Vec::new().into_iter(),
            is_stopped: false,
            is_broken: false,
            span: Span::current(),
        }
    }

    /// Takes as many items for a batch as fill so many requests, which may go to different collections side by side.
    pub(crate) fn requests(mut self, requests: usize) -> Self {
        self.requests = requests.max(1);
        self
    }

    /// Stores batches of so many items in a file, without asking the server how many a request may have.
    #[cfg(feature = "local")]
    pub(crate) fn storing(mut self, items: usize) -> Self {
        self.limit = Some(items);
        self.unsent = "it was not stored, because the call was stopped before";
        self
    }

    pub(crate) fn on_progress(mut self, progress: Option<ProgressFn<'a>>) -> Self {
        self.progress = progress;
        self
    }

    /// Carries out all items, up to the first that fails, and returns the number of results, each of which is given to
    /// `each`. A stop is a failure too, unless the source has ended by then.
    pub(crate) async fn run(mut self, mut each: impl FnMut(R)) -> Result<usize> {
        self.stop_on_error = true;
        let (mut total, mut failures) = (0, Vec::new());
        while let Some(result) = self.next().await {
            match result {
                Err(error) if self.is_broken => return Err(error),
                Err(error) => failures.push((total, error)),
                Ok(result) => each(result),
            }
            total += 1;
        }
        if failures.is_empty() && self.is_stopped && !self.source.is_terminated() {
            failures.push((total, self.cancelled()));
            total += 1;
        }
        if failures.is_empty() { Ok(total) } else { Err(self.context.attach(Error::partial(failures, total))) }
    }

    /// Takes items from the source, as many as one batch may have.
    fn take(&mut self, context: &mut Context<'_>) {
        let limit = self.limit.map_or(1, |limit| limit.saturating_mul(self.requests));
        while self.waiting.len() < limit {
            match self.source.poll_next_unpin(context) {
                Poll::Ready(Some(item)) => {
                    self.waiting.push(item);
                    self.counted.total += 1;
                }
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
    }

    /// Begins what comes next, if nothing is under way and there is something to do.
    fn begin(&mut self) {
        if self.running.is_some() || self.waiting.is_empty() {
            return;
        }
        let span = self.span.clone();
        self.running = Some(if self.limit.is_none() {
            let client = self.client.clone();
            let limit = async move {
                let info = client.info().await.map_err(Error::before_batch)?;
                Ok(info.settings.batch_max_requests.max(1))
            };
            Running::Limit(Box::pin(limit.instrument(span)))
        } else {
            let items = std::mem::take(&mut self.waiting);
            let batch = span.in_scope(|| (self.carry_out)(items));
            Running::Batch(Box::pin(batch.instrument(span)))
        });
    }

    /// Receives the results of a batch.
    fn receive(&mut self, results: Vec<Result<R>>) {
        let promised = self.source.size_hint().0;
        for result in &results {
            self.counted.done += 1;
            self.counted.failed += usize::from(result.is_err());
            self.is_stopped |= self.stop_on_error && result.is_err();
            let total = self.counted.total.saturating_add(promised);
            let goes_on = self.progress.as_mut().is_none_or(|progress| progress(Progress { total, ..self.counted }));
            self.is_stopped |= !goes_on;
        }
        self.known = results.into_iter();
    }

    /// Ends everything with one error, since no further item can be carried out.
    fn fail(&mut self, error: Error) -> Error {
        self.is_stopped = true;
        self.is_broken = true;
        self.waiting.clear();
        self.context.attach(error)
    }

    /// Returns the error of an item that is not carried out.
    fn cancelled(&self) -> Error {
        self.context.attach(Error::new(ErrorKind::Cancelled, self.unsent))
    }
}

impl<'a, I, R: 'a> Stream for Pipeline<'a, I, R> {
    type Item = Result<R>;

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
                            this.receive(results);
                            if this.is_stopped {
                                // Finds out whether there is more to do.
                                this.take(context);
                            }
                        }
                        Err(error) => return Poll::Ready(Some(Err(this.fail(error)))),
                    }
                }
            }
        }
    }
}
