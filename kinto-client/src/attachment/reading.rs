//! A file as it arrives: continued after a broken connection, and compared with its description at its end.

use bytes::Bytes;
use futures_core::stream::BoxStream;
use futures_util::{StreamExt as _, stream};
use http::{HeaderValue, Method, StatusCode, header};
use url::Url;

use super::{
    digest::Digest,
    location::{shown, url_of},
    object::Attachment,
};
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    transport::{
        Body,
        file::{FileRequest, FileResponse, next_part},
        retry::RetryAction,
        tries::Tries,
    },
    wire::response::Response,
};

/// The number of bytes after which the tries are counted from the beginning: a connection that yields less makes no progress.
const PROGRESS: u64 = 64 * 1024;

/// A file that is being read.
pub(super) struct FileReader {
    client: Client,
    url: Url,
    size: u64,
    sha256: String,
    /// The bytes that were returned so far.
    digest: Digest,
    body: Option<Body>,
    /// The number of bytes that the current response repeats.
    repeated: u64,
    version: Option<HeaderValue>,
    tries: Tries,
    /// The length at which the tries were last counted from the beginning.
    mark: u64,
}

/// The reason why a response has no part of the file.
struct Failed {
    outcome: Result<Response>,
    error: Error,
}

impl FileReader {
    /// Prepares the reading of a file, after a part of it that has this digest.
    pub(super) async fn new(client: &Client, attachment: &Attachment, max_size: u64, read: Digest) -> Result<Self> {
        if attachment.size > max_size {
            let message = format!(
                "the file has {} bytes, and this call accepts {max_size}: `.max_size(…)` sets another limit",
                attachment.size
            );
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        Ok(Self {
            client: client.clone(),
            url: url_of(client, attachment).await?,
            size: attachment.size,
            sha256: attachment.hash.clone(),
            mark: read.length(),
            digest: read,
            body: None,
            repeated: 0,
            version: None,
            tries: Tries::first(),
        })
    }

    /// Connects to the server of the file, unless there is nothing to be read.
    pub(super) async fn open(&mut self) -> Result<()> {
        while self.body.is_none() && self.digest.length() < self.size {
            match self.connect().await {
                Ok(body) => self.body = Some(body),
                Err(failed) => self.wait_after(failed).await?,
            }
        }
        Ok(())
    }

    /// Returns the next bytes, and `None` once all have come and are those of the description.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let Some(body) = &mut self.body else {
                if self.digest.length() == self.size {
                    return self.check().map(|()| None);
                }
                self.open().await?;
                continue;
            };
            match next_part(body, self.client.timeout()).await {
                Ok(Some(part)) => {
                    if let Some(part) = self.take(part)? {
                        return Ok(Some(part));
                    }
                }
                _ if self.digest.length() == self.size => {
                    self.body = None;
                }
                Ok(None) => {
                    let message = "the connection ended before the whole file had arrived";
                    let error = Error::new(ErrorKind::Connect, message);
                    self.wait_after(Box::new(Failed { outcome: Err(error.clone()), error })).await?;
                }
                Err(error) => self.wait_after(Box::new(Failed { outcome: Err(error.clone()), error })).await?,
            }
        }
    }

    /// Returns the file as a stream of its bytes.
    pub(super) fn into_stream(self) -> BoxStream<'static, Result<Bytes>> {
        let parts = stream::try_unfold(self, |mut this| async move { Ok(this.next().await?.map(|part| (part, this))) });
        parts.boxed()
    }

    /// Notes a part of a response, and returns what is new of it.
    fn take(&mut self, mut part: Bytes) -> Result<Option<Bytes>> {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        if self.repeated >= length {
            self.repeated -= length;
            return Ok(None);
        }
        let _ = part.split_to(usize::try_from(self.repeated).unwrap_or(usize::MAX));
        self.repeated = 0;
        self.digest.update(&part);
        if self.digest.length() > self.size {
            return Err(self.unlike("it is longer"));
        }
        if self.digest.length() - self.mark >= PROGRESS {
            (self.mark, self.tries) = (self.digest.length(), Tries::first());
        }
        Ok(Some(part))
    }

    fn check(&self) -> Result<()> {
        let sha256 = self.digest.hex();
        if self.sha256.eq_ignore_ascii_case(&sha256) {
            return Ok(());
        }
        Err(self.unlike(&format!("its SHA-256 is {sha256}")))
    }

    /// Requests what is missing of the file.
    async fn connect(&mut self) -> Result<Body, Box<Failed>> {
        let from = self.digest.length();
        let request = FileRequest { method: Method::GET, url: self.url.clone(), from, version: self.version.clone() };
        let response = match self.client.open_file(&request).await {
            Ok(response) => response,
            Err(error) => return Err(Box::new(Failed { outcome: Err(error.clone()), error })),
        };
        let refuse = |error: Error, head: Response| Err(Box::new(Failed { outcome: Ok(head), error }));
        match response.status {
            StatusCode::OK => self.repeated = from,
            StatusCode::PARTIAL_CONTENT if begins_at(&response, from) => self.repeated = 0,
            StatusCode::PARTIAL_CONTENT => {
                let message = format!("the server of {} sends another range than was asked for", shown(&self.url));
                return refuse(Error::unexpected(message), response.head());
            }
            StatusCode::RANGE_NOT_SATISFIABLE => return refuse(self.unlike("it is shorter"), response.head()),
            status => return refuse(refused(status, &self.url), response.head()),
        }
        let announced =
            response.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let expected = self.size - from + self.repeated;
        if let Some(announced) = announced.filter(|announced: &u64| *announced != expected) {
            let reason = format!("the server of the file announces {announced} bytes in place of {expected}");
            return refuse(self.unlike(&reason), response.head());
        }
        // Only a strong one tells that the bytes are the same.
        let version = response.headers.get(header::ETAG).filter(|etag| etag.as_bytes().starts_with(b"\""));
        self.version = version.cloned();
        Ok(response.body)
    }

    /// Waits as long as the retry policy says; returns the error if there is no other try.
    async fn wait_after(&mut self, failed: Box<Failed>) -> Result<()> {
        let Failed { outcome, error } = *failed;
        self.body = None;
        let again = RetryAction::of(&outcome);
        if self.tries.wait(self.client.retry_policy(), again, &outcome).await { Ok(()) } else { Err(error) }
    }

    fn unlike(&self, how: &str) -> Error {
        Error::unexpected(format!(
            "the file at {} is not the one that the record describes ({} bytes with the SHA-256 {}): {how}",
            shown(&self.url),
            self.size,
            self.sha256
        ))
    }
}

/// Returns true if the response has the bytes from that position on.
fn begins_at(response: &FileResponse, from: u64) -> bool {
    let range = response.headers.get(header::CONTENT_RANGE).and_then(|range| range.to_str().ok());
    let first =
        range.and_then(|range| range.trim().strip_prefix("bytes ")?.split_once('-')?.0.trim().parse::<u64>().ok());
    first == Some(from)
}

fn refused(status: StatusCode, url: &Url) -> Error {
    let (kind, what) = match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => (ErrorKind::NotFound, "there is no such file any more"),
        StatusCode::UNAUTHORIZED => (ErrorKind::Unauthorized, "its server does not accept the credentials"),
        StatusCode::FORBIDDEN => (ErrorKind::Forbidden, "its server does not permit it"),
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => (ErrorKind::Unavailable, "its server is unavailable"),
        status if status.is_server_error() => (ErrorKind::Server, "its server failed"),
        _ => (ErrorKind::Unexpected, "its server responds with something else"),
    };
    Error::new(kind, format!("{} {what} ({status})", shown(url)))
        .because("the server of the files may be another than Kinto")
}
