//! Two follow a collection, one by `watch` in this process and one by `changes_since` in another, while four write, and the
//! collection is made again, and the whole server is emptied: in the end both have exactly what the server has.

use std::{
    collections::BTreeMap,
    env,
    io::Write as _,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::StreamExt as _;
use kinto_client::{
    Client, Collection, Error, Value, json,
    list::{Change, ChangeToken},
};
use kinto_server::{Backend, Server};
use kinto_tests::{Fixture, Outcome};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep, timeout};

/// The record that is written after all others.
const LAST: &str = "last";

/// How long a follower may take to be told of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A copy of a collection: what a follower makes of what it is told.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Copy {
    records: BTreeMap<String, (Value, u64)>,
    resets: usize,
    told: usize,
    failed: usize,
}

impl Copy {
    fn take(&mut self, change: Change<Value>) {
        self.told += 1;
        match change {
            Change::Upserted(record) => {
                self.records.insert(record.id.to_string(), (record.data, record.last_modified.as_millis()));
            }
            Change::Deleted(id, _) => drop(self.records.remove(&id)),
            _ => {
                self.resets += 1;
                self.records.clear();
            }
        }
    }

    fn is_whole(&self) -> bool {
        self.records.contains_key(LAST)
    }
}

async fn watching(todos: Collection, start: ChangeToken) -> Copy {
    let mut watch = todos.changes_since::<Value>(&start).watch(Duration::from_millis(100));
    let mut copy = Copy::default();
    while !copy.is_whole() {
        // An error, while the collection is away, is no end.
        match watch.next().await.expect("it does not end") {
            Ok(change) => copy.take(change),
            Err(_) => copy.failed += 1,
        }
    }
    copy
}

/// Not a test: what the test below runs as another process. Of what it was told it keeps the copy and a token in text.
#[tokio::test]
#[ignore = "started by the other test"]
async fn child() -> Outcome {
    let variable = |name: &str| env::var(format!("FOLLOWER_{name}"));
    let client = Client::builder(variable("URL")?).auth((variable("USER")?, "p4ssw0rd")).build()?;
    let todos = client.bucket(variable("BUCKET")?).collection("todos");
    let (mut copy, mut token) = (Copy::default(), variable("TOKEN")?);
    let until = Instant::now() + Duration::from_secs(variable("SECONDS")?.parse()?);
    while !copy.is_whole() && Instant::now() < until {
        match todos.changes_since::<Value>(token.parse::<ChangeToken>()?).await {
            Ok(changes) => {
                changes.changes.into_iter().for_each(|change| copy.take(change));
                token = changes.token.to_string();
            }
            Err(_) => copy.failed += 1,
        }
        sleep(Duration::from_millis(150)).await;
    }
    writeln!(std::io::stdout(), "\ncopy={}", serde_json::to_string(&copy)?)?;
    Ok(())
}

/// What the writers have done, each, and whether they are to stop.
#[derive(Debug, Default)]
struct Writers {
    acknowledged: [AtomicUsize; 4],
    stop: AtomicBool,
}

impl Writers {
    fn acknowledged(&self) -> Vec<usize> {
        self.acknowledged.iter().map(|count| count.load(Ordering::SeqCst)).collect()
    }

