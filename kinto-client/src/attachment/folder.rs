//! The files of the records of a collection in a folder: `<folder>/<record id>/<file name>`.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::{Map, Value};

use super::{
    file::{FileOutcome, to_file},
    object::Attachment,
    part::failed,
    renewed::Renewals,
    upload::MAX_SIZE,
};
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    operation::{Call, CallContext, list::GetAll, sealed},
    wire::{
        list_query::Listing,
        object::{Record, kind},
        order::LAST_MODIFIED,
        path::{List, Place},
        preview::RequestPreview,
        request::Request,
        sort::Sort,
    },
};

/// The number of files that are downloaded, or compared, at the same time, unless another is set.
pub(super) const CONCURRENCY: usize = 4;

/// The longest name of a file in a folder, in bytes.
const MAX_NAME: usize = 200;

pub(super) type Found = Record<Map<String, Value>>;

/// A callback for the progress.
type ProgressFn<'a> = Box<dyn FnMut(DownloadProgress) -> bool + Send + 'a>;

/// Downloads the files of the records of a collection to a folder.
pub struct DownloadAttachments<'a, T> {
    list: List<kind::Record>,
    listing: Listing<T>,
    folder: PathBuf,
    concurrency: usize,
    max_size: u64,
    progress: Option<ProgressFn<'a>>,
}

/// The progress of a download of many files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DownloadProgress {
    /// The number of files that were downloaded.
    pub downloaded: usize,
    /// The number of files that were there already, with the right bytes.
    pub unchanged: usize,
    /// The number of files that could not be downloaded.
    pub failed: usize,
    /// The number of records without a file, and of those whose file was deleted after the list was read.
    pub without_file: usize,
    /// The number of bytes of the files that were downloaded.
    pub bytes: u64,
}

/// Returns the path of the file of a record in a folder.
///
/// The name is that of the attachment, without what a file name cannot have on every system; it comes from the record and may
/// be anything.
pub(super) fn path_in(folder: &Path, id: &str, attachment: &Attachment) -> PathBuf {
    folder.join(id).join(safe_name(&attachment.filename))
}

fn safe_name(name: &str) -> String {
    let is_unsafe = |c: char| c.is_control() || r#"<>:"/\|?*"#.contains(c);
    let mut safe: String = name.chars().map(|c| if is_unsafe(c) { '_' } else { c }).collect();
    while safe.len() > MAX_NAME {
        safe.remove(0);
    }
    let safe = safe.trim_end_matches(['.', ' ']);
    if safe.is_empty() {
        return "file".to_owned();
    }
    // Windows has devices of these names, whatever the extension.
    let stem = safe.split('.').next().unwrap_or_default().to_ascii_uppercase();
    let is_port =
        |name: &str| stem.strip_prefix(name).is_some_and(|n| n.len() == 1 && n.bytes().all(|b| b.is_ascii_digit()));
    let is_device = ["CON", "PRN", "AUX", "NUL"].contains(&&*stem) || is_port("COM") || is_port("LPT");
    if is_device { format!("_{safe}") } else { safe.to_owned() }
}

impl<T: 'static> DownloadAttachments<'_, T> {
    pub(super) fn new(list: List<kind::Record>, folder: PathBuf) -> Self {
        Self { list, listing: Listing::default(), folder, concurrency: CONCURRENCY, max_size: MAX_SIZE, progress: None }
    }

    fn context(&self) -> CallContext {
        CallContext::new("download the attachments of", &self.list)
    }

    async fn download(&mut self, client: &Client) -> Result<DownloadProgress> {
        check_concurrency(self.concurrency)?;
        let (folder, max_size) = (self.folder.clone(), self.max_size);
        let list = &self.list;
        let records = records(client, list.clone(), self.listing.with_type());
        let one = |(number, record): (usize, Result<Found>)| {
            let folder = &folder;
            async move {
                let record = record?;
                let place = list.at(record.id.as_str());
                let download = one(client, folder, &place, &record, max_size).await;
                let context = CallContext::new("download the attachment of", &place);
                Ok::<_, Error>(download.map_err(|error| (number, context.attach(error))))
            }
        };
        let mut files = std::pin::pin!(records.enumerate().map(one).buffer_unordered(self.concurrency));
        let (mut done, mut failures, mut total) = (DownloadProgress::default(), Vec::new(), 0_usize);
        while let Some(file) = files.try_next().await? {
            match file {
                Ok(None) => done.without_file += 1,
                Ok(Some((FileOutcome::Unchanged, _))) => done.unchanged += 1,
                Ok(Some((FileOutcome::Downloaded, bytes))) => {
                    done.downloaded += 1;
                    done.bytes += bytes;
                }
                Err(failure) => {
                    done.failed += 1;
                    failures.push(failure);
                }
            }
            total += 1;
            if let Some(progress) = &mut self.progress
                && !progress(done)
            {
                return Err(Error::new(ErrorKind::Cancelled, format!("it was stopped after {total} records")));
            }
        }
        failures.sort_unstable_by_key(|(number, _)| *number);
        if failures.is_empty() { Ok(done) } else { Err(Error::partial(failures, total)) }
    }
}

