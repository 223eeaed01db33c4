//! Reading a history: all entries, the first, their number, or a stream.

use bytes::Bytes;
use futures_core::stream::BoxStream;
use futures_util::StreamExt as _;
use http::Method;

use super::{entry::HistoryEntry, scope::Scope};
use crate::{
    client::{Client, span},
    error::{Error, Result},
    operation::{
        Call, CallContext, debug_as_place,
        list::{InvalidObject, items::Items, pages::Source},
        sealed,
    },
    wire::{
        list_query::Listing,
        object::RecordData,
        order::{self, LAST_MODIFIED},
        preview::RequestPreview,
        request::Request,
        sort::Sort,
    },
};

const PAGES: &str = "then a GET of each further page, as its `Next-Page` says";

/// Reads the entries of a history.
pub struct GetHistory<T> {
    pub(super) scope: Scope,
    listing: Listing<HistoryEntry<T>>,
    /// The order, unless the caller sets one.
    order: Option<Sort<HistoryEntry<T>>>,
    max_pages: Option<u64>,
}

/// Decodes an entry as received.
type Read<O> = fn(&Bytes) -> O;

impl<T: RecordData> GetHistory<T> {
    pub(super) fn new(scope: Scope) -> Self {
        Self { scope, listing: Listing::default(), order: None, max_pages: None }
    }

    /// Lists the entries in this order, unless the caller sets another one.
    pub(super) fn sorted(mut self, sort: Sort<HistoryEntry<T>>) -> Self {
        self.order = Some(sort);
        self
    }
}

impl<T> GetHistory<T> {
    pub(super) fn context(&self) -> CallContext {
        self.scope.context("get")
    }

    fn request(&self) -> Result<Request> {
        if self.max_pages == Some(0) {
            return Err(Error::invalid("`max_pages` must be at least 1"));
        }
        let mut listing = self.scope.listing(&self.listing)?;
        if listing.sort.is_empty() {
            listing.sort.extend(self.order.clone());
        }
        listing.ask(self.scope.request(Method::GET, listing.query(self.scope.path()?)?)?)
    }

    /// Returns the entries as a stream of JSON as received. Purged ones are skipped, which the server lists, too, where the
    /// time is a condition.
    pub(super) fn items(&self, client: &Client) -> Items {
        let source = Source::new(client.clone(), self.context(), self.request())
            .wanted(self.listing.limit.filter(|_| !self.listing.is_by_time()))
            .max_pages(self.max_pages.unwrap_or(u64::MAX));
        Items::new(source, self.listing.limit, self.listing.is_by_time())
    }

    /// Collects all entries that are asked for.
    async fn all<O>(mut self, client: &Client, read: Read<O>) -> Result<Vec<O>> {
        let mut items = self.items(client);
        let mut entries = Vec::new();
        while let Some(item) = items.next().await {
            match item {
                Ok(item) => entries.push(read(&item)),
                Err(error) if items.is_unpageable() => {
                    // In the order of time they can be read, and then be sorted here.
                    let (asked, limit) = (items.order().clone(), self.listing.limit.take());
                    self.listing.sort = vec![Sort::desc(LAST_MODIFIED)];
                    let mut raw: Vec<Bytes> = Vec::new();
                    let mut items = self.items(client);
                    while let Some(item) = items.next().await {
                        raw.push(item?);
                    }
                    if !order::sort_by(&mut raw, &asked, |item| item) {
                        return Err(error);
                    }
                    return Ok(raw.iter().take(limit.unwrap_or(usize::MAX)).map(read).collect());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(entries)
    }
}

impl<T: RecordData> sealed::Action for GetHistory<T> {
    const NAME: &'static str = "GetHistory";

    type Output = Vec<HistoryEntry<T>>;

    async fn run(self, client: Client) -> Result<Self::Output> {
        let context = self.context();
        let entries = self.all(&client, HistoryEntry::read).await.map_err(|error| context.attach(error))?;
        entries.into_iter().collect::<Result<_>>().map_err(|error| context.attach(error))
    }
}

impl<T> sealed::Matches for GetHistory<T> {
    type Of = HistoryEntry<T>;

    fn listing(&mut self) -> &mut Listing<HistoryEntry<T>> {
        &mut self.listing
    }
}

impl<T> sealed::Lists for GetHistory<T> {}

impl<T> sealed::Preview for GetHistory<T> {
    fn preview(&self) -> Result<RequestPreview> {
        let request = self.request().map_err(|error| self.context().attach(error))?;
        RequestPreview::first(request, PAGES)
    }
}

impl<'a, T: RecordData> Call<'a, GetHistory<T>> {
    /// Sets the number of entries per page; the server may send fewer, and chooses the number if it is not set.
    pub fn page_size(mut self, entries: u32) -> Self {
        self.op.listing.page_size = Some(entries);
        self
    }

    /// Limits the number of pages: a history with more fails with [`ErrorKind::TooLarge`](crate::ErrorKind::TooLarge)
    /// after that many have been read.
    pub fn max_pages(mut self, pages: u64) -> Self {
        self.op.max_pages = Some(pages);
        self
    }

    /// Returns the first entry, which is the last change unless another order is set, or `None` if there is none.
    pub fn first(mut self) -> Call<'a, GetFirstEntry<T>> {
        self.op.listing.limit = Some(1);
        Call::new(&self.client, GetFirstEntry(self.op))
    }

    /// Returns the number of entries.
    ///
    /// The server does not count histories, so that the ids of all entries are read, page by page.
    pub fn count(self) -> Call<'a, CountHistory<T>> {
        Call::new(&self.client, CountHistory(self.op))
    }

    /// Returns one result per entry, so that one whose object does not decode as `T` does not fail the whole call.
    pub fn lenient(self) -> Call<'a, GetHistoryLenient<T>> {
        Call::new(&self.client, GetHistoryLenient(self.op))
    }

