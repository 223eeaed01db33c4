//! What to do when the server is not what it was: flushed, restored from a backup, or purged of its deletions.
//!
//! A pull notices by comparing with what was known before it. Then everything is read again, and what is missing is asked
//! for by its id, so that only what is really gone is taken for gone.

use std::sync::Arc;

use futures_util::StreamExt as _;
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::{
    lease::Lease,
    pull,
    reply::{Job, Outcome, Reply},
};
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    json::merge::three_way::RecordType,
    local::{
        inner::{Inner, rules},
        policies::{LossPolicy, Policies},
        row::{self, Push, Row, UNKNOWN, Version},
        store::{
            failure::Failure,
            rows::{CollectionNumber, Rows, millis, timestamp},
        },
        window::LONGEST_TRANSACTION,
    },
    operation::{
        CallContext,
        batch::{Options, carry_out},
        list::pages::Source,
    },
    wire::{request::Request, timestamp::Timestamp},
};

/// What was known of the list before a pull.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) checkpoint: Timestamp,
    pub(super) version: Option<Timestamp>,
    /// The newest record that the server is known to have.
    pub(super) anchor: Option<(String, Timestamp)>,
    /// The server is known to have a record.
    has_records: bool,
}

/// The rows that the server has a record of, as far as is known.
const LIVE: &str = "collection = ?1 AND CASE WHEN ancestors IS NULL THEN base IS NOT NULL ELSE remote IS NOT NULL END";

impl Known {
    pub(super) fn load(transaction: &Transaction<'_>, of: CollectionNumber) -> Result<Self, Failure> {
        let sql = "SELECT checkpoint, etag FROM collection WHERE number = ?";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?));
        let (checkpoint, version) = transaction.query_row(sql, [of.0], read)?;
        let sql = "SELECT id, last_modified FROM record WHERE collection = ? AND base IS NOT NULL AND ancestors IS NULL \
                   ORDER BY last_modified DESC LIMIT 1";
        let anchor = transaction.query_row(sql, [of.0], |row| Ok((row.get(0)?, timestamp(row.get(1)?)))).optional()?;
        let sql = format!("SELECT EXISTS (SELECT 1 FROM record WHERE {LIVE})");
        let has_records = anchor.is_some() || transaction.query_row(&sql, [of.0], |row| row.get(0))?;
        Ok(Self { checkpoint: timestamp(checkpoint), version: version.map(timestamp), anchor, has_records })
    }
}

/// Returns true if what a pull found does not go with what was known before it.
pub(super) async fn is_suspicious(
    inner: &Arc<Inner>,
    client: &Client,
    known: &Known,
    version: Timestamp,
    met_anchor: bool,
) -> Result<bool> {
    // Before the first pull that was read to its end, records are known without a version of the list.
    let before = match known.version {
        Some(before) => before,
        None if known.has_records => UNKNOWN,
        None => return Ok(false),
    };
    if version < before || (known.anchor.is_some() && !met_anchor) {
        return Ok(true);
    }
    if version == before {
        return Ok(false);
    }
    let request = Request::new(http::Method::HEAD, inner.remote.records().checked()?);
    let response = client.send(&request).await?.success()?;
    let of = inner.number;
    let count = inner.database.read(move |transaction| {
        let sql = format!("SELECT count(*) FROM record WHERE {LIVE}");
        Ok(transaction.query_row(&sql, [of.0], |row| row.get::<_, i64>(0))?)
    });
    let count = usize::try_from(count.await?).unwrap_or_default();
    Ok(response.etag()? == version && response.total()? != count)
}

/// Compares all records with those of the server, and applies the policy to what is gone or older there. Returns the ids of
/// those that are hidden from the user, if nobody has decided about them: nothing else is wrong with the server then.
///
/// # Errors
///
/// [`Error::is_conflict`] if records are gone or older, and nobody has decided about them.
pub(super) async fn reconcile(
    inner: &Arc<Inner>,
    client: &Client,
    lease: &Lease,
    policies: &Policies,
) -> Result<Vec<String>> {
    let of = inner.number;
    lease.write(move |transaction| forget_seen(transaction, of)).await?;
    let request = pull::request(&inner.remote.records(), UNKNOWN);
    let context = CallContext::new("compare the records of", &inner.remote.records());
    let mut pages = Source::new(client.clone(), context.clone(), request);
    let (mut version, mut older) = (UNKNOWN, 0);
    while let Some(page) = pages.next().await {
        let mut page = page?;
        if version == UNKNOWN {
            version = page.timestamp;
        }
        let (received, record_type, policies) = (pull::read(&mut page)?, inner.record_type, policies.clone());
        older += lease.store(move |transaction| compare(transaction, of, &received, &policies, record_type)).await?;
    }
    let Gone { absent, hidden } = confirmed(inner, client, lease, version).await?;
    if policies.loss == LossPolicy::Ask {
        if older + absent.len() > 0 {
            return Err(lost(absent.len() + hidden.len(), older));
        }
        if !hidden.is_empty() {
            return Ok(hidden);
        }
    }
    let (record_type, policies) = (inner.record_type, policies.clone());
    let apply = move |transaction: &Transaction<'_>| {
        let rows = Rows::new(transaction, of)?;
        for id in absent.into_iter().chain(hidden) {
            let stored = rows.load(&id)?;
            let before = &stored.row;
            let rules = rules(transaction, policies.conflict, record_type)?;
            let row = row::apply_loss(before.clone(), policies.loss == LossPolicy::Republish, &rules)?;
            let row = policies.settle(&id, before, row, &rules);
            rows.save(&id, &stored, &row)?;
        }
        // The list may have gone back in time, and what is later than its own time is to be read from there on.
        let sql = "UPDATE collection SET etag = ?1, checkpoint = min(checkpoint, ?1) WHERE number = ?2";
        transaction.execute(sql, params![millis(version), of.0])?;
        forget_seen(transaction, of)
    };
    lease.store(apply).await?;
    Ok(Vec::new())
}

