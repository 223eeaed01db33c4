//! Sorts the requests of a batch by their responses, into completed ones and ones to retry.

use crate::error::doubt::Doubt;
use std::time::Duration;

use http::StatusCode;

use super::schedule::Job;
use crate::{
    client::{Client, replay::resolve},
    error::{Error, Result, kind::ErrorKind},
    transport::retry::{RetryAction, RetryPolicy, RetryState},
    wire::{batch, response::Response},
};

/// The maximum number of tries of one request if it keeps conflicting with other writers.
pub(super) const MAX_COLLISIONS: u32 = 12;

/// The number of parts into which a batch is split that failed as a whole: it takes few tries to find the
/// operation at fault, and few requests if there is none.
const PARTS: usize = 5;

/// The outcome of one request.
pub(super) struct Completed {
    pub(super) job: Job,
    pub(super) outcome: Result<Response>,
}

impl Completed {
    /// Judges the last response, in the light of those that were lost before it.
    pub(super) fn new(job: Job, outcome: Result<Response>) -> Self {
        let repeated = job.maybe_applied;
        let outcome = match outcome {
            Ok(answer) => Ok(resolve(&job.request, answer, repeated)),
            Err(error) => Err(if repeated { error.maybe_applied() } else { error }),
        };
        Self { job, outcome }
    }

    /// Returns true if the response leaves a question that another request can answer.
    pub(super) fn is_open(&self) -> bool {
        self.outcome.as_ref().is_ok_and(|response| {
            response.doubt.is_some() || (self.job.request.needs.is_some() && !response.status.is_success())
        })
    }

    /// Resolves an ambiguous response with a follow-up request.
    pub(super) async fn resolve_ambiguity(&mut self, client: &Client) {
        if let Ok(response) = &mut self.outcome
            && response.doubt.is_some()
        {
            let repeated = self.job.maybe_applied;
            *response = client.resolve_ambiguity(&self.job.request, response.clone(), repeated).await;
        }
    }

    /// Turns a refusal into `ErrorKind::Unsupported` if the server made it because it lacks a plugin.
    pub(super) async fn name_missing_capability(&mut self, client: &Client) {
        let needs = self.job.request.needs;
        if needs.is_some()
            && let Ok(response) = &self.outcome
            && !response.status.is_success()
        {
            let error = client.name_missing_capability(needs, response.to_error()).await;
            if error.is_unsupported() {
                self.outcome = Err(error);
            }
        }
    }
}

/// The size limit that a 413 implies.
#[derive(Clone, Copy)]
pub(super) enum SizeLimit {
    /// The maximum number of bytes in one request.
    AtMost(usize),
    /// One operation alone was too large, which implies no limit for others.
    One,
}

/// The requests of a chunk after it was sent.
#[derive(Default)]
pub(super) struct ChunkOutcome {
    pub(super) done: Vec<Completed>,
    /// The requests to retry, in their order.
    pub(super) again: Vec<Job>,
    /// The delay before the retry.
    pub(super) wait: Duration,
    /// `true` if there were conflicts with other writers.
    pub(super) collided: bool,
    /// The jobs for which the server rejected the credentials, and which were sent together with others.
    pub(super) unauthorized: Vec<Completed>,
    /// The size limit according to the server, or to a proxy in front of it.
    pub(super) verdict: Option<SizeLimit>,
}

impl ChunkOutcome {
    /// Sorts a chunk by the outcome of the request that it was sent in.
    pub(super) fn by(chunk: Vec<Job>, outcome: Result<Response>, policy: &dyn RetryPolicy) -> Self {
        let mut sorter = Sorter { policy, sorted: Self::default() };
        if chunk.len() > 1 {
            sorter.record_batch(chunk, &outcome);
        } else {
            match outcome {
                Ok(answer) => {
                    let too_large = answer.status == StatusCode::PAYLOAD_TOO_LARGE;
                    sorter.sorted.verdict = too_large.then_some(SizeLimit::One);
                    sorter.answered(chunk, vec![answer]);
                }
                Err(error) => chunk.into_iter().for_each(|job| sorter.one(job, Err(error.clone()))),
            }
        }
        sorter.sorted
    }
}

struct Sorter<'a> {
    policy: &'a dyn RetryPolicy,
    sorted: ChunkOutcome,
}

