//! Progress messages on stderr for steps that take long.

use std::io::Write;

/// Writes one line past the test harness, which keeps what `eprintln!` prints until the test has ended.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "kinto-server: {text}");
}
