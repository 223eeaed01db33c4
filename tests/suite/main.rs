//! How the library behaves towards a real server: what it sends, what it gives, and what the server holds afterwards.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "that is how a test fails"
)]

use kinto_client::{Error, KintoRecord};
use serde::{Deserialize, Serialize};

mod absurd;
mod accounts;
mod answers;
mod auth;
mod bad_input;
mod batch;
mod batch_auth;
mod batch_collisions;
mod batch_cut;
mod batch_faults;
mod batch_order;
mod batch_progress;
mod batch_requests;
mod batch_results;
mod batch_retries;
mod batch_too_large;
mod batch_writers;
mod blueprint;
mod bounds;
mod calls;
mod capabilities;
mod changes;
mod client;
mod deletes;
pub mod derive;
mod doors;
mod edges;
mod errors;
mod faults;
mod fence;
mod filter_properties;
mod filters;
mod groups;
mod guarded_overwrites;
mod ids;
mod kept;
mod lists;
mod logging;
mod many;
mod notices;
mod origins;
mod overview;
mod parallel;
mod patches;
mod peers;
mod permissions;
mod previews;
mod progress;
mod queries;
mod reading;
mod schema;
mod secrets;
mod selection;
mod sharing;
mod tls;
mod typed;
mod unknown_fields;
mod updates;
mod writes;

/// The record that most tests use.
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

/// Which of an error's predicates are true. Of the kinds that tests tell apart only one may be.
fn predicates(error: &Error) -> Vec<&'static str> {
    kinto_tests::look_at(error);
    let all = [
        ("not found", error.is_not_found()),
        ("conflict", error.is_conflict()),
        ("forbidden", error.is_forbidden()),
        ("unauthorized", error.is_unauthorized()),
        ("invalid", error.is_invalid()),
        ("refused", error.is_refused()),
        ("unavailable", error.is_unavailable()),
        ("server", error.is_server()),
        ("gone", error.is_gone()),
        ("timed out", error.is_timed_out()),
        ("connection", error.is_connection()),
        ("decode", error.is_decode()),
        ("too large", error.is_too_large()),
        ("unexpected", error.is_unexpected()),
        ("not visible", error.is_not_visible()),
        ("unsupported", error.is_unsupported()),
        ("several", error.is_several()),
        ("authentication", error.is_authentication()),
        ("partial", error.is_partial()),
        ("cancelled", error.is_cancelled()),
    ];
    all.into_iter().filter(|(_, holds)| *holds).map(|(name, _)| name).collect()
}
