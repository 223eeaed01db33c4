//! Runs the operations of a batch: from operations to results, with progress reports.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicUsize},
};

use super::{
    dispatch::{Delivery, Options},
    outcome::Completed,
    schedule::Job,
};
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    operation::{read, sealed},
    wire::{request::Request, response::Response},
};

/// The progress of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The number of operations that have a result.
    pub done: usize,
    /// The number of those results that are errors.
    pub failed: usize,
    /// The number of operations in the batch.
    pub total: usize,
}

pub(crate) type ProgressFn<'a> = Box<dyn FnMut(Progress) -> bool + Send + 'a>;

/// The request of an operation and its response, or `None` if there was nothing to send.
pub(crate) type Outcome = Option<(Option<Box<Request>>, Result<Response>)>;

/// Decodes the result of an operation from its outcome.
pub(crate) fn finish<O>(operation: O, outcome: Outcome) -> Result<O::Output>
where
    O: sealed::Operation,
{
    let context = operation.context();
    let result = match outcome {
        None => operation.unsent(),
        Some((Some(request), Ok(response))) => read(operation, &request, response),
        Some((None, Ok(response))) => operation.response(response),
        Some((_, Err(error))) => Err(error),
    };
    result.map_err(|error| context.attach(error))
}

/// Sends the requests of all operations that have one, and returns one result per operation, which `finish`
/// makes of the outcome as soon as it is known.
pub(crate) async fn carry_out<O: Send, T: Send>(
    client: &Client,
    operations: Vec<O>,
    request: impl Fn(&O) -> Result<Option<Request>> + Send,
    options: Options,
    progress: Option<ProgressFn<'_>>,
    finish: impl Fn(O, Outcome) -> Result<T> + Send,
) -> Result<Vec<Result<T>>> {
    let mut tally = Tally::new(operations, finish, progress);
    let mut jobs = Vec::with_capacity(tally.operations.len());
    let mut requests = Vec::with_capacity(tally.operations.len());
    let mut goes_on = true;
    for place in 0..tally.operations.len() {
        let Some(Some(operation)) = tally.operations.get(place) else { continue };
        match request(operation) {
            Ok(Some(request)) => requests.push((place, request)),
            Ok(None) => goes_on &= tally.know(place, None),
            Err(error) => goes_on &= tally.know(place, Some((None, Err(error)))),
        }
    }
    for (place, request) in requests {
        let is_stopped = !goes_on || (options.stop_on_error && tally.counted.failed > 0);
        let lock = if is_stopped { Ok(None) } else { client.lock_for(&request).await };
        match lock {
            Ok(Some(lock)) => jobs.push(Job::new(place, request.behind(lock))),
            Ok(None) => jobs.push(Job::new(place, request)),
            Err(error) => goes_on &= tally.know(place, Some((None, Err(error)))),
        }
    }
    let stopped = !goes_on || (options.stop_on_error && tally.counted.failed > 0);
    if !stopped {
        client.address_all(jobs.iter_mut().map(|job| &mut *job.request).collect()).await?;
    }
    let max_requests = match jobs.len() {
        _ if stopped => 1,
        0 | 1 => 1,
        _ => client.info().await.map_err(Error::before_batch)?.settings.batch_max_requests.max(1),
    };
    let tally = Mutex::new(tally);
    let done = |Completed { job, outcome }: Completed| {
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = tally.counted.failed;
        let told = tally.know(job.index, Some((Some(job.request), outcome)));
        let goes_on = !options.stop_on_error || tally.counted.failed == failed;
        told && goes_on
    };
    let delivery = Delivery {
        client,
        options,
        max_requests,
        max_bytes: AtomicUsize::new(options.max_bytes),
        done: &done,
        stopped: AtomicBool::new(stopped),
    };
    let left = delivery.deliver(jobs).await;
    let mut tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    for job in left {
        let Completed { job, outcome } = stopped_before(job);
        tally.take(job.index, Some((Some(job.request), outcome)));
    }
    let lost = || Err(Error::unexpected("its result was lost".to_owned()).maybe_applied());
    Ok(tally.results.into_iter().map(|result| result.unwrap_or_else(lost)).collect())
}

/// The operations and the results so far.
struct Tally<'a, O, T, F> {
    operations: Vec<Option<O>>,
    results: Vec<Option<Result<T>>>,
    finish: F,
    counted: Progress,
    progress: Option<ProgressFn<'a>>,
}

impl<'a, O, T, F: Fn(O, Outcome) -> Result<T>> Tally<'a, O, T, F> {
    fn new(operations: Vec<O>, finish: F, progress: Option<ProgressFn<'a>>) -> Self {
        let total = operations.len();
        Self {
            operations: operations.into_iter().map(Some).collect(),
            results: std::iter::repeat_with(|| None).take(total).collect(),
            finish,
            counted: Progress { done: 0, failed: 0, total },
            progress,
        }
    }

    fn take(&mut self, place: usize, outcome: Outcome) {
        let (Some(operation), Some(slot)) = (self.operations.get_mut(place), self.results.get_mut(place)) else {
            return;
        };
        let Some(operation) = operation.take() else { return };
        let result = (self.finish)(operation, outcome);
        self.counted.done += 1;
        self.counted.failed += usize::from(result.is_err());
        *slot = Some(result);
    }

    /// Takes a result, reports it, and returns whether to continue.
    fn know(&mut self, place: usize, outcome: Outcome) -> bool {
        self.take(place, outcome);
        let counted = self.counted;
        self.progress.as_mut().is_none_or(|progress| progress(counted))
    }
}

fn stopped_before(job: Job) -> Completed {
    let message = if job.since.is_some() {
        "it was not retried, because the batch was stopped before"
    } else {
        "it was not sent, because the batch was stopped before"
    };
    Completed::new(job, Err(Error::new(ErrorKind::Cancelled, message)))
}
