//! Runs the program as a person would, and kills it in the middle.

#![allow(clippy::expect_used, clippy::panic, reason = "that is how a test fails")]

use std::{
    env, fs,
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use kinto_client::{Value, json};
use kinto_server::{Server, unique};
use kinto_tests::{Fault, Gate, Outcome, Proxy, RawClient, SentRequest};

const RECORDS: usize = 40;
const AUTH: (&str, &str) = ("loader", "p4ssw0rd");

/// Cargo builds the examples of a package before it runs its tests.
fn program() -> Result<PathBuf, Box<dyn std::error::Error>> {
    let test = env::current_exe()?;
    let profile = test.ancestors().nth(2).ok_or("no directory above the test's")?;
    let program = profile.join("examples").join(format!("load{}", env::consts::EXE_SUFFIX));
    if program.is_file() { Ok(program) } else { Err("not built: use `cargo test -p kinto-examples`".into()) }
}

/// A file, and a collection of its own on a server that takes five operations at a time.
struct Case {
    server: Server,
    file: PathBuf,
    collection: String,
}

impl Case {
    fn new(json: &Value) -> Result<Self, Box<dyn std::error::Error>> {
        let collection = unique("load");
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{collection}.json"));
        fs::write(&file, json.to_string())?;
        Ok(Self { server: Server::builder().batch_max_requests(5).shared()?, file, collection })
    }

    fn command(&self, url: &str) -> Result<Command, Box<dyn std::error::Error>> {
        let mut command = Command::new(program()?);
        let (user, password) = AUTH;
        command.arg(&self.file).args(["--server", url, "--auth", &format!("{user}:{password}")]);
        command.args(["--collection", &self.collection]).stdout(Stdio::null());
        Ok(command)
    }

    /// Runs the program, which must succeed, and returns its output.
    fn run(&self) -> Result<String, Box<dyn std::error::Error>> {
        let output = self.command(self.server.url())?.stdout(Stdio::piped()).output()?;
        let (said, errors) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
        if output.status.success() { Ok(said) } else { Err(format!("{said}{errors}").into()) }
    }

    fn plain(&self) -> RawClient {
        RawClient::new(self.server.url(), AUTH.0, AUTH.1)
    }

    fn records(&self) -> String {
        format!("/buckets/default/collections/{}/records", self.collection)
    }

    /// Reads the records of the collection, without their timestamps.
    async fn held(&self) -> Vec<Value> {
        let answer = self.plain().get(&format!("{}?_sort=id", self.records())).await.json();
        let mut records = answer.get("data").and_then(Value::as_array).expect("a list").clone();
        for record in &mut records {
            record.as_object_mut().and_then(|record| record.remove("last_modified")).expect("a time");
        }
        records
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.file);
    }
}

/// Some with an id of their own, some without, two of them equal, and text that is not ASCII.
fn sample() -> Value {
    let record = |n: usize| match n % 3 {
        0 => json!({"id": format!("own-{n}"), "n": n, "last_modified": 1_500_000_000_000_u64 + n as u64}),
        1 => json!({"n": n, "größe": {"cm": [1.0, n, null]}}),
        _ => json!({"n": "the same", "of": n % 2}),
    };
    json!({"data": (0..RECORDS).map(record).collect::<Vec<_>>()})
}

#[tokio::test]
async fn run_that_was_killed_is_finished_by_the_next() -> Outcome {
    let whole = Case::new(&sample())?;
    let said = whole.run()?;
    assert!(said.contains("40 created, 0 changed, 0 were there already"), "{said}");
    let expected = whole.held().await;
    assert_eq!(expected.len(), RECORDS);

    // Before anything has arrived, and before the third and the last request.
    for stored in [0, 10, 35] {
        let case = Case::new(&sample())?;
        let gate = Gate::default();
        let (hold, mut batches) = (gate.clone(), 0);
        let proxy = Proxy::start(case.server.url(), move |sent| {
            batches += usize::from(sent.is_batch());
            if batches * 5 > stored { Fault::Hold(hold.clone()) } else { Fault::Pass }
        });
        let proxy = proxy.await;
        let mut child = case.command(proxy.url())?.spawn()?;
        gate.arrival().await;
        child.kill()?;
        assert!(!child.wait()?.success());
        drop(proxy);
        assert_eq!(case.held().await.len(), stored, "it was in the middle");

        let said = case.run()?;
        let summary = format!("{} created, 0 changed, {stored} were there already", RECORDS - stored);
        assert!(said.contains(&summary), "{said}");
        assert_eq!(case.held().await, expected);
    }
    Ok(())
}

#[tokio::test]
async fn request_whose_answer_never_came_is_known() -> Outcome {
    let case = Case::new(&sample())?;
    let gate = Gate::default();
    let (hold, mut batches) = (gate.clone(), 0);
    let proxy = Proxy::start(case.server.url(), move |sent| {
        batches += usize::from(sent.is_batch());
        if batches == 2 { Fault::HoldAnswer(hold.clone()) } else { Fault::Pass }
    });
    let proxy = proxy.await;
    let mut child = case.command(proxy.url())?.spawn()?;
    gate.arrival().await;
    child.kill()?;
    assert!(!child.wait()?.success());
    assert_eq!(case.held().await.len(), 10, "the second request was carried out");
    let said = case.run()?;
    assert!(said.contains("30 created, 0 changed, 10 were there already"), "{said}");
    assert_eq!(case.held().await.len(), RECORDS);
    Ok(())
}