    /// Waits that long, and until each has written some more, which is a matter of how busy the machine is.
    async fn go_on(&self, lasts: Duration) {
        let (before, began) = (self.acknowledged(), Instant::now());
        while began.elapsed() < lasts || self.acknowledged().iter().zip(&before).any(|(now, before)| *now < before + 5)
        {
            assert!(began.elapsed() < lasts + PATIENCE, "{before:?}, and later {:?}", self.acknowledged());
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// One writes batches, and three write single records in every way.
async fn write(todos: Collection, writer: usize, writers: Arc<Writers>) {
    let count = |outcome: Result<(), Error>| {
        writers.acknowledged[writer].fetch_add(usize::from(outcome.is_ok()), Ordering::SeqCst);
    };
    for n in 0_usize.. {
        if writers.stop.load(Ordering::SeqCst) {
            return;
        }
        let id = |n: usize| format!("w{writer}-{}", n % 40);
        // While the collection is away, there is nothing to write to.
        match (writer, n % 6) {
            (0, 0..5) => {
                let all = (0..25).map(|i| json!({"id": format!("w0-{n}-{i}"), "n": n}));
                todos.create_records(all).each().await.into_iter().flatten().for_each(|each| count(each.map(drop)));
            }
            (0, _) => {
                let ids = (0..25).map(|i| format!("w0-{}-{i}", n - 1));
                todos.delete_records(ids).each().await.into_iter().flatten().for_each(|each| count(each.map(drop)));
            }
            (_, 0 | 3) => count(todos.overwrite_record(id(n), json!({"n": n})).await.map(drop)),
            (_, 1) => count(todos.delete_record(id(n / 2)).await.map(drop)),
            (_, 2) => {
                count(todos.update_record(id(n - 2), |data: &mut Value| data["updated"] = n.into()).await.map(drop));
            }
            (_, 4) => count(todos.patch_record::<Value>(id(n - 1), json!({"patched": n})).await.map(drop)),
            _ => count(todos.create_record(json!({"created": n})).await.map(drop)),
        }
    }
}

/// Empties the whole server, and makes the bucket and the collection again.
async fn flush(fixture: &Fixture) {
    let path = format!("/buckets/{}", fixture.bucket.id());
    // It collides with the writers, and they with what is made again.
    let again = async |method: http::Method, path: &str, body: Option<&Value>| {
        for _ in 0..200 {
            if fixture.plain.send(method.clone(), path, body).await.status.is_success() {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
        panic!("{method} {path} fails");
    };
    again(http::Method::POST, "/__flush__", None).await;
    again(http::Method::PUT, &path, Some(&json!({}))).await;
    again(http::Method::PUT, &format!("{path}/collections/todos"), Some(&json!({}))).await;
}

/// 8 s, or 60 s with `KINTO_TEST_LONG=1`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn followers_have_what_the_server_has_after_resets_and_a_flush() -> Outcome {
    let long = env::var_os("KINTO_TEST_LONG").is_some_and(|long| long == "1");
    let lasts = Duration::from_secs(if long { 60 } else { 8 });
    // It is emptied, so that it can be nobody else's.
    let server = match Server::builder().backend(Backend::PostgreSql).workers(2).start() {
        Err(error) if error.to_string().starts_with("PostgreSQL is not installed") => {
            writeln!(std::io::stderr(), "SKIPPED: {error}")?;
            return Ok(());
        }
        server => server?,
    };
    let fixture = Fixture::on(server.url()).await;
    let client = fixture.client_at(fixture.url()).build()?;
    let todos = fixture.todos_of(&client);
    let start = todos.get_records::<Value>().await?.change_token();
    let child = Command::new(env::current_exe()?)
        .args(["--exact", "followers::child", "--ignored", "--nocapture"])
        .envs([
            ("FOLLOWER_URL", fixture.url()),
            ("FOLLOWER_USER", &fixture.user),
            ("FOLLOWER_BUCKET", fixture.bucket.id()),
        ])
        .env("FOLLOWER_TOKEN", start.to_string())
        .env("FOLLOWER_SECONDS", (lasts + 4 * PATIENCE).as_secs().to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let watcher = tokio::spawn(watching(todos.clone(), start));

    let writers = Arc::new(Writers::default());
    let tasks: Vec<_> = (0..4).map(|writer| tokio::spawn(write(todos.clone(), writer, Arc::clone(&writers)))).collect();
    writers.go_on(lasts / 3).await;
    let bucket = client.bucket(fixture.bucket.id());
    bucket.delete_collection("todos").await?;
    bucket.create_collection("todos").await?;
    writers.go_on(lasts / 3).await;
    flush(&fixture).await;
    writers.go_on(lasts / 3).await;
    writers.stop.store(true, Ordering::SeqCst);
    for task in tasks {
        task.await?;
    }
    // The sum of what became visible is told before this, which is of a later time than all of it.
    todos.create_record(json!({})).id(LAST).await?;
    let seen = timeout(PATIENCE, watcher).await??;
    let output = tokio::task::spawn_blocking(|| child.wait_with_output()).await??;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let Some((_, copy)) = text.split_once("copy=") else {
        return Err(format!("{text}{}", String::from_utf8_lossy(&output.stderr)).into());
    };
    let polled: Copy = serde_json::from_str(copy.lines().next().unwrap_or_default())?;

    let there = todos.get_records::<Value>().await?.into_iter();
    let there: BTreeMap<_, _> =
        there.map(|record| (record.id.to_string(), (record.data, record.last_modified.as_millis()))).collect();
    for (who, copy) in [("the one that watches", &seen), ("the one with tokens", &polled)] {
        let Copy { records, resets, told, failed } = copy;
        println!("{who}: {} records, {told} told, {resets} resets, {failed} readings failed", records.len());
        // Who is slow can be told of both at once.
        assert!(*resets >= 1, "{who}: {resets}");
        assert_eq!(*records, there, "{who}");
    }
    println!("{:?} written, {} there", writers.acknowledged(), there.len());
    assert!(there.len() > 1, "{there:?}");
    Ok(())
}
