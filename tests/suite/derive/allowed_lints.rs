//! What the struct allows itself is allowed in the derive's output too.

#![deny(warnings)]

use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

/// Out of use.
#[deprecated]
#[derive(Debug, Serialize, Deserialize)]
pub struct Old;

/// Something to do.
#[derive(Debug, Serialize, Deserialize, KintoRecord)]
#[allow(deprecated, reason = "for old records")]
pub struct Todo {
    /// Out of use.
    pub old: Old,
}

#[test]
fn what_the_struct_allows_is_allowed() {
    let _ = Todo::fields().old;
}