    /// Returns the entries as a stream, as they arrive: at most two pages are in memory.
    ///
    /// The last change comes first, unless another order is set. Changes that are made meanwhile are left to the next
    /// reading.
    #[must_use = "a stream reads nothing until it is polled"]
    pub fn stream(self) -> BoxStream<'static, Result<HistoryEntry<T>>> {
        let context = self.op.context();
        let items = span::open("GetHistory").in_scope(|| self.op.items(&self.client));
        Box::pin(items.map(move |item| {
            let entry = item.and_then(|item| HistoryEntry::read(&item));
            entry.map_err(|error| context.attach(error))
        }))
    }

    /// Returns an iterator that reads the entries and blocks this thread: [`stream`](Self::stream) without async code.
    #[cfg(feature = "blocking")]
    pub fn iter(self) -> impl Iterator<Item = Result<HistoryEntry<T>>> + Send + use<T> {
        crate::operation::blocking::iterate(self.stream())
    }
}

/// Reads the first entry of a history.
pub struct GetFirstEntry<T>(GetHistory<T>);

impl<T: RecordData> sealed::Action for GetFirstEntry<T> {
    const NAME: &'static str = "GetFirstEntry";

    type Output = Option<HistoryEntry<T>>;

    async fn run(self, client: Client) -> Result<Self::Output> {
        Ok(sealed::Action::run(self.0, client).await?.into_iter().next())
    }
}

impl<T> sealed::Preview for GetFirstEntry<T> {
    fn preview(&self) -> Result<RequestPreview> {
        self.0.preview()
    }
}

/// Counts the entries of a history.
pub struct CountHistory<T>(GetHistory<T>);

impl<T> CountHistory<T> {
    /// Returns the call that reads nothing but ids.
    fn ids(&self) -> Result<GetHistory<T>> {
        let GetHistory { scope, listing, max_pages, .. } = &self.0;
        if listing.limit.is_some() {
            return Err(Error::invalid("`count` counts all matching entries: remove `.limit(…)`"));
        }
        if let Some(filter) = &listing.filter {
            filter.check_unseen("a count")?;
        }
        let listing = Listing { fields: Some(vec!["id".to_owned()]), sort: Vec::new(), ..listing.clone() };
        Ok(GetHistory { scope: scope.clone(), listing, order: None, max_pages: *max_pages })
    }
}

impl<T: RecordData> sealed::Action for CountHistory<T> {
    const NAME: &'static str = "CountHistory";

    type Output = usize;

    async fn run(self, client: Client) -> Result<usize> {
        let context = self.0.scope.context("count");
        let count = async {
            let (mut items, mut count) = (self.ids()?.items(&client), 0);
            while let Some(item) = items.next().await {
                item?;
                count += 1;
            }
            Ok(count)
        };
        count.await.map_err(|error| context.attach(error))
    }
}

impl<T> sealed::Preview for CountHistory<T> {
    fn preview(&self) -> Result<RequestPreview> {
        self.ids().map_err(|error| self.0.scope.context("count").attach(error))?.preview()
    }
}

/// Reads a history and decodes each entry separately.
pub struct GetHistoryLenient<T>(GetHistory<T>);

impl<T: RecordData> sealed::Action for GetHistoryLenient<T> {
    const NAME: &'static str = "GetHistoryLenient";

    type Output = Vec<std::result::Result<HistoryEntry<T>, InvalidObject>>;

    async fn run(self, client: Client) -> Result<Self::Output> {
        let context = self.0.context();
        let read = |raw: &Bytes| (HistoryEntry::<T>::read(raw), raw.clone());
        let entries = self.0.all(&client, read).await.map_err(|error| context.attach(error))?;
        let lenient = entries
            .into_iter()
            .map(|(entry, raw)| entry.map_err(|error| InvalidObject::new(context.attach(error), raw)));
        Ok(lenient.collect())
    }
}

impl<T> sealed::Preview for GetHistoryLenient<T> {
    fn preview(&self) -> Result<RequestPreview> {
        self.0.preview()
    }
}

debug_as_place!(GetHistory [T] [T] scope);
debug_as_place!(GetFirstEntry [T] [T] 0.scope);
debug_as_place!(CountHistory [T] [T] 0.scope);
debug_as_place!(GetHistoryLenient [T] [T] 0.scope);
