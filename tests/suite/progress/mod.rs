//! A caller that does not poll costs nobody else anything, and no write of one program passes by the queue.

use std::{future::IntoFuture, time::Duration};

use kinto_client::{Collection, json};
use kinto_tests::Scene;

mod blocking;
mod crowds;
mod matrix;
mod programs;
mod races;
mod rows;
mod updates;
mod waiting;

/// Waits for the end of a program, which comes long before this if it comes at all.
async fn ends<T>(what: &str, program: impl IntoFuture<Output = T>) -> T {
    let program = tokio::time::timeout(Duration::from_secs(100), program.into_future());
    program.await.unwrap_or_else(|_| panic!("{what} does not end"))
}

/// A scene with records `n0`, `n1`, ….
async fn with_records(records: usize) -> Scene {
    let scene = Scene::new().await;
    scene.fill((0..records).map(|n| (format!("n{n}"), json!({"title": format!("Todo #{n}"), "n": n})))).await;
    scene
}

/// Its collection, through a client that has so many places and the library's own transport.
fn todos_with(scene: &Scene, places: usize) -> Collection {
    let client = scene.client_at(scene.url()).max_concurrent_requests(places).build().expect("a client");
    scene.todos_of(&client)
}
