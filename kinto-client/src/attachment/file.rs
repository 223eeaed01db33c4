//! A file on disk: the same as the record's, or not yet.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use tokio::{fs::File, io::AsyncWriteExt as _};

use super::{
    digest::Digest,
    download::Wanted,
    object::Attachment,
    part::{self, Part, failed},
    reading::FileReader,
    renewed::Renewals,
};
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    operation::sealed,
    wire::preview::RequestPreview,
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
    let on_disk = async {
        let metadata = tokio::fs::metadata(path).await?;
        if !metadata.is_file() || metadata.len() != attachment.size {
            return Ok(None);
        }
        Digest::of_file(&mut File::open(path).await?).await.map(Some)
    };
    match on_disk.await {
        Ok(Some(digest)) if attachment.is_of(digest.length(), &digest.hex()) => Ok(OnDisk::Right),
        Ok(_) => Ok(OnDisk::Other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(OnDisk::Missing),
        Err(error) => Err(failed("read", path, error)),
    }
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
        Ok(()) => {
            part.finish(path).await?;
            part::remove_abandoned(path).await;
            Ok(FileOutcome::Downloaded)
        }
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
