//! A migration whose process is killed.

use std::{env, process::Stdio};

use kinto_client::{Client, Result};
use kinto_tests::{Fault, Fixture, Gate, Outcome, Proxy, in_order};
use tokio::process::Command;

use super::migrate::{Todo, assert_migrated, fill, migrated};

const URL: &str = "KINTO_TEST_MIGRATION_URL";
const USER: &str = "KINTO_TEST_MIGRATION_USER";
const BUCKET: &str = "KINTO_TEST_MIGRATION_BUCKET";

#[tokio::test]
async fn killed_migration_does_not_rewrite_records_twice() -> Outcome {
    const RECORDS: u32 = 1000;
    let fixture = Fixture::new().await;
    fill(&fixture, RECORDS).await;
    // In the middle of the first page, at a page, and near the end.
    for requests in [8, 10, 21] {
        let gate = Gate::default();
        let passed = (0..requests).map(|_| Fault::Pass);
        let proxy = Proxy::start(fixture.url(), in_order(passed.chain([Fault::HoldAnswer(gate.clone())]))).await;
        let mut child = Command::new(env::current_exe()?)
            .args(["--exact", "schema::killed::process_that_is_killed", "--ignored"])
            .env(URL, proxy.url())
            .env(USER, &fixture.user)
            .env(BUCKET, fixture.bucket.id())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        tokio::select! {
            status = child.wait() => panic!("it ended by itself: {status:?}"),
            () = gate.arrival() => {}
        }
        child.kill().await?;
    }
    let left = fixture.todos.typed::<Todo>().migrate(migrated).await?;
    assert!(left.is_complete() && (1..1000).contains(&left.rewritten), "{left:?}");
    assert_migrated(&fixture, RECORDS).await;
    Ok(())
}

#[tokio::test]
#[ignore = "it is a part of the test above, in a process of its own"]
async fn process_that_is_killed() -> Result<()> {
    let variable = |name| env::var(name).expect(name);
    let client = Client::builder(variable(URL)).auth((variable(USER), "p4ssw0rd")).build()?;
    client.bucket(variable(BUCKET)).collection("todos").migrate(migrated).await.map(drop)
}
