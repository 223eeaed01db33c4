//! The rest that the server asked for by `Retry-After` or `Backoff`, which is kept in the file: a program that is started again
//! heeds it as well.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::StatusCode;
use rusqlite::{Transaction, params};

use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    local::{
        inner::Inner,
        store::{failure::Failure, rows::CollectionNumber},
    },
};

/// The longest rest that is kept: a server that asks for more is asked again after it.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The greatest step by which a clock is set back that was right before.
const CORRECTION: Duration = Duration::from_secs(60);

/// Keeps the time that the server asked for, with its last response or with an error, for all collections of that server.
pub(super) async fn keep(inner: &Arc<Inner>, client: &Client, error: Option<&Error>) -> Result<()> {
    let Some(rest) = client.backoff().max(error.and_then(asked)) else { return Ok(()) };
    let server = inner.names.server.clone();
    let (until, latest) = (after(rest.min(LONGEST)), after(LONGEST + CORRECTION));
    let write = move |transaction: &Transaction<'_>| {
        let sql = "UPDATE collection SET wait_until = CASE WHEN wait_until > ?2 THEN ?1 ELSE max(wait_until, ?1) END \
                   WHERE server = ?3";
        transaction.execute(sql, params![until, latest, server])?;
        Ok(())
    };
    inner.database.write(write).await
}

/// Returns the rest that an error tells of, if it is about the server and not about one request.
fn asked(error: &Error) -> Option<Duration> {
    let is_rest = match error.status() {
        Some(status) => matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS),
        // The client has not sent the request, since the server asked for time before.
        None => error.kind() == ErrorKind::Unavailable,
    };
    error.retry_after().filter(|_| is_rest)
}

/// Returns an error if the server asked for time that has not passed.
pub(super) fn check(transaction: &Transaction<'_>, of: CollectionNumber) -> Result<(), Failure> {
    let sql = "SELECT wait_until FROM collection WHERE number = ?";
    let until: i64 = transaction.prepare_cached(sql)?.query_row([of.0], |row| row.get(0))?;
    remaining(until, LONGEST).map_or(Ok(()), |rest| Err(resting(rest).into()))
}

/// Returns true if a server asked for time that has not passed.
pub(crate) fn is_resting(transaction: &Transaction<'_>, server: &str) -> Result<bool, Failure> {
    let sql = "SELECT EXISTS (SELECT 1 FROM collection WHERE server = ? AND wait_until > ? AND wait_until <= ?)";
    let range = params![server, after(Duration::ZERO), after(LONGEST + CORRECTION)];
    Ok(transaction.query_row(sql, range, |row| row.get(0))?)
}

/// Returns the time up to a moment that the file has, if it has not passed.
pub(crate) fn resting_until(until: i64) -> Option<SystemTime> {
    SystemTime::now().checked_add(remaining(until, LONGEST)?)
}

/// Returns what is left of a term that was not longer than this when it was written. If there is more left, the clock was or
/// is wrong, and the file says nothing of the term: it counts as passed, instead of ending in years.
pub(super) fn remaining(until: i64, longest: Duration) -> Option<Duration> {
    let left = until.saturating_sub(after(Duration::ZERO));
    let left = Duration::from_millis(u64::try_from(left).ok()?);
    (!left.is_zero() && left <= longest + CORRECTION).then_some(left.min(longest))
}

fn resting(rest: Duration) -> Error {
    let message = "the server asked for time before the next request, and it has not passed";
    Error::new(ErrorKind::Unavailable, message).with_retry_after(rest)
}

/// Returns the time after this delay, in milliseconds since 1970.
pub(super) fn after(delay: Duration) -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.saturating_add(delay).as_millis()).unwrap_or(i64::MAX)
}
