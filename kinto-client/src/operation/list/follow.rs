//! Streams the changes of a collection, each once and without gaps.

use std::{
    collections::{HashMap, VecDeque},
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures_core::{Stream, future::BoxFuture};
use futures_util::FutureExt as _;
use http::StatusCode;
use serde::de::IgnoredAny;
use tokio::time::Sleep;
use tracing::Instrument as _;

use super::{
    changes::{Change, GetChanges},
    items::Items,
    pages::Source,
};
use crate::{
    client::Client,
    error::{Error, Result},
    wire::{
        change_token::{ChangeToken, hash},
        object::{RecordData, decode},
        page::Page,
        request::Precondition,
        timestamp::Timestamp,
    },
};

/// The maximum difference between the clocks of the server that responds and of its database.
const CLOCK_SKEW_MILLIS: u64 = 1_000;

/// A stream of changes: from [`stream`](crate::Call::stream), which ends after the last change, or from
/// [`watch`](crate::Call::watch), which does not end.
///
/// Another program, or this one after a restart, continues from its [`token`](Self::token).
#[must_use = "a stream reads nothing until it is polled"]
pub struct ChangeStream<T> {
    client: Client,
    span: tracing::Span,
    get: GetChanges<T>,
    token: ChangeToken,
    /// The delay between two readings; without it, there is one reading.
    interval: Option<Duration>,
    stage: Stage,
    of: PhantomData<fn() -> T>,
}

enum Stage {
    Start,
    Pause(Pin<Box<Sleep>>),
    Reading(Box<Reading>),
    End,
}

/// One reading of what was changed, from what is known on.
struct Reading {
    items: Items,
    /// The timestamp up to which all changes have been returned.
    horizon: Timestamp,
    /// Until when everything is told once this reading has passed it; known with the first page.
    settles: Option<Timestamp>,
    /// The changes that were returned before and must occur again, by the hash of the id. One that does not was
    /// removed from the list.
    expected: HashMap<u32, Timestamp>,
    /// True if the list is known to be the one that was read before, and not another one in its place.
    proven: bool,
    /// The pending check of `proven`.
    follow_up_request: Option<BoxFuture<'static, Result<bool>>>,
    /// The next changes, which are returned after that check.
    waiting: VecDeque<Bytes>,
    /// Everything was read.
    over: bool,
}

/// The next step of a reading.
enum Step<T> {
    /// A change, or one that does not fit `T`, and then the reading goes on.
    Told(Result<Change<T>>),
    /// The end of the reading, by an error or without one.
    Over(Option<Error>),
    /// The list is another one than that which was read before.
    Reset,
}

impl<T: RecordData> ChangeStream<T> {
    pub(super) fn new(client: Client, span: tracing::Span, get: GetChanges<T>, interval: Option<Duration>) -> Self {
        Self { client, span, token: get.since.clone(), get, interval, stage: Stage::Start, of: PhantomData }
    }

    /// Returns the token to continue from after the last change, here or in another process. Store it once that
    /// change was processed.
    #[must_use]
    pub fn token(&self) -> ChangeToken {
        self.token.clone()
    }

    fn read(&mut self) -> Reading {
        let horizon = self.token.settled(self.get.overlap_millis());
        let since = self.get.start_after(&self.token);
        let condition = self.token.is_settled().then(|| Precondition::Changed(self.token.seen()));
        let first = self.get.request(since).map(|request| request.provided(condition));
        let source = || Source::new(self.client.clone(), self.get.context(), first);
        let items = Items::new(self.span.in_scope(source), None, false);
        let mut expected = HashMap::new();
        for (time, hash) in self.token.told() {
            let known = expected.entry(hash).or_insert(time);
            *known = time.max(*known);
        }
        Reading {
            items,
            horizon,
            settles: None,
            proven: expected.is_empty(),
            expected,
            follow_up_request: None,
            waiting: VecDeque::new(),
            over: false,
        }
    }

    /// Chooses what comes after a reading.
    fn finish(&mut self) {
        self.stage = match self.interval {
            Some(interval) => Stage::Pause(Box::pin(tokio::time::sleep(interval))),
            None => Stage::End,
        };
    }

    /// Gives a change, and takes note of it. One that does not fit `T` is an error, once.
    fn tell(&mut self, item: &Bytes, settles: Option<Timestamp>) -> Result<Change<T>> {
        let change = Change::<T>::read(item.clone());
        let stamp = match &change {
            Ok(change) => change.id().zip(change.last_modified()).map(|(id, time)| (id.to_owned(), time)),
            Err(_) => stamp(item),
        };
        if let Some((id, time)) = stamp {
            self.token.tell(&id, time);
            if let Some(settles) = settles {
                self.token.resolve(settles.min(time));
            }
        }
        change.map_err(|error| self.get.context().attach(error))
    }

    fn poll_reading(&mut self, reading: &mut Reading, context: &mut Context<'_>) -> Poll<Step<T>> {
        loop {
            if let Some(follow_up_request) = &mut reading.follow_up_request {
                let same = ready!(follow_up_request.poll_unpin(context));
                reading.follow_up_request = None;
                match same {
                    Ok(true) => reading.proven = true,
                    Ok(false) => return Poll::Ready(Step::Reset),
                    Err(error) => return Poll::Ready(Step::Over(Some(self.get.context().attach(error)))),
                }
            }
            if reading.proven
                && let Some(item) = reading.waiting.pop_front()
            {
                return Poll::Ready(Step::Told(self.tell(&item, reading.settles)));
            }
            if reading.over {
                return Poll::Ready(self.after(reading));
            }
            let item = match ready!(reading.items.poll_next_by(context, Page::next_received)) {
                Some(Ok(item)) => item,
                Some(Err(error)) if error.status() == Some(StatusCode::NOT_MODIFIED) => {
                    return Poll::Ready(Step::Over(None));
                }
                Some(Err(error)) => return Poll::Ready(Step::Over(Some(error))),
                None => {
                    reading.over = true;
                    reading.first_page(self.get.overlap_millis());
                    if !reading.proven {
                        reading.follow_up_request = Some(self.follow_up_request());
                    }
                    continue;
                }
            };
            reading.first_page(self.get.overlap_millis());
            let stamp = stamp(&item);
            let is_old = stamp.as_ref().is_some_and(|(id, time)| {
                reading.meet(hash(id), *time);
                *time <= reading.horizon || self.token.knows(id, *time)
            });
            if !is_old {
                reading.waiting.push_back(item);
            }
            // What became visible late comes before the last change that was told.
            let passed = |last: (Timestamp, &str)| stamp.as_ref().is_some_and(|(_, time)| *time > last.0);
            if !reading.proven && self.token.last().is_some_and(passed) {
                reading.follow_up_request = Some(self.follow_up_request());
            }
        }
    }

    /// Returns the step that ends a reading.
    fn after(&mut self, reading: &Reading) -> Step<T> {
        let version = reading.items.last_modified.unwrap_or(self.token.seen());
        if version >= self.token.seen() {
            // A returned change that is neither there nor deleted now was removed from the list without a tombstone.
            if !reading.expected.is_empty() {
                return Step::Reset;
            }
            self.token.see(version);
            if let Some(settles) = reading.settles {
                self.token.resolve(settles);
            }
        }
        Step::Over(None)
    }

    /// Asks whether the list is the one that was read before, where the last change that was told is no longer in its place: a
    /// collection that was last changed before that was not deleted and made again since.
    fn follow_up_request(&self) -> BoxFuture<'static, Result<bool>> {
        let (client, collection) = (self.client.clone(), self.get.collection());
        let last = self.token.last().map(|(time, _)| time);
        let follow_up_request = async move {
            let mut request = collection?;
            request.query.push("_fields", "id");
            let response = client.send(&request).await?;
            match response.success() {
                Ok(response) => Ok(last.is_some_and(|last| response.etag().is_ok_and(|changed| changed < last))),
                // Who may read the records but not the collection cannot tell.
                Err(error) if error.is_forbidden() => Ok(true),
                Err(error) => Err(error),
            }
        };
        follow_up_request.instrument(self.span.clone()).boxed()
    }
}

