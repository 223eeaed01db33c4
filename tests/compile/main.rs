//! The compiler's messages for mistakes, with one folder per mistake.
//!
//! `TRYBUILD=overwrite cargo test -p kinto-tests --test compile_errors` overwrites the expected messages; read
//! them as a user who has just made that mistake. The messages in `ours` are those of the derive, and the ones
//! in `types` the compiler's, which change with its version, and with the dependencies, whose types it
//! suggests.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "that is how a test fails")]

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

/// The compiler whose words are expected where the message is its own.
const COMPILER: &str = "rustc 1.95.";

#[test]
fn messages_are_these() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("compile/ours/*/*.rs");
    let compiler = compiler();
    if compiler.starts_with(COMPILER) {
        cases.compile_fail("compile/types/*/*.rs");
    } else {
        // Not `eprintln!`, which is shown only when a test fails.
        let notice =
            format!("compile/types was left out: its messages are those of {COMPILER}*, and this is {compiler}");
        writeln!(io::stderr(), "{notice}").expect("stderr");
    }
}

/// So that a second message is not taken for granted when the expected ones are written anew.
#[test]
fn each_mistake_has_one_message() {
    let mut seen = 0;
    for source in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("compile")) {
        let text = fs::read_to_string(&source).expect("a source");
        let mistakes = text.lines().last().and_then(|line| line.strip_prefix("// mistakes: "));
        let mistakes: usize = mistakes.map_or(1, |number| number.parse().expect("a number"));
        let messages = fs::read_to_string(source.with_extension("stderr")).expect("the expected messages");
        let errors = messages.lines().filter(|line| line.starts_with("error")).count();
        assert_eq!(errors, mistakes, "{}:\n{messages}", source.display());
        seen += 1;
    }
    assert!(seen > 30, "{seen} sources");
}

/// The sources in the folders of mistakes.
fn sources(root: &Path) -> Vec<PathBuf> {
    let mut found = vec![root.join("ours"), root.join("types")];
    for _depth in 0..2 {
        found =
            found.iter().flat_map(|folder| fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path()).collect();
    }
    found.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    found
}

fn compiler() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().expect("a compiler");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
