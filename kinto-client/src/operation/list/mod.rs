//! Reading lists: the whole list, a part of it, a stream of objects, or only their number.

use futures_core::stream::BoxStream;

use super::{Call, CallContext, sealed};
use crate::{
    client::Client,
    error::{Error, Result},
    wire::{
        list_query::Listing,
        object::{Object, RecordData, kind::Kind},
        order::LAST_MODIFIED,
        page::Page,
        page_token::PageToken,
        path::List,
        request::{Precondition, Request},
        sort::Sort,
        timestamp::Timestamp,
    },
};

pub(crate) mod changes;
mod count;
pub(crate) mod entries;
mod follow;
mod if_changed;
pub(crate) mod items;
#[cfg(feature = "blocking")]
mod iter;
pub(crate) mod lenient;
mod objects;
mod oldest_first;
mod once;
pub(crate) mod pages;
mod parallel;
mod pin;
mod preview;
mod progress;
mod select;
mod stream;
pub(crate) mod timestamp;
mod whole;

pub use changes::{Change, Changes, GetChanges};
pub use count::Count;
pub use follow::ChangeStream;
pub use if_changed::{Conditional, GetIfChanged, GetObjectIfChanged};
pub use lenient::{GetLenient, InvalidObject};
pub use objects::{Objects, Records};
pub use parallel::GetParallel;
pub use select::{GetSelected, Selected};
pub use stream::{GetFirst, GetOne, ObjectPage};
pub use timestamp::GetTimestamp;

use items::Items;
use pages::Source;

/// A function that decodes the next object of a page and passes it to a closure.
type NextOf<K, T> = fn(&mut Page, &mut dyn FnMut(Object<K, T>)) -> Option<Result<()>>;

/// Reads all pages of a list.
pub struct GetAll<K: Kind, T> {
    pub(crate) list: List<K>,
    pub(crate) listing: Listing<T>,
    consistent: bool,
    max_pages: Option<u64>,
    if_changed: Option<Timestamp>,
    /// The codec function for `T`, chosen where the call is made, so that an unmet bound on `T` causes one
    /// compiler error only.
    next_of: NextOf<K, T>,
}

impl<K: Kind, T> GetAll<K, T> {
    pub(crate) fn new(list: List<K>) -> Self
    where
        T: RecordData,
    {
        Self {
            list,
            listing: Listing::default(),
            consistent: false,
            max_pages: None,
            if_changed: None,
            next_of: Object::next_of,
        }
    }

    fn context(&self) -> CallContext {
        CallContext::new("get", &self.list)
    }

    fn request(&self) -> Result<Request> {
        if self.max_pages == Some(0) {
            return Err(Error::invalid("`max_pages` must be at least 1"));
        }
        let mut request = Request::get(self.list.checked()?);
        request.query = self.listing.query(request.path())?;
        self.listing.ask(request.provided(self.if_changed.map(Precondition::Changed)))
    }

    fn source(&self, client: &Client) -> Source {
        Source::new(client.clone(), self.context(), self.request())
            .consistent(self.consistent)
            // Tombstones count as items of a page, but not as objects.
            .wanted(self.listing.limit.filter(|_| !self.listing.is_by_time()))
            .max_pages(self.max_pages.unwrap_or(u64::MAX))
    }

    /// Returns the objects as a stream of JSON as received.
    fn items(&self, client: &Client) -> Items {
        Items::new(self.source(client), self.listing.limit, self.listing.is_by_time())
    }

    /// Returns this operation in an order that misses no object that exists throughout, if it is read to its end, unless the
    /// caller set an order: objects that change meanwhile move to the end, and are read there.
    pub(crate) fn oldest_first(mut self) -> Self {
        if self.listing.is_unordered() {
            self.listing.sort.push(Sort::asc(LAST_MODIFIED));
        }
        self
    }

    async fn all(self, client: &Client) -> Result<Objects<K, T>> {
        let next_of = self.next_of;
        let whole = whole::read(self, client, |page, take| next_of(page, take)).await?;
        Ok(Objects { last_modified: whole.last_modified, items: whole.items })
    }
}

impl<K: Kind, T: Send + 'static> sealed::Action for GetAll<K, T> {
    const NAME: &'static str = "GetAll";

    type Output = Objects<K, T>;

    async fn run(self, client: Client) -> Result<Objects<K, T>> {
        let context = self.context();
        self.all(&client).await.map_err(|error| context.attach(error))
    }
}

impl<K: Kind, T> sealed::Matches for GetAll<K, T> {
    type Of = T;

    fn listing(&mut self) -> &mut Listing<T> {
        &mut self.listing
    }
}

