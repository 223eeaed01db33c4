use http::Method;

use super::{
    location::check_capability,
    object::Attachment,
    state::{self, Ended, Found},
    target::AttachmentTarget,
};
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    operation::{Call, CallContext, sealed},
    wire::{
        object::kind,
        path::{List, Place},
        preview::RequestPreview,
        request::Request,
        timestamp::Timestamp,
    },
};

/// Deletes the file of a record, and leaves the record.
pub struct DeleteAttachment {
    place: Place<kind::Record>,
    if_match: Option<Timestamp>,
}

/// Deletes the file of a record if there is one.
pub struct DeleteAttachmentIfExists(DeleteAttachment);

impl DeleteAttachment {
    pub(super) fn new(records: &List<kind::Record>, target: AttachmentTarget) -> Self {
        Self { place: records.at(target.id), if_match: target.if_match }
    }

    fn context(&self) -> CallContext {
        CallContext::new("delete the attachment of", &self.place)
    }

    /// Returns the file that was deleted, or the reason why there was none.
    async fn delete(&self, client: &Client) -> Result<std::result::Result<Attachment, Error>> {
        let (record, path) = (self.place.checked()?, state::path(&self.place)?);
        check_capability(client).await?;
        let client = &client.in_turn(record).await?;
        let before = state::read(client, &self.place).await?;
        let missing = |what: &str| Ok(Err(Error::new(ErrorKind::NotFound, what)));
        // The server would create a record that is not there.
        let Some(found) = &before else { return missing("there is no such record, so nothing was sent") };
        state::check_version(self.if_match, Some(found))?;
        let Some(old) = found.attachment.clone() else {
            return missing("the record has no file, so nothing was sent");
        };
        let request = Request::new(Method::DELETE, path);
        let is_done = |now: &Found| now.attachment.is_none();
        match state::send(client, &request, &self.place, Some(&before), is_done).await {
            Ok(Ended::As(_)) => Ok(Ok(old)),
            Ok(Ended::With(response)) => response.success().map(|_| Ok(old)),
            Err(error) => Err(error),
        }
    }
}

impl sealed::Action for DeleteAttachment {
    const NAME: &'static str = "DeleteAttachment";

    type Output = Attachment;

    async fn run(self, client: Client) -> Result<Attachment> {
        self.delete(&client).await.and_then(|deleted| deleted).map_err(|error| self.context().attach(error))
    }
}

impl sealed::Action for DeleteAttachmentIfExists {
    const NAME: &'static str = "DeleteAttachmentIfExists";

    type Output = Option<Attachment>;

    async fn run(self, client: Client) -> Result<Option<Attachment>> {
        let deleted = self.0.delete(&client).await;
        deleted.map(std::result::Result::ok).map_err(|error| self.0.context().attach(error))
    }
}

/// The request after the first one.
const FOLLOWS: &str = "then a DELETE of its `attachment`, if there is one and the record is as the call expects";

impl sealed::Preview for DeleteAttachment {
    fn preview(&self) -> Result<RequestPreview> {
        let path = self.place.checked().map_err(|error| self.context().attach(error))?;
        RequestPreview::first(Request::get(path), FOLLOWS)
    }
}

impl sealed::Preview for DeleteAttachmentIfExists {
    fn preview(&self) -> Result<RequestPreview> {
        self.0.preview()
    }
}

impl<'a> Call<'a, DeleteAttachment> {
    /// Deletes only if the version of the record is still `last_modified`, and otherwise fails with
    /// [`Error::is_conflict`].
    ///
    /// The server ignores `If-Match` here. The version is compared right before the deletion, while no other task of this
    /// program writes the record: a write of another program in between is not noticed.
    pub fn if_match(mut self, last_modified: Timestamp) -> Self {
        self.op.if_match = Some(last_modified);
        self
    }

    /// Returns `None` instead of an error if there is no such record, or if it has no file.
    pub fn if_exists(self) -> Call<'a, DeleteAttachmentIfExists> {
        Call::new(&self.client, DeleteAttachmentIfExists(self.op))
    }
}

impl std::fmt::Debug for DeleteAttachment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DeleteAttachment({})", self.place)
    }
}

impl std::fmt::Debug for DeleteAttachmentIfExists {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DeleteAttachmentIfExists({})", self.0.place)
    }
}
