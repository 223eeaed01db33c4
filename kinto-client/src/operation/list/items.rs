//! The objects of a list as a stream, each decoded from its page when it is asked for.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::Stream;

use super::{
    NextOf,
    pages::{Need, Source},
    progress::Progress,
};
use crate::{
    error::{Error, Result},
    wire::{
        object::{Object, kind::Kind},
        order::Order,
        page::Page,
        timestamp::Timestamp,
    },
};

/// The objects of a list as a stream of JSON as received.
pub(crate) struct Items {
    source: Source,
    progress: Progress,
    page: Option<Page>,
    left: Option<usize>,
    /// The time of the last change of the list when its first page was read.
    pub(super) last_modified: Option<Timestamp>,
    /// The time of the response with the first page.
    pub(super) answered: Option<Timestamp>,
    /// `true` if the list may contain tombstones, which are skipped.
    skip_tombstones: bool,
    yielded: usize,
    pages: u64,
}

/// The number of items after which the request for the next page is polled: often enough to keep it going, and
/// seldom enough to cost nothing.
const ITEMS_BETWEEN_POLLS: usize = 64;

impl Items {
    pub(crate) fn new(source: Source, limit: Option<usize>, skip_tombstones: bool) -> Self {
        Self {
            progress: source.progress(),
            source,
            page: None,
            left: limit.filter(|&limit| limit > 0),
            last_modified: None,
            answered: None,
            skip_tombstones,
            yielded: 0,
            pages: 0,
        }
    }

    /// Returns the version of the list when its first page was read.
    pub(crate) fn version(&self) -> Option<Timestamp> {
        self.last_modified
    }

    /// Returns `true` if there is a page after the one that is being read.
    pub(super) fn has_next_page(&self) -> bool {
        self.page.as_ref().is_some_and(|page| page.next.is_some())
    }

    /// Returns the number of received pages.
    pub(super) fn pages(&self) -> u64 {
        self.pages
    }

    /// Returns true if it ended because the server cannot go on in the order that was asked for.
    pub(crate) fn is_unpageable(&self) -> bool {
        self.source.is_unpageable()
    }

    /// The order in which they come.
    pub(crate) fn order(&self) -> &Order {
        self.progress.order()
    }

    /// Polls for the next object, which `next` decodes from the page.
    pub(super) fn poll_next_by<O>(
        &mut self,
        context: &mut Context<'_>,
        mut next_of: impl FnMut(&mut Page) -> Option<Result<O>>,
    ) -> Poll<Option<Result<O>>> {
        if self.left == Some(0) {
            self.page = None;
            return self.source.poll_end(context).map(|ended| ended.err().map(Err));
        }
        loop {
            if let Some(page) = &mut self.page {
                while self.skip_tombstones && page.next_tombstone().is_some() {}
                if let Some(item) = next_of(page) {
                    self.yielded += 1;
                    if self.yielded.is_multiple_of(ITEMS_BETWEEN_POLLS) {
                        self.source.advance(context, Need::Later);
                    }
                    self.left = self.left.map(|left| left - 1);
                    return Poll::Ready(Some(item.map_err(|error| self.source.context.attach(error))));
                }
                self.progress.end(page);
                // It has been read: what waits for the next page must not read its end again each time it is polled.
                self.page = None;
            }
            match ready!(Pin::new(&mut self.source).poll_next(context)) {
                None => return Poll::Ready(None),
                Some(Ok(page)) => {
                    if let Err(error) = self.progress.begin(&page) {
                        self.page = None;
                        return Poll::Ready(Some(Err(self.source.fail(error))));
                    }
                    self.pages += 1;
                    if self.last_modified.is_none() {
                        (self.last_modified, self.answered) = (Some(page.timestamp), page.answered);
                    }
                    self.page = Some(page);
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

impl Stream for Items {
    type Item = Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        self.get_mut().poll_next_by(context, Page::next_received)
    }
}

/// Decodes the next object of a page as a value of its own.
pub(super) fn alone<K: Kind, T>(next_of: NextOf<K, T>, page: &mut Page) -> Option<Result<Object<K, T>>> {
    let mut object = None;
    let read = next_of(page, &mut |next| object = Some(next))?;
    Some(read.and_then(|()| object.ok_or_else(|| Error::unexpected("an object of the list was lost".to_owned()))))
}
