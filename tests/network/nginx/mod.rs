//! What a real nginx on the way does to requests and responses, and what calls make of it.
//!
//! On a machine without nginx each of these tests says that it is skipped.

mod caching;
mod refusals;
mod resending;

use kinto_client::{Collection, Value};
use kinto_tests::{Nginx, Scene};

/// The scene's collection through an nginx, by a client with its defaults.
fn through(scene: &Scene, nginx: &Nginx) -> Collection {
    scene.todos_of(&scene.client_at(nginx.url()).build().expect("a client"))
}

fn add_one(data: &mut Value) {
    data["n"] = (data["n"].as_u64().expect("a number") + 1).into();
}
