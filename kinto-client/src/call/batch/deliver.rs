//! Carries many requests to the server in few, and tells the truth about each.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use http::StatusCode;

use super::plan::{self, Job, Segment};
use crate::{
    client::Client,
    error::{Error, ErrorKind, Result},
    transport::retry::{Again, Exponential},
    wire::{batch, request::Repeat, response::Response, settle::settle},
};

/// What became of one request.
pub(crate) struct Delivered {
    pub(crate) job: Job,
    pub(crate) outcome: Result<Response>,
}

impl Delivered {
    /// What the last answer means, in the light of those that were lost before it.
    fn new(job: Job, outcome: Result<Response>) -> Self {
        let outcome = if job.repeated {
            outcome.map(|answer| settle(&job.request, answer)).map_err(Error::maybe_applied)
        } else {
            outcome
        };
        Self { job, outcome }
    }

    pub(super) fn is_failure(&self) -> bool {
        self.outcome.as_ref().map_or(true, |response| !response.status.is_success())
    }
}

/// How a batch is to be carried out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) max_bytes: usize,
    pub(crate) max_concurrency: usize,
    pub(crate) stop_on_error: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_bytes: 1 << 20, max_concurrency: 4, stop_on_error: false }
    }
}

pub(crate) struct Delivery<'a> {
    pub(crate) client: &'a Client,
    pub(crate) options: Options,
    pub(crate) max_requests: usize,
    /// Told of each request that is done; answers whether to go on.
    pub(crate) done: &'a (dyn Fn(&Delivered) -> bool + Sync),
    /// Nothing more is to be sent.
    pub(crate) stopped: AtomicBool,
}

impl Delivery<'_> {
    /// Carries out all jobs. Every one of them is in the outcome.
    pub(crate) async fn deliver(&self, jobs: Vec<Job>) -> Vec<Delivered> {
        let mut delivered = Vec::with_capacity(jobs.len());
        for segment in plan::segments(jobs, self.max_requests, self.options.max_bytes) {
            let lanes = match segment {
                Segment::InOrder(jobs) => vec![jobs],
                Segment::Lanes(lanes) => lanes,
            };
            let mut running = stream::iter(lanes.into_iter().map(|lane| self.lane(lane)))
                .buffer_unordered(self.options.max_concurrency.max(1));
            while let Some(outcome) = running.next().await {
                delivered.extend(outcome);
            }
        }
        delivered
    }

    /// Carries out the jobs of one collection, one request after the other.
    async fn lane(&self, jobs: Vec<Job>) -> Vec<Delivered> {
        let mut queue = VecDeque::from(jobs);
        let mut delivered = Vec::with_capacity(queue.len());
        let mut delays = collisions();
        while !self.stopped.load(Ordering::Relaxed) {
            let Some(chunk) = plan::chunk(&mut queue, self.max_requests, self.options.max_bytes) else { break };
            let (done, again) = self.chunk(chunk).await;
            let progress = !done.is_empty();
            let failed = self.options.stop_on_error && done.iter().any(Delivered::is_failure);
            // Every result is told, also after one at which the caller lost interest.
            let wanted = done.iter().filter(|one| (self.done)(one)).count();
            let wants_more = wanted == done.len();
            delivered.extend(done);
            for job in again.into_iter().rev() {
                queue.push_front(job);
            }
            if failed || !wants_more {
                self.stopped.store(true, Ordering::Relaxed);
            }
            if progress {
                delays = collisions();
            } else if let Some(delay) = delays.next() {
                tokio::time::sleep(delay).await;
            }
        }
        delivered.extend(queue.into_iter().map(not_sent));
        delivered
    }

    /// Sends one request for all of these, and sorts them into those that are done and those to be sent again.
    async fn chunk(&self, mut chunk: Vec<Job>) -> (Vec<Delivered>, Vec<Job>) {
        let _turns = self.client.turns(chunk.iter().map(|job| &job.request)).await;
        if chunk.len() == 1
            && let Some(job) = chunk.pop()
        {
            let outcome = self.client.send(&job.request).await;
            return (vec![Delivered::new(job, outcome)], Vec::new());
        }
        let request = match batch::request(chunk.iter().map(|job| &job.request)) {
            Ok(request) => request,
            Err(error) => return (all(chunk, &Err(error)), Vec::new()),
        };
        tracing::debug!(operations = chunk.len(), "sends a batch");
        let response = match self.client.send(&request).await {
            Ok(response) => response,
            Err(error) => return unanswered(chunk, &error),
        };
        match response.status {
            StatusCode::OK => match batch::responses(&response, chunk.len()) {
                Ok(answers) => answered(chunk, answers),
                Err(error) => unanswered(chunk, &error.maybe_applied()),
            },
            // Refused as a whole before anything was done: too many, too large, or one of them is to blame.
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE => (Vec::new(), halved(chunk)),
            status if status.is_server_error() => unanswered(chunk, &Error::refused(&response).maybe_applied()),
            StatusCode::UNAUTHORIZED => (all(chunk, &Ok(response)), Vec::new()),
            _ => (all(chunk, &Err(Error::refused(&response).of_batch())), Vec::new()),
        }
    }
}

