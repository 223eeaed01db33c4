//! Finds a Python that can make a virtual environment.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::Error;

const INSTALL: &str = "install Python 3.10 or newer with venv and pip (Debian, Ubuntu: apt install python3 python3-venv; \
                       Fedora: dnf install python3; macOS: brew install python; KINTO_PYTHON names one that is not on the PATH)";

// The real path: what a distribution's upgrade replaces then breaks the environment visibly, and it is made anew.
const PROBE: &str = "import sys, os, venv, ensurepip
print(os.path.realpath(sys.executable)) if sys.version_info >= (3, 10) else sys.exit('it is Python %d.%d' % sys.version_info[:2])";

/// `KINTO_PYTHON`, where it is set and not empty.
pub(crate) fn asked_for() -> Option<String> {
    std::env::var("KINTO_PYTHON").ok().filter(|path| !path.is_empty())
}

/// The executable, or one error that has what was tried.
pub(crate) fn find() -> Result<PathBuf, Error> {
    let candidates = asked_for().map_or_else(|| vec!["python3".to_owned(), "python".to_owned()], |path| vec![path]);
    let mut problems = vec!["No suitable Python was found:".to_owned()];
    for candidate in &candidates {
        match probe(candidate) {
            Ok(path) => return Ok(path),
            Err(problem) => problems.push(format!("{candidate}: {problem}")),
        }
    }
    Err(Error::with_ways_out(problems.join("\n  "), INSTALL))
}

fn probe(candidate: &str) -> Result<PathBuf, String> {
    let output = Command::new(candidate)
        .args(["-I", "-c", PROBE])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(stderr.trim().lines().next_back().unwrap_or("it does not run").to_owned())
}

/// The error for a Python that is there but cannot do what is needed.
pub(crate) fn unusable(output: &str) -> Error {
    Error::with_ways_out(format!("The virtual environment cannot be made. Python said last:\n  {output}"), INSTALL)
}
