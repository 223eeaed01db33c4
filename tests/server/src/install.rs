//! Installs things once, whoever asks first, and shows how far it is.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::{Error, home, progress};

const SAY_EVERY: Duration = Duration::from_secs(5);
const KEPT_LINES: usize = 15;

/// Builds `home/name`, unless it was built to its end before and is still `usable`. The mark beside it is made last, so
/// what was interrupted is built anew.
pub(crate) fn once(
    home: &Path,
    name: &str,
    usable: impl Fn() -> bool,
    build: impl FnOnce(&Work) -> Result<(), Error>,
) -> Result<(), Error> {
    let complete = home.join(format!("{name}.complete"));
    let done = || complete.is_file() && usable();
    if done() {
        return Ok(());
    }
    let lock = home::lock(&home.join(format!("{name}.lock")), "installing the same")?;
    let work = Work { directory: home.join(name), lock, start: Instant::now() };
    if !done() {
        let _ = fs::remove_file(&complete);
        build(&work)?;
        home::write(&complete, "")?;
    }
    // The lock is part of the work, and has to outlast the mark.
    drop(work);
    Ok(())
}

/// The installation that is being built.
pub(crate) struct Work {
    pub(crate) directory: PathBuf,
    pub(crate) start: Instant,
    lock: File,
}

impl Work {
    /// Runs the command, says every few seconds how far it is, and returns the end of its output where it fails.
    pub(crate) fn run(&self, command: &mut Command) -> Result<(), String> {
        self.follow(command).map_err(|error| error.to_string())?
    }

    fn follow(&self, command: &mut Command) -> std::io::Result<Result<(), String>> {
        let (reader, writer) = std::io::pipe()?;
        // The standard input is the lock's empty file, so the lock is held until the command has ended, even when this
        // process is killed before: nobody begins anew while it still writes.
        command.stdin(self.lock.try_clone()?).stderr(writer.try_clone()?).stdout(writer);
        let mut child = command.spawn()?;
        // The command still has the ends that are written to; with them the reader would never come to an end.
        command.stdin(Stdio::null()).stderr(Stdio::null()).stdout(Stdio::null());
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || {
            BufReader::new(reader).lines().map_while(Result::ok).for_each(|line| drop(send.send(line)));
        });
        let mut output = Vec::new();
        let mut said = Instant::now();
        loop {
            match lines.recv_timeout(Duration::from_secs(1)) {
                // What pip says about requirements of other systems.
                Ok(line) if line.starts_with("Ignoring ") => {}
                Ok(line) => output.push(line),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if said.elapsed() > SAY_EVERY {
                said = Instant::now();
                let now: String = output.last().map_or("", String::as_str).trim().chars().take(80).collect();
                progress::note(&format!("… {} s: {now}", self.start.elapsed().as_secs()));
            }
        }
        let end = output.get(output.len().saturating_sub(KEPT_LINES)..).unwrap_or_default();
        Ok(if child.wait()?.success() { Ok(()) } else { Err(end.join("\n  ")) })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    fn scratch() -> Result<std::path::PathBuf, Error> {
        home::directory(home::home()?.join("tests").join(crate::unique("install")))
    }

    #[test]
    fn interrupted_build_is_repeated() -> Outcome {
        let scratch = scratch()?;
        let half = |work: &Work| {
            home::directory(work.directory.join("half"))?;
            Err(Error::new("interrupted"))
        };
        assert!(once(&scratch, "thing", || true, half).is_err());
        assert!(scratch.join("thing/half").exists());
        let builds = Cell::new(0);
        let whole = |_: &Work| {
            builds.set(builds.get() + 1);
            Ok(())
        };
        once(&scratch, "thing", || true, whole)?;
        once(&scratch, "thing", || true, whole)?;
        assert_eq!(builds.get(), 1);
        once(&scratch, "thing", || builds.get() > 1, whole)?;
        assert_eq!(builds.get(), 2, "what became unusable is built anew");
        fs::remove_dir_all(scratch)?;
        Ok(())
    }

    #[test]
    fn many_at_once_build_once() -> Outcome {
        let scratch = scratch()?;
        let builds = std::sync::atomic::AtomicU32::new(0);
        let build = |_: &Work| {
            builds.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(50));
            Ok(())
        };
        std::thread::scope(|scope| {
            let started = [(); 16].map(|()| scope.spawn(|| once(&scratch, "thing", || true, build)));
            started.into_iter().all(|thread| thread.join().is_ok_and(|built| built.is_ok()))
        })
        .then_some(())
        .ok_or("a build failed")?;
        assert_eq!(builds.into_inner(), 1);
        fs::remove_dir_all(scratch)?;
        Ok(())
    }

    #[test]
    fn error_has_the_end_of_the_output() -> Outcome {
        let scratch = scratch()?;
        let script = "seq 100; echo oh no >&2; exit 1";
        once(
            &scratch,
            "thing",
            || true,
            |work| {
                let said = work.run(Command::new("sh").args(["-c", script]));
                let said = said.err().unwrap_or_default();
                assert!(said.starts_with("87\n") && said.ends_with("oh no"), "{said}");
                Ok(())
            },
        )?;
        fs::remove_dir_all(scratch)?;
        Ok(())
    }
}