/// The waits when nothing but collisions with other writers came of a request.
fn collisions() -> impl Iterator<Item = Duration> + Send {
    Exponential::default()
        .max_tries(plan::MAX_TRIES)
        .first_delay(Duration::from_millis(20))
        .max_delay(Duration::from_secs(2))
        .delays()
}

/// Sorts a chunk by the answers to its parts.
///
/// A 409 makes PostgreSQL roll back all that came before it in the same batch, although the answers say that it was
/// done; what comes after it stays. So up to the last 409 everything is sent again, and of the rest whatever may have
/// failed for the lack of what was rolled back, or have read it.
fn answered(chunk: Vec<Job>, answers: Vec<Response>) -> (Vec<Delivered>, Vec<Job>) {
    let voided = answers.iter().rposition(|answer| answer.status == StatusCode::CONFLICT).map_or(0, |last| last + 1);
    let mut done = Vec::with_capacity(chunk.len());
    let mut again = Vec::new();
    for (place, (mut job, answer)) in chunk.into_iter().zip(answers).enumerate() {
        let doubtful = voided > 0 && (job.request.method.is_safe() || !answer.status.is_success());
        if place >= voided && !doubtful {
            done.push(Delivered::new(job, Ok(answer)));
        } else if job.exhausted() {
            let outcome = gave_up(&job, answer);
            done.push(Delivered::new(job, outcome));
        } else {
            // A server that does not roll back has done it already.
            job.repeated |= answer.status.is_success() && job.request.repeat == Repeat::Harmless;
            job.tries += 1;
            again.push(job);
        }
    }
    (done, again)
}

/// The last word on a job that collided every time.
fn gave_up(job: &Job, answer: Response) -> Result<Response> {
    if !answer.status.is_success() || job.request.method.is_safe() {
        return Ok(answer);
    }
    let message = "it collided with other writers each time, and the server may have rolled it back";
    Err(Error::new(ErrorKind::Unavailable, message).maybe_applied())
}

/// Sorts a chunk to which there was no answer that tells what was done.
fn unanswered(chunk: Vec<Job>, error: &Error) -> (Vec<Delivered>, Vec<Job>) {
    let mut done = Vec::new();
    let mut again = Vec::new();
    let limit = chunk.len().div_ceil(2);
    for mut job in chunk {
        let again_helps = match error.kind() {
            // The server fails at one of them: halving finds out which, since alone each has an answer of its own.
            ErrorKind::Server | ErrorKind::Unavailable | ErrorKind::Unexpected => true,
            _ => Again::after(&job.request, &Err(error.clone())) != Again::No,
        };
        let applied = error.may_have_been_applied();
        if !again_helps || job.exhausted() || (applied && job.request.repeat == Repeat::Harmful) {
            let error = of_read(&job, error.clone());
            done.push(Delivered::new(job, Err(error)));
        } else {
            job.repeated |= applied && !job.request.method.is_safe();
            job.tries += 1;
            job.chunk_limit = job.chunk_limit.min(limit);
            again.push(job);
        }
    }
    (done, again)
}

/// A read changes nothing, whatever became of the batch it was in.
fn of_read(job: &Job, error: Error) -> Error {
    if job.request.method.is_safe() { error.not_applied() } else { error }
}

fn halved(chunk: Vec<Job>) -> Vec<Job> {
    let limit = chunk.len().div_ceil(2);
    chunk.into_iter().map(|job| Job { chunk_limit: job.chunk_limit.min(limit), ..job }).collect()
}

fn all(chunk: Vec<Job>, outcome: &Result<Response>) -> Vec<Delivered> {
    chunk.into_iter().map(|job| Delivered::new(job, outcome.clone())).collect()
}

fn not_sent(job: Job) -> Delivered {
    let message = "it was not sent, because the batch was stopped before its turn";
    Delivered::new(job, Err(Error::new(ErrorKind::Cancelled, message)))
}
