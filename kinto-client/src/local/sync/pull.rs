//! Reading what changed on the server, oldest first, page by page.

use std::sync::{Arc, MutexGuard, PoisonError};

use futures_util::StreamExt as _;
use http::StatusCode;
use rusqlite::{Transaction, params};
use tokio::time::Instant;

use super::{
    lease::Lease,
    reconcile::{self, Known},
    reply,
};
use crate::{
    client::Client,
    error::Result,
    json::merge::keys::ListKeys,
    local::{
        inner::{Inner, rules},
        policies::Policies,
        row::{self, Row, Status, Version},
        store::{
            failure::Failure,
            rows::{CollectionNumber, Rows, millis},
        },
        window::{LONGEST_TRANSACTION, Start, Window},
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

/// The number of records that a pull changed here.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pulled {
    pub(super) changed: usize,
    pub(super) deleted: usize,
    pub(super) conflicts: usize,
}

/// Reads and stores what changed. Each page is stored with the position after it, so that a pull that ends early goes on there.
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
    let (mut pulled, mut version) = (Pulled::default(), None);
    while let Some(page) = pages.next().await {
        let mut page = match page {
            Err(error) if error.status() == Some(StatusCode::NOT_MODIFIED) => return Ok(pulled),
            page => page?,
        };
        version.get_or_insert((page.timestamp, page.answered));
        let received = read(&mut page)?;
        met_anchor |= known.anchor.as_ref().is_some_and(|(anchor, _)| received.iter().any(|(id, _)| id == anchor));
        let (keys, policies) = (inner.keys, policies.clone());
        let stored = lease.write(move |transaction| store(transaction, number, &received, &policies, keys)).await?;
        pulled.changed += stored.changed;
        pulled.deleted += stored.deleted;
        pulled.conflicts += stored.conflicts;
    }
    if let Some((version, date)) = version {
        if reconcile::is_suspicious(inner, client, &known, version, met_anchor).await? {
            reconcile::reconcile(inner, client, lease, policies).await?;
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

fn store(
    transaction: &Transaction<'_>,
    of: CollectionNumber,
    received: &[(String, Version)],
    policies: &Policies,
    keys: ListKeys,
) -> Result<Pulled, Failure> {
    let mut pulled = Pulled::default();
    // One number for all: they change together.
    let rules = rules(transaction, policies.conflict, keys)?;
    let rows = Rows::new(transaction, of)?;
    for (id, version) in received {
        let stored = rows.load(id)?;
        let before = &stored.row;
        let row = policies.settle(id, before, row::apply(before.clone(), version, &rules)?, &rules);
        rows.save(id, &stored, &row)?;
        count(&mut pulled, before, &row);
    }
    if let Some((_, last)) = received.last() {
        let sql = "UPDATE collection SET checkpoint = max(checkpoint, ?) WHERE number = ?";
        transaction.prepare_cached(sql)?.execute(params![millis(last.last_modified), of.0])?;
    }
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
