//! Eight processes that write the same objects at the same time, each kind of write in turn.
//!
//! With `KINTO_TEST_LONG=1` it is 20 rounds, and once more without the fence, to show what is lost then.

use std::{
    env,
    io::Write as _,
    process::{Command, Stdio},
    time::Instant,
};

use kinto_client::{Client, Collection, Error, Value, json};
use kinto_server::{Backend, Server};
use kinto_tests::{Fixture, Outcome};

const PROCESSES: usize = 8;
const MODES: [&str; 6] = ["update", "save", "patch", "grant", "delete", "bulk"];
const MANY: usize = 6;

/// What one process was told: how many writes succeeded, how many are in doubt, and how many were refused.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    acknowledged: u64,
    in_doubt: u64,
    refused: u64,
}

impl Told {
    fn count<T>(&mut self, outcome: Result<T, Error>) -> bool {
        match outcome {
            Ok(_) => self.acknowledged += 1,
            Err(error) if error.may_have_been_applied() => self.in_doubt += 1,
            Err(error) => {
                assert!(error.is_conflict() || error.is_not_found(), "{error}");
                self.refused += 1;
                return false;
            }
        }
        true
    }
}

fn add(data: &mut Value, field: &str) {
    data[field] = (data[field].as_u64().expect("a number") + 1).into();
}

async fn write(todos: &Collection, mode: &str, process: usize, round: usize, told: &mut Told) -> Outcome {
    match mode {
        "update" => drop(told.count(todos.update_record("counter", |data: &mut Value| add(data, "n")).await)),
        "save" => loop {
            let mut record = todos.get_record::<Value>("saved").await?;
            add(&mut record.data, "n");
            if told.count(todos.save_record(&mut record).await) {
                break;
            }
        },
        "patch" => {
            let patch = json!({ (format!("p{process}-{round}")): 1 });
            told.count(todos.patch_record::<Value>("patched", patch).await);
        }
        "grant" => {
            let reader = format!("account:p{process}-{round}");
            told.count(todos.record::<Value>("granted").grant(|p| p.read(reader)).await);
        }
        "delete" => {
            let job = todos.get_record::<Value>(format!("job-{round}")).optional().await?;
            if let Some(job) = job {
                told.count(todos.delete_record(&job).await);
            }
        }
        _ => {
            let mut records = Vec::new();
            for n in 0..MANY {
                records.push(todos.get_record::<Value>(format!("many-{n}")).await?);
            }
            for record in &mut records {
                add(&mut record.data, "n");
            }
            for saved in todos.save_records(&mut records).each().await? {
                told.count(saved);
            }
        }
    }
    Ok(())
}

/// Not a test: what the tests below run as other processes.
#[test]
#[ignore = "started by the other tests"]
fn child() -> Outcome {
    let variable = |name: &str| env::var(format!("FENCE_{name}"));
    let (process, rounds): (usize, usize) = (variable("PROCESS")?.parse()?, variable("ROUNDS")?.parse()?);
    let mode = variable("MODE")?;
    let client = Client::builder(variable("URL")?).auth((variable("USER")?, "p4ssw0rd")).build()?;
    let bucket = client.bucket(variable("BUCKET")?);
    let mut todos = bucket.collection("todos");
    if variable("FENCED")? == "yes" {
        todos = todos.fenced_by(&bucket.collection("locks"));
    }
    let mut told = Told::default();
    tokio::runtime::Runtime::new()?.block_on(async {
        for round in 0..rounds {
            write(&todos, &mode, process, round, &mut told).await?;
        }
        Outcome::Ok(())
    })?;
    let Told { acknowledged, in_doubt, refused } = told;
    writeln!(std::io::stdout(), "\ntold={acknowledged} {in_doubt} {refused}")?;
    Ok(())
}