impl<K: Kind, T> sealed::Lists for GetAll<K, T> {}

impl<'a, K: Kind, T: RecordData> Call<'a, GetAll<K, T>> {
    /// Sets the number of objects per page; the server may send fewer, and chooses the number if it is not set.
    pub fn page_size(mut self, objects: u32) -> Self {
        self.op.listing.page_size = Some(objects);
        self
    }

    /// Limits the number of pages: a list with more fails with [`ErrorKind::TooLarge`](crate::ErrorKind::TooLarge)
    /// after that many have been read.
    pub fn max_pages(mut self, pages: u64) -> Self {
        self.op.max_pages = Some(pages);
        self
    }

    /// Continues after a page that was read before, at [`ObjectPage::next`], with the filters, time bounds and order
    /// of that reading. If they are set again, they must be the same; the page size may differ.
    pub fn resume(mut self, token: PageToken) -> Self {
        self.op.listing.resume = Some(token);
        self
    }

    /// Fails with [`Error::is_conflict`](crate::Error::is_conflict) if the list changes while its pages are read. Each
    /// page is compared, and one more small request, past all caches, compares the version after the last page. The
    /// [guide](crate::guide) describes what reading without this guarantees.
    pub fn consistent(mut self) -> Self {
        self.op.consistent = true;
        self
    }

    /// Returns the first object, or `None` if the list is empty.
    pub fn first(mut self) -> Call<'a, GetFirst<K, T>> {
        self.op.listing.limit = Some(1);
        Call::new(&self.client, GetFirst(self.op))
    }

    /// Returns the only object.
    ///
    /// # Errors
    ///
    /// [`Error::is_not_found`](crate::Error::is_not_found) if there is none, and
    /// [`ErrorKind::MultipleResults`](crate::ErrorKind::MultipleResults) if there is more than one.
    pub fn one(mut self) -> Call<'a, GetOne<K, T>> {
        self.op.listing.limit = Some(2);
        Call::new(&self.client, GetOne(self.op))
    }

    /// Returns the number of objects without reading them.
    pub fn count(self) -> Call<'a, Count<K, T>> {
        Call::new(&self.client, Count(self.op))
    }

    /// Returns one result per object, in the order of the list, so that an object that does not decode as `T` does
    /// not fail the whole call.
    pub fn lenient(self) -> Call<'a, GetLenient<K, T>> {
        Call::new(&self.client, GetLenient(self.op))
    }

    /// Reads the list only if it was changed after `last_modified`, which is [`Objects::last_modified`] of an
    /// earlier read.
    ///
    /// Otherwise the server responds with 304 and no body.
    pub fn if_changed_since(mut self, last_modified: Timestamp) -> Call<'a, GetIfChanged<K, T>> {
        self.op.if_changed = Some(last_modified);
        Call::new(&self.client, GetIfChanged { get: self.op })
    }

    /// Returns the objects as a stream, as they arrive.
    ///
    /// At most two pages are in memory: the next one is requested while one is being read.
    ///
    /// The oldest object comes first, unless another order is set, and no object is missed that exists, and matches the
    /// filter, from the first request to the last, however often it is changed meanwhile. Each object comes once, in the
    /// state in which it was first read, even if the loop changes it, which takes eight bytes for each. An object that is
    /// created meanwhile may be left to the next reading.
    ///
    /// If so many objects are changed during the reading that they do not fit on its last page, their ids are read
    /// afterwards, and then those objects that were not returned yet, by id.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// # todo.create_records((0..3).map(|i| kinto_client::json!({"i": i}))).await?;
    /// use futures_util::TryStreamExt as _;
    /// use kinto_client::Value;
    ///
    /// let mut all = todo.get_records::<Value>().page_size(2).stream();
    /// while let Some(record) = all.try_next().await? {
    ///     println!("{}", record.data);
    /// }
    /// # Ok(()) }
    /// ```
    #[must_use = "a stream reads nothing until it is polled"]
    pub fn stream(self) -> BoxStream<'static, Result<Object<K, T>>> {
        stream::objects(self)
    }

    /// Returns the pages as a stream, as they arrive, each with the token to continue after it at another time.
    ///
    /// The last changed object comes first, unless another order is set. An object that is changed before its page is
    /// read may be missed then, but not if the list is sorted by `last_modified`.
    #[must_use = "a stream reads nothing until it is polled"]
    pub fn pages(self) -> BoxStream<'static, Result<ObjectPage<K, T>>> {
        stream::pages(&self)
    }
}

debug_as_place!(GetAll [K: Kind, T] [K, T] list);