impl Reading {
    /// Takes note of what the first page says, once there is one.
    fn first_page(&mut self, overlap: u64) {
        if let (None, Some(version)) = (self.settles, self.items.last_modified) {
            // What was given a timestamp longer ago than a transaction may last is visible, or never will be.
            let version = version.as_millis();
            let answered = self.items.answered.map_or(version, |at| at.as_millis().saturating_sub(CLOCK_SKEW_MILLIS));
            let until = version.min(version.max(answered).saturating_sub(overlap));
            self.settles = Some(Timestamp::from_millis(until));
        }
    }

    /// Takes note of an object that is, or was, there.
    fn meet(&mut self, hash: u32, time: Timestamp) {
        if let Some(known) = self.expected.get(&hash).copied().filter(|known| time >= *known) {
            self.proven |= time == known;
            self.expected.remove(&hash);
        }
    }
}

fn stamp(item: &[u8]) -> Option<(String, Timestamp)> {
    let object = decode::object::<IgnoredAny>(item, &[]).ok()?;
    Some((object.id.to_string(), object.last_modified))
}

impl<T: RecordData> Stream for ChangeStream<T> {
    type Item = Result<Change<T>>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let stream = self.get_mut();
        loop {
            match std::mem::replace(&mut stream.stage, Stage::Start) {
                Stage::End => {
                    stream.stage = Stage::End;
                    return Poll::Ready(None);
                }
                Stage::Start => stream.stage = Stage::Reading(Box::new(stream.read())),
                Stage::Pause(mut sleep) => {
                    if sleep.poll_unpin(context).is_pending() {
                        stream.stage = Stage::Pause(sleep);
                        return Poll::Pending;
                    }
                }
                Stage::Reading(mut reading) => match stream.poll_reading(&mut reading, context) {
                    Poll::Pending => {
                        stream.stage = Stage::Reading(reading);
                        return Poll::Pending;
                    }
                    Poll::Ready(Step::Told(change)) => {
                        stream.stage = Stage::Reading(reading);
                        return Poll::Ready(Some(change));
                    }
                    Poll::Ready(Step::Over(error)) => {
                        stream.finish();
                        if let Some(error) = error {
                            return Poll::Ready(Some(Err(error)));
                        }
                    }
                    Poll::Ready(Step::Reset) => {
                        stream.token = ChangeToken::start();
                        return Poll::Ready(Some(Ok(Change::Reset)));
                    }
                },
            }
        }
    }
}

impl<T> std::fmt::Debug for ChangeStream<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ChangeStream({:?})", self.get)
    }
}
