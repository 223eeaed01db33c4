//! SHA-256, as hexadecimal digits.

use std::{fmt::Write as _, io};

use bytes::BytesMut;
use sha2::{Digest as _, Sha256};
use tokio::{fs::File, io::AsyncReadExt as _};

use super::prepared::PART;

/// The digest of what has come so far, and its length.
#[derive(Clone, Default)]
pub(super) struct Digest {
    sha256: Sha256,
    length: u64,
}

impl Digest {
    /// Reads a file to its end.
    pub(super) async fn of_file(file: &mut File) -> io::Result<Self> {
        let mut digest = Self::default();
        let mut part = BytesMut::with_capacity(PART);
        while file.read_buf(&mut part).await? > 0 {
            digest.update(&part);
            part.clear();
        }
        Ok(digest)
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.length = self.length.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn hex(&self) -> String {
        let mut hex = String::with_capacity(64);
        for byte in self.sha256.clone().finalize() {
            let _ = write!(hex, "{byte:02x}");
        }
        hex
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_of_parts_is_digest_of_whole() {
        let mut digest = Digest::default();
        digest.update(b"ab");
        digest.update(b"");
        digest.update(b"c");
        assert_eq!(digest.length(), 3);
        assert_eq!(digest.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
