//! Tests against a real server: the requests, the results, and the state of the server afterwards.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "that is how a test fails"
)]

use kinto_client::{Error, KintoRecord};
use serde::{Deserialize, Serialize};

mod accounts;
mod arbitrary_responses;
mod auth;
mod bad_input;
mod batch;
mod batch_from;
mod blueprint;
mod bounds;
mod bulk;
mod bulk_streams;
mod calls;
mod capabilities;
mod changes;
mod changesets;
mod client;
mod compression;
mod deletes;
pub mod derive;
mod error_messages;
mod errors;
mod faults;
mod fence;
mod filter_properties;
mod filters;
mod groups;
mod guarded_overwrites;
mod history;
mod ids;
mod lists;
mod logging;
mod malformed_responses;
mod notices;
mod openid;
mod origins;
mod overview;
mod parallel;
mod patches;
mod peers;
mod permissions;
mod previews;
mod progress;
mod queries;
mod raw_requests;
mod reading;
mod review;
mod schema;
mod secrets;
mod selection;
mod sharing;
mod stored_records;
mod testing;
mod tls;
mod tools;
mod typed;
mod unknown_fields;
mod update_records;
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

/// Returns the names of an error's predicates that are true, and asserts that its kind has only one.
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
        ("server", error.is_server_error()),
        ("gone", error.is_gone()),
        ("timed out", error.is_timeout()),
        ("connection", error.is_connect()),
        ("decode", error.is_decode()),
        ("too large", error.is_too_large()),
        ("unexpected", error.is_unexpected()),
        ("not visible", error.is_not_visible()),
        ("unsupported", error.is_unsupported()),
        ("several", error.is_multiple_results()),
        ("authentication", error.is_authentication()),
        ("partial", error.is_partial()),
        ("cancelled", error.is_cancelled()),
    ];
    all.into_iter().filter(|(_, holds)| *holds).map(|(name, _)| name).collect()
}
