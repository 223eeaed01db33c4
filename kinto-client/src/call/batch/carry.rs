//! From operations to their results, and how many there are of them on the way.

use std::borrow::Cow;
use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicUsize},
};

use super::{
    deliver::{Delivery, Options},
    plan::Job,
    sort::Delivered,
};
use crate::{
    call::{read, sealed},
    client::Client,
    error::{Error, ErrorKind, Result},
    wire::{request::Request, response::Response},
};

/// How far a batch has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// How many operations have a result.
    pub done: usize,
    /// How many of those results are errors.
    pub failed: usize,
    /// How many operations there are.
    pub total: usize,
}

pub(in crate::call) type ProgressFn<'a> = Box<dyn FnMut(Progress) -> bool + Send + 'a>;

/// What was sent for an operation, and what came of it; `None` if there was nothing to send.
pub(in crate::call) type Outcome = Option<(Option<Request>, Result<Response>)>;

/// The result of an operation, from what came of it.
pub(in crate::call) fn finish<O>(operation: O, outcome: Outcome) -> Result<O::Output>
where
    O: sealed::Operation,
{
    let subject = operation.subject();
    let result = match outcome {
        None => operation.unsent(),
        Some((Some(request), Ok(response))) => read(operation, &request, response),
        Some((None, Ok(response))) => operation.response(response),
        Some((_, Err(error))) => Err(error),
    };
    result.map_err(|error| subject.blame(error))
}

/// Sends the requests of the operations that have one, and gives the result of each: what `finish` makes of its outcome,
/// as soon as that is there.
pub(in crate::call) async fn carry_out<O: Send, T: Send>(
    client: &Client,
    operations: Vec<O>,
    request: impl Fn(&O) -> Result<Option<Request>> + Send,
    options: Options,
    progress: Option<ProgressFn<'_>>,
    finish: impl Fn(O, Outcome) -> Result<T> + Send,
) -> Result<Vec<Result<T>>> {
    let mut tally = Tally::new(operations, finish, progress);
    let mut jobs = Vec::with_capacity(tally.operations.len());
    for place in 0..tally.operations.len() {
        let Some(Some(operation)) = tally.operations.get(place) else { continue };
        match request(operation) {
            Ok(Some(request)) => match client.fenced(&request).await.map(Cow::into_owned) {
                Ok(request) => jobs.push(Job::new(place, request)),
                Err(error) => tally.take(place, Some((None, Err(error)))),
            },
            Ok(None) => tally.take(place, None),
            Err(error) => tally.take(place, Some((None, Err(error)))),
        }
    }
    client.address_all(jobs.iter_mut().map(|job| &mut job.request).collect()).await?;
    let stopped = options.stop_on_error && tally.counted.failed > 0;
    let max_requests = match jobs.len() {
        _ if stopped => 1,
        0 | 1 => 1,
        _ => client.info().await.map_err(Error::before_batch)?.settings.batch_max_requests.max(1),
    };
    let tally = Mutex::new(tally);
    let done = |Delivered { job, outcome }: Delivered| {
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = tally.counted.failed;
        tally.take(job.index, Some((Some(job.request), outcome)));
        let goes_on = !options.stop_on_error || tally.counted.failed == failed;
        tally.tell() && goes_on
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
        let Delivered { job, outcome } = stopped_before(job);
        tally.take(job.index, Some((Some(job.request), outcome)));
    }
    let lost = || Err(Error::unexpected("its result was lost".to_owned()).maybe_applied());
    Ok(tally.results.into_iter().map(|result| result.unwrap_or_else(lost)).collect())
}

/// The operations, and their results so far.
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

    /// Tells how far it has come; answers whether to go on.
    fn tell(&mut self) -> bool {
        let counted = self.counted;
        self.progress.as_mut().is_none_or(|progress| progress(counted))
    }
}

fn stopped_before(job: Job) -> Delivered {
    let message = if job.since.is_some() {
        "it was not sent again, because the batch was stopped before that"
    } else {
        "it was not sent, because the batch was stopped before its turn"
    };
    Delivered::new(job, Err(Error::new(ErrorKind::Cancelled, message)))
}
