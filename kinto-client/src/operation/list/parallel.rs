use std::{collections::HashSet, future::poll_fn, mem};

use futures_util::{StreamExt as _, stream};
use http::Method;

use super::{
    GetAll,
    objects::Objects,
    pages::Source,
    pin::{Pinned, changed_meanwhile},
    progress::Progress,
    whole::{TRANSACTION_MILLIS, keep_latest},
};
use crate::{
    client::Client,
    error::{Error, Result},
    operation::{Call, sealed},
    wire::{
        object::{Object, RecordData, kind::Kind},
        order::LAST_MODIFIED,
        page::Page,
        request::Request,
        sort::Sort,
        timestamp::Timestamp,
    },
};

/// Reads a list from both ends concurrently.
pub struct GetParallel<K: Kind, T>(pub(super) GetAll<K, T>);

/// The end of the list from which a page was read.
enum End {
    Latest,
    Earliest,
}

/// The objects that were read from one end so far, in the order of reading.
struct Half<K: Kind, T> {
    objects: Vec<Object<K, T>>,
    /// The time of the last item that was read, including tombstones.
    reached: Option<Timestamp>,
}

impl<K: Kind, T> Default for Half<K, T> {
    fn default() -> Self {
        Self { objects: Vec::new(), reached: None }
    }
}

impl<K: Kind, T: RecordData> GetParallel<K, T> {
    /// Rejects options that cannot be combined with reading from both ends.
    pub(super) fn check(&self) -> Result<()> {
        let GetAll { listing, max_pages, .. } = &self.0;
        let offences = [
            (!listing.sort.is_empty(), "an order"),
            (listing.limit.is_some(), "a limit"),
            (listing.resume.is_some(), "a page token"),
            (max_pages.is_some(), "a number of pages"),
        ];
        match offences.into_iter().find(|(offends, _)| *offends) {
            Some((_, what)) => Err(Error::invalid(format!("`.parallel()` cannot be combined with {what}"))),
            None => Ok(()),
        }
    }

    async fn all(mut self, client: &Client) -> Result<Objects<K, T>> {
        self.check()?;
        // Each page is compared here, with those of the other end, too.
        let consistent = mem::take(&mut self.0.consistent);
        let from_latest = self.0.source(client);
        self.0.listing.sort.push(Sort::asc(LAST_MODIFIED));
        let from_earliest = self.0.source(client);
        let (mut descending, mut ascending) = (from_latest.progress(), from_earliest.progress());
        let from_latest = from_latest.map(|page| (End::Latest, page));
        let mut pages = stream::select(from_latest, from_earliest.map(|page| (End::Earliest, page)));

        let (mut latest, mut earliest) = (Half::default(), Half::default());
        let mut times = Vec::new();
        while let Some((end, page)) = pages.next().await {
            let page = page?;
            times.push(page.timestamp);
            if consistent && times.first() != times.last() {
                return Err(changed_meanwhile());
            }
            let last = page.next.is_none();
            match end {
                End::Latest => self.take(&mut latest, &mut descending, page)?,
                End::Earliest => self.take(&mut earliest, &mut ascending, page)?,
            }
            let met = latest.reached.zip(earliest.reached).is_some_and(|(latest, earliest)| latest <= earliest);
            if last || met {
                break;
            }
        }
        drop(pages);
        // The read that began first may have missed changes after the earliest of these timestamps.
        let last_modified =
            *times.iter().min().ok_or_else(|| Error::unexpected("the server sent no page".to_owned()))?;
        let single = times.len() == 1;
        let mut items = joined(latest, earliest);
        if consistent {
            self.ask_again(client, last_modified).await?;
        } else if !single && !self.is_same(client, last_modified, items.len()).await? {
            let mut later = self.changed_since(client, last_modified).await?;
            let again: HashSet<&str> = later.iter().map(|object| &*object.id).collect();
            items.retain(|object| !again.contains(&*object.id));
            later.append(&mut items);
            items = later;
        }
        if !single {
            keep_latest(&mut items, last_modified);
        }
        Ok(Objects { last_modified, items })
    }

