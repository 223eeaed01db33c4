//! Sends many requests in few batch requests.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use tokio::time::Instant;

use super::{
    outcome::{ChunkOutcome, Completed, MAX_COLLISIONS, SizeLimit},
    schedule::{self, Job, Segment},
};
use crate::{
    client::Client,
    error::Result,
    transport::retry::ExponentialBackoff,
    wire::{batch, response::Response},
};

/// The options of a batch.
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
    /// The current size limit of one request in bytes, which is lower than that of the options after the server
    /// refused a request as too large.
    pub(super) max_bytes: AtomicUsize,
    /// The callback for each completed request, which returns whether to continue.
    pub(super) done: &'a (dyn Fn(Completed) -> bool + Sync),
    /// `true` once no further request may be sent.
    pub(super) stopped: AtomicBool,
}

impl Delivery<'_> {
    /// Executes all jobs, and returns those that were not sent because the batch was stopped.
    pub(super) async fn deliver(&self, jobs: Vec<Job>) -> Vec<Job> {
        let mut left = Vec::new();
        for segment in schedule::segments(jobs, self.max_requests, self.options.max_bytes) {
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

    /// Executes the jobs of one collection, one request after the other.
    async fn lane(&self, jobs: Vec<Job>) -> VecDeque<Job> {
        let mut queue = VecDeque::from(jobs);
        let mut collisions = collisions();
        while !self.stopped.load(Ordering::Relaxed) {
            let Some(chunk) = schedule::chunk(&mut queue, self.max_requests, self.max_bytes.load(Ordering::Relaxed))
            else {
                break;
            };
            let ChunkOutcome { done, again, mut wait, collided, verdict, .. } = self.chunk(chunk).await;
            match verdict {
                // The limit also applies to later requests, for any collection.
                Some(SizeLimit::AtMost(bytes)) => _ = self.max_bytes.fetch_min(bytes, Ordering::Relaxed),
                Some(SizeLimit::One) => self.max_bytes.store(self.options.max_bytes, Ordering::Relaxed),
                None => {}
            }
            if !done.is_empty() {
                collisions = self::collisions();
            } else if collided {
                wait = wait.max(collisions.next().unwrap_or_default());
            }
            for mut one in done {
                if one.is_open() {
                    one.resolve_ambiguity(self.client).await;
                    one.name_missing_capability(self.client).await;
                }
                if !(self.done)(one) {
                    // The remaining results of this response are reported nevertheless.
                    self.stopped.store(true, Ordering::Relaxed);
                }
            }
            if !again.is_empty() {
                tracing::debug!(operations = again.len(), delay = ?wait, "retrying part of batch");
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

    /// Sends one request for all jobs of a chunk, and sorts them into completed ones and ones to retry.
    async fn chunk(&self, mut chunk: Vec<Job>) -> ChunkOutcome {
        let now = Instant::now();
        for job in &mut chunk {
            job.since.get_or_insert(now);
        }
        let outcome = self.send(&chunk).await;
        let mut sorted = ChunkOutcome::by(chunk, outcome, self.client.retry_policy());
        self.refresh(&mut sorted).await;
        sorted
    }

    /// Refreshes the credentials, once for each request, if the server rejected them for some parts: the response to
    /// the batch is a 200 then, and the 401 is in its parts.
    async fn refresh(&self, sorted: &mut ChunkOutcome) {
        let unauthorized = std::mem::take(&mut sorted.unauthorized);
        if unauthorized.is_empty() {
            return;
        }
        let renewed = self.client.renew_credentials().await;
        for Completed { job, outcome } in unauthorized {
            match &renewed {
                Ok(true) => sorted.again.push(Job { renewed: true, ..job }),
                Ok(false) => sorted.done.push(Completed { job, outcome }),
                Err(error) => sorted.done.push(Completed { job, outcome: Err(error.clone()) }),
            }
        }
        sorted.again.sort_by_key(|job| job.index);
    }

    async fn send(&self, chunk: &[Job]) -> Result<Response> {
        let tries = chunk.iter().map(|job| job.failures + job.collisions + 1).max().unwrap_or(1);
        if let [job] = chunk {
            return self.client.send_once(&job.request, tries).await;
        }
        let request = batch::request(chunk.iter().map(|job| &*job.request))?;
        tracing::debug!(operations = chunk.len(), "sending batch");
        self.client.send_once(&request, tries).await
    }
}

/// Returns the delays to use when a request got nothing but conflicts with other writers.
///
/// The `Retry-After` of these responses is ignored: Kinto sends the same few seconds each time, but the other
/// write takes only some milliseconds, and another conflict costs no more than that.
fn collisions() -> impl Iterator<Item = Duration> + Send {
    ExponentialBackoff::default()
        .max_tries(MAX_COLLISIONS)
        .first_delay(Duration::from_millis(20))
        .max_delay(Duration::from_secs(2))
        .delays()
}
