//! The bytes of a file to upload, which every try sends from the beginning.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::StreamExt as _;

use super::prepared::{Again, ByteStream, Factory, Prepared, parts_of_reader, spool};
use crate::error::Result;

/// The bytes of a file to upload.
///
/// They are read twice or more: once for the digest that the server's is compared with, and once for each try. Bytes, text
/// and paths convert to it; what can be read only once is copied to a temporary file first.
///
/// | source | read again |
/// |---|---|
/// | bytes: `Bytes`, `Vec<u8>`, `&'static [u8]`, `&'static str`, `String` | from memory |
/// | [`file`](Self::file) | from the file; a file that changes meanwhile is refused |
/// | [`stream`](Self::stream), [`reader`](Self::reader) | from a temporary file |
/// | [`factory`](Self::factory) | by the function, which is called for each reading |
///
/// ```
/// use kinto_client::attachment::AttachmentSource;
///
/// let logo = AttachmentSource::file("logo.png");
/// let text = AttachmentSource::from("Milk, bread");
/// # drop((logo, text));
/// ```
pub struct AttachmentSource(Kind);

enum Kind {
    Bytes(Bytes),
    File(PathBuf),
    Stream(ByteStream),
    Reader(Box<dyn io::Read + Send>),
    Factory(Factory),
}

impl AttachmentSource {
    /// Creates a source from a file, whose name is that of the attachment unless another is set.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Kind::File(path.into()))
    }

    /// Creates a source from a stream of bytes, which is copied to a temporary file before anything is sent.
    #[must_use]
    pub fn stream(stream: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        Self(Kind::Stream(stream.boxed()))
    }

    /// Creates a source from a blocking reader, which is copied to a temporary file before anything is sent, on a thread
    /// for such work.
    #[must_use]
    pub fn reader(reader: impl io::Read + Send + 'static) -> Self {
        Self(Kind::Reader(Box::new(reader)))
    }

    /// Creates a source from a function that returns the same bytes each time it is called.
    ///
    /// If they differ from those of the first reading, the upload fails, and no file that is only a part of them is stored.
    #[must_use]
    pub fn factory<S>(open: impl Fn() -> S + Send + Sync + 'static) -> Self
    where
        S: Stream<Item = io::Result<Bytes>> + Send + 'static,
    {
        Self(Kind::Factory(Arc::new(move || open().boxed())))
    }

    /// Returns the name of the file that it is read from, if it is one.
    pub(super) fn filename(&self) -> Option<String> {
        match &self.0 {
            Kind::File(path) => path.file_name().map(|name| name.to_string_lossy().into_owned()),
            _ => None,
        }
    }

    /// Reads it once: returns its size and digest, and what it is read from again.
    pub(super) async fn prepare(self, max_size: u64) -> Result<Prepared> {
        let again = match self.0 {
            Kind::Bytes(bytes) => Again::Bytes(bytes),
            Kind::File(path) => Again::File(path),
            Kind::Factory(factory) => Again::Factory(factory),
            Kind::Stream(stream) => return spool(stream, max_size).await,
            Kind::Reader(reader) => return spool(parts_of_reader(reader), max_size).await,
        };
        Prepared::read(again, max_size).await
    }
}

impl From<Bytes> for AttachmentSource {
    fn from(bytes: Bytes) -> Self {
        Self(Kind::Bytes(bytes))
    }
}

impl From<Vec<u8>> for AttachmentSource {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Kind::Bytes(bytes.into()))
    }
}

impl From<&'static [u8]> for AttachmentSource {
    fn from(bytes: &'static [u8]) -> Self {
        Self(Kind::Bytes(Bytes::from_static(bytes)))
    }
}

impl<const N: usize> From<&'static [u8; N]> for AttachmentSource {
    fn from(bytes: &'static [u8; N]) -> Self {
        Self(Kind::Bytes(Bytes::from_static(bytes)))
    }
}

impl From<&'static str> for AttachmentSource {
    fn from(text: &'static str) -> Self {
        Self(Kind::Bytes(Bytes::from_static(text.as_bytes())))
    }
}

impl From<String> for AttachmentSource {
    fn from(text: String) -> Self {
        Self(Kind::Bytes(text.into()))
    }
}

impl From<PathBuf> for AttachmentSource {
    fn from(path: PathBuf) -> Self {
        Self::file(path)
    }
}

impl From<&Path> for AttachmentSource {
    fn from(path: &Path) -> Self {
        Self::file(path)
    }
}

impl fmt::Debug for AttachmentSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Bytes(bytes) => write!(f, "AttachmentSource({} bytes)", bytes.len()),
            Kind::File(path) => write!(f, "AttachmentSource({})", path.display()),
            Kind::Stream(_) => f.write_str("AttachmentSource(stream)"),
            Kind::Reader(_) => f.write_str("AttachmentSource(reader)"),
            Kind::Factory(_) => f.write_str("AttachmentSource(factory)"),
        }
    }
}
