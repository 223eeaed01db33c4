use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// When an object or a list last changed, in milliseconds since 1970, as the server counts them.
///
/// The server makes every timestamp of a list unique and rising, so that it doubles as the version of an object: two
/// reads with the same timestamp are the same object. It is not a clock: after many writes within one millisecond
/// it runs ahead of the time of day.
///
/// ```
/// use kinto_client::Timestamp;
///
/// let timestamp = Timestamp::from_millis(1_700_000_000_123);
/// assert_eq!(timestamp.as_millis(), 1_700_000_000_123);
/// assert_eq!(timestamp.to_string(), "1700000000123");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The timestamp of that many milliseconds since 1970.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// As `If-Match`, `If-None-Match` and `ETag` carry it: in quotes. Anything else the server refuses with a 400.
    pub(crate) fn to_etag(self) -> String {
        format!("\"{}\"", self.0)
    }

    pub(crate) fn from_etag(etag: &str) -> Result<Self> {
        etag.strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .and_then(|digits| digits.parse().ok())
            .map(Self)
            .ok_or_else(|| {
                let shown: String = etag.chars().take(40).collect();
                Error::unexpected(format!("the server sent an `ETag` that is no timestamp: {shown}"))
            })
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags_go_there_and_back() {
        let timestamp = Timestamp::from_millis(42);
        assert_eq!(timestamp.to_etag(), "\"42\"");
        assert_eq!(Timestamp::from_etag("\"42\"").unwrap(), timestamp);
    }

    #[test]
    fn what_is_no_timestamp_is_refused() {
        for etag in ["42", "\"-5\"", "W/\"42\"", "\"\"", "\"99999999999999999999\"", ""] {
            assert!(Timestamp::from_etag(etag).is_err(), "{etag}");
        }
    }
}
