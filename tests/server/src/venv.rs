//! The virtual environment Kinto is installed in.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::install::{self, Work};
use crate::{Error, home, progress, python};

/// The packages of an environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Packages {
    /// Kinto, with the plugins that come with it.
    #[default]
    Kinto,
    /// Also the plugins that are packages of their own.
    Plugins,
}

impl Packages {
    fn requirements(self) -> &'static str {
        match self {
            Self::Kinto => include_str!("../requirements.txt"),
            Self::Plugins => include_str!("../requirements-plugins.txt"),
        }
    }

    /// Names the environment after all that is in it.
    pub(crate) fn key(self) -> String {
        home::key([self.requirements(), &python::asked_for().unwrap_or_default()])
    }
}

const PIP_INSTALL: [&str; 8] = [
    "-I",
    "-m",
    "pip",
    "install",
    "--no-input",
    "--disable-pip-version-check",
    "--progress-bar=off",
    "--require-hashes",
];

/// The environment's Python, once everything is installed.
pub(crate) fn python(home: &Path, packages: Packages) -> Result<PathBuf, Error> {
    let name = format!("venv-{}", packages.key());
    let python = home.join(&name).join("bin/python");
    // A link to a Python that is no longer installed does not exist either.
    install::once(home, &name, || python.exists(), |work| build(work, packages))?;
    Ok(python)
}

fn build(work: &Work, set: Packages) -> Result<(), Error> {
    let requirements = set.requirements();
    let base = python::find()?;
    progress::note(&format!("making the virtual environment with {} …", base.display()));
    work.run(Command::new(base).args(["-I", "-m", "venv", "--clear"]).arg(&work.directory))
        .map_err(|output| python::unusable(&output))?;
    let names: BTreeSet<_> = packages(requirements).map(|(name, _)| name).collect();
    let kinto = packages(requirements).find(|(name, _)| *name == "kinto").map_or("", |(_, version)| version);
    progress::note(&format!("installing Kinto {kinto} ({} packages) …", names.len()));
    pip(work, &work.directory.join("bin/python"), requirements, &[])?;
    progress::note(&format!("installed after {} s", work.start.elapsed().as_secs()));
    Ok(())
}

/// Installs exactly the files whose hashes are in the requirements, which are written into the directory.
fn pip(work: &Work, python: &Path, requirements: &str, options: &[&str]) -> Result<(), Error> {
    let file = work.directory.join("requirements.txt");
    home::write(&file, requirements)?;
    let mut pip = Command::new(python);
    pip.args(PIP_INSTALL).args(options).arg("-r").arg(file);
    work.run(&mut pip).map_err(|output| no_index(&output))
}

/// The same, with nothing that they need, and into the directory itself.
pub(crate) fn pip_into(work: &Work, python: &Path, requirements: &str) -> Result<(), Error> {
    let _ = fs::remove_dir_all(&work.directory);
    home::directory(work.directory.clone())?;
    let target = format!("--target={}", work.directory.display());
    pip(work, python, requirements, &["--no-deps", &target])
}

fn no_index(output: &str) -> Error {
    Error::with_ways_out(
        format!("pip could not install what is needed. It said last:\n  {output}"),
        "give pip a way to its index, once (network, proxy, or a mirror in PIP_INDEX_URL)",
    )
}

/// Names and versions.
pub(crate) fn packages(requirements: &str) -> impl Iterator<Item = (&str, &str)> {
    requirements.lines().filter(|line| !line.starts_with(['#', ' '])).filter_map(|line| {
        let (name, rest) = line.split_once("==")?;
        Some((name, rest.split_whitespace().next()?))
    })
}
