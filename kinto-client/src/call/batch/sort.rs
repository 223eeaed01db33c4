//! What came of the requests of a batch: which of them are done, and which are to be sent again.

use std::time::Duration;

use http::StatusCode;

use super::plan::Job;
use crate::{
    client::Client,
    error::{Error, ErrorKind, Result},
    transport::retry::{Again, Attempt, RetryPolicy},
    wire::{
        batch,
        response::{Doubt, Response},
        settle::settle,
    },
};

/// How often one request is sent, when others keep colliding with it.
pub(super) const MAX_COLLISIONS: u32 = 12;

/// Into how many parts a batch is split that failed as a whole: few enough tries to find the one that is to blame, and
/// few enough requests if none is.
const PARTS: usize = 5;

/// What became of one request.
pub(super) struct Delivered {
    pub(super) job: Job,
    pub(super) outcome: Result<Response>,
}

impl Delivered {
    /// Judges the last response, in the light of those that were lost before it.
    pub(super) fn new(job: Job, outcome: Result<Response>) -> Self {
        let repeated = job.maybe_applied;
        let outcome = match outcome {
            Ok(answer) => Ok(settle(&job.request, answer, repeated)),
            Err(error) => Err(if repeated { error.maybe_applied() } else { error }),
        };
        Self { job, outcome }
    }

    /// Asks about what the answer leaves open.
    pub(super) async fn clear_up(&mut self, client: &Client) {
        if let Ok(response) = &mut self.outcome
            && response.doubt.is_some()
        {
            *response = client.clear_up(&self.job.request, response.clone()).await;
        }
    }
}

/// What a 413 tells.
#[derive(Clone, Copy)]
pub(super) enum Verdict {
    /// No more than so many bytes may go together.
    AtMost(usize),
    /// One alone was to blame, and not how many went together.
    One,
}

/// The requests of a chunk, after it was sent.
#[derive(Default)]
pub(super) struct Sorted {
    pub(super) done: Vec<Delivered>,
    /// In their order.
    pub(super) again: Vec<Job>,
    /// How long to wait before anything is sent again.
    pub(super) wait: Duration,
    /// There were collisions with other writers.
    pub(super) collided: bool,
    /// The server did not know the credentials for these, which were sent together with others.
    pub(super) unauthorized: Vec<Delivered>,
    /// What the server, or what is before it, said of how much went together.
    pub(super) verdict: Option<Verdict>,
}

impl Sorted {
    /// Sorts a chunk by what came of the request that it was sent in.
    pub(super) fn by(chunk: Vec<Job>, outcome: Result<Response>, policy: &dyn RetryPolicy) -> Self {
        let mut sorter = Sorter { policy, sorted: Self::default() };
        if chunk.len() > 1 {
            sorter.together(chunk, &outcome);
        } else {
            match outcome {
                Ok(answer) => {
                    let too_large = answer.status == StatusCode::PAYLOAD_TOO_LARGE;
                    sorter.sorted.verdict = too_large.then_some(Verdict::One);
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
    sorted: Sorted,
}

impl Sorter<'_> {
    /// Sorts a chunk of several.
    fn together(&mut self, chunk: Vec<Job>, outcome: &Result<Response>) {
        let limit = chunk.len().div_ceil(PARTS);
        let response = match outcome {
            Ok(response) => response,
            Err(error) => {
                let again = match error.kind() {
                    // Each answer alone may be small enough.
                    ErrorKind::TooLarge => Again::MaybeApplied,
                    _ => Again::of(outcome),
                };
                return self.unanswered(chunk, error, again, outcome, limit);
            }
        };
        match response.status {
            StatusCode::OK => match batch::responses(response, chunk.iter().map(|job| &job.request)) {
                Ok(answers) => self.answered(chunk, answers),
                Err(error) => {
                    self.unanswered(chunk, &error.maybe_applied(), Again::MaybeApplied, outcome, limit);
                }
            },
            // Refused as a whole before anything was done: too many, too large, or one of them is to blame.
            status @ (StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE) => {
                if status == StatusCode::PAYLOAD_TOO_LARGE {
                    let sizes = || chunk.iter().map(|job| batch::size(&job.request));
                    let (all, largest): (usize, _) = (sizes().sum(), sizes().max().unwrap_or_default());
                    // About half of it, and less than it in any case.
                    self.sorted.verdict = Some(Verdict::AtMost((all / 2 + largest).min(all.saturating_sub(1))));
                }
                let limit = chunk.len().div_ceil(2);
                self.sorted.again.extend(chunk.into_iter().map(|job| limited(job, limit)));
            }
            StatusCode::UNAUTHORIZED => self.all(chunk, outcome),
            // The server fails at one of them, or altogether. It may have carried out some before that.
            status if status.is_server_error() => {
                let error = Error::refused(response).maybe_applied();
                self.unanswered(chunk, &error, Again::MaybeApplied, outcome, limit);
            }
            _ => {
                let error = Error::refused(response).of_batch();
                self.unanswered(chunk, &error, Again::of(outcome), outcome, usize::MAX);
            }
        }
    }

    /// Sorts a chunk by the answers to its parts.
    ///
    /// A 409 makes PostgreSQL roll back all that came before it in the same batch, although the answers say that it was
    /// done; what comes after it stays. So up to the last 409 everything is sent again, and of the rest whatever may
    /// have failed for the lack of what was rolled back, or have read it.
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
                self.sorted.done.push(Delivered::new(job, Ok(answer)));
            } else if place < voided || doubtful {
                self.collided(job, answer);
            } else if together && answer.status == StatusCode::UNAUTHORIZED && !job.renewed {
                self.sorted.unauthorized.push(Delivered::new(job, Ok(answer)));
            } else {
                self.one(job, Ok(answer));
            }
        }
    }

