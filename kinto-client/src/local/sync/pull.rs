//! Reading what changed on the server, oldest first, page by page.

use std::{
    mem,
    ops::AddAssign,
    pin::pin,
    sync::{Arc, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::StreamExt as _;
use http::StatusCode;
use rusqlite::{Transaction, params};
use tokio::time::{Instant, timeout_at};

use super::{
    lease::Lease,
    reconcile::{self, Known},
    reply,
};
use crate::{
    client::Client,
    error::Result,
    json::merge::three_way::RecordType,
    local::{
        inner::{Inner, rules},
        policies::Policies,
        row::{self, Row, Status, Version},
        store::{
            failure::Failure,
            rows::{CollectionNumber, Rows, millis},
        },
        window::{Frontier, LONGEST_TRANSACTION, Start, Window, earlier},
    },
    operation::{CallContext, list::pages::Source},
    wire::{
        list_query::Listing,
        object::kind,
        order::LAST_MODIFIED,
        page::Page,
        path::List,
        request::{Precondition, Request},
        sort::Sort,
        timestamp::Timestamp,
    },
};

/// The number of records that are asked for at once; the server may send fewer.
const PAGE_SIZE: u32 = 1_000;

/// The number of bytes of ids and data after which received pages are stored. The records of a page are scattered over the file: where
/// several pages are stored in one transaction, its blocks are written once for all of them.
const GROUP_BYTES: usize = 2 * 1024 * 1024;

/// The time after which received pages are stored at the latest, so that little is lost where the program ends.
const GROUP_TIME: Duration = Duration::from_millis(250);

/// The pages that were received and are stored together. Those that wait when the pull is dropped are stored all the same.
struct Group<'a> {
    inner: &'a Inner,
    lease: &'a Lease,
    policies: &'a Policies,
    records: Vec<(String, Version)>,
    bytes: usize,
    since: Instant,
    /// The position after the last page.
    frontier: Frontier,
}

impl<'a> Group<'a> {
    fn new(inner: &'a Inner, lease: &'a Lease, policies: &'a Policies) -> Self {
        let (records, frontier) = (Vec::new(), Frontier::default());
        Self { inner, lease, policies, records, bytes: 0, since: Instant::now(), frontier }
    }

    /// Adds a page, which the server read at its own time `read` at the earliest.
    fn add(&mut self, page: Vec<(String, Version)>, read: Option<Timestamp>) {
        let length = |(id, version): &(String, Version)| id.len() + version.body.as_ref().map_or(0, |body| body.len());
        self.bytes += page.iter().map(length).sum::<usize>();
        if let Some((_, last)) = page.last() {
            self.frontier.pass(last.last_modified, read, LONGEST_TRANSACTION);
        }
        self.records.extend(page);
    }

    /// Stores the pages, and begins the next group.
    async fn store(&mut self) -> Result<Pulled> {
        match self.take() {
            Some(job) => self.lease.store(job).await,
            None => Ok(Pulled::default()),
        }
    }

    /// Takes the pages out, and returns the job that stores them.
    fn take(&mut self) -> Option<impl FnOnce(&Transaction<'_>) -> Result<Pulled, Failure> + Send + use<>> {
        (self.bytes, self.since) = (0, Instant::now());
        let received = Some(mem::take(&mut self.records)).filter(|received| !received.is_empty())?;
        let (number, record_type, policies) = (self.inner.number, self.inner.record_type, self.policies.clone());
        let position = self.frontier.time();
        Some(move |transaction: &Transaction<'_>| {
            apply(transaction, number, &received, position, &policies, record_type)
        })
    }

    fn is_full(&self) -> bool {
        self.bytes >= GROUP_BYTES || self.since.elapsed() >= GROUP_TIME
    }
}

impl Drop for Group<'_> {
    fn drop(&mut self) {
        if let Some(job) = self.take() {
            self.lease.submit(move |transaction| job(transaction).map(drop));
        }
    }
}

/// The number of records that a pull changed here.
#[derive(Clone, Debug, Default)]
pub(super) struct Pulled {
    pub(super) changed: usize,
    pub(super) deleted: usize,
    pub(super) conflicts: usize,
    /// The ids of records that the server does not show to the user any more, if nobody has decided about them.
    pub(super) hidden: Vec<String>,
}

impl AddAssign for Pulled {
    fn add_assign(&mut self, more: Self) {
        self.changed += more.changed;
        self.deleted += more.deleted;
        self.conflicts += more.conflicts;
        self.hidden.extend(more.hidden);
    }
}

