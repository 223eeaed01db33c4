//! The end of a conflict.

use std::{fmt, sync::Arc};

use super::{
    collection::LocalCollection,
    conflicts::{ConflictVersion, LocalConflict},
    inner::{Inner, without_options},
    record,
    row::{self, Row, Rules, UNKNOWN},
};
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    json::encode,
    operation::{Call, CallContext, sealed},
    wire::object::{Record, RecordData, file_field, id::RecordId},
};

/// The target of a resolution: a [`LocalConflict`] that was read, which is ended only if neither side has changed since, or an
/// id, whose conflict is ended whatever it is now.
#[derive(Clone, Debug)]
pub struct ConflictTarget<T> {
    id: RecordId<T>,
    version: Option<ConflictVersion>,
}

impl<T, I: Into<RecordId<T>>> From<I> for ConflictTarget<T> {
    fn from(id: I) -> Self {
        Self { id: id.into(), version: None }
    }
}

impl<T> From<&LocalConflict<T>> for ConflictTarget<T> {
    fn from(conflict: &LocalConflict<T>) -> Self {
        Self { id: conflict.id.clone(), version: Some(conflict.version) }
    }
}

impl<T> From<LocalConflict<T>> for ConflictTarget<T> {
    fn from(conflict: LocalConflict<T>) -> Self {
        Self::from(&conflict)
    }
}

/// Resolves a conflict.
pub struct ResolveConflict<T> {
    inner: Arc<Inner>,
    target: ConflictTarget<T>,
    choice: Option<T>,
}

impl<T: RecordData> LocalCollection<T> {
    /// Ends a conflict with this data, or with a deletion for `None`. The next synchronization sends it, guarded by the version
    /// that the server had.
    ///
    /// Pass the [`LocalConflict`] that the decision was made from: what either side has changed since is then an error, and
    /// stays. An id ends the conflict of the record as it is now, and what nobody has seen is replaced with it.
    ///
    /// Fields that `T` does not know survive: they are as both sides agree on, and as they are here where both changed them. The
    /// field with `#[kinto(attachment)]` is as the server has it, and empty if it has deleted the record, whose file went with it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_client::testing::Kinto::new();
    /// # let client = server.client();
    /// use kinto_client::{json, local::Store};
    ///
    /// # let remote = client.bucket("default").collection("notes");
    /// let notes = Store::in_memory().await?.bind(&remote).await?;
    /// # notes.create_record(json!({"text": "Milk"})).id("a").await?;
    /// # notes.sync().await?;
    /// # remote.patch_record::<kinto_client::Value>("a", json!({"text": "Tea"})).await?;
    /// # notes.patch_record("a", json!({"text": "Oats"})).await?;
    /// # notes.sync().await?;
    /// for conflict in notes.conflicts().await? {
    ///     let text = conflict.fields.iter().filter_map(|field| field.remote.clone()).next();
    ///     match notes.resolve_conflict(&conflict, Some(json!({"text": text}))).await {
    ///         Err(error) if error.is_conflict() => println!("{} has changed meanwhile: ask again", conflict.id),
    ///         resolved => resolved?,
    ///     }
    /// }
    /// # notes.sync().await?;
    /// # assert_eq!(remote.get_record::<kinto_client::Value>("a").await?.data, json!({"text": "Tea"}));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::is_not_found`](crate::Error::is_not_found) if the record has no conflict;
    /// [`Error::is_conflict`](crate::Error::is_conflict) if the one that was passed is another one by now;
    /// [`Error::is_decode`](crate::Error::is_decode) if what both sides agree on, with the values of here where they do not, does
    /// not decode as `T`: bind the collection to [`Value`](crate::Value) to end such a conflict.
    pub fn resolve_conflict(
        &self,
        conflict: impl Into<ConflictTarget<T>>,
        choice: Option<T>,
    ) -> Call<'static, ResolveConflict<T>> {
        let resolve = ResolveConflict { inner: Arc::clone(&self.inner), target: conflict.into(), choice };
        Call::new(self.inner.remote.client(), resolve)
    }
}

impl<T: RecordData> sealed::Action for ResolveConflict<T> {
    const NAME: &'static str = "ResolveConflict";

    type Output = ();

    async fn run(self, client: Client) -> Result<()> {
        without_options(&client)?;
        let Self { inner, target: ConflictTarget { id, version }, choice } = self;
        let context = CallContext::new("resolve the conflict of", &inner.remote.records().at(id.as_str()));
        let (of_rule, name) = (Arc::clone(&inner), id.clone());
        let resolve = move |row: Row, rules: &Rules| {
            let conflict = row.conflict.as_ref().ok_or_else(|| no_conflict(&name))?;
            if version.is_some_and(|version| version != ConflictVersion::of(&row, conflict)) {
                return Err(another(&name, &row));
            }
            let body = choice.map(|data| chosen(&of_rule, &name, &row, data)).transpose()?;
            Ok(row::resolve(row, body, rules))
        };
        inner.change(&id, resolve).await.map(drop).map_err(|error| context.attach(error))
    }
}

/// Returns the JSON of a chosen version, with what its type does not know of the record.
pub(super) fn chosen<T: RecordData>(inner: &Inner, id: &str, row: &Row, data: T) -> Result<row::Body> {
    let conflict = row.conflict.as_ref().ok_or_else(|| no_conflict(id))?;
    let merged = row::merged(row, conflict, inner.record_type)?.json.map(row::Body::from);
    let data = if T::ATTACHMENT { with_file(id, data, conflict.theirs().body.as_deref())? } else { data };
    let body = if let Some(merged) = merged.or_else(|| conflict.theirs().body.clone()) {
        let mut record: Record<T> = record::record(id, &merged, row.version())?;
        record.data = data;
        match record.changed_data()? {
            Some(changed) => record::body(changed.get())?,
            None => merged,
        }
    } else {
        let body = record::body(&encode::json(&data, "")?)?;
        record::check::<T>(id, &body)?;
        body
    };
    inner.check(id, &body)?;
    Ok(body)
}

/// Returns this data with the description of the file that the server has: no decision about the other fields changes it.
fn with_file<T: RecordData>(id: &str, data: T, theirs: Option<&str>) -> Result<T> {
    let json = encode::unchecked(&data)?;
    let Some(json) = file_field::followed(&json, theirs)? else { return Ok(data) };
    record::record::<T>(id, &record::body(json.get())?, UNKNOWN).map(|record| record.data)
}

fn no_conflict(id: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("the record `{id}` has no conflict"))
}

/// Creates the error for a conflict of which one side has changed since it was read.
fn another(id: &str, row: &Row) -> Error {
    let found = row.local.as_deref().map(|body| record::stamped(id, body, row.version()));
    let message = "one of the sides of its conflict was changed since the conflict was read";
    Error::conflicting(message, found)
}

impl<T> fmt::Debug for ResolveConflict<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResolveConflict({})", self.target.id)
    }
}
