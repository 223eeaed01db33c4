//! The decisions about what a synchronization cannot decide.

use std::sync::Arc;

use super::reconcile::LossPolicy;
use crate::local::row::{self, Body, Policy, Row, Rules};

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
    pub(super) fn settle(&self, id: &str, before: &Row, row: Row, rules: &Rules) -> Row {
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