#[tokio::test]
async fn record_that_others_change_before_its_save_is_left_alone() -> Outcome {
    let case = Case::new(&sample())?;
    let path = format!("{}/own-0", case.records());
    case.plain().put_data(&path, &json!({"n": "theirs"})).await;
    let gate = Gate::default();
    let hold = gate.clone();
    let rule = move |sent: &SentRequest| match sent.header("if-match") {
        Some(_) => Fault::Hold(hold.clone()),
        None => Fault::Pass,
    };
    let proxy = Proxy::start(case.server.url(), rule).await;
    let mut child = case.command(proxy.url())?.stderr(Stdio::null()).spawn()?;
    gate.arrival().await;
    case.plain().put_data(&path, &json!({"n": "theirs again"})).await;
    gate.open();
    let status = tokio::task::spawn_blocking(move || child.wait()).await??;
    assert!(!status.success());
    assert_eq!(case.held().await.len(), RECORDS);
    assert_eq!(case.plain().held(&path).await, json!({"n": "theirs again"}), "a load replaces nothing unseen");
    let said = case.run()?;
    assert!(said.contains("0 created, 1 changed, 39 were there already"), "{said}");
    assert_eq!(case.plain().held(&path).await, json!({"n": 0}));
    Ok(())
}

#[tokio::test]
async fn standard_input_is_loaded_while_it_comes() -> Outcome {
    let case = Case::new(&json!([]))?;
    let mut command = case.command(case.server.url())?;
    let program = command.get_program().to_owned();
    let arguments: Vec<_> = command.get_args().skip(1).map(ToOwned::to_owned).collect();
    command = Command::new(program);
    let mut child =
        command.arg("-").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut input = child.stdin.take().ok_or("no input")?;
    let written = tokio::task::spawn_blocking(move || {
        input.write_all(b"[")?;
        (0..1_000).try_for_each(|n| write!(input, "{}{}", if n > 0 { "," } else { "" }, json!({"n": n})))?;
        input.write_all(b", 7]")
    });
    written.await??;
    let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await??;
    let (said, errors) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
    assert!(said.contains("1000 created, 0 changed, 0 were there already"), "{said}{errors}");
    assert!(!output.status.success() && errors.contains("-: record 1001: this is no JSON object"), "{errors}");
    assert_eq!(case.held().await.len(), 1_000);
    Ok(())
}

#[tokio::test]
async fn load_keeps_equal_records_and_changes_others() -> Outcome {
    let case = Case::new(&sample())?;
    case.run()?;
    let plain = case.plain();
    let before = plain.get(&case.records()).await.json();
    let said = case.run()?;
    assert!(said.contains("0 created, 0 changed, 40 were there already"), "{said}");
    assert_eq!(plain.get(&case.records()).await.json(), before);

    let expected = case.held().await;
    plain.put_data(&format!("{}/own-3", case.records()), &json!({"n": "theirs"})).await;
    plain.delete(&format!("{}/own-0", case.records())).await;
    plain.put_data(&format!("{}/another", case.records()), &json!({"n": "theirs"})).await;
    let said = case.run()?;
    assert!(said.contains("1 created, 1 changed, 38 were there already"), "{said}");
    plain.delete(&format!("{}/another", case.records())).await;
    assert_eq!(case.held().await, expected);
    Ok(())
}

#[test]
fn without_anything_it_can_be_tried() -> Outcome {
    let directory = tempdir()?;
    let output = Command::new(program()?)
        .env_remove("KINTO_SERVER_URL")
        .env_remove("KINTO_AUTH")
        .env("TMPDIR", &directory)
        .output()?;
    let said = String::from_utf8(output.stdout)?;
    let errors = String::from_utf8(output.stderr)?;
    // Where the server takes its time, that is said.
    let wrong = errors.lines().filter(|line| !line.starts_with("kinto-server: starting Kinto")).count();
    assert!(output.status.success() && wrong == 0, "{errors}");
    assert!(said.contains("1000 created") && said.contains("--server URL"), "{said}");
    fs::remove_dir_all(directory)?;
    Ok(())
}

fn tempdir() -> std::io::Result<PathBuf> {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(unique("try"));
    fs::create_dir_all(&directory)?;
    Ok(directory)
}

#[test]
fn load_failure_is_one_line() -> Outcome {
    for (json, says) in [
        (json!({"records": []}), "neither a list of records nor"),
        (json!([{"n": 1}, 7]), "record 2: this is no JSON object"),
        (json!([{"id": 7}]), "record 1: an id must be text"),
        (json!([{"id": "a"}, {"id": "a"}]), r#"record 2: there is another record with the id "a""#),
        (json!([{"id": "a"}, {"id": "no/id"}]), "no/id"),
    ] {
        let case = Case::new(&json)?;
        let error = case.run().unwrap_err().to_string();
        assert!(error.contains(says), "{says}: {error}");
        assert!(error.lines().last().is_some_and(|line| line.starts_with("load: ")), "{error}");
    }
    let case = Case::new(&json!([]))?;
    assert!(case.run()?.contains("0 created"));
    fs::remove_file(&case.file)?;
    assert!(case.run().unwrap_err().to_string().contains(".json: "));
    Ok(())
}
