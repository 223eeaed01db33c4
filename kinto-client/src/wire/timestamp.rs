use std::{
    fmt,
    str::FromStr,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The time of the last change of an object or a list, in milliseconds since 1970 on the server.
///
/// The server makes the timestamps of a list unique and increasing, so that a timestamp is also the version of
/// an object: two reads with the same timestamp return the same object. It is not a clock: after many writes
/// within one millisecond, it is ahead of the current time.
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
    /// Creates a timestamp from milliseconds since 1970.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Returns the milliseconds since 1970.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Formats the timestamp in quotes for `If-Match` and `If-None-Match`; the server responds to any other form
    /// with a 400.
    pub(crate) fn to_etag(self) -> String {
        format!("\"{}\"", self.0)
    }

    /// Reads an `ETag`. A weak one is the same version: a proxy that compresses a response weakens its `ETag`.
    pub(crate) fn from_etag(etag: &str) -> Result<Self> {
        etag.strip_prefix("W/")
            .unwrap_or(etag)
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .and_then(|digits| digits.parse().ok())
            .map(Self)
            .ok_or_else(|| {
                let shown: String = etag.chars().take(40).collect();
                Error::unexpected(format!("the server sent an `ETag` that is no timestamp: {shown}"))
            })
    }
}

/// Reads the digits that a timestamp is printed as.
///
/// ```
/// use kinto_client::Timestamp;
///
/// assert_eq!("1700000000123".parse::<Timestamp>()?, Timestamp::from_millis(1_700_000_000_123));
/// assert!("2023-11-14".parse::<Timestamp>().is_err());
/// # Ok::<(), kinto_client::Error>(())
/// ```
impl FromStr for Timestamp {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok()).flatten().map(Self).ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            Error::invalid(format!(
                "{shown:?} is no timestamp: it is a number of milliseconds since 1970, such as 1700000000123"
            ))
        })
    }
}

/// Converts a time of day to a timestamp in milliseconds, rounding down.
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use kinto_client::Timestamp;
///
/// let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
/// let timestamp = Timestamp::try_from(time)?;
/// assert_eq!(timestamp.as_millis(), 1_700_000_000_123);
/// assert_eq!(SystemTime::try_from(timestamp)?, time);
/// # Ok::<(), kinto_client::Error>(())
/// ```
impl TryFrom<SystemTime> for Timestamp {
    type Error = Error;

    fn try_from(time: SystemTime) -> Result<Self> {
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        let since = since.map_err(|error| Error::invalid("a time before 1970 is no timestamp").caused_by(error))?;
        let millis = u64::try_from(since.as_millis());
        millis.map(Self).map_err(|error| Error::invalid("the time is too late for a timestamp").caused_by(error))
    }
}

/// Converts a timestamp to a time of day, which is an error if the system's clock cannot represent it.
impl TryFrom<Timestamp> for SystemTime {
    type Error = Error;

    fn try_from(timestamp: Timestamp) -> Result<Self> {
        Self::UNIX_EPOCH
            .checked_add(Duration::from_millis(timestamp.0))
            .ok_or_else(|| Error::invalid(format!("the timestamp {timestamp} is too late for the system's clock")))
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
    fn etag_round_trips() {
        let timestamp = Timestamp::from_millis(42);
        assert_eq!(timestamp.to_etag(), "\"42\"");
        assert_eq!(Timestamp::from_etag("\"42\"").unwrap(), timestamp);
        assert_eq!(Timestamp::from_etag("W/\"42\"").unwrap(), timestamp);
    }

    #[test]
    fn text_and_times_convert_or_are_refused() {
        for text in ["", "+5", "-5", " 5", "5.0", "\"5\"", "18446744073709551616"] {
            let error = text.parse::<Timestamp>().unwrap_err();
            assert!(error.is_invalid() && error.to_string().contains("milliseconds since 1970"), "{text}: {error}");
        }
        assert_eq!("18446744073709551615".parse::<Timestamp>().unwrap(), Timestamp(u64::MAX));
        let time = SystemTime::UNIX_EPOCH + Duration::new(1, 999_999);
        assert_eq!(Timestamp::try_from(time).unwrap(), Timestamp(1000));
        assert!(Timestamp::try_from(SystemTime::UNIX_EPOCH - Duration::from_millis(1)).unwrap_err().is_invalid());
        assert_eq!(SystemTime::try_from(Timestamp(0)).unwrap(), SystemTime::UNIX_EPOCH);
    }

    #[test]
    fn etag_parse_rejects_invalid_text() {
        for etag in ["42", "\"-5\"", "W/42", "w/\"42\"", "W/W/\"42\"", "\"\"", "\"99999999999999999999\"", ""] {
            assert!(Timestamp::from_etag(etag).is_err(), "{etag}");
        }
    }
}
