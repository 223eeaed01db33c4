//! Starts the launcher, the Python program that runs a server for as long as anybody holds a lease on it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fs4::fs_std::FileExt;
use serde_json::{Value, json};

use crate::lease::Address;
use crate::venv::Packages;
use crate::{Error, home};

const SCRIPTS: &[(&str, &str)] = &[
    ("launcher.py", include_str!("../python/launcher.py")),
    ("migrate.py", include_str!("../python/migrate.py")),
    ("postgres.py", include_str!("../python/postgres.py")),
    ("web.py", include_str!("../python/web.py")),
];

const KEPT_SERVERS: usize = 30;

/// The instructions for the launcher.
pub(crate) struct Plan<'a> {
    /// The directory of its binaries, where PostgreSQL is the backend.
    pub(crate) postgres: Option<&'a Path>,
    pub(crate) workers: u32,
    pub(crate) linger: u32,
    pub(crate) ini: &'a str,
}

/// Starts a launcher with a directory of its own and returns where it takes leases.
pub(crate) fn start(home: &Path, python: &Path, plan: &Plan<'_>) -> Result<Address, Error> {
    let scripts = scripts(home)?;
    let servers = home.join("servers");
    prune(&servers);
    let directory = &home::directory(servers.join(crate::unique("server")))?;
    let ini = directory.join("kinto.ini");
    home::write(&ini, plan.ini)?;
    let config = directory.join("launch.json");
    let told = json!({
        "directory": directory, "ini": ini, "linger": plan.linger, "workers": plan.workers,
        "postgres_bin": plan.postgres, "postgres_template": plan.postgres.map(|binaries| template(home, binaries)),
    });
    home::write(&config, &told.to_string())?;
    let log = log(directory);
    let cannot = |error| Error::io(format!("cannot start {}", python.display()), &error);
    let mut child = Command::new(python)
        .arg("-I")
        .arg(scripts.join("launcher.py"))
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(File::create(&log).map_err(cannot)?)
        .spawn()
        .map_err(cannot)?;
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        BufReader::new(stdout).read_line(&mut line).map_err(cannot)?;
    }
    // The launcher has detached itself, so this does not wait for its end.
    child.wait().map_err(cannot)?;
    Address::parse(&line, directory).ok_or_else(|| failed("the launcher did not start", directory))
}

/// A cluster with Kinto's tables, made once: of one version of PostgreSQL, by one version of Kinto and of the scripts.
fn template(home: &Path, binaries: &Path) -> PathBuf {
    home.join(format!("cluster-{}", home::key([&*binaries.to_string_lossy(), &Packages::Kinto.key(), &key()])))
}

pub(crate) fn log(directory: &Path) -> PathBuf {
    directory.join("server.log")
}

/// The error for a server that did not come up, with the end of its log.
pub(crate) fn failed(problem: &str, directory: &Path) -> Error {
    let path = log(directory);
    let log = fs::read(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<_> = log.lines().collect();
    let end = lines.get(lines.len().saturating_sub(25)..).unwrap_or_default().join("\n  ");
    Error::new(format!("Kinto did not start: {problem}\nThe end of {}:\n  {end}", path.display()))
}

/// Removes the files of servers that have ended, except for the newest, whose logs may be wanted.
fn prune(servers: &Path) -> Option<()> {
    let mut all: Vec<_> = fs::read_dir(servers).ok()?.flatten().map(|entry| entry.path()).collect();
    // Asked once each: other processes change the times meanwhile.
    all.sort_by_cached_key(|path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok());
    all.truncate(all.len().saturating_sub(KEPT_SERVERS));
    for directory in all {
        let lock = File::options().create(true).truncate(false).write(true).open(directory.join("lock"));
        if lock.is_ok_and(|lock| FileExt::try_lock_exclusive(&lock).unwrap_or(false)) {
            let _ = fs::remove_dir_all(directory);
        }
    }
    Some(())
}

fn scripts(home: &Path) -> Result<PathBuf, Error> {
    let directory = home::directory(home.join(format!("scripts-{}", key())))?;
    for (name, text) in SCRIPTS {
        let path = directory.join(name);
        if !path.is_file() {
            home::write(&path, text)?;
        }
    }
    Ok(directory)
}

pub(crate) fn key() -> String {
    home::key(SCRIPTS.iter().map(|(_, text)| *text))
}

impl Address {
    pub(crate) fn parse(line: &str, directory: &Path) -> Option<Self> {
        let value: Value = serde_json::from_str(line).ok()?;
        Some(Self {
            port: u16::try_from(value.get("port")?.as_u64()?).ok()?,
            token: value.get("token")?.as_str()?.to_owned(),
            directory: value.get("directory").and_then(Value::as_str).map_or(directory.into(), PathBuf::from),
        })
    }

    pub(crate) fn text(&self) -> String {
        json!({"port": self.port, "token": self.token, "directory": self.directory}).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::venv;

    #[test]
    fn permissions_in_memory_are_those_of_kinto() -> Result<(), Error> {
        let python = venv::python(&home::home()?, Packages::Kinto)?;
        let check = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/check_permissions.py");
        let output = Command::new(&python).args(["-I", "-B", "-W", "ignore"]).arg(check).output();
        let output = output.map_err(|error| Error::io(format!("cannot start {}", python.display()), &error))?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }
}
