//! A file on disk: the same as the record's, or not yet.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use bytes::BytesMut;
use tokio::{
    fs::{File, OpenOptions},
    io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _},
};

use super::{
    digest::Digest, download::Wanted, object::Attachment, prepared::PART, reading::FileReader, renewed::Renewals,
};
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    operation::sealed,
    wire::{preview::RequestPreview, random},
};

/// Downloads the file of a record to a file.
pub struct DownloadToFile {
    wanted: Wanted,
    path: PathBuf,
}

/// A file that was downloaded, or was there.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DownloadedFile {
    /// The path of the file.
    pub path: PathBuf,
    /// The description of the file in the record.
    pub attachment: Attachment,
    /// The work that there was to do.
    pub outcome: FileOutcome,
}

/// The work that a download had to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileOutcome {
    /// The file was downloaded.
    Downloaded,
    /// The file was there already, with the right bytes, and nothing was requested.
    Unchanged,
}

impl DownloadToFile {
    pub(super) fn new(wanted: Wanted, path: PathBuf) -> Self {
        Self { wanted, path }
    }
}

impl sealed::Action for DownloadToFile {
    const NAME: &'static str = "DownloadToFile";

    type Output = DownloadedFile;

    async fn run(self, client: Client) -> Result<DownloadedFile> {
        let context = self.wanted.context();
        let download = async {
            let max_size = self.wanted.max_size();
            let (mut attachment, mut renewals) = (self.wanted.attachment(&client).await?, Renewals::default());
            let outcome = loop {
                match to_file(&client, &attachment, &self.path, max_size).await {
                    Ok(outcome) => break outcome,
                    Err(error) => attachment = self.wanted.newer(&client, &attachment, error, &mut renewals).await?,
                }
            };
            Ok(DownloadedFile { path: self.path, attachment, outcome })
        };
        download.await.map_err(|error: Error| context.attach(error))
    }
}

impl sealed::Preview for DownloadToFile {
    fn preview(&self) -> Result<RequestPreview> {
        self.wanted.preview()
    }
}

impl fmt::Debug for DownloadToFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DownloadToFile({}, {})", self.wanted.place, self.path.display())
    }
}

/// The file at a path, compared with its description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnDisk {
    Missing,
    Other,
    Right,
}

/// Compares the file at a path with a description, by its size first.
pub(super) async fn compare(path: &Path, attachment: &Attachment) -> Result<OnDisk> {
    let metadata = match tokio::fs::metadata(path).await {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(OnDisk::Missing),
        Err(error) => return Err(failed("read", path, error)),
    };
    if !metadata.is_file() || metadata.len() != attachment.size {
        return Ok(OnDisk::Other);
    }
    let mut file = File::open(path).await.map_err(|error| failed("read", path, error))?;
    let digest = digest_of(&mut file).await.map_err(|error| failed("read", path, error))?;
    Ok(if attachment.is_of(digest.length(), &digest.hex()) { OnDisk::Right } else { OnDisk::Other })
}

/// Downloads a file unless it is at the path already.
pub(super) async fn to_file(
    client: &Client,
    attachment: &Attachment,
    path: &Path,
    max_size: u64,
) -> Result<FileOutcome> {
    let is_folder = tokio::fs::metadata(path).await.is_ok_and(|metadata| metadata.is_dir());
    if is_folder || path.file_name().is_none() {
        return Err(Error::invalid(format!("{} is a folder: the path has to be that of a file", path.display())));
    }
    if compare(path, attachment).await? == OnDisk::Right {
        return Ok(FileOutcome::Unchanged);
    }
    let mut part = Part::open(path, attachment).await?;
    let continued = part.digest.length() > 0;
    let mut fetched = fetch(client, attachment, &mut part, max_size).await;
    if continued && fetched.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unexpected) {
        // What was left of an earlier download may be the wrong part.
        part.restart().await?;
        fetched = fetch(client, attachment, &mut part, max_size).await;
    }
    match fetched {
        Ok(()) => part.finish(path).await.map(|()| FileOutcome::Downloaded),
        Err(error) => {
            // There is nothing in it to continue with, or nothing right.
            if error.kind() == ErrorKind::Unexpected || part.is_own_name || part.is_empty().await {
                part.remove().await;
            }
            Err(error)
        }
    }
}

async fn fetch(client: &Client, attachment: &Attachment, part: &mut Part, max_size: u64) -> Result<()> {
    let mut reader = FileReader::new(client, attachment, max_size, part.digest.clone()).await?;
    while let Some(bytes) = reader.next().await? {
        part.file.write_all(&bytes).await.map_err(|error| failed("written", &part.path, error))?;
    }
    Ok(())
}

/// A file that is being downloaded: `logo.png.2cf24dba5fb0a30e.part`, named by its digest so that it can be continued.
struct Part {
    path: PathBuf,
    file: File,
    digest: Digest,
    /// Another download has the usual name, so that this has one of its own.
    is_own_name: bool,
}

impl Part {
    async fn open(target: &Path, attachment: &Attachment) -> Result<Self> {
        let usual = beside(target, &format!("{:.16}.part", digits(&attachment.hash)));
        let mut is_own_name = false;
        let (mut path, mut file) = (usual.clone(), open(&usual).await?);
        // The lock lasts as long as the file is open.
        let locked = file.into_std().await;
        let is_free = locked.try_lock().is_ok();
        file = File::from_std(locked);
        if !is_free {
            is_own_name = true;
            path = beside(target, &format!("{}.part", random::uuid().simple()));
            file = open(&path).await?;
        }
        let digest = digest_of(&mut file).await.map_err(|error| failed("read", &path, error))?;
        let mut part = Self { path, file, digest, is_own_name };
        if part.digest.length() > attachment.size {
            part.restart().await?;
        }
        Ok(part)
    }

    /// Begins with an empty file.
    async fn restart(&mut self) -> Result<()> {
        let truncate = async {
            self.file.set_len(0).await?;
            self.file.seek(io::SeekFrom::Start(0)).await.map(drop)
        };
        truncate.await.map_err(|error| failed("written", &self.path, error))?;
        self.digest = Digest::default();
        Ok(())
    }

    /// Gives it the name that it is for, once it is on disk.
    async fn finish(mut self, target: &Path) -> Result<()> {
        let flush = async {
            self.file.flush().await?;
            self.file.sync_all().await
        };
        flush.await.map_err(|error| failed("written", &self.path, error))?;
        tokio::fs::rename(&self.path, target).await.map_err(|error| failed("written", target, error))?;
        sync_folder(target).await;
        Ok(())
    }

    async fn is_empty(&mut self) -> bool {
        let _ = self.file.flush().await;
        self.file.metadata().await.is_ok_and(|metadata| metadata.len() == 0)
    }

    async fn remove(self) {
        let _ = tokio::fs::remove_file(&self.path).await;
    }
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

async fn digest_of(file: &mut File) -> io::Result<Digest> {
    let mut digest = Digest::default();
    let mut part = BytesMut::with_capacity(PART);
    while file.read_buf(&mut part).await? > 0 {
        digest.update(&part);
        part.clear();
    }
    Ok(digest)
}

pub(super) fn failed(done: &str, path: &Path, error: io::Error) -> Error {
    let message = format!("{} could not be {done}: {error}", path.display());
    Error::new(ErrorKind::Storage, message).caused_by(error)
}
