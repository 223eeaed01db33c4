//! A program that is killed at random moments while it writes and synchronizes, and started again with the same file.
//!
//! `KINTO_TEST_KILLS` sets the number of kills.

use std::{
    collections::BTreeMap,
    env,
    io::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use kinto_client::{
    Client, Collection, Value, json,
    local::{LocalCollection, Store, SyncReport},
};
use kinto_server::{Backend, Server};
use kinto_tests::{Chance, Fault, Fixture, Outcome, Proxy, server_on};
use rusqlite::Connection;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
    sync::{Semaphore, mpsc},
};

use crate::{
    file::folder,
    ledger::{Ledger, line},
};

const PATH: &str = "KINTO_TEST_KILLED_PATH";
const URL: &str = "KINTO_TEST_KILLED_URL";
const USER: &str = "KINTO_TEST_KILLED_USER";
const BUCKET: &str = "KINTO_TEST_KILLED_BUCKET";
const LIFE: &str = "KINTO_TEST_KILLED_LIFE";

/// The records that the program and the other client change both, each a field of its own.
const SHARED: u64 = 8;

/// The number of records of its own from which on the program deletes more than it creates.
const OWN: usize = 30;

fn fenced(client: &Client, bucket: &str) -> Collection {
    let bucket = client.bucket(bucket);
    bucket.collection("todos").fenced_by(&bucket.collection("locks"))
}

async fn open(path: &Path, remote: &Collection) -> LocalCollection<Value> {
    Store::open(path).await.unwrap().bind(remote).await.unwrap()
}

async fn all(notes: &LocalCollection<Value>) -> BTreeMap<String, Value> {
    let records = notes.get_records().await.unwrap();
    records.into_iter().map(|record| (record.id.to_string(), record.data)).collect()
}

#[tokio::test]
#[ignore = "it is a part of the test below, in a process of its own"]
async fn process_that_is_killed() -> Outcome {
    let variable = |name: &str| env::var(name).expect(name);
    let client = Client::builder(variable(URL)).auth((variable(USER), "p4ssw0rd")).build()?;
    let notes = open(variable(PATH).as_ref(), &fenced(&client, &variable(BUCKET))).await;
    let life = variable(LIFE).parse()?;
    // As many changes for each synchronization, so that neither waits long for the other.
    let changes = Semaphore::new(0);
    tokio::join!(synchronize(&notes, &changes, Chance::new(1, life)), write(&notes, &changes, life));
    Ok(())
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // It is told of before anything else is done.
    writeln!(out, "{line}").and_then(|()| out.flush()).unwrap();
}

async fn synchronize(notes: &LocalCollection<Value>, changes: &Semaphore, mut chance: Chance) {
    loop {
        changes.add_permits(15);
        let synchronized = match chance.below(4) {
            0 => notes.pull().await,
            1 => notes.push().await,
            _ => notes.sync().await,
        };
        match synchronized {
            Ok(_) => say("@synced"),
            Err(error) => say(&format!("@{error:?}")),
        }
    }
}

