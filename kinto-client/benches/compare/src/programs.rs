//! The programs that are compared: built, or installed at the versions that are pinned, once.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::Outcome;

/// One of the programs, as it is started.
#[derive(Clone)]
pub(crate) struct Program {
    /// The language and library of the program.
    pub(crate) name: &'static str,
    command: Vec<PathBuf>,
}

/// The programs that are installed on this machine.
pub(crate) struct Programs {
    pub(crate) client: Program,
    pub(crate) plain: Program,
    /// That of the feature `local`.
    pub(crate) local: Program,
    pub(crate) python: Option<Program>,
    pub(crate) node: Option<Program>,
    /// That of kinto.js' own store.
    pub(crate) node_local: Option<Program>,
}

impl Program {
    /// The command that does this work.
    pub(crate) fn command(&self, work: &str, url: &str, records: u64, times: u64) -> Command {
        let mut words = self.command.iter();
        let mut command = Command::new(words.next().map_or(Path::new(""), PathBuf::as_path));
        command.args(words).args([work, url, &records.to_string(), &times.to_string()]);
        command
    }
}

impl Programs {
    pub(crate) fn prepare() -> Outcome<Self> {
        Ok(Self {
            client: built("kinto-client", "compare-client")?,
            plain: built("reqwest + serde_json", "compare-plain")?,
            local: built("kinto-client, local", "compare-local")?,
            python: missing("kinto-http", python()),
            node: missing("kinto.js", node("program.cjs")),
            node_local: missing("kinto.js", node("local.cjs")),
        })
    }
}

fn missing(name: &str, program: Outcome<Program>) -> Option<Program> {
    program.inspect_err(|error| eprintln!("{name} is left out: {error}")).ok()
}

/// The directory of the programs' sources.
fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("programs")
}

/// Returns cargo's target folder, derived from this executable: `target/release/kinto-compare`.
pub(crate) fn target() -> Outcome<PathBuf> {
    let executable = env::current_exe()?;
    Ok(executable.ancestors().nth(2).ok_or("this executable is in no target directory")?.to_path_buf())
}

/// Each program is built alone, so that it has the features of its dependencies that it would have outside of this
/// workspace.
fn built(name: &'static str, package: &str) -> Outcome<Program> {
    let target = target()?;
    run(cargo().args(["build", "--quiet", "--release", "-p", package, "--target-dir"]).arg(&target))?;
    Ok(Program { name, command: vec![target.join("release").join(package)] })
}

pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo
}

fn python() -> Outcome<Program> {
    let home = home("python")?;
    let python = home.join("bin/python");
    let requirements = sources().join("python/requirements.txt");
    if !is_current(&home, &requirements) {
        let base = env::var("KINTO_PYTHON").ok().filter(|path| !path.is_empty()).unwrap_or_else(|| "python3".into());
        run(Command::new(base).args(["-I", "-m", "venv", "--clear"]).arg(&home))?;
        let options = ["-I", "-m", "pip", "install", "--quiet", "--no-input", "--require-hashes", "-r"];
        run(Command::new(&python).args(options).arg(&requirements))?;
        installed(&home, &requirements)?;
    }
    Ok(Program { name: "kinto-http", command: vec![python, sources().join("python/program.py")] })
}

fn node(program: &str) -> Outcome<Program> {
    let home = home("node")?;
    let lock = sources().join("node/package-lock.json");
    if !is_current(&home, &lock) {
        for file in ["package.json", "package-lock.json"] {
            fs::copy(sources().join("node").join(file), home.join(file))?;
        }
        // Of what `kinto` names as a dependency, playwright would download browsers.
        let options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"];
        run(Command::new("npm").args(options).current_dir(&home))?;
        installed(&home, &lock)?;
    }
    // It finds its modules beside itself.
    fs::copy(sources().join("node").join(program), home.join(program))?;
    Ok(Program { name: "kinto.js", command: vec!["node".into(), home.join(program)] })
}

fn home(name: &str) -> Outcome<PathBuf> {
    let home = target()?.join("compare").join(name);
    fs::create_dir_all(&home)?;
    Ok(home)
}

/// Returns `true` if the installed packages are those that this file lists.
fn is_current(home: &Path, list: &Path) -> bool {
    fs::read(home.join("installed")).is_ok_and(|known| fs::read(list).is_ok_and(|list| known == list))
}

fn installed(home: &Path, list: &Path) -> Outcome {
    fs::copy(list, home.join("installed"))?;
    Ok(())
}

/// Runs a command to its end, and gives what it printed.
pub(crate) fn run(command: &mut Command) -> Outcome<String> {
    let output = command.output().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    if output.status.success() {
        Ok(String::from_utf8(output.stdout)?)
    } else {
        let program = command.get_program().display();
        Err(format!("{program} failed: {}", String::from_utf8_lossy(&output.stderr).trim()).into())
    }
}
