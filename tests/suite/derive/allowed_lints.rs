//! Lints that the struct allows, which are allowed in the output of the derive as well.

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
fn derive_output_inherits_allowed_lints() {
    let _ = Todo::fields().old;
}