/// Writes without an end, and says of each change when it is tried and when it is stored.
async fn write(notes: &LocalCollection<Value>, changes: &Semaphore, life: u64) {
    let mut chance = Chance::new(2, life);
    let mut own: Vec<(String, u64)> =
        all(notes).await.into_iter().filter_map(|(id, data)| Some((id, data.get("number")?.as_u64()?))).collect();
    for step in 0.. {
        changes.acquire().await.unwrap().forget();
        let value = life * 1_000_000 + step;
        let shared = format!("shared-{}", chance.below(SHARED));
        let many = if own.len() > OWN { 30 } else { 10 };
        match chance.below(100) {
            at if at < many && !own.is_empty() => {
                let (id, number) = own.swap_remove(chance.place(own.len()));
                say(&line("try", &format!("number-{number}"), None));
                notes.delete_record(id.as_str()).await.unwrap();
                say(&line("done", &format!("number-{number}"), None));
            }
            at if at < 40 => {
                say(&line("try", &format!("number-{value}"), Some(value)));
                let data = json!({"number": value, "value": value});
                let created = if chance.one_in(2) {
                    notes.create_record(data).await.unwrap()
                } else {
                    notes.create_record(data).id(format!("own-{value}")).await.unwrap()
                };
                say(&line("done", &format!("number-{value}"), Some(value)));
                own.push((created.id.to_string(), value));
            }
            at if at < 60 && !own.is_empty() => {
                let (id, number) = chance.pick(&own);
                say(&line("try", &format!("number-{number}"), Some(value)));
                notes.patch_record(id.as_str(), json!({"value": value})).await.unwrap();
                say(&line("done", &format!("number-{number}"), Some(value)));
            }
            at if at < 80 => {
                say(&line("try", &format!("count.{shared}"), None));
                let count = |data: &mut Value| data["count"] = (data["count"].as_u64().unwrap() + 1).into();
                notes.update_record(shared.as_str(), count).await.unwrap();
                say(&line("done", &format!("count.{shared}"), None));
            }
            _ => {
                say(&line("try", &format!("{shared}.here"), Some(value)));
                notes.patch_record(shared.as_str(), json!({"here": value})).await.unwrap();
                say(&line("done", &format!("{shared}.here"), Some(value)));
            }
        }
    }
}

/// The other client, which writes to the server.
struct Other {
    remote: Collection,
    own: Vec<String>,
    edits: u64,
}

impl Other {
    async fn edit(&mut self, chance: &mut Chance, ledger: &mut Ledger) {
        self.edits += 1;
        let value = self.edits;
        match chance.below(10) {
            0 if !self.own.is_empty() => {
                let id = self.own.swap_remove(chance.place(self.own.len()));
                self.remote.delete_record(id.as_str()).await.unwrap();
                ledger.set(&format!("{id}.there"), None);
            }
            1..3 => {
                let id = format!("theirs-{value}");
                self.remote.create_record(json!({"id": id, "there": value})).await.unwrap();
                ledger.set(&format!("{id}.there"), Some(value));
                self.own.push(id);
            }
            at => {
                let shared = format!("shared-{}", chance.below(SHARED));
                let id = if at < 5 && !self.own.is_empty() { chance.pick(&self.own) } else { shared };
                self.remote.patch_record::<Value>(id.as_str(), json!({"there": value})).await.unwrap();
                ledger.set(&format!("{id}.there"), Some(value));
            }
        }
    }
}

/// The program and what it is tested with.
struct Run {
    path: PathBuf,
    fixture: Fixture,
    _server: Server,
    proxy: Proxy,
    arrivals: mpsc::UnboundedReceiver<()>,
    ledger: Ledger,
    other: Other,
    /// The number of conflicts about writes in doubt.
    doubts: usize,
    of_program: Collection,
    chance: Chance,
}

impl Run {
    async fn start() -> Self {
        // Behind the fence, writes wait for each other there, which those to a server in memory do not.
        let server = server_on(Backend::PostgreSql);
        let fixture = Fixture::on(server.url()).await;
        fixture.bucket.create_collection("locks").await.unwrap();
        let (arrived, arrivals) = mpsc::unbounded_channel();
        let rule = move |_: &_| {
            let _ = arrived.send(());
            Fault::Pass
        };
        let proxy = Proxy::start(fixture.url(), rule).await.forgetful();
        let at = |url: &str| fenced(&fixture.client_at(url).build().unwrap(), fixture.bucket.id());
        // Records are kept by the address of the server.
        let (remote, of_program) = (at(fixture.url()), at(proxy.url()));
        for n in 0..SHARED {
            remote.create_record(json!({"id": format!("shared-{n}"), "count": 0})).await.unwrap();
        }
        let path = folder().join("notes.db");
        open(&path, &of_program).await.sync().await.unwrap();
        let other = Other { remote, own: Vec::new(), edits: 0 };
        Self {
            path,
            fixture,
            _server: server,
            proxy,
            arrivals,
            ledger: Ledger::default(),
            other,
            doubts: 0,
            of_program,
            chance: Chance::new(0, 0),
        }
    }

