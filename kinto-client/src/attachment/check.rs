use std::fmt;

use futures_util::{StreamExt as _, TryStreamExt as _};
use http::{Method, StatusCode, header};

use super::{
    folder::{CONCURRENCY, Found, check_concurrency, first_request, records},
    location::{shown, url_of},
    object::Attachment,
    renewed::{Now, Renewals},
};
use crate::{
    client::Client,
    error::{Error, Result},
    operation::{Call, CallContext, sealed},
    transport::{
        file::{FileRequest, FileResponse},
        retry::RetryAction,
        tries::Tries,
    },
    wire::{
        list_query::Listing,
        object::{id::RecordId, kind},
        path::{List, Place},
        preview::RequestPreview,
    },
};

/// Asks for the files of the records of a collection, without reading them.
pub struct CheckAttachments<T> {
    list: List<kind::Record>,
    listing: Listing<T>,
    concurrency: usize,
}

/// The records of a collection by the state of their files on the server.
#[non_exhaustive]
pub struct AttachmentCheck<T> {
    /// The number of files that are there, with the size of their description if the server tells the size.
    pub present: usize,
    /// The records whose file is gone, such as after an upload that the server refused.
    pub missing: Vec<RecordId<T>>,
    /// The records whose file has another size than its description.
    pub different: Vec<RecordId<T>>,
    /// The records of whose file the server does not tell, such as by an error of its own.
    pub unknown: Vec<RecordId<T>>,
}

impl<T> AttachmentCheck<T> {
    /// Returns true if every file is there.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.different.is_empty() && self.unknown.is_empty()
    }
}

impl<T> fmt::Debug for AttachmentCheck<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { present, missing, different, unknown } = self;
        let mut debug = f.debug_struct("AttachmentCheck");
        debug.field("present", present).field("missing", missing);
        debug.field("different", different).field("unknown", unknown).finish()
    }
}

/// The state of a file on its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Present,
    Missing,
    /// It has another size.
    Different,
    Unknown,
}

impl Presence {
    /// Asks for the file that is described, and reads nothing of it.
    pub(super) async fn of(client: &Client, attachment: &Attachment) -> Self {
        let Ok(url) = url_of(client, attachment).await else { return Self::Unknown };
        tracing::debug!(url = shown(&url), "looking for a file");
        // Not every server takes a HEAD. The body of a GET is not read.
        for method in [Method::HEAD, Method::GET] {
            let request = FileRequest { method, url: url.clone(), from: 0, version: None };
            let Ok(response) = head_of(client, &request).await else { return Self::Unknown };
            let length = response.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
            match response.status {
                status if status.is_success() => {
                    let length = length.and_then(|length| length.parse::<u64>().ok());
                    let is_same = length.is_none_or(|length| length == attachment.size);
                    return if is_same { Self::Present } else { Self::Different };
                }
                StatusCode::NOT_FOUND | StatusCode::GONE => return Self::Missing,
                _ => {}
            }
        }
        Self::Unknown
    }
}

/// Asks for the file of a record, and for a newer one if it was replaced after the record was read; `None` if it was deleted.
async fn of_record(client: &Client, place: &Place<kind::Record>, mut attachment: Attachment) -> Option<Presence> {
    let mut renewals = Renewals::default();
    loop {
        let presence = Presence::of(client, &attachment).await;
        if presence == Presence::Present {
            return Some(presence);
        }
        match renewals.now(client, place, &attachment).await {
            Ok(Now::Newer(newer)) => attachment = newer,
            Ok(Now::None) => return None,
            Ok(Now::Same) | Err(_) => return Some(presence),
        }
    }
}

/// Returns the response to a request whose body is not read, after as many tries as the retry policy allows.
async fn head_of(client: &Client, request: &FileRequest) -> Result<FileResponse> {
    let mut tries = Tries::first();
    loop {
        let response = client.open_file(request).await;
        let outcome = response.as_ref().map(FileResponse::head).map_err(Clone::clone);
        if !tries.wait(client.retry_policy(), RetryAction::of(&outcome), &outcome).await {
            return response;
        }
    }
}

impl<T: 'static> CheckAttachments<T> {
    pub(super) fn new(list: List<kind::Record>) -> Self {
        Self { list, listing: Listing::default(), concurrency: CONCURRENCY }
    }

    fn context(&self) -> CallContext {
        CallContext::new("check the attachments of", &self.list)
    }

    async fn check(&self, client: &Client) -> Result<AttachmentCheck<T>> {
        check_concurrency(self.concurrency)?;
        let records = records(client, self.list.clone(), self.listing.with_type());
        let one = |record: Result<Found>| async move {
            let record = record?;
            let Some(attachment) = record.attachment()? else { return Ok(None) };
            let presence = of_record(client, &self.list.at(record.id.as_str()), attachment).await;
            Ok::<_, Error>(presence.map(|presence| (record.id, presence)))
        };
        // In the order of the list, so that the result does not depend on which response is first.
        let mut files = std::pin::pin!(records.map(one).buffered(self.concurrency));
        let mut check = AttachmentCheck { present: 0, missing: Vec::new(), different: Vec::new(), unknown: Vec::new() };
        while let Some(file) = files.try_next().await? {
            match file {
                None => {}
                Some((_, Presence::Present)) => check.present += 1,
                Some((id, Presence::Missing)) => check.missing.push(id.cast()),
                Some((id, Presence::Different)) => check.different.push(id.cast()),
                Some((id, Presence::Unknown)) => check.unknown.push(id.cast()),
            }
        }
        Ok(check)
    }
}

impl<T> Call<'_, CheckAttachments<T>> {
    /// Sets the number of files that are asked for at the same time, instead of 4.
    pub fn concurrency(mut self, files: usize) -> Self {
        self.op.concurrency = files;
        self
    }
}

impl<T: 'static> sealed::Action for CheckAttachments<T> {
    const NAME: &'static str = "CheckAttachments";

    type Output = AttachmentCheck<T>;

    async fn run(self, client: Client) -> Result<AttachmentCheck<T>> {
        self.check(&client).await.map_err(|error| self.context().attach(error))
    }
}

impl<T> sealed::Matches for CheckAttachments<T> {
    type Of = T;

    fn listing(&mut self) -> &mut Listing<T> {
        &mut self.listing
    }
}

impl<T: 'static> sealed::Preview for CheckAttachments<T> {
    fn preview(&self) -> Result<RequestPreview> {
        let request =
            first_request(&self.list, &self.listing.with_type()).map_err(|error| self.context().attach(error))?;
        RequestPreview::first(request, "then the other pages, and a HEAD of each file")
    }
}

impl<T> fmt::Debug for CheckAttachments<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CheckAttachments({})", self.list)
    }
}