/// Forgets the records of a collection that were met. The table is one for all collections of the connection, which can be
/// compared at the same time.
fn forget_seen(transaction: &Transaction<'_>, of: CollectionNumber) -> Result<(), Failure> {
    transaction.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS seen (collection INTEGER, id TEXT, PRIMARY KEY (collection, id)) STRICT, WITHOUT ROWID",
    )?;
    transaction.execute("DELETE FROM seen WHERE collection = ?", [of.0])?;
    Ok(())
}

/// Applies the versions of a page, notes their ids, and returns the number of those that are older than the known ones.
fn compare(
    transaction: &Transaction<'_>,
    of: CollectionNumber,
    received: &[(String, Version)],
    policies: &Policies,
    record_type: RecordType,
) -> Result<usize, Failure> {
    let mut older = 0;
    let rules = rules(transaction, policies.conflict, record_type)?;
    let rows = Rows::new(transaction, of)?;
    for (id, version) in received {
        if version.body.is_some() {
            transaction.prepare_cached("INSERT OR IGNORE INTO seen VALUES (?, ?)")?.execute(params![of.0, id])?;
        }
        let stored = rows.load(id)?;
        let before = &stored.row;
        let row = if is_older(before, version) {
            older += 1;
            match policies.loss {
                LossPolicy::Ask => continue,
                LossPolicy::Republish => row::republish(before.clone(), version, &rules),
                LossPolicy::DropLocal => row::apply(before.clone(), version, &rules)?,
            }
        } else {
            row::apply(before.clone(), version, &rules)?
        };
        let row = policies.settle(id, before, row, &rules);
        rows.save(id, &stored, &row)?;
    }
    Ok(older)
}

/// Returns true if a version is older than the known one by more than writes overtake each other.
fn is_older(row: &Row, version: &Version) -> bool {
    let longest = u64::try_from(LONGEST_TRANSACTION.as_millis()).unwrap_or(u64::MAX);
    let known = row.conflict.as_ref().map(|conflict| &conflict.remote).or(row.base.as_ref());
    known.is_some_and(|known| {
        version.last_modified.as_millis().saturating_add(longest) < known.last_modified.as_millis()
    })
}

/// The ids of records that the server had, were not met, and are not there when they are asked for.
#[derive(Default)]
struct Gone {
    absent: Vec<String>,
    /// The records on which the user has no rights, as the server says, and nothing else.
    hidden: Vec<String>,
}

/// Asks for the records that the server had and that were not met.
async fn confirmed(inner: &Arc<Inner>, client: &Client, lease: &Lease, version: Timestamp) -> Result<Gone> {
    let of = inner.number;
    let missing: Vec<String> = lease
        .write(move |transaction| {
            let seen = "SELECT id FROM seen WHERE collection = ?1";
            let sql = format!("SELECT id FROM record WHERE {LIVE} AND id NOT IN ({seen}) ORDER BY id");
            let mut statement = transaction.prepare(&sql)?;
            let ids = statement.query_map([of.0], |row| row.get(0))?;
            Ok(ids.collect::<rusqlite::Result<_>>()?)
        })
        .await?;
    tracing::debug!(missing = missing.len(), %version, "records are missing on the server");
    let list = inner.remote.records();
    let job = |id: String| Job { place: list.at(id.as_str()), id, attempt: 0, revision: 0, push: Push::Get };
    let finish = |job: Job, outcome: Option<(_, _)>| {
        let none = || Err(Error::unexpected("there was nothing to send".to_owned()));
        Ok(job.finish(outcome.map_or_else(none, |(_, response)| response)))
    };
    let jobs = missing.into_iter().map(job).collect();
    let outcomes = carry_out(client, jobs, Job::request, Options::default(), None, finish).await?;
    let mut gone = Gone::default();
    for Outcome { job, reply, stop } in outcomes.into_iter().flatten() {
        match (reply, stop) {
            (Reply::Absent, _) => gone.absent.push(job.id),
            (Reply::Hidden, _) => gone.hidden.push(job.id),
            (_, Some(error)) => return Err(error),
            // It became visible since; the next pull reads it.
            _ => {}
        }
    }
    Ok(gone)
}

fn lost(gone: usize, older: usize) -> Error {
    let message = format!(
        "the server is not what it was: {gone} records are gone without having been deleted, and {older} are there in an older \
         version, as after a flush or the restoration of a backup. Nothing was changed: \
         `on_loss(LossPolicy::Republish)` sends them again, and `on_loss(LossPolicy::DropLocal)` follows the server"
    );
    Error::new(ErrorKind::Conflict, message).because("")
}

/// Returns the error about records that the server does not show to the user any more.
pub(super) fn hidden(records: usize) -> Error {
    let message = format!(
        "{records} records are not there for this user any more: they were deleted, or are no longer shared. Nothing of them was \
         changed: `on_loss(LossPolicy::DropLocal)` deletes them here, and `on_loss(LossPolicy::Republish)` sends them again"
    );
    Error::new(ErrorKind::Conflict, message).because("")
}
