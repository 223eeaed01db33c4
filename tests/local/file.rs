//! The file: what it refuses, who shares it, and what is in it after a stop.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Barrier,
    thread,
    time::Duration,
};

use kinto_client::{KintoRecord as _, Value, json, local::Store, testing::Kinto};
use kinto_tests::Outcome;
use rusqlite::Connection;

use crate::device::{Note, note, server};

/// A new folder, which is left to the system's cleaning.
pub(crate) fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join(kinto_server::unique("kinto-local"));
    fs::create_dir_all(&folder).unwrap();
    folder
}

async fn stored(path: &Path, kinto: &Kinto) -> Vec<String> {
    let notes = Store::open(path).await.unwrap().collection::<Note>(&kinto.client()).await.unwrap();
    notes.get_records().await.unwrap().into_iter().map(|record| record.data.text).collect()
}

#[tokio::test]
async fn file_keeps_what_was_stored() -> Outcome {
    let (kinto, path) = (server().await, folder().join("notes.db"));
    let notes = Store::open(&path).await?.collection::<Note>(&kinto.client()).await?;
    notes.create_record(note("Milk")).await?;
    drop(notes);
    assert_eq!(stored(&path, &kinto).await, ["Milk"]);
    let connection = Connection::open(&path)?;
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, String>(0));
    assert_eq!((pragma("journal_mode")?, pragma("integrity_check")?), ("wal".to_owned(), "ok".to_owned()));
    Ok(())
}

#[tokio::test]
async fn file_that_is_not_ours_is_refused_and_left_as_it_is() -> Outcome {
    let folder = folder();
    let made = |name: &str, sql: &str| -> PathBuf {
        let path = folder.join(name);
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        path
    };
    let newer = made("newer.db", "PRAGMA application_id = 1265192564; PRAGMA user_version = 99; CREATE TABLE x (y);");
    let foreign = made("foreign.db", "CREATE TABLE x (y);");
    let ours = "PRAGMA application_id = 1265192564; PRAGMA user_version = 1; CREATE TABLE x (y);";
    let (text, damaged) = (folder.join("text.db"), made("damaged.db", ours));
    fs::write(&text, "no database, but text that is long enough to be taken for a header of one".repeat(9))?;
    let mut bytes = fs::read(&damaged)?;
    bytes[100..4_000].fill(0xee);
    fs::write(&damaged, &bytes)?;
    for (path, reason) in [
        (newer, "its tables are of version 99, and this one knows up to 1"),
        (foreign, "a SQLite database of another program"),
        (text, "damaged, or is no SQLite database"),
        (damaged, "damaged, or is no SQLite database"),
        (folder.join("missing").join("notes.db"), "cannot be opened"),
    ] {
        let before = fs::read(&path).ok();
        let error = Store::open(&path).await.unwrap_err();
        let message = error.to_string();
        assert!(error.is_storage() && message.contains(reason), "{message}");
        assert!(message.contains(&path.display().to_string()), "{message}");
        assert_eq!(fs::read(&path).ok(), before);
    }
    Ok(())
}

/// Both write at once, through connections of their own, as two processes do.
#[tokio::test(flavor = "multi_thread")]
async fn two_connections_write_and_nothing_is_lost() -> Outcome {
    let (kinto, path) = (server().await, folder().join("notes.db"));
    let mut writers = Vec::new();
    for writer in 0..2 {
        let notes = Store::open(&path).await?.bind::<Value>(&kinto.client().bucket("app").collection("notes")).await?;
        writers.push(tokio::spawn(async move {
            for n in 0..50 {
                notes.create_record(json!({"writer": writer, "n": n})).await.unwrap();
                if notes.get_record("shared").optional().await.unwrap().is_none() {
                    // Both may try; a create never replaces.
                    let _ = notes.create_record(json!({"count": 0})).id("shared").await;
                }
                let add = |data: &mut Value| data["count"] = (data["count"].as_u64().unwrap() + 1).into();
                notes.update_record("shared", add).await.unwrap();
            }
        }));
    }
    for writer in writers {
        writer.await?;
    }
    let notes = Store::open(&path).await?.bind::<Value>(&kinto.client().bucket("app").collection("notes")).await?;
    assert_eq!(notes.get_records().count().await?, 101);
    assert_eq!(notes.get_record("shared").await?.data["count"], 100);
    Ok(())
}

#[tokio::test]
async fn file_that_another_process_locks_is_an_error_that_says_so() -> Outcome {
    let (kinto, path) = (server().await, folder().join("notes.db"));
    let store = Store::open(&path).busy_timeout(Duration::from_millis(20)).await?;
    let notes = store.collection::<Note>(&kinto.client()).await?;
    let other = Connection::open(&path)?;
    other.execute_batch("BEGIN IMMEDIATE")?;
    let error = notes.create_record(note("Milk")).await.unwrap_err();
    assert!(error.is_storage() && error.to_string().contains("busy_timeout"), "{error}");
    other.execute_batch("ROLLBACK")?;
    notes.create_record(note("Milk")).await?;
    assert_eq!(notes.get_records().count().await?, 1);
    Ok(())
}

/// An operator compacts the file by a tool of SQLite.
#[tokio::test]
async fn file_that_was_vacuumed_goes_on() -> Outcome {
    let (kinto, path) = (server().await, folder().join("notes.db"));
    let notes = Store::open(&path).await?.collection::<Note>(&kinto.client()).await?;
    notes.create_record(note("Milk")).id("a").await?;
    Connection::open(&path)?.execute_batch("VACUUM")?;
    notes.edit_record("a").set(Note::fields().text, "Tea").await?;
    assert_eq!(stored(&path, &kinto).await, ["Tea"]);
    assert_eq!(notes.sync().await?.sent, 1);
    Ok(())
}

/// A new file is made ready by whoever is first, and the others wait. Then it is there, and is opened again.
#[test]
fn file_that_is_opened_by_many_at_once_is_opened_by_all() -> Outcome {
    const OPENERS: usize = 6;
    let folder = folder();
    for file in 0..40 {
        let (path, barrier) = (folder.join(format!("{file}.db")), Barrier::new(OPENERS));
        for _ in 0..2 {
            let open = || {
                barrier.wait();
                Store::open(&path).busy_timeout(Duration::from_secs(600)).call()
            };
            let opened: Vec<_> = thread::scope(|scope| {
                let openers: Vec<_> = (0..OPENERS).map(|_| scope.spawn(open)).collect();
                openers.into_iter().map(|opener| opener.join().unwrap()).collect()
            });
            for store in opened {
                store?;
            }
        }
    }
    fs::remove_dir_all(folder)?;
    Ok(())
}

#[tokio::test]
async fn busy_timeout_may_be_of_any_length() -> Outcome {
    let kinto = server().await;
    for (number, timeout) in
        [Duration::MAX, Duration::from_secs(30 * 24 * 3_600), Duration::ZERO].into_iter().enumerate()
    {
        let path = folder().join(format!("{number}.db"));
        for opening in [Store::open(&path), Store::in_memory()] {
            let notes = opening.busy_timeout(timeout).await?.collection::<Note>(&kinto.client()).await?;
            notes.create_record(note("Milk")).await?;
            assert_eq!(notes.get_records().count().await?, 1);
        }
    }
    Ok(())
}