pub(super) fn check_concurrency(files: usize) -> Result<()> {
    if files > 0 { Ok(()) } else { Err(Error::invalid("`concurrency` must be at least 1")) }
}

/// Returns the request for the first page of what [`records`] reads.
pub(super) fn first_request(list: &List<kind::Record>, listing: &Listing<Map<String, Value>>) -> Result<Request> {
    let mut listing = listing.clone();
    listing.sort.push(Sort::asc(LAST_MODIFIED));
    let mut request = Request::get(list.checked()?);
    request.query = listing.query(request.path())?;
    listing.ask(request)
}

/// Returns the records of a list as they arrive, the oldest first, without their type.
pub(super) fn records(
    client: &Client,
    list: List<kind::Record>,
    listing: Listing<Map<String, Value>>,
) -> impl futures_core::Stream<Item = Result<Found>> + Send + use<> {
    let mut all = GetAll::new(list);
    all.listing = listing;
    all.listing.sort.push(Sort::asc(LAST_MODIFIED));
    Call::new(client, all).stream()
}

/// Downloads the file of a record, if it has one, and returns the number of its bytes.
///
/// Of a file that was replaced since the list was read, the newer one is downloaded.
async fn one(
    client: &Client,
    folder: &Path,
    place: &Place<kind::Record>,
    record: &Found,
    max_size: u64,
) -> Result<Option<(FileOutcome, u64)>> {
    let Some(mut attachment) = record.attachment()? else { return Ok(None) };
    let mut renewals = Renewals::default();
    loop {
        match into_folder(client, folder, &record.id, &attachment, max_size).await {
            Ok(outcome) => return Ok(Some((outcome, attachment.size))),
            Err(error) => match renewals.after(client, place, &attachment, error).await? {
                Some(newer) => attachment = newer,
                None => return Ok(None),
            },
        }
    }
}

async fn into_folder(
    client: &Client,
    folder: &Path,
    id: &str,
    attachment: &Attachment,
    max_size: u64,
) -> Result<FileOutcome> {
    let path = path_in(folder, id, attachment);
    if let Some(parent) = path.parent() {
        tokio::fs::create_dir_all(parent).await.map_err(|error| failed("created", parent, error))?;
    }
    to_file(client, attachment, &path, max_size).await
}

impl<'a, T> Call<'a, DownloadAttachments<'a, T>> {
    /// Sets the number of files that are downloaded at the same time, instead of 4.
    pub fn concurrency(mut self, files: usize) -> Self {
        self.op.concurrency = files;
        self
    }

    /// Sets the largest size of a file, instead of 1 GiB: a larger one is a failure, and nothing of it is read.
    pub fn max_size(mut self, bytes: u64) -> Self {
        self.op.max_size = bytes;
        self
    }

    /// Calls `progress` after each record. If it returns `false`, no further file is begun, and the call is
    /// [`Error::is_cancelled`]; files that are not whole are continued by the next call.
    pub fn on_progress(mut self, progress: impl FnMut(DownloadProgress) -> bool + Send + 'a) -> Self {
        self.op.progress = Some(Box::new(progress));
        self
    }
}

impl<T: 'static> sealed::Action for DownloadAttachments<'_, T> {
    const NAME: &'static str = "DownloadAttachments";

    type Output = DownloadProgress;

    async fn run(mut self, client: Client) -> Result<DownloadProgress> {
        let context = self.context();
        self.download(&client).await.map_err(|error| context.attach(error))
    }
}

impl<T> sealed::Matches for DownloadAttachments<'_, T> {
    type Of = T;

    fn listing(&mut self) -> &mut Listing<T> {
        &mut self.listing
    }
}

impl<T: 'static> sealed::Preview for DownloadAttachments<'_, T> {
    fn preview(&self) -> Result<RequestPreview> {
        let request =
            first_request(&self.list, &self.listing.with_type()).map_err(|error| self.context().attach(error))?;
        RequestPreview::first(request, "then the other pages, and a GET of each file that is not in the folder")
    }
}

impl<T> fmt::Debug for DownloadAttachments<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DownloadAttachments({}, {})", self.list, self.folder.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn safe_name_stays_in_its_folder() {
        for (name, safe) in [
            ("list.txt", "list.txt"),
            ("é 漢.txt", "é 漢.txt"),
            ("../../etc/passwd", ".._.._etc_passwd"),
            ("a\\b:c\0.txt", "a_b_c_.txt"),
            ("..", "file"),
            ("", "file"),
            ("...  ", "file"),
            ("con.txt", "_con.txt"),
            ("com10.txt", "com10.txt"),
        ] {
            assert_eq!(safe_name(name), safe);
        }
        let long = safe_name(&format!("{}é.txt", "漢".repeat(200)));
        assert!(long.len() <= MAX_NAME && long.ends_with("é.txt"));
    }
}