impl Sorter<'_> {
    /// Sorts a chunk of several jobs.
    fn record_batch(&mut self, chunk: Vec<Job>, outcome: &Result<Response>) {
        let limit = chunk.len().div_ceil(PARTS);
        let response = match outcome {
            Ok(response) => response,
            Err(error) => {
                let again = match error.kind() {
                    // The response to each part alone may be small enough.
                    ErrorKind::TooLarge => RetryAction::MaybeApplied,
                    _ => RetryAction::of(outcome),
                };
                return self.unanswered(chunk, error, again, outcome, limit);
            }
        };
        match response.status {
            StatusCode::OK => match batch::responses(response, chunk.iter().map(|job| &*job.request)) {
                Ok(answers) => self.answered(chunk, answers),
                Err(error) => {
                    self.unanswered(chunk, &error.maybe_applied(), RetryAction::MaybeApplied, outcome, limit);
                }
            },
            // The server refused the request as a whole before it executed anything: there were too many parts, it
            // was too large, or one part is invalid.
            status @ (StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE) => {
                if status == StatusCode::PAYLOAD_TOO_LARGE {
                    let sizes = || chunk.iter().map(|job| batch::size(&job.request));
                    let (all, largest): (usize, _) = (sizes().sum(), sizes().max().unwrap_or_default());
                    // About half of the size, and less than it in any case.
                    self.sorted.verdict = Some(SizeLimit::AtMost((all / 2 + largest).min(all.saturating_sub(1))));
                }
                let limit = chunk.len().div_ceil(2);
                self.sorted.again.extend(chunk.into_iter().map(|job| limited(job, limit)));
            }
            StatusCode::UNAUTHORIZED => self.all(chunk, outcome),
            // The server failed on one of the parts or altogether, and may have executed some of them before.
            status if status.is_server_error() => {
                let error = response.to_error().maybe_applied();
                self.unanswered(chunk, &error, RetryAction::MaybeApplied, outcome, limit);
            }
            _ => {
                let error = response.to_error().of_batch();
                self.unanswered(chunk, &error, RetryAction::of(outcome), outcome, usize::MAX);
            }
        }
    }

    /// Sorts a chunk by the responses to its parts.
    ///
    /// After a 409, PostgreSQL rolls back all operations before it in the same batch, although their responses
    /// report success; those after it stay. All jobs up to the last 409 are therefore retried, and of the rest
    /// those that failed or read, since the rollback may have changed their result.
    fn answered(&mut self, chunk: Vec<Job>, answers: Vec<Response>) {
        let together = chunk.len() > 1;
        let rolls_back = |answer: &Response| {
            answer.status == StatusCode::CONFLICT || answer.doubt == Some(Doubt::Unfenced { rolled_back: true })
        };
        let voided = answers.iter().rposition(rolls_back);
        let voided = voided.map_or(0, |last| last + 1);
        for (place, (job, answer)) in chunk.into_iter().zip(answers).enumerate() {
            let doubtful = voided > 0 && (job.request.method.is_safe() || !answer.status.is_success());
            if answer.doubt.is_some() {
                self.sorted.done.push(Completed::new(job, Ok(answer)));
            } else if place < voided || doubtful {
                self.collided(job, answer);
            } else if together && answer.status == StatusCode::UNAUTHORIZED && !job.renewed {
                self.sorted.unauthorized.push(Completed::new(job, Ok(answer)));
            } else {
                self.one(job, Ok(answer));
            }
        }
    }

    fn collided(&mut self, mut job: Job, answer: Response) {
        self.sorted.collided = true;
        job.collisions += 1;
        // A server without rollback has executed the operation.
        let maybe_applied = answer.status.is_success() && !job.request.method.is_safe();
        if job.collisions < MAX_COLLISIONS {
            job.maybe_applied |= maybe_applied;
            self.sorted.again.push(job);
            return;
        }
        let message = "it conflicted with other writers in every try, and the server may have rolled it back";
        let outcome =
            if maybe_applied { Err(Error::new(ErrorKind::Unavailable, message).maybe_applied()) } else { Ok(answer) };
        self.sorted.done.push(Completed::new(job, outcome));
    }

    /// Sorts a job that has a response of its own, or that was sent alone.
    fn one(&mut self, job: Job, outcome: Result<Response>) {
        match RetryAction::after(&job.request, &outcome) {
            RetryAction::No => self.sorted.done.push(Completed::new(job, outcome)),
            again => self.unless_given_up(job, again, &outcome, || outcome.clone()),
        }
    }

    /// Sorts a chunk without a response that tells what was executed.
    fn unanswered(
        &mut self,
        chunk: Vec<Job>,
        error: &Error,
        again: RetryAction,
        outcome: &Result<Response>,
        limit: usize,
    ) {
        for job in chunk {
            // A read changes nothing, even if its batch may have been executed.
            let error = if job.request.method.is_safe() { error.clone().not_applied() } else { error.clone() };
            match again.of_request(&job.request) {
                RetryAction::No => self.sorted.done.push(Completed::new(job, Err(error))),
                again => self.unless_given_up(limited(job, limit), again, outcome, || Err(error)),
            }
        }
    }

    /// Queues the job for a retry if the policy allows one, and completes it otherwise.
    fn unless_given_up(
        &mut self,
        mut job: Job,
        again: RetryAction,
        outcome: &Result<Response>,
        last_word: impl FnOnce() -> Result<Response>,
    ) {
        job.failures += 1;
        let elapsed = job.since.map(|since| since.elapsed()).unwrap_or_default();
        match self.policy.delay(&RetryState::new(job.failures, elapsed, outcome)) {
            Some(delay) => {
                job.maybe_applied |= again == RetryAction::MaybeApplied && !job.request.method.is_safe();
                self.sorted.wait = self.sorted.wait.max(delay);
                self.sorted.again.push(job);
            }
            None => self.sorted.done.push(Completed::new(job, last_word())),
        }
    }

    fn all(&mut self, chunk: Vec<Job>, outcome: &Result<Response>) {
        self.sorted.done.extend(chunk.into_iter().map(|job| Completed::new(job, outcome.clone())));
    }
}

fn limited(job: Job, limit: usize) -> Job {
    Job { chunk_limit: job.chunk_limit.min(limit), ..job }
}
