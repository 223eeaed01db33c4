//! A caller that does not poll costs nobody else anything, and no write of one program passes by the queue.

use std::{future::IntoFuture, time::Duration};

use kinto_client::{Collection, json};
use kinto_tests::Fixture;

mod blocking;
mod crowds;
mod deadlocks;
mod matrix;
mod programs;
mod races;
mod updates;
mod waiting;

/// Waits for the end of a program, which comes long before this if it comes at all.
async fn ends<T>(what: &str, program: impl IntoFuture<Output = T>) -> T {
    let program = tokio::time::timeout(Duration::from_secs(300), program.into_future());
    program.await.unwrap_or_else(|_| panic!("{what} does not end"))
}

/// A fixture with records `n0`, `n1`, ….
async fn with_records(records: usize) -> Fixture {
    let fixture = Fixture::new().await;
    fixture.fill((0..records).map(|n| (format!("n{n}"), json!({"title": format!("Todo #{n}"), "n": n})))).await;
    fixture
}

/// Its collection, through a client that has so many places and the library's own transport.
fn todos_with(fixture: &Fixture, places: usize) -> Collection {
    let client = fixture.client_at(fixture.url()).max_concurrent_requests(places).build().expect("a client");
    fixture.todos_of(&client)
}
