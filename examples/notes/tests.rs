//! Runs the program as a person would: without a network, and on two devices.

#![allow(clippy::expect_used, clippy::panic, reason = "that is how a test fails")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use kinto_server::{Server, unique};
use kinto_tests::Outcome;

type Said = Result<String, Box<dyn std::error::Error>>;

/// Cargo builds the examples of a package before it runs its tests.
fn program() -> Result<PathBuf, Box<dyn std::error::Error>> {
    let test = env::current_exe()?;
    let profile = test.ancestors().nth(2).ok_or("no directory above the test's")?;
    let program = profile.join("examples").join(format!("notes{}", env::consts::EXE_SUFFIX));
    if program.is_file() { Ok(program) } else { Err("not built: use `cargo test -p kinto-examples`".into()) }
}

/// One person on one machine.
struct Device<'a> {
    file: PathBuf,
    url: &'a str,
    collection: &'a str,
}

impl Device<'_> {
    fn at(&self, url: &str, arguments: &[&str]) -> Said {
        let mut command = Command::new(program()?);
        command.args(arguments).arg("--file").arg(&self.file).args(["--server", url, "--auth", "noter:p4ssw0rd"]);
        let output = command.args(["--collection", self.collection]).output()?;
        let (said, errors) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
        if output.status.success() { Ok(said) } else { Err(errors.into()) }
    }

    fn run(&self, arguments: &[&str]) -> Said {
        self.at(self.url, arguments)
    }

    /// Runs it where no server can be reached.
    fn offline(&self, arguments: &[&str]) -> Said {
        self.at("http://127.0.0.1:9/v1", arguments)
    }
}

fn folder() -> std::io::Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(unique("notes"));
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn id_of(line: &str) -> String {
    line.split_whitespace().next().unwrap_or_default().to_owned()
}

#[test]
fn notes_of_two_devices_meet_on_the_server() -> Outcome {
    let (server, folder, collection) = (Server::shared()?, folder()?, unique("notes"));
    let device = |name: &str| Device { file: folder.join(name), url: server.url(), collection: &collection };
    let (laptop, phone) = (device("laptop.db"), device("phone.db"));

    let milk = id_of(&laptop.run(&["add", "Milk"])?);
    assert!(laptop.run(&["sync"])?.contains("0 received, 0 deleted, 1 sent"));
    assert!(phone.run(&["sync"])?.contains("1 received, 0 deleted, 0 sent"));
    assert_eq!(phone.run(&["list"])?, format!("{milk}  [ ] Milk\n"));

    // One field on each side.
    laptop.run(&["done", &milk])?;
    phone.run(&["edit", &milk, "Oat milk"])?;
    laptop.run(&["sync"])?;
    phone.run(&["sync"])?;
    laptop.run(&["sync"])?;
    for device in [&laptop, &phone] {
        assert_eq!(device.run(&["list"])?, format!("{milk}  [x] Oat milk\n"));
    }

    // The same field on both.
    laptop.run(&["edit", &milk, "Cream"])?;
    phone.run(&["edit", &milk, "Butter"])?;
    laptop.run(&["sync"])?;
    let said = phone.run(&["sync"])?;
    assert!(said.contains(&format!("{milk}  has a conflict")), "{said}");
    assert_eq!(phone.run(&["status"])?, "0 to send, 1 with a conflict, 0 refused\n");
    assert_eq!(phone.run(&["conflicts"])?, format!("{milk}  mine: Butter  theirs: Cream\n"));
    phone.run(&["resolve", &milk, "--text", "Cream and butter"])?;
    assert!(phone.run(&["sync"])?.contains("1 sent"));
    laptop.run(&["sync"])?;
    assert_eq!(laptop.run(&["list"])?, format!("{milk}  [x] Cream and butter\n"));
    laptop.run(&["rm", &milk])?;
    laptop.run(&["sync"])?;
    assert!(phone.run(&["sync"])?.contains("1 deleted"));
    assert_eq!(phone.run(&["list"])?, "");
    Ok(())
}

#[test]
fn everything_but_sync_works_without_a_network() -> Outcome {
    let (folder, collection) = (folder()?, unique("notes"));
    let server = Server::builder().start()?;
    let url = server.url().to_owned();
    let device = Device { file: folder.join("notes.db"), url: &url, collection: &collection };
    let error = device.offline(&["add", "Milk"]).unwrap_err().to_string();
    assert!(error.contains("records are kept by user") && error.lines().count() == 1, "{error}");

    device.run(&["add", "Milk"])?;
    drop(server);
    let tea = id_of(&device.run(&["add", "Tea"])?);
    device.run(&["edit", &tea, "Green tea"])?;
    assert_eq!(device.run(&["list"])?.lines().count(), 2);
    assert!(device.run(&["list"])?.contains("[ ] Green tea"));
    let status = device.run(&["status"])?;
    assert!(status.starts_with("2 to send, 0 with a conflict, 0 refused\n"), "{status}");
    assert!(status.contains(&format!("{tea}  new\n")), "{status}");
    let error = device.run(&["sync"]).unwrap_err().to_string();
    assert!(error.starts_with("notes: could not ") && error.lines().count() == 1, "{error}");
    Ok(())
}