    /// Starts the program, and kills it after a random number of changes that it was told of or of requests.
    async fn live(&mut self, life: u64) {
        while self.arrivals.try_recv().is_ok() {}
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "killed::process_that_is_killed", "--ignored", "--nocapture"])
            .envs([(URL, self.proxy.url()), (USER, &self.fixture.user), (BUCKET, self.fixture.bucket.id())])
            .env(PATH, &self.path)
            .env(LIFE, life.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let by_requests = self.chance.one_in(2);
        let mut left = self.chance.between(1, if by_requests { 25 } else { 60 });
        while left > 0 {
            let counts = tokio::select! {
                said = lines.next_line() => {
                    let said = said.unwrap().expect("it does not end by itself");
                    self.ledger.read(&said) && !by_requests
                }
                _ = self.arrivals.recv() => by_requests,
            };
            left -= usize::from(counts);
            if self.chance.one_in(12) {
                self.other.edit(&mut self.chance, &mut self.ledger).await;
            }
        }
        for _ in 0..self.chance.below(400_000) {
            std::hint::spin_loop();
        }
        child.kill().await.unwrap();
        while let Some(said) = lines.next_line().await.unwrap() {
            self.ledger.read(&said);
        }
        assert_is_whole(&self.path);
    }

    /// Decides the conflicts about writes of which it is not known whether they arrived: the server has the value of before, and
    /// so it was either never changed or changed back. Only the program knows that nobody changes it back.
    async fn decide(&mut self, notes: &LocalCollection<Value>) {
        for conflict in notes.conflicts().await.unwrap() {
            let (mut data, local) = (conflict.remote.unwrap().data, conflict.local.unwrap().data);
            for field in conflict.fields {
                assert!(["here", "count"].contains(&field.path.as_str()), "{field:?}");
                assert_eq!(field.remote, field.base, "{field:?}");
            }
            for field in ["here", "count"].into_iter().filter(|field| local.get(field).is_some()) {
                data[field] = local[field].clone();
            }
            notes.resolve_conflict(conflict.id, Some(data)).await.unwrap();
            self.doubts += 1;
        }
    }

    /// Synchronizes what the program left, and compares the file, the server and the ledger.
    async fn check(&mut self) {
        let remote = self.other.remote.clone();
        let notes = open(&self.path, &self.of_program).await;
        notes.sync().await.unwrap();
        self.decide(&notes).await;
        notes.sync().await.unwrap();
        assert_eq!(notes.sync().await.unwrap(), SyncReport::default());
        assert_eq!((notes.conflicts().await.unwrap().len(), notes.problems().await.unwrap().len()), (0, 0));
        let stored = remote.get_records::<Value>().await.unwrap();
        let stored: BTreeMap<String, Value> =
            stored.into_iter().map(|record| (record.id.to_string(), record.data)).collect();
        assert_eq!(all(&notes).await, stored);
        self.ledger.check(&stored);
    }
}

fn assert_is_whole(path: &Path) {
    let connection = Connection::open(path).unwrap();
    let check = |name| connection.pragma_query_value(None, name, |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(check("integrity_check"), "ok");
}

#[tokio::test]
async fn killed_program_loses_nothing_and_stores_nothing_twice() {
    let kills = env::var("KINTO_TEST_KILLS").map_or(10, |kills| kills.parse().expect("a number"));
    let mut run = Run::start().await;
    for life in 1..=kills {
        run.live(life).await;
        // Otherwise, the next life begins with what this one left.
        if life % 5 == 0 {
            run.check().await;
        }
    }
    run.check().await;
    assert_is_whole(&run.path);
    let Ledger { done, tried, synchronizations, .. } = run.ledger;
    println!(
        "{kills} kills, {tried} changes tried, {done} acknowledged with those of the other client ({}), \
              {synchronizations} synchronizations that ended, {} conflicts about writes in doubt",
        run.other.edits, run.doubts
    );
}
