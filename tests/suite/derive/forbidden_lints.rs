//! `forbid` cannot be taken back by an `allow`, which the derive's output contains.

#![forbid(dead_code, deprecated, missing_debug_implementations, missing_docs, unreachable_pub, clippy::pedantic)]

use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

/// Something to do.
#[derive(Debug, Serialize, Deserialize, KintoRecord)]
pub struct Todo {
    /// The title of the to-do.
    pub title: String,
    /// The place of the to-do.
    #[kinto(nested)]
    pub place: Place,
}

/// A place.
#[derive(Debug, Serialize, Deserialize, KintoRecord)]
#[kinto(nested)]
pub struct Place {
    /// Its name.
    pub city: String,
}

#[test]
fn derive_output_compiles_with_forbidden_lints() {
    let _ = Todo::fields().place.city;
}
