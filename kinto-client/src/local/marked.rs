//! Records that need a decision, some at a time.

use std::sync::Arc;

use futures_core::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use rusqlite::{Transaction, params};

use super::{
    inner::Inner,
    row::Row,
    store::{failure::Failure, rows},
};
use crate::error::{Error, Result};

/// The number of records that are read at once.
const AT_ONCE: usize = 256;

/// The reason for which a record needs a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Conflict,
    Problem,
}

impl Mark {
    /// Returns the statement for ids after another one; there is an index for each.
    pub(super) fn sql(self) -> &'static str {
        match self {
            Self::Conflict => {
                "SELECT id FROM record WHERE collection = ? AND ancestors IS NOT NULL AND id > ? ORDER BY id LIMIT ?"
            }
            Self::Problem => {
                "SELECT id FROM record WHERE collection = ? AND problem IS NOT NULL AND id > ? ORDER BY id LIMIT ?"
            }
        }
    }
}

/// Returns records with a mark in the order of their ids, those after the last known one, and no more than are read at once.
pub(super) async fn after(inner: &Arc<Inner>, mark: Mark, last: &str, most: usize) -> Result<Vec<(String, Row)>> {
    let (number, last) = (inner.number, last.to_owned());
    let most = i64::try_from(most.min(AT_ONCE)).unwrap_or(i64::MAX);
    let read = move |transaction: &Transaction<'_>| -> Result<_, Failure> {
        let mut statement = transaction.prepare_cached(mark.sql())?;
        let ids = statement.query_map(params![number.0, last, most], |row| row.get(0))?;
        let ids: Vec<String> = ids.collect::<rusqlite::Result<_>>()?;
        ids.into_iter().map(|id| rows::load(transaction, number, &id).map(|row| (id, row))).collect()
    };
    inner.database.read(read).await
}

/// Returns all records with a mark, or some of them. One that gets or loses its mark meanwhile may come or not.
pub(super) fn all(inner: Arc<Inner>, mark: Mark, limit: Option<usize>) -> BoxStream<'static, Result<(String, Row)>> {
    let start = (String::new(), limit.unwrap_or(usize::MAX));
    let pages = stream::try_unfold(start, move |(last, left)| {
        let inner = Arc::clone(&inner);
        async move {
            let found = after(&inner, mark, &last, left).await?;
            let Some((last, _)) = found.last().cloned() else { return Ok(None) };
            let left = left.saturating_sub(found.len());
            Ok::<_, Error>(Some((stream::iter(found).map(Ok), (last, left))))
        }
    });
    pages.try_flatten().boxed()
}
