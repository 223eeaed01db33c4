use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    location::check_capability,
    multipart::{check_filename, check_mimetype, form, mimetype_of},
    object::{Attachment, FIELD},
    prepared::Prepared,
    source::AttachmentSource,
    state::{self, Ended, Found},
    target::AttachmentTarget,
};
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    json::encode::NewData,
    operation::{Call, CallContext, sealed},
    wire::{
        object::{
            kind,
            permissions::{PermissionSet as _, RecordPermissions},
        },
        path::{List, Place},
        preview::RequestPreview,
        request::Request,
        response::Response,
        timestamp::Timestamp,
    },
};

/// The limit of the size of a file, unless another is set.
pub(super) const MAX_SIZE: u64 = 1024 * 1024 * 1024;

/// Uploads the file of a record.
pub struct UploadAttachment {
    place: Place<kind::Record>,
    source: AttachmentSource,
    filename: Option<String>,
    mimetype: Option<String>,
    data: Option<Result<Map<String, Value>>>,
    permissions: Option<RecordPermissions>,
    if_match: Option<Timestamp>,
    replaces: bool,
    unchecked: bool,
    max_size: u64,
}

/// The outcome of an upload.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct UploadOutcome {
    /// The file, as the server describes it.
    pub attachment: Attachment,
    /// The version of the record with the file.
    pub last_modified: Timestamp,
    /// `true` if there was no record, so that the upload has created it.
    pub record_created: bool,
}

impl UploadAttachment {
    pub(super) fn new(records: &List<kind::Record>, target: AttachmentTarget, source: AttachmentSource) -> Self {
        Self {
            place: records.at(target.id),
            source,
            filename: None,
            mimetype: None,
            data: None,
            permissions: None,
            if_match: target.if_match,
            replaces: false,
            unchecked: false,
            max_size: MAX_SIZE,
        }
    }

    fn context(&self) -> CallContext {
        CallContext::new("upload the attachment of", &self.place)
    }

    /// Returns the name and the media type of the file.
    fn names(&self) -> Result<(String, String)> {
        let name = self.filename.clone().or_else(|| self.source.filename());
        let name = name.ok_or_else(|| Error::invalid("the file needs a name: call `.filename(…)`"))?;
        check_filename(&name)?;
        let mimetype = self.mimetype.clone().unwrap_or_else(|| mimetype_of(&name).to_owned());
        check_mimetype(&mimetype)?;
        Ok((name, mimetype))
    }

    /// Returns the fields of the form beside the file.
    fn texts(&self) -> Result<Vec<(&'static str, String)>> {
        let mut texts = Vec::new();
        if let Some(data) = &self.data {
            texts.push(("data", json(data.as_ref().map_err(Clone::clone)?)?));
        }
        if let Some(permissions) = &self.permissions {
            permissions.check()?;
            texts.push(("permissions", json(&permissions.whole())?));
        }
        Ok(texts)
    }

    async fn upload(self, client: &Client) -> Result<UploadOutcome> {
        let (record, path) = (self.place.checked()?, state::path(&self.place)?);
        let ((filename, mimetype), texts) = (self.names()?, self.texts()?);
        if client.is_fenced() {
            return Err(Error::invalid(
                "a file cannot be sent in a batch, and so not behind the lock of a fence: use a client without one",
            ));
        }
        if self.unchecked && self.if_match.is_some() {
            return Err(Error::invalid("`.unchecked()` does not read the record, so that no version can be compared"));
        }
        check_capability(client).await?;
        let file = self.source.prepare(self.max_size).await?;
        let body = form(&texts, &filename, &mimetype, file.clone())?;
        let mut request = Request::new(Method::POST, path);
        request.streamed = Some(body);
        if self.unchecked {
            let ended = state::send(client, &request, &self.place, None, |_| false).await?;
            return outcome(ended, &file, None);
        }
        let client = &client.in_turn(record).await?;
        let before = state::read(client, &self.place).await?;
        state::check_version(self.if_match, before.as_ref())?;
        check_replacement(self.replaces, before.as_ref())?;
        let is_done = |now: &Found| {
            now.attachment.as_ref().is_some_and(|now| now.is_of(file.size, &file.sha256) && now.filename == filename)
        };
        let sent = state::send(client, &request, &self.place, Some(&before), is_done).await;
        let result = sent.and_then(|ended| outcome(ended, &file, before.as_ref()));
        match result {
            Ok(outcome) => Ok(outcome),
            Err(error) => {
                let old = before.as_ref().and_then(|before| before.attachment.as_ref());
                Err(state::with_fate_of(client, old, error).await)
            }
        }
    }
}

/// Refuses to replace a file unless the caller asks for it.
fn check_replacement(replaces: bool, before: Option<&Found>) -> Result<()> {
    match before {
        _ if replaces => Ok(()),
        Some(Found { is_foreign: true, .. }) => Err(Error::new(
            ErrorKind::Conflict,
            format!("the field `{FIELD}` of the record is something else than a file: `.replace()` replaces it"),
        )),
        Some(Found { attachment: Some(old), .. }) => Err(Error::new(
            ErrorKind::Conflict,
            format!("the record has the file {:?} already, so nothing was sent", old.filename),
        )
        .because(
            "`.replace()` replaces it: the server deletes the old file first, even if it refuses the new one then",
        )),
        _ => Ok(()),
    }
}

