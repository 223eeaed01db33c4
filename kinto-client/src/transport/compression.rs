//! Compressed bodies of requests.

use std::io::Write as _;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::StatusCode;

use crate::wire::response::Response;

/// The size in bytes below which a body is sent as it is: compressing saves less than one packet.
const MIN_SIZE: usize = 1_024;

/// Returns the body compressed by gzip, if that makes it smaller.
pub(super) fn compress(body: &Bytes) -> Option<Bytes> {
    if body.len() < MIN_SIZE {
        return None;
    }
    // The fastest level makes JSON a tenth of its size already.
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 8), Compression::fast());
    encoder.write_all(body).ok()?;
    let compressed = encoder.finish().ok()?;
    (compressed.len() < body.len()).then(|| compressed.into())
}

/// Returns true for the response of a server that does not read compressed bodies: Kinto takes one for JSON.
pub(super) fn is_not_read(response: &Response) -> bool {
    let says_so = || response.to_error().server_message().is_some_and(|message| message.starts_with("Invalid JSON"));
    match response.status {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => true,
        StatusCode::BAD_REQUEST => says_so(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn compress_returns_what_is_smaller_and_is_the_same() {
        let mut noise = vec![0; MIN_SIZE];
        getrandom::fill(&mut noise).unwrap();
        for (body, is_smaller) in [
            (Vec::new(), false),
            (vec![b'a'; MIN_SIZE - 1], false),
            (vec![b'a'; MIN_SIZE], true),
            (br#"{"title": "Milk", "done": false}"#.repeat(1_000), true),
            (noise, false),
        ] {
            let body = Bytes::from(body);
            let compressed = compress(&body);
            assert_eq!(compressed.is_some(), is_smaller, "{body:?}");
            let Some(compressed) = compressed else { continue };
            let mut read = Vec::new();
            flate2::read::GzDecoder::new(&compressed[..]).read_to_end(&mut read).unwrap();
            assert_eq!(read, body);
        }
    }
}