    /// Asks a consistent reading's last question, and refuses another version.
    async fn ask_again(&self, client: &Client, version: Timestamp) -> Result<()> {
        let follow_up_request = Pinned::to(version).follow_up_request(Request::get(self.0.list.checked()?));
        let mut answer = Source::new(client.clone(), self.0.context(), Ok(follow_up_request));
        let now = answer.next().await.transpose()?.map(|page| page.timestamp);
        if now == Some(version) { Ok(()) } else { Err(changed_meanwhile()) }
    }

    /// Returns true if nothing has happened while the list was read: it is of the same version, and has as many
    /// objects.
    async fn is_same(&self, client: &Client, version: Timestamp, objects: usize) -> Result<bool> {
        let mut request = Request::new(Method::HEAD, self.0.list.checked()?);
        request.query = self.0.listing.conditions()?;
        let response = client.send(&self.0.listing.ask(request)?).await?.success()?;
        Ok(response.etag()? == version && response.total()? == objects)
    }

    /// Returns the objects that changed while the list was read, the last change first. One may have moved from a
    /// part that was not read yet to one that was.
    async fn changed_since(&mut self, client: &Client, began: Timestamp) -> Result<Vec<Object<K, T>>> {
        let since = Timestamp::from_millis(began.as_millis().saturating_sub(TRANSACTION_MILLIS));
        let listing = &mut self.0.listing;
        listing.since = listing.since.max(Some(since));
        if listing.before.is_some_and(|before| listing.since >= Some(before)) {
            return Ok(Vec::new());
        }
        let (mut received, next_of) = (self.0.items(client), self.0.next_of);
        let mut objects = Vec::new();
        let mut take = |object| objects.push(object);
        let mut next = |page: &mut Page| next_of(page, &mut take);
        while let Some(read) = poll_fn(|context| received.poll_next_by(context, &mut next)).await {
            read?;
        }
        objects.reverse();
        Ok(objects)
    }

    fn take(&self, half: &mut Half<K, T>, progress: &mut Progress, mut page: Page) -> Result<()> {
        progress.begin(&page)?;
        let skips = self.0.listing.is_by_time();
        loop {
            while skips && let Some(tombstone) = page.next_tombstone() {
                half.reached = tombstone.last_modified.or(half.reached);
            }
            let mut take = |object: Object<K, T>| {
                half.reached = Some(object.last_modified);
                half.objects.push(object);
            };
            let Some(read) = (self.0.next_of)(&mut page, &mut take) else { break };
            read?;
        }
        progress.end(&page);
        Ok(())
    }
}

/// One list, the last changed first, of two readings that have met, without what both have read.
fn joined<K: Kind, T>(latest: Half<K, T>, earliest: Half<K, T>) -> Vec<Object<K, T>> {
    let Half { mut objects, reached } = latest;
    let unread = |object: &Object<K, T>| reached.is_none_or(|reached| object.last_modified < reached);
    objects.extend(earliest.objects.into_iter().filter(unread).rev());
    objects
}

impl<K: Kind, T: RecordData> sealed::Action for GetParallel<K, T> {
    const NAME: &'static str = "GetParallel";

    type Output = Objects<K, T>;

    async fn run(self, client: Client) -> Result<Objects<K, T>> {
        let context = self.0.context();
        self.all(&client).await.map_err(|error| context.attach(error))
    }
}

impl<'a, K: Kind, T: RecordData> Call<'a, GetAll<K, T>> {
    /// Reads the list from both ends concurrently until they meet, with the same result as a single read.
    ///
    /// It takes little more than half the time if the server has more than one worker.
    ///
    /// Two requests instead of one are under way at a time, and a page or two are read twice. Use it for whole
    /// lists: with an order, a limit, a page token or a number of pages it fails with
    /// [`Error::is_invalid`](crate::Error::is_invalid).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// # todo.create_records((0..10).map(|i| kinto_client::json!({"i": i}))).await?;
    /// use kinto_client::Value;
    ///
    /// let records = todo.get_records::<Value>().page_size(2).parallel().await?;
    /// assert_eq!(records.len(), 10);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The errors of a single read, with the same guarantees. One more small request compares the version of the list
    /// afterwards; if it has changed, the changes are read.
    pub fn parallel(self) -> Call<'a, GetParallel<K, T>> {
        Call::new(&self.client, GetParallel(self.op))
    }
}

debug_as_place!(GetParallel [K: Kind, T] [K, T] 0.list);
