//! How the library behaves where more than one server, process or proxy is on the way: a real nginx, and followers in
//! other processes.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "that is how a test fails"
)]

use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

mod followers;
mod nginx;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
#[kinto(collection = "todos")]
struct Todo {
    title: String,
    #[serde(default)]
    done: bool,
}

impl Todo {
    fn new(title: &str) -> Self {
        Self { title: title.to_owned(), done: false }
    }
}
