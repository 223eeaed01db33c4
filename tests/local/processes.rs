//! Two processes with one file, which both write while one of them synchronizes.

use std::{
    env,
    io::Write as _,
    process::{Child, Command, Stdio},
};

use kinto_client::{
    Client, Collection, Value, json,
    local::{LocalCollection, Store, SyncReport},
};
use kinto_tests::{Fixture, Outcome};
use rusqlite::Connection;

use crate::file::folder;

const PATH: &str = "KINTO_TEST_SHARED_PATH";
const URL: &str = "KINTO_TEST_SHARED_URL";
const USER: &str = "KINTO_TEST_SHARED_USER";
const BUCKET: &str = "KINTO_TEST_SHARED_BUCKET";
const NUMBER: &str = "KINTO_TEST_SHARED_NUMBER";

/// The number of times that each process writes.
const ROUNDS: usize = 60;

fn todos(client: &Client, bucket: &str) -> Collection {
    let bucket = client.bucket(bucket);
    bucket.collection("todos").fenced_by(&bucket.collection("locks"))
}

async fn write(notes: &LocalCollection<Value>, number: usize) {
    for round in 0..ROUNDS {
        let created = notes.create_record(json!({"of": number, "round": round})).await.unwrap();
        notes.patch_record(&created.id, json!({"done": true})).await.unwrap();
        let add = |data: &mut Value| data["count"] = (data["count"].as_u64().unwrap() + 1).into();
        notes.update_record("shared", add).await.unwrap();
        if round % 3 == 0 {
            notes.delete_record(&created.id).await.unwrap();
        }
    }
}

#[tokio::test]
#[ignore = "it is a part of the test below, in a process of its own"]
async fn process_that_shares_the_file() -> Outcome {
    let variable = |name: &str| env::var(name).expect(name);
    let client = Client::builder(variable(URL)).auth((variable(USER), "p4ssw0rd")).build()?;
    let notes = Store::open(variable(PATH)).await?.bind::<Value>(&todos(&client, &variable(BUCKET))).await?;
    let number: usize = variable(NUMBER).parse()?;
    // Both begin when both are there.
    println!();
    std::io::stdin().read_line(&mut String::new())?;
    let writing = write(&notes, number);
    if number > 0 {
        writing.await;
        return Ok(());
    }
    let synchronizing = async {
        loop {
            notes.sync().await.unwrap();
        }
    };
    tokio::select! {
        () = writing => Ok(()),
        () = synchronizing => unreachable!(),
    }
}

fn start(fixture: &Fixture, path: &std::path::Path, number: usize) -> std::io::Result<Child> {
    Command::new(env::current_exe()?)
        .args(["--exact", "processes::process_that_shares_the_file", "--ignored", "--nocapture"])
        .envs([(URL, fixture.url()), (USER, &fixture.user), (BUCKET, fixture.bucket.id())])
        .env(NUMBER, number.to_string())
        .env(PATH, path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_write_one_file_and_nothing_is_lost() -> Outcome {
    let (fixture, path) = (Fixture::new().await, folder().join("notes.db"));
    fixture.bucket.create_collection("locks").await?;
    let remote = todos(&fixture.client, fixture.bucket.id());
    let notes = Store::open(&path).await?.bind::<Value>(&remote).await?;
    notes.create_record(json!({"count": 0})).id("shared").await?;
    drop(notes);
    let mut children = vec![start(&fixture, &path, 0)?, start(&fixture, &path, 1)?];
    for child in &mut children {
        writeln!(child.stdin.as_mut().unwrap(), "go")?;
    }
    for child in children {
        let output = child.wait_with_output()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    let notes = Store::open(&path).await?.bind::<Value>(&remote).await?;
    let kept = ROUNDS - ROUNDS.div_ceil(3);
    assert_eq!(notes.get_records().count().await?, 1 + 2 * kept);
    notes.sync().await?;
    assert_eq!(notes.sync().await?, SyncReport::default());
    assert_eq!((notes.conflicts().await?.len(), notes.problems().await?.len()), (0, 0));
    let stored = remote.get_records::<Value>().await?;
    assert_eq!(stored.len(), 1 + 2 * kept);
    assert_eq!(remote.get_record::<Value>("shared").await?.data["count"], 2 * ROUNDS);
    for record in stored.into_iter().filter(|record| record.id.as_str() != "shared") {
        assert_eq!(record.data["done"], true, "{record:?}");
        assert_eq!(notes.get_record(record.id.as_str()).await?.data, record.data);
    }
    let check = Connection::open(&path)?.pragma_query_value(None, "integrity_check", |row| row.get::<_, String>(0))?;
    assert_eq!(check, "ok");
    Ok(())
}