fn outcome(ended: Ended, file: &Prepared, before: Option<&Found>) -> Result<UploadOutcome> {
    let response = match ended {
        Ended::With(response) => response.success()?,
        Ended::As(Found { last_modified, attachment: Some(attachment), .. }) => {
            return Ok(UploadOutcome { attachment, last_modified, record_created: before.is_none() });
        }
        Ended::As(_) => return Err(Error::unexpected("the record has no file".to_owned()).maybe_applied()),
    };
    decoded(&response, file).map_err(Error::maybe_applied)
}

fn decoded(response: &Response, file: &Prepared) -> Result<UploadOutcome> {
    let attachment: Attachment =
        serde_json::from_slice(&response.body).map_err(|error| Error::not_kinto(&error, &response.body))?;
    if !attachment.is_of(file.size, &file.sha256) {
        return Err(Error::unexpected(format!(
            "the server has stored {} bytes with the SHA-256 {}, and {} bytes with {} were sent: something on the way has \
             changed them",
            attachment.size, attachment.hash, file.size, file.sha256
        )));
    }
    let record_created = response.status == http::StatusCode::CREATED;
    Ok(UploadOutcome { attachment, last_modified: response.etag()?, record_created })
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::invalid(error.to_string()))
}

/// Returns the data of a record that an upload sets, without what the server sets itself.
fn fields(id: &str, data: &impl Serialize) -> Result<Map<String, Value>> {
    #[derive(Deserialize)]
    struct Fields(Map<String, Value>);
    let data = NewData::of(data)?;
    match &data.id {
        None | Some(Value::Null) => {}
        Some(Value::String(own)) if own == id => {}
        Some(other) => {
            return Err(Error::invalid(format!("the data's own `id` is {other}, and the record's is {id:?}")));
        }
    }
    let Fields(mut fields) = serde_json::from_slice(data.json()).map_err(|error| Error::invalid(error.to_string()))?;
    for key in ["id", "last_modified", FIELD] {
        fields.remove(key);
    }
    Ok(fields)
}

impl Call<'_, UploadAttachment> {
    /// Sets the name of the file, instead of that of the source.
    ///
    /// It has up to 255 bytes, without control characters, `"`, `/` and `\`, and does not end with a dot or a space. The server
    /// may accept certain extensions only.
    pub fn filename(mut self, name: impl Into<String>) -> Self {
        self.op.filename = Some(name.into());
        self
    }

    /// Sets the media type of the file, instead of that of its extension: `image/png`. The server may have one of its own for
    /// an extension.
    pub fn mimetype(mut self, mimetype: impl Into<String>) -> Self {
        self.op.mimetype = Some(mimetype.into());
        self
    }

    /// Sets fields of the record with the same request, and keeps the others. The field `attachment` of the data is not sent.
    pub fn data(mut self, data: impl Serialize) -> Self {
        self.op.data = Some(fields(&self.op.place.id, &data));
        self
    }

    /// Sets permissions of the record with the same request.
    pub fn permissions(mut self, build: impl FnOnce(RecordPermissions) -> RecordPermissions) -> Self {
        self.op.permissions = Some(build(self.op.permissions.unwrap_or_default()));
        self
    }

    /// Uploads only if the version of the record is still `last_modified`, and otherwise fails with
    /// [`Error::is_conflict`].
    ///
    /// The server ignores `If-Match` here. The version is compared right before the upload, while no other task of this
    /// program writes the record: a write of another program between that and the end of the upload is not noticed.
    pub fn if_match(mut self, last_modified: Timestamp) -> Self {
        self.op.if_match = Some(last_modified);
        self
    }

    /// Replaces the file that the record has.
    ///
    /// The server deletes the old file before it looks at the new one. If it refuses that, because of its size or its
    /// extension, the record is left with the description of a file that is gone: the error says so.
    pub fn replace(mut self) -> Self {
        self.op.replaces = true;
        self
    }

    /// Uploads without reading the record first, for users who may create records and not read them.
    ///
    /// A file that the record has is replaced. After a lost response the upload is not repeated.
    pub fn unchecked(mut self) -> Self {
        self.op.unchecked = true;
        self
    }

    /// Sets the largest size of the file, instead of 1 GiB: a larger one is refused before anything is sent.
    pub fn max_size(mut self, bytes: u64) -> Self {
        self.op.max_size = bytes;
        self
    }
}

impl sealed::Action for UploadAttachment {
    const NAME: &'static str = "UploadAttachment";

    type Output = UploadOutcome;

    async fn run(self, client: Client) -> Result<UploadOutcome> {
        let context = self.context();
        self.upload(&client).await.map_err(|error| context.attach(error))
    }
}

impl sealed::Preview for UploadAttachment {
    fn preview(&self) -> Result<RequestPreview> {
        let checked = || {
            self.names()?;
            self.texts()?;
            self.place.checked()
        };
        let path = checked().map_err(|error| self.context().attach(error))?;
        RequestPreview::first(
            Request::get(path),
            "then a POST of a form with the file to its `attachment`, if the record is as the call expects",
        )
    }
}

impl std::fmt::Debug for UploadAttachment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "UploadAttachment({})", self.place)
    }
}
