use std::{
    collections::BTreeSet,
    fmt,
    path::{Path, PathBuf},
};

use futures_util::{StreamExt as _, TryStreamExt as _};

use super::{
    file::{OnDisk, compare},
    folder::{CONCURRENCY, Found, check_concurrency, first_request, path_in, records},
    part::failed,
};
use crate::{
    client::Client,
    error::{Error, Result},
    operation::{Call, CallContext, sealed},
    wire::{list_query::Listing, object::kind, path::List, preview::RequestPreview},
};

/// Compares the files of the records of a collection with those in a folder.
pub struct VerifyAttachments {
    list: List<kind::Record>,
    folder: PathBuf,
    concurrency: usize,
}

/// The differences between the records of a collection and a folder with their files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttachmentDifferences {
    /// The number of files in the folder that are those of their records.
    pub intact: usize,
    /// The paths at which the file of a record is missing.
    pub missing: Vec<PathBuf>,
    /// The paths at which there is another file than that of the record: an older one, or a damaged one.
    pub stale: Vec<PathBuf>,
    /// The paths of files in the folder that are of no record, such as those of deleted records and parts of files whose
    /// download was interrupted.
    pub orphaned: Vec<PathBuf>,
}

impl AttachmentDifferences {
    /// Returns true if nothing is missing, stale or orphaned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.stale.is_empty() && self.orphaned.is_empty()
    }
}

impl VerifyAttachments {
    pub(super) fn new(list: List<kind::Record>, folder: PathBuf) -> Self {
        Self { list, folder, concurrency: CONCURRENCY }
    }

    fn context(&self) -> CallContext {
        CallContext::new("verify the attachments of", &self.list)
    }

    async fn verify(&self, client: &Client) -> Result<AttachmentDifferences> {
        check_concurrency(self.concurrency)?;
        let records = records(client, self.list.clone(), Listing::default());
        let one = |record: Result<Found>| async move {
            let record = record?;
            let Some(attachment) = record.attachment()? else { return Ok(None) };
            let path = path_in(&self.folder, &record.id, &attachment);
            let state = compare(&path, &attachment).await?;
            Ok::<_, Error>(Some((path, state)))
        };
        let mut files = std::pin::pin!(records.map(one).buffer_unordered(self.concurrency));
        let mut differences = AttachmentDifferences::default();
        let mut known = BTreeSet::new();
        while let Some(file) = files.try_next().await? {
            let Some((path, state)) = file else { continue };
            match state {
                OnDisk::Right => differences.intact += 1,
                OnDisk::Missing => differences.missing.push(path.clone()),
                OnDisk::Other => differences.stale.push(path.clone()),
            }
            known.insert(path);
        }
        differences.orphaned = orphaned(&self.folder, &known).await?;
        differences.missing.sort_unstable();
        differences.stale.sort_unstable();
        Ok(differences)
    }
}

/// Returns the files in the folder, and in its folders, that are not known.
async fn orphaned(folder: &Path, known: &BTreeSet<PathBuf>) -> Result<Vec<PathBuf>> {
    let mut orphaned = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let mut entries = match tokio::fs::read_dir(&folder).await {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed("read", &folder, error)),
        };
        while let Some(entry) = entries.next_entry().await.map_err(|error| failed("read", &folder, error))? {
            let path = entry.path();
            let kind = entry.file_type().await.map_err(|error| failed("read", &path, error))?;
            if kind.is_dir() {
                folders.push(path);
            } else if !known.contains(&path) {
                orphaned.push(path);
            }
        }
    }
    orphaned.sort_unstable();
    Ok(orphaned)
}

impl Call<'_, VerifyAttachments> {
    /// Sets the number of files that are read at the same time, instead of 4.
    pub fn concurrency(mut self, files: usize) -> Self {
        self.op.concurrency = files;
        self
    }
}

impl sealed::Action for VerifyAttachments {
    const NAME: &'static str = "VerifyAttachments";

    type Output = AttachmentDifferences;

    async fn run(self, client: Client) -> Result<AttachmentDifferences> {
        self.verify(&client).await.map_err(|error| self.context().attach(error))
    }
}

impl sealed::Preview for VerifyAttachments {
    fn preview(&self) -> Result<RequestPreview> {
        let request = first_request(&self.list, &Listing::default()).map_err(|error| self.context().attach(error))?;
        RequestPreview::first(request, "then the other pages")
    }
}

impl fmt::Debug for VerifyAttachments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyAttachments({}, {})", self.list, self.folder.display())
    }
}
