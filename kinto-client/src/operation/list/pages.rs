//! The pages of a list as a stream, which requests the next page while the current one is being read.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::{Stream, future::BoxFuture};
use futures_util::FutureExt as _;
use tracing::{Instrument as _, Span};

use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    operation::CallContext,
    wire::{
        order::Order,
        page::Page,
        page_token::check_numbers,
        query::Query,
        request::{Precondition, Request},
    },
};

use super::{
    pin::{Pinned, changed_meanwhile},
    progress::Progress,
};

/// The pages of a list as they arrive.
pub(crate) struct Source {
    client: Client,
    pub(super) context: CallContext,
    /// The tracing span of the call that the requests belong to.
    span: Span,
    /// The request for the page after the last requested one.
    next: Option<Request>,
    under_way: Option<BoxFuture<'static, Result<Option<Page>>>>,
    arrived: VecDeque<Result<Page>>,
    /// The version that a consistent reading is pinned to.
    pin: Option<Pinned>,
    order: Order,
    /// The number of objects that are still wanted, if it is limited.
    wanted: Option<usize>,
    /// The number of pages that may still be requested.
    pages_left: u64,
    /// The server cannot go on in this order.
    unpageable: bool,
}

impl Source {
    /// Creates the stream of pages, starting with the one that `first` requests.
    pub(crate) fn new(client: Client, context: CallContext, first: Result<Request>) -> Self {
        let mut source = Self {
            client,
            context,
            span: Span::current(),
            next: None,
            under_way: None,
            arrived: VecDeque::new(),
            pin: None,
            order: Order::default(),
            wanted: None,
            pages_left: u64::MAX,
            unpageable: false,
        };
        match first {
            Ok(request) => {
                source.order = Order::of(&request.query);
                source.next = Some(request);
            }
            Err(error) => source.arrived.push_back(Err(error)),
        }
        source
    }

    /// Requires all pages to be in the state of the first.
    pub(crate) fn consistent(mut self, consistent: bool) -> Self {
        self.pin = consistent.then(Pinned::default);
        self
    }

    /// Returns true if it ended because the server cannot go on in the order that was asked for.
    pub(super) fn is_unpageable(&self) -> bool {
        self.unpageable
    }

    /// Returns a check that the pages advance.
    pub(super) fn progress(&self) -> Progress {
        Progress::new(self.order.clone())
    }

    /// Ends the reading where enough has been read: a consistent one asks its last question before.
    pub(super) fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        if self.pin.is_none() {
            self.next = None;
            self.under_way = None;
            self.arrived.clear();
        }
        self.wanted = Some(0);
        while let Some(page) = ready!(Pin::new(&mut *self).poll_next(context)) {
            page?;
        }
        Poll::Ready(Ok(()))
    }

    /// Ends the reading with an error.
    pub(super) fn fail(&mut self, error: Error) -> Error {
        self.next = None;
        self.under_way = None;
        self.arrived.clear();
        self.context.attach(error)
    }

    /// Limits the pages to those that contain the first `objects` objects.
    pub(crate) fn wanted(mut self, objects: Option<usize>) -> Self {
        self.wanted = objects;
        self
    }

    /// Limits the number of pages.
    pub(crate) fn max_pages(mut self, pages: u64) -> Self {
        self.pages_left = pages;
        self
    }

    /// Lets the request that is under way go on, or starts the next one: if the page is not waited for yet, only where
    /// that is in no other request's way. One page is kept ready, and no more.
    pub(super) fn advance(&mut self, context: &mut Context<'_>, need: Need) {
        if !self.arrived.is_empty() {
            return;
        }
        let outcome = loop {
            if self.under_way.is_none() {
                let Some(request) = self.next.clone() else { return };
                let page = fetch(self.client.clone(), request, need);
                self.under_way = Some(page.instrument(self.span.clone()).boxed());
            }
            let Some(future) = &mut self.under_way else { return };
            let Poll::Ready(outcome) = future.poll_unpin(context) else { return };
            self.under_way = None;
            match (outcome.transpose(), need) {
                (Some(outcome), _) => break outcome,
                (None, Need::Later) => return,
                (None, Need::Now) => {}
            }
        };
        let sent = self.next.take();
        let page = match outcome {
            Ok(page) => page,
            Err(error) => return self.arrived.push_back(Err(error)),
        };
        let is_answer = self.pin.as_ref().is_some_and(Pinned::is_asking);
        match sent.map(|request| self.following(request, &page)).transpose() {
            Ok(next) => {
                self.next = next.flatten();
                if !is_answer {
                    self.arrived.push_back(Ok(page));
                }
            }
            Err(error) if error.is_conflict() => self.arrived.push_back(Err(error)),
            Err(error) => self.arrived.extend([Ok(page), Err(error)]),
        }
    }

    /// Returns the request for the page after this one.
    fn following(&mut self, mut request: Request, page: &Page) -> Result<Option<Request>> {
        let pinned = self.pin.as_mut().map(|pin| pin.check(page)).transpose()?;
        if self.pin.as_ref().is_some_and(Pinned::is_asking) {
            return Ok(None);
        }
        self.wanted = self.wanted.map(|wanted| wanted.saturating_sub(page.count()));
        let next = page.next.as_deref().filter(|_| self.wanted != Some(0)).map(Query::verbatim);
        let Some(next) = next else { return Ok(self.pin.as_mut().map(|pin| pin.follow_up_request(request))) };
        self.pages_left = self.pages_left.saturating_sub(1);
        if self.pages_left == 0 {
            return Err(Error::new(ErrorKind::TooLarge, "there are more pages than the call allows (`max_pages`)"));
        }
        check_numbers(&next).inspect_err(|_| self.unpageable = true)?;
        request.query = next;
        request.precondition = pinned.map(Precondition::Unchanged);
        Ok(Some(request))
    }
}

/// Says if a page is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    Now,
    Later,
}

/// Reads a page; `None` if it is not needed yet, and would have delayed another request.
async fn fetch(client: Client, request: Request, need: Need) -> Result<Option<Page>> {
    let response = match need {
        Need::Now => Some(client.send(&request).await?),
        Need::Later => client.send_ahead(&request).await?,
    };
    let Some(response) = response else { return Ok(None) };
    let page = match response.success() {
        Ok(response) => Page::read(&response),
        Err(error) if error.kind() == ErrorKind::Conflict => Err(changed_meanwhile()),
        Err(error) => Err(client.name_missing_capability(request.needs, error).await),
    };
    let page = if request.secret { page.map_err(Error::without_quotes) } else { page };
    page.map(Some)
}

impl Stream for Source {
    type Item = Result<Page>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Page>>> {
        let source = self.get_mut();
        source.advance(context, Need::Now);
        let Some(page) = source.arrived.pop_front() else {
            let done = source.under_way.is_none() && source.next.is_none();
            return if done { Poll::Ready(None) } else { Poll::Pending };
        };
        match page {
            Ok(page) => {
                // The next page is requested before the current one is read.
                source.advance(context, Need::Later);
                Poll::Ready(Some(Ok(page)))
            }
            Err(error) => {
                source.next = None;
                Poll::Ready(Some(Err(source.context.attach(error))))
            }
        }
    }
}
