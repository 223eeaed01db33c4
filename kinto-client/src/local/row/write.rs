//! Changes by the program.

use super::{Body, Row, Rules};
use crate::json::merge::three_way::alike;

/// Sets the data of a record, or deletes it.
pub(crate) fn write(mut row: Row, local: Option<Body>, rules: &Rules) -> Row {
    row.modified = row.next_version(rules);
    row.local = local;
    row.revision = rules.revision;
    row.problem = None;
    let local = row.local.as_deref();
    match &row.conflict {
        Some(conflict) if alike(local, conflict.theirs().body.as_deref()) => {
            let (remote, theirs) = (conflict.remote.clone(), conflict.theirs().body.clone());
            row.adopt(&remote);
            row.local = theirs;
        }
        // An edit that was undone leaves the record as it was received.
        None if row.journal.is_empty() && alike(local, row.base_body().map(AsRef::as_ref)) => {
            row.local = row.base_body().cloned();
        }
        _ => {}
    }
    row
}

/// Ends a conflict with this data, or a deletion: it is made of the version that the server has.
pub(crate) fn resolve(mut row: Row, local: Option<Body>, rules: &Rules) -> Row {
    if let Some(conflict) = row.conflict.take() {
        row.adopt(&conflict.remote);
    }
    write(row, local, rules)
}
