//! Records that were changed on both sides.

use std::{fmt, future::ready, marker::PhantomData, result::Result as StdResult, sync::Arc};

use futures_core::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::Value;

use super::{
    collection::LocalCollection,
    inner::{Inner, reading, without_options},
    marked::{self, Mark},
    record,
    row::{self, Row},
};
use crate::{
    client::Client,
    error::Result,
    operation::{Call, CallContext, list::lenient::InvalidObject, sealed},
    wire::{
        object::{Record, RecordData, id::RecordId},
        timestamp::Timestamp,
    },
};

/// A record that was changed here and on the server, where the two cannot be merged.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LocalConflict<T> {
    /// The id of the record.
    pub id: RecordId<T>,
    /// The record as it is here; `None` if it was deleted here.
    pub local: Option<Record<T>>,
    /// The record as the server has it; `None` if it was deleted there. If the server has lost it, or went back to an older
    /// version, and [`LossPolicy::Republish`](super::LossPolicy::Republish) keeps what was there, as it had it before, with what
    /// was changed there since.
    pub remote: Option<Record<T>>,
    /// The record as both sides had it before; `None` if there was none.
    pub base: Option<Record<T>>,
    /// The fields that both sides changed, and not to the same.
    pub fields: Vec<FieldConflict>,
    pub(super) version: ConflictVersion,
}

/// The two sides of a conflict at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConflictVersion {
    /// The number of the last change here.
    revision: u64,
    remote: Timestamp,
    theirs: Timestamp,
}

impl ConflictVersion {
    pub(super) fn of(row: &Row, conflict: &row::Conflict) -> Self {
        let (remote, theirs) = (conflict.remote.last_modified, conflict.theirs().last_modified);
        Self { revision: row.revision, remote, theirs }
    }
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

/// Lists the conflicts of a collection in a store.
pub struct ListConflicts<T> {
    inner: Arc<Inner>,
    limit: Option<usize>,
    of: PhantomData<fn() -> T>,
}

impl<T: RecordData> LocalCollection<T> {
    /// Returns the records with a conflict, in the order of their ids.
    ///
    /// Options: [`limit`](Call::limit), [`lenient`](Call::lenient), [`stream`](Call::stream). [`status`](Self::status) counts
    /// them.
    ///
    /// # Errors
    ///
    /// [`Error::is_decode`](crate::Error::is_decode) if a version does not decode as `T`, unless [`lenient`](Call::lenient) is
    /// added.
    pub fn conflicts(&self) -> Call<'static, ListConflicts<T>> {
        let list = ListConflicts { inner: Arc::clone(&self.inner), limit: None, of: PhantomData };
        Call::new(self.inner.remote.client(), list)
    }
}

impl<T: RecordData> ListConflicts<T> {
    pub(super) fn context(&self) -> CallContext {
        CallContext::new("get the conflicts of", &self.inner.remote.records())
    }

    /// Returns the conflicts, each with its versions or with the first of them that does not decode.
    pub(super) fn found(self) -> BoxStream<'static, Result<StdResult<LocalConflict<T>, InvalidObject>>> {
        let Self { inner, limit, .. } = self;
        let marked = marked::all(Arc::clone(&inner), Mark::Conflict, limit);
        marked.try_filter_map(move |(id, row)| ready(conflict(&inner, &id, &row))).boxed()
    }

    fn stream(self) -> BoxStream<'static, Result<LocalConflict<T>>> {
        let context = self.context();
        let conflicts = self.found().and_then(|found| ready(found.map_err(|invalid| invalid.error)));
        conflicts.map_err(move |error| context.attach(error)).boxed()
    }
}

impl<T: RecordData> sealed::Action for ListConflicts<T> {
    const NAME: &'static str = "ListConflicts";

    type Output = Vec<LocalConflict<T>>;

    async fn run(self, client: Client) -> Result<Vec<LocalConflict<T>>> {
        without_options(&client)?;
        self.stream().try_collect().await
    }
}

impl<T: RecordData> Call<'_, ListConflicts<T>> {
    /// Reads at most this many conflicts.
    pub fn limit(mut self, conflicts: usize) -> Self {
        self.op.limit = Some(conflicts);
        self
    }

    /// Returns the conflicts as a stream, which holds few of them at a time. One that begins or ends meanwhile may be among them.
    /// One that does not decode is an error, after which the stream goes on.
    #[must_use = "a stream reads nothing until it is polled"]
    pub fn stream(self) -> BoxStream<'static, Result<LocalConflict<T>>> {
        reading(&self.client, || self.op.stream())
    }

    /// Returns the conflicts as an iterator, which blocks this thread: [`stream`](Self::stream) without async code.
    #[cfg(feature = "blocking")]
    pub fn iter(self) -> impl Iterator<Item = Result<LocalConflict<T>>> + Send + use<T> {
        crate::operation::blocking::iterate(self.stream())
    }
}

/// Returns the conflict of a record, if it has one, or the first of its versions that does not decode.
pub(super) fn conflict<T: RecordData>(
    inner: &Inner,
    id: &str,
    row: &Row,
) -> Result<Option<StdResult<LocalConflict<T>, InvalidObject>>> {
    let Some(conflict) = &row.conflict else { return Ok(None) };
    let version = |body: Option<&str>, time| body.map(|body| record::lenient(id, body, time)).transpose();
    let theirs = conflict.theirs();
    let versions = || {
        let local = version(row.local.as_deref(), row.version())?;
        let remote = version(theirs.body.as_deref(), theirs.last_modified)?;
        let base = row.base.as_ref().map(|base| version(base.body.as_deref(), base.last_modified)).transpose()?;
        Ok((local, remote, base.flatten()))
    };
    let (local, remote, base) = match versions() {
        Ok(versions) => versions,
        Err(invalid) => return Ok(Some(Err(invalid))),
    };
    let value =
        |raw: Option<Box<serde_json::value::RawValue>>| raw.and_then(|raw| serde_json::from_str(raw.get()).ok());
    let fields = row::merged(row, conflict, inner.record_type)?.collisions;
    let fields = fields.into_iter().map(|found| FieldConflict {
        path: found.path,
        base: value(found.base),
        local: value(found.local),
        remote: value(found.remote),
    });
    Ok(Some(Ok(LocalConflict {
        id: RecordId::from(id),
        local,
        remote,
        base,
        fields: fields.collect(),
        version: ConflictVersion::of(row, conflict),
    })))
}

impl<T> fmt::Debug for ListConflicts<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListConflicts({})", self.inner.remote.path())
    }
}
