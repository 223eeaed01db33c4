//! Sending what changed here, in batches.

use std::sync::Arc;

use rusqlite::{Transaction, params};
use serde_json::Value;

use super::{
    lease::Lease,
    reply::{Job, Outcome, Reply},
};
use crate::{
    client::Client,
    error::{Error, Result},
    local::{
        inner::{Inner, now, rules},
        policies::Policies,
        row::{self, PushResult, Row},
        store::{
            failure::Failure,
            rows::{self, CollectionNumber, Rows},
        },
    },
    operation::{
        CallContext,
        batch::{Options, carry_out},
    },
    wire::{object::kind, path::List, timestamp::Timestamp},
};

/// The number of times that a record is sent again after it was merged with another change of the server.
const ROUNDS: usize = 3;

/// The time after which a request cannot be executed any more: more than its timeout and the longest transaction.
const SETTLED_MILLIS: u64 = 10 * 60 * 1_000;

/// The numbers of records that a push sent, and of those that the server refused.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pushed {
    pub(super) stored: usize,
    pub(super) refused: usize,
    pub(super) conflicts: usize,
}

/// Sends all changes, but for those of `spared` records. What was stored before an error is known to be stored.
pub(super) async fn push(
    inner: &Arc<Inner>,
    client: &Client,
    lease: &Lease,
    policies: &Policies,
    spared: &[String],
    pushed: &mut Pushed,
) -> Result<()> {
    let context = CallContext::new("send the changes of", &inner.remote.records());
    let most = client.info().await?.settings.batch_max_requests.max(1);
    let spared: Arc<str> = Value::from(spared).to_string().into();
    for _ in 0..ROUNDS {
        let mut again = false;
        let mut jobs = begin(inner, lease, Next { after: 0, most, spared: Arc::clone(&spared) }).await?;
        while let Some((last, _)) = jobs.last() {
            let next = Next { after: *last, most, spared: Arc::clone(&spared) };
            let sent = jobs.into_iter().map(|(_, job)| job).collect();
            let finish = |job: Job, outcome: Option<(_, _)>| {
                let nothing = || Err(Error::unexpected("there was nothing to send".to_owned()));
                Ok(job.finish(outcome.map_or_else(nothing, |(_, response)| response)))
            };
            let outcomes = carry_out(client, sent, Job::request, Options::default(), None, finish).await;
            let outcomes = outcomes.map_err(|error| context.attach(error))?;
            let (done, end) = store(inner, lease, outcomes.into_iter().flatten().collect(), policies, next).await?;
            pushed.stored += done.stored;
            pushed.refused += done.refused;
            pushed.conflicts += done.conflicts;
            again |= done.again;
            jobs = end.map_err(|error| context.attach(error))?;
        }
        if !again {
            break;
        }
    }
    Ok(())
}

/// Changes that are in the journal, each with the number of its row.
type Jobs = Vec<(i64, Job)>;

/// The changes that come next.
struct Next {
    /// The row that they come after.
    after: i64,
    /// The number that one batch holds.
    most: usize,
    /// The ids of records that are not sent, as a JSON list.
    spared: Arc<str>,
}

/// Writes the first changes to the journal.
async fn begin(inner: &Arc<Inner>, lease: &Lease, first: Next) -> Result<Jobs> {
    let (number, list) = (inner.number, inner.remote.records());
    lease.write(move |transaction| journal(transaction, number, &list, &first)).await
}

/// Writes the next changes to the journal, as many as one batch holds.
fn journal(
    transaction: &Transaction<'_>,
    of: CollectionNumber,
    list: &List<kind::Record>,
    next: &Next,
) -> Result<Jobs, Failure> {
    let mut statement = transaction.prepare_cached(
        "SELECT number, id FROM record WHERE collection = ? AND is_changed AND ancestors IS NULL AND problem IS NULL \
         AND number > ? AND id NOT IN (SELECT value FROM json_each(?)) ORDER BY number LIMIT ?",
    )?;
    let most = i64::try_from(next.most).unwrap_or(i64::MAX);
    let values = params![of.0, next.after, next.spared, most];
    let changed = statement.query_map(values, |row| Ok((row.get(0)?, row.get(1)?)))?;
    // All of them before any is written: SQLite does not say what a list reads of rows that change meanwhile.
    let changed: Vec<(i64, String)> = changed.collect::<rusqlite::Result<_>>()?;
    let attempts = rows::next_numbers(transaction, changed.len())?;
    let rows = Rows::new(transaction, of)?;
    let mut jobs = Vec::with_capacity(changed.len());
    for ((number, id), attempt) in changed.into_iter().zip(attempts) {
        let stored = rows.load(&id)?;
        let before = &stored.row;
        let Some((row, push)) = row::begin_push(before.clone(), attempt, now()) else { continue };
        rows.save(&id, &stored, &row)?;
        let place = list.at(id.as_str());
        jobs.push((number, Job { id, attempt, revision: row.revision, push, place }));
    }
    Ok(jobs)
}

/// The effect of a chunk of responses.
#[derive(Default)]
struct Done {
    stored: usize,
    refused: usize,
    conflicts: usize,
    /// A record was merged with what the server has, and is to be sent again.
    again: bool,
}

/// Stores what was sent, and writes what comes next to the journal, in one transaction: the blocks of the file that the two
/// change are mostly the same. Returns the error that ends the push, if there is one.
async fn store(
    inner: &Arc<Inner>,
    lease: &Lease,
    outcomes: Vec<Outcome>,
    policies: &Policies,
    next: Next,
) -> Result<(Done, Result<Jobs>)> {
    let (number, record_type, policies) = (inner.number, inner.record_type, policies.clone());
    let list = inner.remote.records();
    lease
        .store(move |transaction| {
            let (mut done, mut stop) = (Done::default(), None);
            // One number for all: they change together.
            let rules = rules(transaction, policies.conflict, record_type)?;
            let rows = Rows::new(transaction, number)?;
            for Outcome { job, reply, stop: error } in outcomes {
                let stored = rows.load(&job.id)?;
                let before = &stored.row;
                let row = take(before.clone(), &job, reply, &rules, &mut done)?;
                let row = policies.settle(&job.id, before, row, &rules);
                rows.save(&job.id, &stored, &row)?;
                done.conflicts += usize::from(row.conflict.is_some() && before.conflict.is_none());
                stop = stop.or(error);
            }
            let jobs = match stop {
                Some(error) => Err(error),
                None => Ok(journal(transaction, number, &list, &next)?),
            };
            Ok((done, jobs))
        })
        .await
}

fn take(row: Row, job: &Job, reply: Reply, rules: &row::Rules, done: &mut Done) -> Result<Row> {
    match reply {
        Reply::Written(result) => {
            match &result {
                PushResult::Stored(_) | PushResult::NotFound => done.stored += 1,
                PushResult::Refused { .. } => done.refused += 1,
                PushResult::Failed { .. } => done.again = true,
                PushResult::NotSent | PushResult::Lost => {}
            }
            row::finish_push(row, job.attempt, result, rules)
        }
        Reply::Found(version) => {
            done.again = true;
            row::apply(row, &version, rules)
        }
        Reply::Absent | Reply::Hidden => {
            let settled = rules.now.as_millis().saturating_sub(SETTLED_MILLIS);
            Ok(row::confirm_absent(row, Timestamp::from_millis(settled)))
        }
    }
}