/// Reads and stores what changed. Pages are stored with the position after them, so that one that follows goes on there.
pub(super) async fn pull(inner: &Arc<Inner>, client: &Client, lease: &Lease, policies: &Policies) -> Result<Pulled> {
    let number = inner.number;
    let known = inner.database.read(move |transaction| Known::load(transaction, number)).await?;
    let began = Instant::now();
    let Start { mut since, unless } = window(inner).start(known.checkpoint, LONGEST_TRANSACTION);
    if let Some((_, last_modified)) = &known.anchor {
        // The newest record is asked for each time: where it is missing, more may be.
        since = since.min(Timestamp::from_millis(last_modified.as_millis().saturating_sub(1)));
    }
    let mut met_anchor = false;
    let list = inner.remote.records();
    let first = request(&list, since).map(|request| request.provided(unless.map(Precondition::Changed)));
    let mut pages = Source::new(client.clone(), CallContext::new("get changes of", &list), first);
    let (mut pulled, mut version, mut group) = (Pulled::default(), None, Group::new(inner, lease, policies));
    let mut asked = began;
    let end = loop {
        // The next page is requested while the one before it is waited for, at the earliest.
        let sent = mem::replace(&mut asked, Instant::now());
        let mut next = pin!(pages.next());
        let next = if let Ok(next) = timeout_at(group.since + GROUP_TIME, &mut next).await {
            next
        } else {
            pulled += group.store().await?;
            next.await
        };
        let page = match next {
            Some(page) => page.and_then(|mut page| Ok((read(&mut page)?, page))),
            None => break Ok(()),
        };
        let (received, page) = match page {
            Ok(page) => page,
            Err(error) => break Err(error),
        };
        version.get_or_insert((page.timestamp, page.answered));
        met_anchor |= known.anchor.as_ref().is_some_and(|(anchor, _)| received.iter().any(|(id, _)| id == anchor));
        let read = page.answered.map(|date| earlier(date, sent.elapsed()));
        group.add(received, read);
        if group.is_full() {
            pulled += group.store().await?;
        }
    };
    pulled += group.store().await?;
    drop(group);
    match end {
        Err(error) if error.status() == Some(StatusCode::NOT_MODIFIED) => return Ok(pulled),
        end => end?,
    }
    if let Some((version, date)) = version {
        if reconcile::is_suspicious(inner, client, &known, version, met_anchor).await? {
            pulled.hidden = reconcile::reconcile(inner, client, lease, policies).await?;
            if !pulled.hidden.is_empty() {
                // Not known as read to the end, so that the next one finds them again.
                return Ok(pulled);
            }
        } else if known.version != Some(version) {
            lease.write(move |transaction| see(transaction, number, version)).await?;
        }
        window(inner).finish(began, version, date, Instant::now(), LONGEST_TRANSACTION);
    }
    Ok(pulled)
}

/// Returns the version of the list that this process has all of, so that nothing older can appear any more.
pub(super) fn settled(inner: &Inner, known: &Known) -> Option<Timestamp> {
    window(inner).start(known.checkpoint, LONGEST_TRANSACTION).unless
}

fn window(inner: &Inner) -> MutexGuard<'_, Window> {
    inner.window.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn request(list: &List<kind::Record>, since: Timestamp) -> Result<Request> {
    let listing = Listing::<()> {
        sort: vec![Sort::asc(LAST_MODIFIED)],
        since: Some(since),
        page_size: Some(PAGE_SIZE),
        ..Listing::default()
    };
    let mut request = Request::get(list.checked()?);
    request.query = listing.query(request.path())?;
    Ok(request)
}

/// Returns the records of a page with their ids, deleted ones as well.
pub(super) fn read(page: &mut Page) -> Result<Vec<(String, Version)>> {
    let received = std::iter::from_fn(|| page.next_received());
    let version = |received: Result<bytes::Bytes>| {
        let received = received?;
        match Page::tombstone(&received) {
            Some(tombstone) => {
                let last_modified = tombstone.last_modified.unwrap_or(row::UNKNOWN);
                Ok((tombstone.id, Version { body: None, last_modified }))
            }
            None => reply::version(&received),
        }
    };
    received.map(version).collect()
}

fn apply(
    transaction: &Transaction<'_>,
    of: CollectionNumber,
    received: &[(String, Version)],
    position: Timestamp,
    policies: &Policies,
    record_type: RecordType,
) -> Result<Pulled, Failure> {
    let mut pulled = Pulled::default();
    // One number for all: they change together.
    let rules = rules(transaction, policies.conflict, record_type)?;
    let rows = Rows::new(transaction, of)?;
    for (id, version) in received {
        let stored = rows.load(id)?;
        let before = &stored.row;
        let row = policies.settle(id, before, row::apply(before.clone(), version, &rules)?, &rules);
        rows.save(id, &stored, &row)?;
        count(&mut pulled, before, &row);
    }
    let sql = "UPDATE collection SET checkpoint = max(checkpoint, ?) WHERE number = ?";
    transaction.prepare_cached(sql)?.execute(params![millis(position), of.0])?;
    Ok(pulled)
}

fn count(pulled: &mut Pulled, before: &Row, row: &Row) {
    if row.status() == Status::Conflict && before.conflict.is_none() {
        pulled.conflicts += 1;
    } else if before.local != row.local {
        match row.local {
            Some(_) => pulled.changed += 1,
            None => pulled.deleted += 1,
        }
    }
}

fn see(transaction: &Transaction<'_>, of: CollectionNumber, version: Timestamp) -> Result<(), Failure> {
    transaction.execute("UPDATE collection SET etag = ? WHERE number = ?", params![millis(version), of.0])?;
    Ok(())
}
