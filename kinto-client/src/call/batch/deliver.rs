//! Carries many requests to the server in few.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, stream};

use super::{
    plan::{self, Job, Segment},
    sort::{Delivered, MAX_COLLISIONS, Sorted, Verdict},
};
use crate::{
    client::Client,
    error::{Error, Result},
    transport::retry::Exponential,
    wire::{batch, request::Request, response::Response},
};

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

pub(super) struct Delivery<'a> {
    pub(super) client: &'a Client,
    pub(super) options: Options,
    pub(super) max_requests: usize,
    /// How many bytes go in one request: fewer than the options say, after that was too many for the server.
    pub(super) max_bytes: AtomicUsize,
    /// Is given each request that is done; answers whether to go on.
    pub(super) done: &'a (dyn Fn(Delivered) -> bool + Sync),
    /// Nothing more is to be sent.
    pub(super) stopped: AtomicBool,
}

impl Delivery<'_> {
    /// Carries out all jobs, and gives back those that were not done because it was stopped.
    pub(super) async fn deliver(&self, jobs: Vec<Job>) -> Vec<Job> {
        let mut left = Vec::new();
        for segment in plan::segments(jobs, self.max_requests, self.options.max_bytes) {
            let lanes = match segment {
                Segment::InOrder(jobs) => vec![jobs],
                Segment::Lanes(lanes) => lanes,
            };
            let mut running = stream::iter(lanes.into_iter().map(|lane| self.lane(lane)))
                .buffer_unordered(self.options.max_concurrency.max(1));
            while let Some(jobs) = running.next().await {
                left.extend(jobs);
            }
        }
        left
    }

    /// Carries out the jobs of one collection, one request after the other.
    async fn lane(&self, jobs: Vec<Job>) -> VecDeque<Job> {
        let mut queue = VecDeque::from(jobs);
        let mut collisions = collisions();
        while !self.stopped.load(Ordering::Relaxed) {
            let Some(chunk) = plan::chunk(&mut queue, self.max_requests, self.max_bytes.load(Ordering::Relaxed)) else {
                break;
            };
            let Sorted { done, again, mut wait, collided, verdict, .. } = self.chunk(chunk).await;
            match verdict {
                // What comes after these would be too large as well, whatever it is about.
                Some(Verdict::AtMost(bytes)) => _ = self.max_bytes.fetch_min(bytes, Ordering::Relaxed),
                Some(Verdict::One) => self.max_bytes.store(self.options.max_bytes, Ordering::Relaxed),
                None => {}
            }
            if !done.is_empty() {
                collisions = self::collisions();
            } else if collided {
                wait = wait.max(collisions.next().unwrap_or_default());
            }
            for mut one in done {
                one.clear_up(self.client).await;
                if !self.tell(one).await {
                    // All the same every result that is there is told.
                    self.stopped.store(true, Ordering::Relaxed);
                }
            }
            if !again.is_empty() {
                tracing::debug!(operations = again.len(), delay = ?wait, "sends a part of the batch again");
            }
            for job in again.into_iter().rev() {
                queue.push_front(job);
            }
            if !wait.is_zero() && !self.stopped.load(Ordering::Relaxed) {
                tokio::time::sleep(wait).await;
            }
        }
        queue
    }

    /// Sends one request for all of these, and sorts them into those that are done and those to be sent again.
    async fn chunk(&self, mut chunk: Vec<Job>) -> Sorted {
        let now = Instant::now();
        for job in &mut chunk {
            job.since.get_or_insert(now);
        }
        let outcome = self.send(&chunk).await;
        let mut sorted = Sorted::by(chunk, outcome, self.client.retry_policy());
        self.renew(&mut sorted).await;
        sorted
    }

    /// Renews the credentials, once for each request, if there were requests for which the server did not know them: a
    /// batch is answered with 200 then, and the 401 is in its parts.
    async fn renew(&self, sorted: &mut Sorted) {
        let unauthorized = std::mem::take(&mut sorted.unauthorized);
        if unauthorized.is_empty() {
            return;
        }
        let renewed = self.client.renew_credentials().await;
        for Delivered { job, outcome } in unauthorized {
            match &renewed {
                Ok(true) => sorted.again.push(Job { renewed: true, ..job }),
                Ok(false) => sorted.done.push(Delivered { job, outcome }),
                Err(error) => sorted.done.push(Delivered { job, outcome: Err(error.clone()) }),
            }
        }
        sorted.again.sort_by_key(|job| job.index);
    }

    async fn send(&self, chunk: &[Job]) -> Result<Response> {
        let tries = chunk.iter().map(|job| job.failures + job.collisions + 1).max().unwrap_or(1);
        if let [job] = chunk {
            return self.client.send_once(&job.request, tries).await;
        }
        let request = batch::request(chunk.iter().map(|job| &job.request))?;
        tracing::debug!(operations = chunk.len(), "sends a batch");
        self.client.send_once(&request, tries).await
    }

    async fn tell(&self, Delivered { job, outcome }: Delivered) -> bool {
        let outcome = unless_missing(self.client, &job.request, outcome).await;
        (self.done)(Delivered { job, outcome })
    }
}

/// The outcome, unless it is a refusal because the server does not have the plugin that the request needs.
async fn unless_missing(client: &Client, request: &Request, outcome: Result<Response>) -> Result<Response> {
    match outcome {
        Ok(response) if request.needs.is_some() && !response.status.is_success() => {
            let error = client.explain_missing(request.needs, Error::refused(&response)).await;
            if error.is_unsupported() { Err(error) } else { Ok(response) }
        }
        outcome => outcome,
    }
}

/// The waits when nothing but collisions with other writers came of a request.
///
/// Kinto asks for the same few seconds at each of them (`Retry-After`), which is not waited: the other writer is done
/// after some milliseconds, and colliding with the next one costs no more than that.
fn collisions() -> impl Iterator<Item = Duration> + Send {
    Exponential::default()
        .max_tries(MAX_COLLISIONS)
        .first_delay(Duration::from_millis(20))
        .max_delay(Duration::from_secs(2))
        .delays()
}
