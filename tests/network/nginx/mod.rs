//! What a real nginx on the way does to requests and responses, and what calls make of it.
//!
//! On a machine without nginx each of these tests says that it is skipped.

mod caching;
mod refusals;
mod resending;

use kinto_client::{Collection, Value};
use kinto_tests::{Fixture, Nginx};

/// The fixture's collection through an nginx, by a client with its defaults.
fn through(fixture: &Fixture, nginx: &Nginx) -> Collection {
    fixture.todos_of(&fixture.client_at(nginx.url()).build().expect("a client"))
}

fn add_one(data: &mut Value) {
    data["n"] = (data["n"].as_u64().expect("a number") + 1).into();
}
