//! Runs the program as a person would, and reads what it says.

use std::{env, error::Error, path::PathBuf, process::Command};

use kinto_server::{Server, unique};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

struct Todo {
    options: Vec<String>,
}

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Todo {
    fn on(url: &str, auth: &str) -> Self {
        Self { options: ["--server", url, "--auth", auth, "--collection", &unique("list")].map(str::to_owned).to_vec() }
    }

    fn run(&self, arguments: &[&str]) -> Result<Said> {
        run(self.options.iter().map(String::as_str).chain(arguments.iter().copied()))
    }

    /// Runs the program, which must succeed, and returns its output.
    fn done(&self, arguments: &[&str]) -> Result<String> {
        let said = self.run(arguments)?;
        if said.code == Some(0) { Ok(said.out) } else { Err(said.err.into()) }
    }

    /// The line it ended with when it could not.
    fn failed(&self, arguments: &[&str]) -> Result<String> {
        let said = self.run(arguments)?;
        match said.err.lines().last() {
            Some(last) if said.code == Some(1) && said.out.is_empty() && said.has_only_messages() => {
                Ok(last.to_owned())
            }
            _ => Err(format!("{:?}\n{}\n{}", said.code, said.out, said.err).into()),
        }
    }
}

impl Said {
    /// As opposed to a panic, or a backtrace.
    fn has_only_messages(&self) -> bool {
        self.err.lines().all(|line| line.starts_with("todo: "))
    }
}

fn run<'a>(arguments: impl Iterator<Item = &'a str>) -> Result<Said> {
    let output = Command::new(program()?)
        .args(arguments)
        .env_remove("KINTO_SERVER_URL")
        .env_remove("KINTO_AUTH")
        .env_remove("RUST_BACKTRACE")
        .output()?;
    Ok(Said {
        code: output.status.code(),
        out: String::from_utf8(output.stdout)?,
        err: String::from_utf8(output.stderr)?,
    })
}

/// Cargo builds the examples of a package before it runs its tests.
fn program() -> Result<PathBuf> {
    let test = env::current_exe()?;
    let profile = test.ancestors().nth(2).ok_or("no directory above the test's")?;
    let program = profile.join("examples").join(format!("todo{}", env::consts::EXE_SUFFIX));
    if program.is_file() { Ok(program) } else { Err("not built: use `cargo test -p kinto-examples`".into()) }
}

fn id(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or_default()
}

#[test]
fn there_and_back() -> Result {
    let todo = Todo::on(Server::shared()?.url(), "there:back");
    let said = todo.done(&[])?;
    assert_eq!(said.matches("[ ] Todo #").count(), 4, "{said}");
    assert!(said.contains(r#""room":"kitchen""#), "{said}");
    assert!(said.contains("`room` and `every`, which Todo does not know, are as they were"), "{said}");
    // The same once more, in the same place: it has tidied up.
    todo.done(&[])?;
    Ok(())
}

/// Without Python, and without a server that was named, everything happens in memory.
#[test]
fn there_and_back_without_python() -> Result {
    let output = Command::new(program()?)
        .env("KINTO_PYTHON", "/nonexistent/python")
        .env_remove("KINTO_SERVER_URL")
        .env_remove("KINTO_AUTH")
        .output()?;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    assert!(out.contains("`room` and `every`, which Todo does not know, are as they were"), "{out}");
    assert!(err.lines().count() == 1 && err.contains("/nonexistent/python") && err.contains("in memory"), "{err}");
    Ok(())
}

#[test]
fn there_and_back_spares_what_is_there() -> Result {
    let todo = Todo::on(Server::shared()?.url(), "careful:one");
    let milk = todo.done(&["add", "Milk"])?;
    let said = todo.run(&[])?;
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("412"), "{}", said.err);
    assert_eq!(todo.done(&["list"])?, milk);
    Ok(())
}

#[test]
fn list_is_kept() -> Result {
    let todo = Todo::on(Server::shared()?.url(), "list:keeper");
    let added = todo.done(&["add", "Milk", "Bread and butter"])?;
    let ids: Vec<_> = added.lines().map(id).collect();
    let [milk, bread] = ids[..] else { return Err(added.into()) };
    assert_eq!(todo.done(&["done", milk])?, format!("{milk}  [x] Milk\n"));
    assert_eq!(todo.done(&["rename", bread, "Cake"])?, format!("{bread}  [ ] Cake\n"));
    assert_eq!(todo.done(&["list"])?, format!("{bread}  [ ] Cake\n{milk}  [x] Milk\n"));
    assert_eq!(todo.done(&["rm", bread])?, format!("{bread}  removed\n"));
    assert_eq!(todo.done(&["list"])?, format!("{milk}  [x] Milk\n"));
    Ok(())
}

#[test]
fn add_makes_the_bucket() -> Result {
    let todo = Todo::on(Server::shared()?.url(), "bucket:maker");
    let bucket = unique("bucket");
    assert!(todo.failed(&["list", "--bucket", &bucket])?.contains("--bucket"));
    let milk = todo.done(&["add", "Milk", "--bucket", &bucket])?;
    assert_eq!(todo.done(&["list", "--bucket", &bucket])?, milk);
    Ok(())
}

#[test]
fn unknown_id_is_named() -> Result {
    let todo = Todo::on(Server::shared()?.url(), "who:knows");
    todo.done(&["add", "Milk"])?;
    for command in [&["done", "nowhere"][..], &["rename", "nowhere", "Cake"], &["rm", "nowhere"]] {
        let said = todo.failed(command)?;
        assert!(said.contains(r#"no to-do "nowhere" in default/"#) && said.contains("`list`"), "{said}");
    }
    let said = todo.failed(&["rm", "no/where"])?;
    assert!(said.contains(r#""no/where" cannot be the id of a record"#), "{said}");
    Ok(())
}

#[test]
fn server_that_is_away_is_named() -> Result {
    // Nothing listens on the port of a listener that is closed.
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let url = format!("http://127.0.0.1:{port}/v1");
    for command in [&[][..], &["list"]] {
        let said = Todo::on(&url, "any:one").failed(command)?;
        assert!(said.contains(&format!("no Kinto answers at {url}")), "{said}");
    }
    Ok(())
}

#[test]
fn wrong_password_is_said() -> Result {
    let strict = Server::builder().setting("multiauth.policies", "account").shared()?;
    let said = Todo::on(strict.url(), "admin:s3cr3t").failed(&["list"])?;
    assert!(said.contains("password") && said.contains("--auth") && !said.contains("s3cr3t"), "{said}");

    let lenient = Server::builder().setting("multiauth.policies", "account basicauth").shared()?;
    let said = Todo::on(lenient.url(), "admin:s3cr3t").run(&["list"])?;
    assert!(said.code == Some(0) && said.err.contains("no account"), "{}", said.err);
    let said = Todo::on(lenient.url(), "admin:admin").run(&["list"])?;
    assert!(!said.err.contains("no account"), "{}", said.err);
    Ok(())
}

#[test]
fn password_is_not_shown() -> Result {
    let said = Todo::on("http://localhost/v1", "s3cr3t").failed(&["list"])?;
    assert!(said.contains("--auth") && !said.contains("s3cr3t"), "{said}");
    let said = Todo::on("http://alexis:s3cr3t@localhost/v1", "any:one").failed(&["list"])?;
    assert!(said.contains("credentials") && !said.contains("s3cr3t"), "{said}");
    Ok(())
}

#[test]
fn without_a_server_commands_ask_for_one() -> Result {
    let said = run(["list"].into_iter())?;
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("--server URL or KINTO_SERVER_URL"), "{}", said.err);
    Ok(())
}
