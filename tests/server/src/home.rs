//! The folder for installed files: `kinto-server` in cargo's target directory.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fs4::fs_std::FileExt;

use crate::{Error, progress};

const SILENT: Duration = Duration::from_secs(2);

/// Creates and returns the directory everything of this crate is below.
pub(crate) fn home() -> Result<PathBuf, Error> {
    // Every process of a run must come to the same answer, and the executable of a doctest lies outside of the target
    // directory; where this crate was built is the same for all of them, and right for every way to configure it.
    let target = marked(Path::new(env!("OUT_DIR")))
        .or_else(|| std::env::current_exe().ok().and_then(|exe| marked(&exe)))
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"));
    directory(target.join("kinto-server"))
}

fn marked(path: &Path) -> Option<PathBuf> {
    path.ancestors().find(|directory| directory.join("CACHEDIR.TAG").is_file()).map(Path::to_path_buf)
}

pub(crate) fn directory(path: PathBuf) -> Result<PathBuf, Error> {
    fs::create_dir_all(&path).map_err(|error| Error::io(format!("cannot make {}", path.display()), &error))?;
    Ok(path)
}

/// Holds the lock until the file is dropped; says so on stderr when another process keeps it.
pub(crate) fn lock(path: &Path, held_for: &str) -> Result<File, Error> {
    let failed = |error| Error::io(format!("cannot lock {}", path.display()), &error);
    let file = File::options().create(true).truncate(false).read(true).write(true).open(path).map_err(failed)?;
    let start = Instant::now();
    while !FileExt::try_lock_exclusive(&file).map_err(failed)? {
        if start.elapsed() > SILENT {
            progress::note(&format!("waiting for another process that is {held_for} …"));
            FileExt::lock_exclusive(&file).map_err(failed)?;
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(file)
}

/// A name for contents: FNV-1a, because `std`'s hasher may differ between compilers and nothing here is adversarial.
pub(crate) fn key<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for part in parts {
        for byte in part.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}

/// Replaces the file in one step, so that no other process reads half of it.
pub(crate) fn write(path: &Path, contents: &str) -> Result<(), Error> {
    let temporary = path.with_extension(crate::unique("new"));
    fs::write(&temporary, contents)
        .and_then(|()| fs::rename(&temporary, path))
        .map_err(|error| Error::io(format!("cannot write {}", path.display()), &error))
}
