//! The side that a change of a record comes from.

use super::Row;
use crate::json::merge::three_way::alike;

/// The side that changed `local`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The program.
    Local,
    /// The server: `local` is what it has.
    Remote,
    /// Both: `local` was merged with what the server has.
    Merged,
}

impl Origin {
    /// Returns the side that made one row of the other. Only what the server has changes `base`, but for the end of a conflict,
    /// which the program decides.
    pub(crate) fn of(before: &Row, after: &Row) -> Self {
        if before.base == after.base || before.conflict.is_some() {
            Self::Local
        } else if alike(after.local.as_deref(), after.base_body().map(AsRef::as_ref)) {
            Self::Remote
        } else {
            Self::Merged
        }
    }
}
