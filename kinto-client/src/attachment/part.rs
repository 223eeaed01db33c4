//! The temporary file of a download, beside the file that it is to become.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tokio::{
    fs::{File, OpenOptions},
    io::{AsyncSeekExt as _, AsyncWriteExt as _},
};

use super::{digest::Digest, object::Attachment};
use crate::{
    error::{Error, Result, kind::ErrorKind},
    wire::random,
};

/// The number of digits of the digest of the file in the name of its part.
const DIGITS: usize = 16;

/// The number of digits in a name that a part has for itself.
const OWN_DIGITS: usize = 32;

/// The number of files in a folder that are looked at.
const MAX_ENTRIES: usize = 1000;

/// The number of times that a part is opened which another download renames or removes in the same moment.
const MAX_OPENINGS: usize = 8;

/// A file that is being downloaded: `logo.png.2cf24dba5fb0a30e.part`, named by its digest so that it can be continued.
///
/// It is locked as long as it is open.
pub(super) struct Part {
    pub(super) path: PathBuf,
    pub(super) file: File,
    pub(super) digest: Digest,
    /// Another download has the usual name, so that this has one of its own.
    pub(super) is_own_name: bool,
}

impl Part {
    pub(super) async fn open(target: &Path, attachment: &Attachment) -> Result<Self> {
        let usual = beside(target, &format!("{:.DIGITS$}.part", digits(&attachment.hash)));
        let (path, mut file, is_own_name) = if let Some(file) = open_locked(&usual).await? {
            (usual, file, false)
        } else {
            let path = beside(target, &format!("{}.part", random::uuid().simple()));
            let locked = open_locked(&path).await?;
            // Some file systems have no locks.
            let file = if let Some(file) = locked { file } else { open(&path).await? };
            (path, file, true)
        };
        let digest = Digest::of_file(&mut file).await.map_err(|error| failed("read", &path, error))?;
        let mut part = Self { path, file, digest, is_own_name };
        if part.digest.length() > attachment.size {
            part.restart().await?;
        }
        Ok(part)
    }

    /// Begins with an empty file.
    pub(super) async fn restart(&mut self) -> Result<()> {
        let truncate = async {
            self.file.set_len(0).await?;
            self.file.seek(io::SeekFrom::Start(0)).await.map(drop)
        };
        truncate.await.map_err(|error| failed("written", &self.path, error))?;
        self.digest = Digest::default();
        Ok(())
    }

    /// Gives it the name that it is for, once it is on disk.
    pub(super) async fn finish(mut self, target: &Path) -> Result<()> {
        let flush = async {
            self.file.flush().await?;
            self.file.sync_all().await
        };
        flush.await.map_err(|error| failed("written", &self.path, error))?;
        tokio::fs::rename(&self.path, target).await.map_err(|error| failed("written", target, error))?;
        sync_folder(target).await;
        Ok(())
    }

    pub(super) async fn is_empty(&mut self) -> bool {
        let _ = self.file.flush().await;
        self.file.metadata().await.is_ok_and(|metadata| metadata.len() == 0)
    }

    pub(super) async fn remove(self) {
        let _ = tokio::fs::remove_file(&self.path).await;
    }
}

/// Removes the parts of other files that were to become `target`: their downloads were interrupted, and the record has
/// another file now. A part that is locked belongs to a download that goes on.
///
/// It looks at so many files of the folder only that a download to a large one takes no longer.
pub(super) async fn remove_abandoned(target: &Path) {
    let target = target.to_owned();
    let _ = tokio::task::spawn_blocking(move || abandoned_in_folder(&target).for_each(remove_unlocked)).await;
}

fn abandoned_in_folder(target: &Path) -> impl Iterator<Item = PathBuf> {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = target.file_name().unwrap_or_default();
    let entries = fs::read_dir(folder).into_iter().flatten().take(MAX_ENTRIES).flatten();
    let parts = entries
        .filter(move |entry| is_part_of(name.as_encoded_bytes(), entry.file_name().as_encoded_bytes()))
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    parts.map(|entry| entry.path())
}

fn remove_unlocked(part: PathBuf) {
    if let Ok(file) = fs::File::open(&part)
        && file.try_lock().is_ok()
    {
        let _ = fs::remove_file(part);
    }
}

/// Returns true for the name of a part of a file with that name.
fn is_part_of(name: &[u8], other: &[u8]) -> bool {
    let digits = other.strip_prefix(name).and_then(|rest| rest.strip_prefix(b".")?.strip_suffix(b".part"));
    digits
        .is_some_and(|digits| [DIGITS, OWN_DIGITS].contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit))
}

/// Opens and locks the part with the usual name; `None` if another download has it.
async fn open_locked(path: &Path) -> Result<Option<File>> {
    for _ in 0..MAX_OPENINGS {
        let (file, is_free) = lock(open(path).await?).await;
        if !is_free {
            return Ok(None);
        }
        if is_at(path, &file).await {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

/// Locks a file, until it is closed, unless another download has locked it.
async fn lock(file: File) -> (File, bool) {
    let file = file.into_std().await;
    let is_free = file.try_lock().is_ok();
    (File::from_std(file), is_free)
}

/// Returns true if the open file still has that path: until it was locked, another download may have renamed or removed it.
#[cfg(unix)]
async fn is_at(path: &Path, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    match (tokio::fs::symlink_metadata(path).await, file.metadata().await) {
        (Ok(there), Ok(open)) => (there.dev(), there.ino()) == (open.dev(), open.ino()),
        _ => false,
    }
}

/// Returns true if there is a file at the path of the open file.
#[cfg(not(unix))]
async fn is_at(path: &Path, _: &File) -> bool {
    tokio::fs::symlink_metadata(path).await.is_ok()
}

/// Writes the new name to disk, where folders can be opened. The file is complete in any case.
async fn sync_folder(target: &Path) {
    if let Some(folder) = target.parent().filter(|folder| !folder.as_os_str().is_empty())
        && let Ok(folder) = File::open(folder).await
    {
        let _ = folder.sync_all().await;
    }
}

async fn open(path: &Path) -> Result<File> {
    let is_link = tokio::fs::symlink_metadata(path).await.is_ok_and(|metadata| !metadata.is_file());
    if is_link {
        return Err(Error::invalid(format!("{} is no file: remove it", path.display())));
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path).await.map_err(|error| failed("written", path, error))
}

/// Returns the path of a file beside another, whose name it begins with.
fn beside(target: &Path, extension: &str) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{extension}"));
    target.with_file_name(name)
}

/// The digits of a hash, which comes from a record and may have anything in it.
fn digits(hash: &str) -> String {
    hash.chars().filter(char::is_ascii_hexdigit).collect()
}

pub(super) fn failed(done: &str, path: &Path, error: io::Error) -> Error {
    let message = format!("{} could not be {done}: {error}", path.display());
    Error::new(ErrorKind::Storage, message).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_parts_are_parts() {
        let is_part = |other: &str| is_part_of(b"a.txt", other.as_bytes());
        assert!(is_part("a.txt.2cf24dba5fb0a30e.part"));
        assert!(is_part("a.txt.2cf24dba5fb0a30e2cf24dba5fb0a30e.part"));
        for other in [
            "a.txt",
            "a.txt.part",
            "a.txt.2cf24dba.part",
            "a.txt.2cf24dba5fb0a30x.part",
            "a.txt.2cf24dba5fb0a30e",
            "b.txt.2cf24dba5fb0a30e.part",
            "a.txt.b.txt.2cf24dba5fb0a30e.part",
        ] {
            assert!(!is_part(other), "{other}");
        }
    }
}
