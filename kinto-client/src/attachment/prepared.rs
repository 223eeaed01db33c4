//! A source that was read once, and can be read again: from memory, a file, a function, or a temporary file.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::{Bytes, BytesMut};
use futures_core::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::digest::Digest;
use crate::{
    error::{Error, Result, kind::ErrorKind},
    wire::random,
};

/// The number of bytes that are read at a time.
pub(super) const PART: usize = 64 * 1024;

pub(super) type ByteStream = BoxStream<'static, io::Result<Bytes>>;
pub(super) type Factory = Arc<dyn Fn() -> ByteStream + Send + Sync>;

/// A source whose size and digest are known.
#[derive(Clone)]
pub(super) struct Prepared {
    pub(super) size: u64,
    pub(super) sha256: String,
    again: Arc<Again>,
}

/// A source that can be read any number of times.
pub(super) enum Again {
    Bytes(Bytes),
    File(PathBuf),
    Factory(Factory),
    Spooled(Spooled),
}

/// A temporary file, which is removed when this is dropped.
pub(super) struct Spooled(PathBuf);

impl Drop for Spooled {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl Prepared {
    /// Reads a source for the first time.
    pub(super) async fn read(again: Again, max_size: u64) -> Result<Self> {
        let mut digest = Digest::default();
        let mut parts = again.open().await?;
        while let Some(part) = parts.try_next().await.map_err(|error| again.failed(error))? {
            digest.update(&part);
            check_size(digest.length(), max_size)?;
            // Bytes in memory are always ready, and other tasks want their turn.
            tokio::task::yield_now().await;
        }
        Ok(Self { size: digest.length(), sha256: digest.hex(), again: Arc::new(again) })
    }

    /// Opens it from the beginning. The parts fail at their end if they are not those of the first reading.
    pub(super) async fn open(&self) -> Result<BoxStream<'static, Result<Bytes>>> {
        let parts = self.again.open().await?;
        let (again, sha256, size) = (Arc::clone(&self.again), self.sha256.clone(), self.size);
        let parts = parts.map_err(move |error| again.failed(error));
        if let Again::Bytes(_) = &*self.again {
            return Ok(parts.boxed());
        }
        let changed = || {
            Error::invalid(
                "the source of the upload yields other bytes than when it was first read: upload it again when it does not \
                 change any more",
            )
        };
        // The last part is held back until the digest is known, so that no changed file arrives as a whole one.
        let state = (parts.boxed(), Digest::default(), None::<Bytes>);
        let checked = stream::try_unfold(state, move |(mut parts, mut digest, mut held)| {
            let sha256 = sha256.clone();
            async move {
                loop {
                    match parts.try_next().await? {
                        Some(part) => {
                            digest.update(&part);
                            if digest.length() > size {
                                return Err(changed());
                            }
                            if let Some(ready) = held.replace(part) {
                                return Ok(Some((ready, (parts, digest, held))));
                            }
                        }
                        None if digest.length() != size || digest.hex() != sha256 => return Err(changed()),
                        None => return Ok(held.take().map(|last| (last, (parts, digest, None)))),
                    }
                }
            }
        });
        Ok(checked.boxed())
    }
}

impl Again {
    async fn open(&self) -> Result<ByteStream> {
        match self {
            Self::Bytes(bytes) => Ok(slices(bytes.clone())),
            Self::File(path) | Self::Spooled(Spooled(path)) => parts_of_file(path).await,
            Self::Factory(factory) => Ok(factory()),
        }
    }

    fn failed(&self, error: io::Error) -> Error {
        match self {
            Self::File(path) => unreadable(path, error),
            _ => Error::invalid(format!("the source of the upload could not be read: {error}")).caused_by(error),
        }
    }
}

/// Returns the bytes in parts, so that progress is seen while they are sent.
fn slices(bytes: Bytes) -> ByteStream {
    let parts = stream::iter((0..bytes.len()).step_by(PART));
    parts.map(move |start| Ok(bytes.slice(start..bytes.len().min(start + PART)))).boxed()
}

async fn parts_of_file(path: &Path) -> Result<ByteStream> {
    let file = tokio::fs::File::open(path).await.map_err(|error| unreadable(path, error))?;
    let metadata = file.metadata().await.map_err(|error| unreadable(path, error))?;
    if !metadata.is_file() {
        return Err(Error::invalid(format!("{} is no file", path.display())));
    }
    let parts = stream::try_unfold(file, |mut file| async move {
        let mut part = BytesMut::with_capacity(PART);
        let read = file.read_buf(&mut part).await?;
        Ok((read > 0).then(|| (part.freeze(), file)))
    });
    Ok(parts.boxed())
}

pub(super) fn parts_of_reader(reader: Box<dyn io::Read + Send>) -> ByteStream {
    let parts = stream::try_unfold(reader, |mut reader| async move {
        let read = move || {
            let mut part = vec![0; PART];
            let length = loop {
                match reader.read(&mut part) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    length => break length?,
                }
            };
            part.truncate(length);
            io::Result::Ok((length > 0).then_some((Bytes::from(part), reader)))
        };
        tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
    });
    parts.boxed()
}

/// Copies a stream to a temporary file.
pub(super) async fn spool(mut parts: ByteStream, max_size: u64) -> Result<Prepared> {
    let path = std::env::temp_dir().join(format!("kinto-client-{}", random::uuid()));
    let mut options = tokio::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    let unwritable = |path: &Path, error: io::Error| {
        let message = format!("the temporary file {} could not be written: {error}", path.display());
        Error::new(ErrorKind::Storage, message).caused_by(error)
    };
    let mut file = options.open(&path).await.map_err(|error| unwritable(&path, error))?;
    let again = Again::Spooled(Spooled(path.clone()));
    let mut digest = Digest::default();
    while let Some(part) = parts.try_next().await.map_err(|error| again.failed(error))? {
        digest.update(&part);
        check_size(digest.length(), max_size)?;
        file.write_all(&part).await.map_err(|error| unwritable(&path, error))?;
    }
    file.flush().await.map_err(|error| unwritable(&path, error))?;
    Ok(Prepared { size: digest.length(), sha256: digest.hex(), again: Arc::new(again) })
}

fn check_size(size: u64, max_size: u64) -> Result<()> {
    if size <= max_size {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the file has more than the {max_size} bytes that this upload allows: `.max_size(…)` sets another limit"
    )))
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    Error::invalid(format!("the file {} could not be read: {error}", path.display())).caused_by(error)
}
