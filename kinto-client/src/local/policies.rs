//! The decisions about what a synchronization cannot decide.

use std::sync::Arc;

use super::row::{self, Body, Policy, Row, Rules};

/// The decision about records that disappeared from the server without having been deleted, as after a flush, or that are there
/// in an older version, as after the restoration of a backup.
///
/// It is also the one about records that were shared with this user one by one, and were deleted or are no longer shared: Kinto
/// does not tell a user without rights on the collection which of the two it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LossPolicy {
    /// The synchronization is an error that says what happened. Nothing of these records is changed, here or on the server. If
    /// they are only no longer there for this user, changes of other records are sent before.
    #[default]
    Ask,
    /// Sends these records again, as they are here. One with a conflict keeps both versions, and is sent once it is resolved. One that the server refuses, such as one that is no longer shared, has a
    /// problem: see [`LocalCollection::problems`](super::LocalCollection::problems).
    Republish,
    /// Deletes the records here that are gone on the server, and takes its older versions. What was changed here and not sent
    /// is kept as a conflict.
    DropLocal,
}

/// Decides about a record with a conflict by its id; `None` if the conflict stays.
pub(crate) type Resolver = Arc<dyn Fn(&str, &Row) -> Option<Choice> + Send + Sync>;

/// The end of a conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    Keep(Body),
    Delete,
}

/// The decisions of a collection.
#[derive(Clone, Default)]
pub(crate) struct Policies {
    pub(crate) conflict: Policy,
    /// The function of the program, which is asked about what `conflict` leaves.
    pub(crate) resolver: Option<Resolver>,
    pub(crate) loss: LossPolicy,
}

impl Policies {
    /// Ends the conflict that a change of the row brought, if the function of the program decides it. It is asked again only
    /// if the server has another version since.
    pub(crate) fn settle(&self, id: &str, before: &Row, row: Row, rules: &Rules) -> Row {
        let Some(resolver) = &self.resolver else { return row };
        if row.conflict.is_none() || row.conflict == before.conflict {
            return row;
        }
        match resolver(id, &row) {
            Some(Choice::Keep(body)) => row::resolve(row, Some(body), rules),
            Some(Choice::Delete) => row::resolve(row, None, rules),
            None => row,
        }
    }
}
