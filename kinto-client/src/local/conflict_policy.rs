//! Decisions about conflicts that are made before there are any.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use super::{
    collection::LocalCollection,
    conflicts::{self, LocalConflict},
    inner::Inner,
    policies::Choice,
    resolve,
    row::{self, Policy, Row},
};
use crate::{error::Result, json::merge::three_way::Side, wire::object::RecordData};

/// The decision about a record of which both sides changed the same field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConflictPolicy {
    /// Keeps both versions until [`LocalCollection::resolve_conflict`] is called. The record stays as it is here, can be read and
    /// written, and is not sent.
    #[default]
    Manual,
    /// Takes the values of here for the fields that both sides changed.
    PreferLocal,
    /// Takes the values of the server for the fields that both sides changed.
    PreferRemote,
}

/// The decision of a program about one conflict: see [`LocalCollection::on_conflict_with`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resolution<T> {
    /// Keeps this data. Fields that the type does not know are as both sides agree on, and as they are here where both
    /// changed them.
    Keep(T),
    /// Deletes the record.
    Delete,
    /// Takes the values of here for the fields that both sides changed, as [`ConflictPolicy::PreferLocal`] does.
    PreferLocal,
    /// Takes the values of the server for the fields that both sides changed, as [`ConflictPolicy::PreferRemote`] does.
    PreferRemote,
    /// Keeps both versions until [`LocalCollection::resolve_conflict`] is called.
    Manual,
}

impl<T: RecordData> LocalCollection<T> {
    /// Returns this collection with another decision about conflicts of later synchronizations, for all records alike.
    ///
    /// [`on_conflict_with`](Self::on_conflict_with) decides about each.
    #[must_use]
    pub fn on_conflict(mut self, policy: ConflictPolicy) -> Self {
        self.policies.resolver = None;
        self.policies.conflict = match policy {
            ConflictPolicy::Manual => Policy::Manual,
            ConflictPolicy::PreferLocal => Policy::Prefer(Side::Local),
            ConflictPolicy::PreferRemote => Policy::Prefer(Side::Remote),
        };
        self
    }

    /// Returns this collection with a function that decides about each conflict of later synchronizations, from the versions of
    /// both sides and the one before.
    ///
    /// It is asked when a conflict arises, and again if the server has another version of a record whose conflict it left.
    /// Only what cannot be merged is a conflict. Its decision is stored with what was received, so that no other reader of the
    /// file sees the conflict in between, and is sent by the same synchronization.
    ///
    /// The function runs on the thread of the store, within a transaction: it should be quick, and a call that it makes on the
    /// store is [`Error::is_invalid`](crate::Error::is_invalid). The conflict stays if the function, or the
    /// encoding or decoding of `T`, panics, if a version does not decode as `T`, or if the data that it returns cannot be stored.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_client::testing::Kinto::new();
    /// # let client = server.client();
    /// use kinto_client::{KintoRecord, local::{Resolution, Store}};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize, KintoRecord)]
    /// #[kinto(collection = "scores")]
    /// struct Score {
    ///     best: u32,
    /// }
    ///
    /// let scores = Store::in_memory().await?.collection::<Score>(&client).await?.on_conflict_with(|conflict| {
    ///     match (conflict.local, conflict.remote) {
    ///         (Some(local), Some(remote)) => Resolution::Keep(Score { best: local.data.best.max(remote.data.best) }),
    ///         _ => Resolution::Manual,
    ///     }
    /// });
    /// scores.sync().await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn on_conflict_with<F>(mut self, decide: F) -> Self
    where
        F: Fn(LocalConflict<T>) -> Resolution<T> + Send + Sync + 'static,
    {
        let inner = Arc::clone(&self.inner);
        self.policies.conflict = Policy::Manual;
        self.policies.resolver = Some(Arc::new(move |id, row| {
            // The function, the decoding of what it is given, and the encoding of what it returns. They only read what they are
            // given, which is dropped with them.
            match catch_unwind(AssertUnwindSafe(|| choose(&inner, id, row, &decide))) {
                Ok(Ok(choice)) => choice,
                Ok(Err(error)) => {
                    tracing::warn!(id, %error, "a conflict stays, because its resolution failed");
                    None
                }
                Err(_) => {
                    tracing::error!(
                        id,
                        "a conflict stays, because the function that decides it, or its type, panicked"
                    );
                    None
                }
            }
        }));
        self
    }
}

fn choose<T: RecordData>(
    inner: &Inner,
    id: &str,
    row: &Row,
    decide: impl Fn(LocalConflict<T>) -> Resolution<T>,
) -> Result<Option<Choice>> {
    let Some((found, open)) = conflicts::conflict(inner, id, row)?.zip(row.conflict.as_ref()) else { return Ok(None) };
    let found = found.map_err(|invalid| invalid.error)?;
    let prefer = |side| {
        let merged = row::merged_by(row, open, inner.record_type, side)?;
        Ok(Some(merged.json.map_or(Choice::Delete, |json| Choice::Keep(json.into()))))
    };
    match decide(found) {
        Resolution::Keep(data) => Ok(Some(Choice::Keep(resolve::chosen(inner, id, row, data)?))),
        Resolution::Delete => Ok(Some(Choice::Delete)),
        Resolution::PreferLocal => prefer(Side::Local),
        Resolution::PreferRemote => prefer(Side::Remote),
        Resolution::Manual => Ok(None),
    }
}
