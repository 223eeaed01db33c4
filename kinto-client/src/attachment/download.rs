use std::{fmt, io::Write, marker::PhantomData};

use bytes::{Bytes, BytesMut};
use futures_core::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{
    digest::Digest,
    file::DownloadToFile,
    object::Attachment,
    reading::FileReader,
    renewed::{self, Renewals},
    state,
    target::AttachmentTarget,
    upload::MAX_SIZE,
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
    },
};

/// The limit of the size of a file that is collected in memory, unless another is set.
const MAX_IN_MEMORY: u64 = 64 * 1024 * 1024;

/// Downloads the file of a record into memory.
pub struct DownloadAttachment(pub(super) Wanted);

/// Downloads the file of a record into a writer.
pub struct DownloadToWriter<'a> {
    wanted: Wanted,
    writer: Box<dyn Write + Send + 'a>,
    of: PhantomData<&'a ()>,
}

/// The file that is wanted.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) place: Place<kind::Record>,
    known: Option<Result<Option<Attachment>>>,
    max_size: Option<u64>,
}

impl Wanted {
    pub(super) fn context(&self) -> CallContext {
        CallContext::new("download the attachment of", &self.place)
    }

    /// Returns the description of the file, which is read from the record unless it is known.
    pub(super) async fn attachment(&self, client: &Client) -> Result<Attachment> {
        self.place.checked()?;
        let found = match &self.known {
            Some(known) => known.clone()?,
            None => match state::read(client, &self.place).await? {
                Some(found) => found.attachment,
                None => return Err(Error::new(ErrorKind::NotFound, "there is no such record")),
            },
        };
        found.ok_or_else(no_file)
    }

    /// Returns the description of the file that has replaced one which is gone, unless there is none, or the caller has read
    /// the record: that is not read again, except for the message.
    pub(super) async fn newer(
        &self,
        client: &Client,
        old: &Attachment,
        error: Error,
        renewals: &mut Renewals,
    ) -> Result<Attachment> {
        if self.known.is_some() {
            return Err(renewed::explained(client, &self.place, old, error).await);
        }
        renewals.after(client, &self.place, old, error).await?.ok_or_else(no_file)
    }

    pub(super) fn max_size(&self) -> u64 {
        self.max_size.unwrap_or(MAX_SIZE)
    }

    /// Opens the file.
    async fn open(&self, client: &Client, max_size: u64) -> Result<(Attachment, FileReader)> {
        let (mut attachment, mut renewals) = (self.attachment(client).await?, Renewals::default());
        loop {
            let opened = async {
                let mut file = FileReader::new(client, &attachment, max_size, Digest::default()).await?;
                file.open().await.map(|()| file)
            };
            match opened.await {
                Ok(file) => return Ok((attachment, file)),
                Err(error) => attachment = self.newer(client, &attachment, error, &mut renewals).await?,
            }
        }
    }

    pub(super) fn preview(&self) -> Result<RequestPreview> {
        let path = self.place.checked().map_err(|error| self.context().attach(error))?;
        if self.known.is_some() {
            return Ok(RequestPreview::elsewhere("a GET of the file, from where it is, unless it is there already"));
        }
        RequestPreview::first(
            Request::get(path),
            "then a GET of the file, from where it is, unless it is there already",
        )
    }
}

fn no_file() -> Error {
    Error::new(ErrorKind::NotFound, "the record has no file")
}

impl DownloadAttachment {
    pub(super) fn new(records: &List<kind::Record>, target: AttachmentTarget) -> Self {
        Self(Wanted { place: records.at(target.id), known: target.known, max_size: None })
    }

    async fn collect(&self, client: &Client) -> Result<Bytes> {
        let (_, mut file) = self.0.open(client, self.0.max_size.unwrap_or(MAX_IN_MEMORY)).await?;
        let mut whole = BytesMut::new();
        while let Some(part) = file.next().await? {
            whole.extend_from_slice(&part);
        }
        Ok(whole.freeze())
    }
}

impl sealed::Action for DownloadAttachment {
    const NAME: &'static str = "DownloadAttachment";

    type Output = Bytes;

    async fn run(self, client: Client) -> Result<Bytes> {
        self.collect(&client).await.map_err(|error| self.0.context().attach(error))
    }
}

impl sealed::Action for DownloadToWriter<'_> {
    const NAME: &'static str = "DownloadToWriter";

    type Output = Attachment;

    async fn run(mut self, client: Client) -> Result<Attachment> {
        let context = self.wanted.context();
        let write = async {
            let (attachment, mut file) = self.wanted.open(&client, self.wanted.max_size()).await?;
            let failed = |error: std::io::Error| {
                Error::new(ErrorKind::Storage, format!("the writer of the download failed: {error}")).caused_by(error)
            };
            while let Some(part) = file.next().await? {
                self.writer.write_all(&part).map_err(failed)?;
            }
            self.writer.flush().map_err(failed)?;
            Ok(attachment)
        };
        write.await.map_err(|error: Error| context.attach(error))
    }
}

impl sealed::Preview for DownloadAttachment {
    fn preview(&self) -> Result<RequestPreview> {
        self.0.preview()
    }
}

impl sealed::Preview for DownloadToWriter<'_> {
    fn preview(&self) -> Result<RequestPreview> {
        self.wanted.preview()
    }
}

impl<'a> Call<'a, DownloadAttachment> {
    /// Sets the largest size of the file, instead of 64 MiB in memory and 1 GiB elsewhere: a larger one is
    /// [`Error::is_too_large`], and nothing of it is read.
    pub fn max_size(mut self, bytes: u64) -> Self {
        self.op.0.max_size = Some(bytes);
        self
    }

    /// Downloads it to a file at `path`, whose folder exists.
    ///
    /// The bytes go to a temporary file beside it, which takes its name once all of them have come and are those of the
    /// record, so that there is never a part of a file at `path`. What an earlier, interrupted call has left there is
    /// continued, or removed if the record has another file now and the folder has up to 1,000 files. If the file is there
    /// already and is the right one, nothing is requested.
    pub fn to_file(self, path: impl Into<std::path::PathBuf>) -> Call<'a, DownloadToFile> {
        Call::new(&self.client, DownloadToFile::new(self.op.0, path.into()))
    }

    /// Downloads it into a writer, which is called in the task of the caller with parts of some kilobytes, and returns the
    /// description of the file.
    ///
    /// If the call fails, what was written may be a part of the file, or another than the record describes: use it only
    /// after a success. Writers that do not block are fed from [`stream`](Self::stream).
    pub fn to_writer(self, writer: impl Write + Send + 'a) -> Call<'a, DownloadToWriter<'a>> {
        let download = DownloadToWriter { wanted: self.op.0, writer: Box::new(writer), of: PhantomData };
        Call::new(&self.client, download)
    }

    /// Returns its bytes as they arrive. The last item is an error if they are not those that the record describes.
    #[must_use = "a stream reads nothing until it is polled"]
    pub fn stream(self) -> BoxStream<'static, Result<Bytes>> {
        let (client, wanted) = (self.client, self.op.0);
        let context = wanted.context();
        let opened = stream::once(async move { wanted.open(&client, wanted.max_size()).await });
        opened.map_ok(|(_, file)| file.into_stream()).try_flatten().map_err(move |error| context.attach(error)).boxed()
    }
}

impl fmt::Debug for DownloadAttachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DownloadAttachment({})", self.0.place)
    }
}

impl fmt::Debug for DownloadToWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DownloadToWriter({})", self.wanted.place)
    }
}
