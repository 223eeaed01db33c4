//! Records that need a decision: conflicts, and refusals by the server.

use std::{fmt, marker::PhantomData, sync::Arc};

use http::StatusCode;
use rusqlite::{Transaction, params};
use serde_json::Value;

use super::{
    collection::LocalCollection,
    inner::{Inner, without_options},
    record,
    row::{self, Problem, Row, Rules},
    store::{failure::Failure, rows},
};
use crate::{
    client::Client,
    error::Result,
    json::encode,
    operation::{Call, CallContext, sealed},
    wire::object::{Record, RecordData, id::RecordId},
};

/// A record that was changed here and on the server, where the two cannot be merged.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LocalConflict<T> {
    /// The id of the record.
    pub id: RecordId<T>,
    /// The record as it is here; `None` if it was deleted here.
    pub local: Option<Record<T>>,
    /// The record as the server has it; `None` if it was deleted there.
    pub remote: Option<Record<T>>,
    /// The record as both sides had it before; `None` if there was none.
    pub base: Option<Record<T>>,
    /// The fields that both sides changed, and not to the same.
    pub fields: Vec<FieldConflict>,
}

/// A field that both sides changed, and not to the same.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FieldConflict {
    /// The path of the field, such as `address.city` or `lines[2].count`; empty for the whole record.
    pub path: String,
    /// The value that both sides had before; `None` if there was none.
    pub base: Option<Value>,
    /// The value here; `None` if there is none.
    pub local: Option<Value>,
    /// The value on the server; `None` if there is none.
    pub remote: Option<Value>,
}

/// A change that the server refused, which is not sent again before the record or the collection changes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalProblem {
    /// The id of the record.
    pub id: String,
    /// The status of the response.
    pub status: Option<StatusCode>,
    /// Kinto's error number.
    pub errno: Option<u32>,
    /// The message of the server.
    pub message: String,
    /// The path of the field that the server names.
    pub field: Option<String>,
}

/// Lists the conflicts of a collection in a store.
pub struct ListConflicts<T> {
    inner: Arc<Inner>,
    of: PhantomData<fn() -> T>,
}

/// Resolves a conflict.
pub struct ResolveConflict<T> {
    inner: Arc<Inner>,
    id: RecordId<T>,
    choice: Option<T>,
}

/// Lists the refused changes of a collection in a store.
pub struct ListProblems {
    inner: Arc<Inner>,
}

/// Has a refused change sent again.
pub struct RetryProblem {
    inner: Arc<Inner>,
    id: String,
}

impl<T: RecordData> LocalCollection<T> {
    /// Returns the records with a conflict, in the order of their ids.
    ///
    /// # Errors
    ///
    /// [`Error::is_decode`](crate::Error::is_decode) if a version does not decode as `T`.
    pub fn conflicts(&self) -> Call<'static, ListConflicts<T>> {
        let list = ListConflicts { inner: Arc::clone(&self.inner), of: PhantomData };
        Call::new(self.inner.remote.client(), list)
    }

    /// Ends a conflict with this data, or with a deletion for `None`. The next synchronization sends it, guarded by the version
    /// that the server had.
    ///
    /// Fields that `T` does not know survive: they are as both sides agree on, and as they are here where both changed them.
    ///
    /// # Errors
    ///
    /// [`Error::is_not_found`](crate::Error::is_not_found) if the record has no conflict.
    pub fn resolve_conflict(&self, id: impl Into<RecordId<T>>, choice: Option<T>) -> Call<'static, ResolveConflict<T>> {
        let resolve = ResolveConflict { inner: Arc::clone(&self.inner), id: id.into(), choice };
        Call::new(self.inner.remote.client(), resolve)
    }

    /// Returns the changes that the server refused, in the order of their ids.
    pub fn problems(&self) -> Call<'static, ListProblems> {
        Call::new(self.inner.remote.client(), ListProblems { inner: Arc::clone(&self.inner) })
    }

    /// Has the next synchronization send a refused change again, as any change of the record does.
    pub fn retry_problem(&self, id: impl Into<RecordId<T>>) -> Call<'static, RetryProblem> {
        let retry = RetryProblem { inner: Arc::clone(&self.inner), id: id.into().to_string() };
        Call::new(self.inner.remote.client(), retry)
    }
}

/// Finds the refused changes of a collection.
pub(super) const PROBLEMS: &str = "SELECT id FROM record WHERE collection = ? AND problem IS NOT NULL ORDER BY id";

/// Returns the records that a statement finds by their ids.
pub(super) fn marked(transaction: &Transaction<'_>, inner: &Inner, sql: &str) -> Result<Vec<(String, Row)>, Failure> {
    let mut statement = transaction.prepare_cached(sql)?;
    let ids = statement.query_map(params![inner.number.0], |row| row.get(0))?;
    let ids: Vec<String> = ids.collect::<rusqlite::Result<_>>()?;
    let load = |id: String| rows::load(transaction, inner.number, &id).map(|row| (id, row));
    ids.into_iter().map(load).collect()
}

impl<T: RecordData> sealed::Action for ListConflicts<T> {
    const NAME: &'static str = "ListConflicts";

    type Output = Vec<LocalConflict<T>>;