/// What the processes were told, in sum.
fn run(fixture: &Fixture, mode: &str, rounds: usize, fenced: bool) -> Result<Told, Box<dyn std::error::Error>> {
    let children = (0..PROCESSES).map(|process| {
        Command::new(env::current_exe()?)
            .args(["--exact", "fence::processes::child", "--ignored", "--nocapture"])
            .envs([("FENCE_URL", fixture.url()), ("FENCE_USER", &fixture.user), ("FENCE_BUCKET", fixture.bucket.id())])
            .envs([("FENCE_MODE", mode), ("FENCE_FENCED", if fenced { "yes" } else { "no" })])
            .envs([("FENCE_PROCESS", process.to_string()), ("FENCE_ROUNDS", rounds.to_string())])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    });
    let children = children.collect::<Result<Vec<_>, _>>()?;
    let mut sum = Told::default();
    for child in children {
        let output = child.wait_with_output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let Some((_, told)) = text.split_once("told=") else {
            return Err(format!("{text}{}", String::from_utf8_lossy(&output.stderr)).into());
        };
        let counts =
            told.lines().next().unwrap_or_default().split(' ').map(str::parse).collect::<Result<Vec<u64>, _>>()?;
        let [acknowledged, in_doubt, refused] = counts[..] else { return Err(text.into()) };
        sum.acknowledged += acknowledged;
        sum.in_doubt += in_doubt;
        sum.refused += refused;
    }
    Ok(sum)
}

/// A collection with what each of the writes is about.
async fn set_up(url: &str, rounds: usize) -> Fixture {
    let fixture = Fixture::on(url).await;
    fixture.plain.put(&format!("/buckets/{}/collections/locks", fixture.bucket.id()), &json!({})).await;
    let counters = ["counter", "saved", "patched", "granted"].map(str::to_owned);
    let many = (0..MANY).map(|n| format!("many-{n}"));
    let jobs = (0..rounds).map(|n| format!("job-{n}"));
    fixture.fill(counters.into_iter().chain(many).chain(jobs).map(|id| (id, json!({"n": 0})))).await;
    fixture
}

/// How many of the writes the server holds; of the deletions, how many there can have been.
async fn stored(fixture: &Fixture, mode: &str, rounds: usize) -> u64 {
    let number = async |id: &str| fixture.plain.held(&fixture.record(id)).await["n"].as_u64().expect("a number");
    match mode {
        "update" => number("counter").await,
        "save" => number("saved").await,
        "patch" => {
            let held = fixture.plain.held(&fixture.record("patched")).await;
            held.as_object().expect("an object").len() as u64 - 1
        }
        "grant" => {
            let held = fixture.plain.permissions(&fixture.record("granted")).await;
            held["read"].as_array().map_or(0, Vec::len) as u64
        }
        "delete" => rounds as u64,
        _ => {
            let mut sum = 0;
            for n in 0..MANY {
                sum += number(&format!("many-{n}")).await;
            }
            sum
        }
    }
}

/// A kind of write, what its writers were told, and how much of it is stored.
type Of = (&'static str, Told, u64);

fn all_modes(rounds: usize, fenced: bool) -> Result<Vec<Of>, Box<dyn std::error::Error>> {
    let server = Server::builder().backend(Backend::PostgreSql).workers(4).shared()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let mut results = Vec::new();
    for mode in MODES {
        let fixture = runtime.block_on(set_up(server.url(), rounds));
        let start = Instant::now();
        let told = run(&fixture, mode, rounds, fenced)?;
        let seconds = start.elapsed().as_secs_f64();
        let stored = runtime.block_on(stored(&fixture, mode, rounds));
        println!("{mode}, fenced: {fenced}: {told:?}, {stored} stored, {seconds:.1} s");
        results.push((mode, told, stored));
    }
    Ok(results)
}

fn is_long() -> bool {
    env::var("KINTO_TEST_LONG").is_ok_and(|value| value == "1")
}

#[test]
fn fenced_processes_lose_no_acknowledged_write() -> Outcome {
    let rounds = if is_long() { 20 } else { 3 };
    let results = match all_modes(rounds, true) {
        Err(error) if error.to_string().starts_with("PostgreSQL is not installed") => {
            writeln!(std::io::stderr(), "SKIPPED: {error}")?;
            return Ok(());
        }
        results => results?,
    };
    for (mode, told, stored) in results {
        let possible = told.acknowledged..=told.acknowledged + told.in_doubt;
        assert!(possible.contains(&stored), "{mode}: {told:?}, and {stored} stored");
    }
    if is_long() {
        all_modes(rounds, false)?;
    }
    Ok(())
}
