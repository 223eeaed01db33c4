//! A disk that is full in the middle of a pull, of a push, and of writes of the program.
//!
//! The system bounds the size of a file that a process may write (`RLIMIT_FSIZE`), and writes fail as with a quota. The limit
//! would end the process by a signal, which a shell has to ignore for it: so it is a process of its own.
#![cfg(target_os = "linux")]

use std::{
    collections::BTreeMap,
    env, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use kinto_client::{
    Error, Value, json,
    local::{LocalCollection, Store, SyncReport},
    retry::NeverRetry,
    testing::Kinto,
};
use kinto_tests::{Chance, Outcome};
use rusqlite::Connection;

use crate::file::folder;

#[test]
fn full_disk_is_an_error_that_loses_nothing() -> Outcome {
    match Command::new("prlimit").arg("--version").stdout(Stdio::null()).status() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            eprintln!("SKIPPED: prlimit is not installed");
            return Ok(());
        }
        status => assert!(status?.success()),
    }
    let arguments = ["--exact", "full::process_with_a_full_disk", "--ignored", "--nocapture"];
    let ignoring = "trap '' XFSZ; exec \"$0\" \"$@\"";
    let output = Command::new("sh").args(["-c", ignoring]).arg(env::current_exe()?).args(arguments).output()?;
    let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", shown(&output.stdout), shown(&output.stderr));
    Ok(())
}

/// Sets the size that files of this process may have.
fn limit(bytes: Option<u64>) {
    let soft = bytes.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string());
    let mut command = Command::new("prlimit");
    command.args(["--pid", &std::process::id().to_string(), &format!("--fsize={soft}:")]);
    assert!(command.status().unwrap().success());
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Work {
    Pull,
    Push,
    Sync,
    Write,
}

/// A store in a file that has changes to receive and changes to send.
struct Scene {
    kinto: Kinto,
    path: PathBuf,
    notes: LocalCollection<Value>,
    /// What the program was told is stored.
    written: BTreeMap<String, Value>,
}

fn data(chance: &mut Chance) -> Value {
    let length = chance.between(1, 8_000);
    json!({"text": "x".repeat(length)})
}

async fn open(kinto: &Kinto, path: &Path) -> Result<LocalCollection<Value>, Error> {
    let client = kinto.client().with_retry(NeverRetry);
    Store::open(path).await?.bind(&client.bucket("app").collection("notes")).await
}

impl Scene {
    async fn new(chance: &mut Chance) -> Self {
        let kinto = Kinto::builder().paginate_by(4).build();
        let bucket = kinto.client().bucket("app");
        bucket.create().await.unwrap();
        bucket.create_collection("notes").await.unwrap();
        let path = folder().join("notes.db");
        let notes = open(&kinto, &path).await.unwrap();
        let mut scene = Self { kinto, path, notes, written: BTreeMap::new() };
        for n in 0..12 {
            let id = format!("theirs-{n}");
            bucket.collection("notes").create_record(data(chance)).id(id).await.unwrap();
            scene.write(format!("ours-{n}"), chance).await.unwrap();
        }
        scene
    }

    async fn write(&mut self, id: String, chance: &mut Chance) -> Result<(), Error> {
        let data = data(chance);
        self.notes.create_record(data.clone()).id(id.as_str()).await?;
        self.written.insert(id, data);
        Ok(())
    }

    async fn work(&mut self, work: Work, chance: &mut Chance) -> Result<(), Error> {
        match work {
            Work::Pull => self.notes.pull().await.map(drop),
            Work::Push => self.notes.push().await.map(drop),
            Work::Sync => self.notes.sync().await.map(drop),
            Work::Write => {
                for n in 0..20 {
                    self.write(format!("new-{n}"), chance).await?;
                }
                Ok(())
            }
        }
    }

    /// Checks that what was stored is there, that it goes on, and that both sides are the same then.
    async fn check(&self) {
        let stored = all(&self.notes).await;
        for (id, data) in &self.written {
            assert_eq!(stored.get(id), Some(data), "{id}");
        }
        let ours = stored.keys().filter(|id| !id.starts_with("theirs")).count();
        assert_eq!(ours, self.written.len(), "nothing of a change that failed is stored");
        self.notes.sync().await.unwrap();
        assert_eq!(self.notes.sync().await.unwrap(), SyncReport::default());
        let remote = self.kinto.client().bucket("app").collection("notes");
        let remote = remote.get_records::<Value>().await.unwrap();
        let remote: BTreeMap<String, Value> =
            remote.into_iter().map(|record| (record.id.to_string(), record.data)).collect();
        assert_eq!(remote.len(), 12 + self.written.len());
        assert_eq!(all(&self.notes).await, remote);
        assert_eq!((self.notes.conflicts().await.unwrap().len(), self.notes.problems().await.unwrap().len()), (0, 0));
        let connection = Connection::open(&self.path).unwrap();
        let check = connection.pragma_query_value(None, "integrity_check", |row| row.get::<_, String>(0));
        assert_eq!(check.unwrap(), "ok");
    }
}

async fn all(notes: &LocalCollection<Value>) -> BTreeMap<String, Value> {
    let records = notes.get_records().await.unwrap();
    records.into_iter().map(|record| (record.id.to_string(), record.data)).collect()
}

fn assert_says_what_to_do(error: &Error) {
    let message = error.to_string();
    assert!(error.is_storage(), "{error:?}");
    assert!(message.contains("nothing of this change was stored"), "{message}");
    assert!(message.contains("make room"), "{message}");
}

#[tokio::test]
#[ignore = "it is a part of the test above, in a process of its own"]
async fn process_with_a_full_disk() {
    let mut full = BTreeMap::new();
    for seed in 0..40 {
        let mut chance = Chance::new(seed, 0);
        let mut scene = Scene::new(&mut chance).await;
        let work = chance.pick(&[Work::Pull, Work::Push, Work::Sync, Work::Write]);
        let log = scene.path.with_extension("db-wal");
        limit(Some(fs::metadata(&log).unwrap().len() + chance.below(80_000)));
        let failed = scene.work(work, &mut chance).await;
        if let Err(error) = &failed {
            assert_says_what_to_do(error);
            *full.entry(format!("{work:?}")).or_insert(0) += 1;
            // Reading goes on, and so does what needs no room.
            all(&scene.notes).await;
        }
        if chance.one_in(3) {
            // The program ends while the disk is full.
            let other = open(&scene.kinto, &scene.path).await;
            other.as_ref().err().into_iter().for_each(assert_says_what_to_do);
            limit(None);
            scene.notes = open(&scene.kinto, &scene.path).await.unwrap();
        }
        limit(None);
        scene.check().await;
    }
    println!("the disk was full in the middle of {full:?}");
    assert_eq!(full.len(), 4, "each was met: {full:?}");
}