    fn collided(&mut self, mut job: Job, answer: Response) {
        self.sorted.collided = true;
        job.collisions += 1;
        // A server that does not roll back has done it already.
        let maybe_applied = answer.status.is_success() && !job.request.method.is_safe();
        if job.collisions < MAX_COLLISIONS {
            job.maybe_applied |= maybe_applied;
            self.sorted.again.push(job);
            return;
        }
        let message = "it collided with other writers each time, and the server may have rolled it back";
        let outcome =
            if maybe_applied { Err(Error::new(ErrorKind::Unavailable, message).maybe_applied()) } else { Ok(answer) };
        self.sorted.done.push(Delivered::new(job, outcome));
    }

    /// Sorts a request that has an answer of its own, or was sent alone.
    fn one(&mut self, job: Job, outcome: Result<Response>) {
        match Again::after(&job.request, &outcome) {
            Again::No => self.sorted.done.push(Delivered::new(job, outcome)),
            again => self.unless_given_up(job, again, &outcome, || outcome.clone()),
        }
    }

    /// Sorts a chunk to which there was no answer that tells what was done.
    fn unanswered(&mut self, chunk: Vec<Job>, error: &Error, again: Again, outcome: &Result<Response>, limit: usize) {
        for job in chunk {
            // A read changes nothing, whatever became of the batch it was in.
            let error = if job.request.method.is_safe() { error.clone().not_applied() } else { error.clone() };
            match again.of_request(&job.request) {
                Again::No => self.sorted.done.push(Delivered::new(job, Err(error))),
                again => self.unless_given_up(limited(job, limit), again, outcome, || Err(error)),
            }
        }
    }

    /// Sends it again, if the policy wants that.
    fn unless_given_up(
        &mut self,
        mut job: Job,
        again: Again,
        outcome: &Result<Response>,
        last_word: impl FnOnce() -> Result<Response>,
    ) {
        job.failures += 1;
        let elapsed = job.since.map(|since| since.elapsed()).unwrap_or_default();
        match self.policy.delay(&Attempt::new(job.failures, elapsed, outcome)) {
            Some(delay) => {
                job.maybe_applied |= again == Again::MaybeApplied && !job.request.method.is_safe();
                self.sorted.wait = self.sorted.wait.max(delay);
                self.sorted.again.push(job);
            }
            None => self.sorted.done.push(Delivered::new(job, last_word())),
        }
    }

    fn all(&mut self, chunk: Vec<Job>, outcome: &Result<Response>) {
        self.sorted.done.extend(chunk.into_iter().map(|job| Delivered::new(job, outcome.clone())));
    }
}

fn limited(job: Job, limit: usize) -> Job {
    Job { chunk_limit: job.chunk_limit.min(limit), ..job }
}