    async fn run(self, client: Client) -> Result<Vec<LocalConflict<T>>> {
        without_options(&client)?;
        let inner = Arc::clone(&self.inner);
        let sql = "SELECT id FROM record WHERE collection = ? AND ancestors IS NOT NULL ORDER BY id";
        let found = self.inner.database.read(move |transaction| marked(transaction, &inner, sql)).await;
        let read = |found: Vec<(String, Row)>| -> Result<Vec<_>> {
            found.into_iter().filter_map(|(id, row)| conflict(&self.inner, &id, &row).transpose()).collect()
        };
        let context = CallContext::new("get the conflicts of", &self.inner.remote.records());
        found.and_then(read).map_err(|error| context.attach(error))
    }
}

/// Returns the conflict of a record, if it has one.
pub(super) fn conflict<T: RecordData>(inner: &Inner, id: &str, row: &Row) -> Result<Option<LocalConflict<T>>> {
    let Some(conflict) = &row.conflict else { return Ok(None) };
    let version = |version: &row::Version| {
        version.body.as_deref().map(|body| record::record(id, body, version.last_modified)).transpose()
    };
    let value =
        |raw: Option<Box<serde_json::value::RawValue>>| raw.and_then(|raw| serde_json::from_str(raw.get()).ok());
    let fields = row::merged(row, conflict, inner.keys)?.collisions;
    let fields = fields.into_iter().map(|found| FieldConflict {
        path: found.path,
        base: value(found.base),
        local: value(found.local),
        remote: value(found.remote),
    });
    Ok(Some(LocalConflict {
        id: RecordId::from(id),
        local: row.local.as_deref().map(|body| record::record(id, body, row.version())).transpose()?,
        remote: version(&conflict.remote)?,
        base: row.base.as_ref().map(version).transpose()?.flatten(),
        fields: fields.collect(),
    }))
}

impl<T: RecordData> sealed::Action for ResolveConflict<T> {
    const NAME: &'static str = "ResolveConflict";

    type Output = ();

    async fn run(self, client: Client) -> Result<()> {
        without_options(&client)?;
        let Self { inner, id, choice } = self;
        let place = inner.remote.records().at(id.as_str());
        let resolve = async {
            let body = match choice {
                None => None,
                Some(data) => Some(chosen(&inner, &id, &inner.row(&id).await?, data)?),
            };
            let of_error = id.to_string();
            let resolve = move |row: Row, rules: &Rules| {
                if row.conflict.is_none() {
                    return Err(no_conflict(&of_error));
                }
                Ok(row::resolve(row, body, rules))
            };
            inner.change(&id, resolve).await
        };
        let resolved = resolve.await.map(|_| ());
        resolved.map_err(|error| CallContext::new("resolve the conflict of", &place).attach(error))
    }
}

/// Returns the JSON of a chosen version, with what its type does not know of the record.
pub(super) fn chosen<T: RecordData>(inner: &Inner, id: &str, row: &Row, data: T) -> Result<row::Body> {
    let conflict = row.conflict.as_ref().ok_or_else(|| no_conflict(id))?;
    let merged = row::merged(row, conflict, inner.keys)?.json.map(row::Body::from);
    let body = match merged.or_else(|| conflict.remote.body.clone()) {
        Some(merged) => {
            let mut record: Record<T> = record::record(id, &merged, row.version())?;
            record.data = data;
            match record.changed_data()? {
                Some(changed) => record::body(changed.get())?,
                None => merged,
            }
        }
        None => record::body(&encode::json(&data)?)?,
    };
    inner.check(id, &body)?;
    Ok(body)
}

fn no_conflict(id: &str) -> crate::error::Error {
    let message = format!("the record `{id}` has no conflict");
    crate::error::Error::new(crate::error::kind::ErrorKind::NotFound, message)
}

impl sealed::Action for ListProblems {
    const NAME: &'static str = "ListProblems";

    type Output = Vec<LocalProblem>;

    async fn run(self, client: Client) -> Result<Vec<LocalProblem>> {
        without_options(&client)?;
        let inner = Arc::clone(&self.inner);
        let found = self.inner.database.read(move |transaction| marked(transaction, &inner, PROBLEMS)).await;
        let context = CallContext::new("get the problems of", &self.inner.remote.records());
        let found = found.map_err(|error| context.attach(error))?;
        Ok(found.into_iter().filter_map(|(id, row)| Some(problem(id, row.problem?))).collect())
    }
}

fn problem(id: String, problem: Problem) -> LocalProblem {
    let Problem { status, errno, message, field, .. } = problem;
    LocalProblem { id, status: StatusCode::from_u16(status).ok(), errno, message, field }
}

impl sealed::Action for RetryProblem {
    const NAME: &'static str = "RetryProblem";

    type Output = ();

    async fn run(self, client: Client) -> Result<()> {
        without_options(&client)?;
        let Self { inner, id } = self;
        let place = inner.remote.records().at(id.as_str());
        let retry = inner.change(&id, |row, _| Ok(Row { problem: None, ..row })).await;
        retry.map(|_| ()).map_err(|error| CallContext::new("retry", &place).attach(error))
    }
}

impl<T> fmt::Debug for ListConflicts<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListConflicts({})", self.inner.remote.path())
    }
}

impl<T> fmt::Debug for ResolveConflict<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResolveConflict({})", self.id)
    }
}

impl fmt::Debug for ListProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListProblems({})", self.inner.remote.path())
    }
}

impl fmt::Debug for RetryProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RetryProblem({})", self.id)
    }
}
