//! Runs the program as a person would, and reads its log.

#![allow(clippy::panic, reason = "that is how a test fails")]

use std::{
    env,
    error::Error,
    path::PathBuf,
    process::{Command, Output},
};

use kinto_tests::secret_in;

/// Cargo builds the examples of a package before it runs its tests.
fn program() -> Result<PathBuf, Box<dyn Error>> {
    let test = env::current_exe()?;
    let profile = test.ancestors().nth(2).ok_or("no directory above the test's")?;
    let program = profile.join("examples").join(format!("log{}", env::consts::EXE_SUFFIX));
    if program.is_file() { Ok(program) } else { Err("not built: use `cargo test -p kinto-examples`".into()) }
}

#[test]
fn log_tells_what_was_done() -> Result<(), Box<dyn Error>> {
    let Output { status, stdout, stderr } = Command::new(program()?).env_remove("RUST_LOG").output()?;
    let (out, log) = (String::from_utf8(stdout)?, String::from_utf8(stderr)?);
    assert!(status.success(), "{log}");
    let record = "path=\"/buckets/{bucket}/collections/{collection}/records/{record}\"";
    let records = "path=\"/buckets/{bucket}/collections/{collection}/records\"";
    let told = [
        vec!["kinto.call{operation=\"Create\"}", "method=PUT", record, "tries=1", "status=201", "response received"],
        vec!["kinto.call{operation=\"Create\" milliseconds=", "done"],
        vec!["operation=\"Save\"", "method=PUT", record, "status=200"],
        vec!["kinto.call{operation=\"Save\" milliseconds=", "done"],
        vec!["kinto.call{operation=\"Save\" milliseconds=", "done"],
        vec!["operation=\"Bulk\"", "sending batch", "operations=25"],
        vec!["operation=\"Bulk\"", "method=POST path=\"/batch\"", "status=200"],
        vec!["operation=\"Bulk\"", "sending batch", "operations=5"],
        vec!["operation=\"GetAll\"", "method=GET", records, "status=200"],
        vec!["operation=\"GetAll\"", "method=GET", records, "status=200"],
        vec!["operation=\"Get\"", record, "status=404"],
        vec!["operation=\"Get\"", "error=NotFound", "failed"],
        vec!["operation=\"Get\"", "error=Invalid", "failed"],
        vec!["operation=\"GetServerInfo\"", "tries=1", "no response", "kind=Connect"],
        vec!["retrying", "tries=1", "delay="],
        vec!["retrying", "tries=2", "delay="],
        vec!["operation=\"GetServerInfo\"", "error=Connect", "failed"],
    ];
    let mut lines = log.lines().filter(|line| !line.starts_with("kinto-server: "));
    for words in told {
        let found = lines.any(|line| words.iter().all(|word| line.contains(word)));
        assert!(found, "{words:?} is not told, or not in its place: {log}");
    }
    for private in ["fern", "nowhere", "no/where", "alexis", "localhost", "notes"] {
        assert!(!log.contains(private), "{private}: {log}");
    }
    assert_eq!(secret_in(&format!("{out}{log}")), None, "{log}");
    assert!(out.contains("nowhere") && out.contains("the server is running"), "{out}");
    Ok(())
}
