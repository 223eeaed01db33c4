//! The lease of a synchronization: one that was stalled for longer than it, and wakes up after another one took over.

use std::{
    fs::File,
    time::{Duration, SystemTime},
};

use kinto_client::{Value, json, local::Store};
use kinto_tests::Outcome;
use rusqlite::Connection;

use crate::{device::server, file::folder};

#[tokio::test]
async fn rule_1_response_that_comes_after_the_lease_changes_nothing() -> Outcome {
    let (kinto, path) = (server().await, folder().join("notes.db"));
    let remote = kinto.client().bucket("app").collection("notes");
    let stalled = Store::open(&path).await?.bind::<Value>(&remote).await?;
    let other = Store::open(&path).await?.bind::<Value>(&remote).await?;
    stalled.create_record(json!({"text": "Milk"})).id("a").await?;
    stalled.sync().await?;
    stalled.patch_record("a", json!({"text": "Oats"})).await?;

    let (file, taker) = (path.clone(), other.clone());
    kinto.before_next_write(move |_| async move {
        assert!(taker.sync().await.unwrap_err().is_unavailable(), "the lease is held");
        // Its time has passed.
        Connection::open(file).unwrap().execute("UPDATE collection SET held_until = 0", []).unwrap();
        assert_eq!(taker.pull().await.unwrap().received, 0, "what the stalled one sends has not arrived");
        taker.patch_record("a", json!({"text": "Tea"})).await.unwrap();
    });
    let error = stalled.sync().await.unwrap_err();
    assert!(error.is_cancelled() && error.to_string().contains("taken"), "{error}");
    assert_eq!(remote.get_record::<Value>("a").await?.data, json!({"text": "Oats"}), "its request was executed");

    assert_eq!(other.get_record("a").await?.data, json!({"text": "Tea"}));
    assert_eq!(other.sync().await?.sent, 1);
    assert_eq!(remote.get_record::<Value>("a").await?.data, json!({"text": "Tea"}));
    assert_eq!(stalled.sync().await?.sent, 0);
    assert_eq!(stalled.get_record("a").await?.data, json!({"text": "Tea"}));
    Ok(())
}

/// Programs with a connection of their own, which synchronize one collection all the time, some of them by blocking calls.
#[tokio::test(flavor = "multi_thread")]
async fn many_programs_synchronize_one_collection_and_none_is_taken_over() -> Outcome {
    const ROUNDS: usize = 40;
    let (kinto, path) = (server().await, folder().join("notes.db"));
    let remote = kinto.client().bucket("app").collection("notes");
    let mut programs = Vec::new();
    for n in 0..4 {
        let notes = Store::open(&path).await?.bind::<Value>(&remote).await?;
        programs.push(tokio::task::spawn_blocking(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let (mut done, mut refused) = (0, 0);
            for round in 0..ROUNDS {
                notes.create_record(json!({})).id(format!("{n}-{round}")).call().unwrap();
                let result =
                    if n % 2 == 0 { notes.sync().call() } else { runtime.block_on(notes.sync().into_future()) };
                match result {
                    Ok(_) => done += 1,
                    Err(error) => {
                        assert!(error.is_unavailable() && error.retry_after().is_some(), "{error}");
                        refused += 1;
                    }
                }
            }
            (done, refused)
        }));
    }
    for program in programs {
        let (done, refused) = program.await?;
        assert_eq!(done + refused, ROUNDS);
    }
    let notes = Store::open(&path).await?.bind::<Value>(&remote).await?;
    notes.sync().await?;
    assert_eq!(remote.get_records::<Value>().count().await?, 4 * ROUNDS);
    assert_eq!(notes.status().await?.pending(), 0);
    Ok(())
}

/// The lock is held by a process that does not come back, and the term is that of a clock that was wrong when it was written.
#[tokio::test]
async fn lease_ends_in_time_although_a_wrong_clock_wrote_its_term() -> Outcome {
    let (kinto, path) = (server().await, folder().join("notes.db"));
    let remote = kinto.client().bucket("app").collection("notes");
    let notes = Store::open(&path).await?.bind::<Value>(&remote).await?;
    let lock = File::create(format!("{}-sync1", path.canonicalize()?.display()))?;
    lock.try_lock()?;
    for (seconds, is_held) in [(60, true), (365 * 24 * 3_600, false)] {
        let held = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)? + Duration::from_secs(seconds);
        let held = i64::try_from(held.as_millis())?;
        Connection::open(&path)?.execute("UPDATE collection SET held_until = ?", [held])?;
        assert_eq!(notes.status().await?.is_syncing, is_held);
        assert_eq!(notes.sync().await.is_err_and(|error| error.is_unavailable()), is_held);
    }
    Ok(())
}
