//! A record that is out of use, and one with a field that is: the compiler warns of uses, and the derive's are none.

#![deny(warnings)]

use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

/// Out of use.
#[deprecated = "use `Task`"]
#[derive(Debug, Serialize, Deserialize, KintoRecord)]
#[kinto(collection = "todos", sort = "title")]
pub struct Todo {
    /// The title of the to-do.
    pub title: String,
    /// The place of the to-do.
    #[kinto(nested)]
    pub place: Place,
}

/// In use.
#[derive(Debug, Serialize, Deserialize, KintoRecord)]
#[kinto(nested)]
pub struct Place {
    /// The city.
    pub city: String,
    /// Out of use.
    #[deprecated]
    pub country: String,
}

/// Out of use as a part of records.
#[deprecated]
#[derive(Debug, Serialize, Deserialize, KintoRecord)]
#[kinto(nested)]
pub struct Address {
    /// The city.
    pub city: String,
}

#[test]
#[expect(deprecated, reason = "that is what it is about")]
fn derive_of_what_is_deprecated_warns_of_nothing() {
    assert_eq!(Todo::COLLECTION, "todos");
    let _ = Todo::fields().place.city;
}
