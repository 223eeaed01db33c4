//! A synchronization that is stopped: what was received is stored, and the next one goes on there.

use kinto_client::json;
use kinto_server::Backend;
use kinto_tests::{Outcome, on_each_backend};
use rusqlite::Connection;

use crate::{
    file::folder,
    world::{World, all},
};

on_each_backend!(
    received_pages_are_stored_when_a_pull_is_dropped,
    received_pages_are_not_stored_under_a_lease_that_was_taken_over,
    old_records_are_read_once_although_each_start_is_cut,
);

/// An application has moments only, such as one on a phone.
async fn received_pages_are_stored_when_a_pull_is_dropped(backend: Backend) -> Outcome {
    for in_file in [false, true] {
        let world = World::real(backend).await;
        world.remote.create_records((0..100).map(|n| json!({"n": n}))).await?;
        let path = folder().join("notes.db");
        let notes = if in_file { world.device_at(&path).await } else { world.device().await };
        let gate = world.hold_after(2);
        tokio::select! {
            result = notes.sync() => panic!("it ended before the third page: {result:?}"),
            () = gate.arrival() => {}
        }
        assert_eq!(notes.get_records().count().await?, 40, "in a file: {in_file}");
        gate.open();
        // The lease is free, and the rest is read.
        notes.sync().await?;
        assert_eq!(all(&notes).await, world.stored().await);
    }
    Ok(())
}

async fn received_pages_are_not_stored_under_a_lease_that_was_taken_over(backend: Backend) -> Outcome {
    let world = World::real(backend).await;
    world.remote.create_records((0..100).map(|n| json!({"n": n}))).await?;
    let path = folder().join("notes.db");
    let notes = world.device_at(&path).await;
    let (first, second) = (world.hold_after(0), world.hold_after(0));
    let dropped = async {
        first.arrival().await;
        Connection::open(&path).unwrap().execute("UPDATE collection SET epoch = epoch + 1", []).unwrap();
        first.open();
        second.arrival().await;
    };
    tokio::select! {
        // If the machine is slow, it has noticed by itself.
        result = notes.sync() => assert!(result.unwrap_err().is_cancelled()),
        () = dropped => {}
    }
    second.open();
    assert_eq!(notes.get_records().count().await?, 0);
    Ok(())
}

/// They were imported within a minute, long ago, so that nothing can appear between them any more.
async fn old_records_are_read_once_although_each_start_is_cut(backend: Backend) -> Outcome {
    let world = World::real(backend).await;
    for n in 0..100 {
        world.restore(&format!("r{n:02}"), &json!({"n": n}), 1_750_000_000_000 + 50 * n).await;
    }
    let path = folder().join("notes.db");
    // Two pages each time, of which the first one begins with the newest record that is there.
    for stored in [40, 79] {
        let notes = world.device_at(&path).await;
        world.refuse_after(2);
        assert!(notes.pull().await.is_err());
        world.clear_faults();
        assert_eq!(notes.get_records().count().await?, stored);
    }
    let notes = world.device_at(&path).await;
    assert_eq!(notes.pull().await?.received, 21);
    assert_eq!(all(&notes).await, world.stored().await);
    Ok(())
}
