use std::collections::HashSet;

use futures_util::{StreamExt as _, stream};

use super::{GetAll, Objects, source::changed_meanwhile};
use crate::{
    call::{Call, sealed},
    client::Client,
    error::{Error, Result},
    wire::{
        kind::Kind,
        object::{Data, Object},
        page::Page,
        sort::Sort,
        timestamp::Timestamp,
    },
};

/// Reads a list from both its ends at once.
pub struct GetParallel<K: Kind, T>(pub(super) GetAll<K, T>);

/// The end of the list from which a page was read.
enum End {
    Latest,
    Earliest,
}

/// What one of the two readings has given so far, in its own order.
struct Half<K: Kind, T> {
    objects: Vec<Object<K, T>>,
    /// The time of the last thing that was read, be it a tombstone.
    reached: Option<Timestamp>,
}

impl<K: Kind, T> Default for Half<K, T> {
    fn default() -> Self {
        Self { objects: Vec::new(), reached: None }
    }
}

impl<K: Kind, T: Data> GetParallel<K, T> {
    /// What the two readings could not share between them.
    pub(super) fn check(&self) -> Result<()> {
        let GetAll { listing, max_pages, .. } = &self.0;
        let offences = [
            (!listing.sort.is_empty(), "an order"),
            (listing.limit.is_some(), "a limit"),
            (listing.resume.is_some(), "a page token"),
            (max_pages.is_some(), "a number of pages"),
        ];
        match offences.into_iter().find(|(offends, _)| *offends) {
            Some((_, what)) => Err(Error::invalid(format!("what is read from both ends at once cannot have {what}"))),
            None => Ok(()),
        }
    }

    async fn all(&mut self, client: &Client) -> Result<Objects<K, T>> {
        self.check()?;
        let from_latest = self.0.source(client).map(|page| (End::Latest, page));
        self.0.listing.sort.push(Sort::asc("last_modified"));
        let from_earliest = self.0.source(client).map(|page| (End::Earliest, page));
        let mut pages = stream::select(from_latest, from_earliest);

        let (mut latest, mut earliest) = (Half::default(), Half::default());
        let mut times = Vec::new();
        while let Some((end, page)) = pages.next().await {
            let page = page?;
            times.push(page.timestamp);
            if self.0.consistent && times.first() != times.last() {
                return Err(changed_meanwhile());
            }
            let last = page.next.is_none();
            match end {
                End::Latest => self.take(&mut latest, page)?,
                End::Earliest => self.take(&mut earliest, page)?,
            }
            let met = latest.reached.zip(earliest.reached).is_some_and(|(latest, earliest)| latest <= earliest);
            if last || met {
                break;
            }
        }
        // What came after the earliest of these may have been missed by the reading that began first.
        let last_modified =
            times.iter().min().ok_or_else(|| Error::unexpected("the server sent no page".to_owned()))?;
        let unchanged = times.iter().all(|time| time == last_modified);
        Ok(Objects { last_modified: *last_modified, items: joined(latest, earliest, unchanged) })
    }

    fn take(&self, half: &mut Half<K, T>, mut page: Page) -> Result<()> {
        let skips = self.0.listing.is_by_time();
        loop {
            while skips && let Some(tombstone) = page.next_tombstone() {
                half.reached = tombstone.last_modified.or(half.reached);
            }
            let mut take = |object: Object<K, T>| {
                half.reached = Some(object.last_modified);
                half.objects.push(object);
            };
            let Some(read) = (self.0.next_of)(&mut page, &mut take) else { return Ok(()) };
            read?;
        }
    }
}

/// One list, the last changed first, of two readings that have met, without what both have read. An object that was
/// changed between the one reading and the other is in both under different times.
fn joined<K: Kind, T>(latest: Half<K, T>, earliest: Half<K, T>, unchanged: bool) -> Vec<Object<K, T>> {
    let Half { mut objects, reached } = latest;
    let ids = if unchanged { HashSet::new() } else { objects.iter().map(|object| object.id.clone()).collect() };
    let unread = |object: &Object<K, T>| {
        reached.is_none_or(|reached| object.last_modified < reached) && !ids.contains(&object.id)
    };
    objects.extend(earliest.objects.into_iter().filter(unread).rev());
    objects
}

impl<K: Kind, T: Data> sealed::Run for GetParallel<K, T> {
    type Output = Objects<K, T>;

    async fn run(mut self, client: Client) -> Result<Objects<K, T>> {
        let subject = self.0.subject();
        self.all(&client).await.map_err(|error| subject.blame(error))
    }
}

impl<'a, K: Kind, T: Data> Call<'a, GetAll<K, T>> {
    /// Reads the list from both its ends at once, until the two meet: what one reading would give, in the same order, in
    /// little more than half the time where the server has more than one worker.
    ///
    /// Of a list with many pages two requests are then under way at a time instead of one, and a page or two are read
    /// twice. It is for whole lists: an order, a limit, a page token or a number of pages is
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
    /// Those of reading it once. What is changed while it is read may be missed, or read twice, unless the reading is
    /// [`consistent`](Self::consistent).
    pub fn parallel(self) -> Call<'a, GetParallel<K, T>> {
        Call::new(&self.client, GetParallel(self.op))
    }
}

debug_as_place!(GetParallel [K: Kind, T] [K, T] 0.list);
