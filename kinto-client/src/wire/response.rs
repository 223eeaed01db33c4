use std::{
    borrow::Cow,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{StatusCode, header};
use url::Url;

use super::{headers::Headers, siblings::Siblings, timestamp::Timestamp};
use crate::error::{Error, Result};

/// An answer of the server, read whole.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: Headers,
    pub(crate) body: Bytes,
    /// Why nobody can tell whether the request was carried out, if that is so.
    pub(crate) doubt: Option<Doubt>,
    /// What it has in common with the other parts of its batch.
    pub(crate) siblings: Siblings,
}

/// Why nobody can tell whether a request that was refused has been carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// An earlier try may have been carried out, and the last response does not tell.
    Earlier,
    /// The object is as it was sent.
    AsSent,
    /// The object that was to be deleted is gone.
    Gone { guarded: bool },
    /// The lock of the fence could not be written, and the server went on with what was behind it. A lock that collided
    /// with another writer has rolled back what was before it.
    Unfenced { rolled_back: bool },
    /// The server has replaced an object, or made another, where the request was to create one: its `If-None-Match` was
    /// lost on the way.
    Replaced,
    /// Nothing is in doubt once another request has told: see [`question`](super::settle::question).
    Open,
}

impl Doubt {
    /// Returns what there is to say of it, and to do about it, beyond what is said of every request in doubt.
    pub(crate) fn hint(self) -> Option<&'static str> {
        match self {
            Self::AsSent => Some(
                "the object now is what was sent, and nobody can tell whether this request or another client did that, \
                 since a request can arrive twice: read the object before you write again",
            ),
            Self::Gone { guarded: true } => Some(
                "the object is gone, and nobody can tell whether this request or another client deleted it, since a \
                 request can arrive twice: `.if_exists()` takes both for done",
            ),
            Self::Gone { guarded: false } => Some(
                "it was not there, or this request arrived twice and the first deleted it: `.if_exists()` takes both for \
                 done",
            ),
            Self::Unfenced { .. } => Some(
                "the lock of the fence could not be written, and the server may have gone on to this request without it: \
                 another client may have written at the same time, so read the object before you write again",
            ),
            Self::Earlier | Self::Replaced | Self::Open => None,
        }
    }
}

impl Response {
    pub(crate) fn new(status: StatusCode, headers: impl Into<Headers>, body: Bytes) -> Self {
        Self { status, headers: headers.into(), body, doubt: None, siblings: Siblings::default() }
    }
}

impl Response {
    pub(crate) fn header(&self, name: impl AsRef<str>) -> Option<Cow<'_, str>> {
        self.headers.get(name.as_ref())
    }

    /// How many objects the list has that was asked for with HEAD.
    pub(crate) fn total(&self) -> Result<usize> {
        let total = self.header("total-objects").or_else(|| self.header("total-records"));
        total
            .and_then(|total| total.parse().ok())
            .ok_or_else(|| Error::unexpected("the server did not say how many there are".to_owned()))
    }

    pub(crate) fn etag(&self) -> Result<Timestamp> {
        match self.header(header::ETAG) {
            Some(etag) => Timestamp::from_etag(&etag),
            None => Err(Error::unexpected("the server's answer has no `ETag`".to_owned())),
        }
    }

    /// When the server says that it answered.
    pub(crate) fn date(&self) -> Option<Timestamp> {
        let date = httpdate::parse_http_date(&self.header(header::DATE)?).ok()?;
        let since = date.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(Timestamp::from_millis(since.as_millis().try_into().ok()?))
    }

    /// How long the server asks to be left alone: `Retry-After`, in seconds or as a date.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let header = self.header(header::RETRY_AFTER)?;
        let value = header.trim();
        if let Some(delay) = seconds(value) {
            return Some(delay);
        }
        let date = httpdate::parse_http_date(value).ok()?;
        Some(date.duration_since(SystemTime::now()).unwrap_or_default())
    }

    /// The query that asks for the next page.
    ///
    /// Only the query of the header's URL is used: its host may be one that the server has behind its proxy, and
    /// credentials must not follow it anywhere else; its path is the one that was asked for.
    pub(crate) fn next_page(&self) -> Result<Option<String>> {
        let Some(value) = self.header("next-page") else { return Ok(None) };
        Url::parse(&value)
            .ok()
            .filter(|_| value.is_ascii())
            .and_then(|url| url.query().filter(|query| query.contains("_token=")).map(str::to_owned))
            .map(Some)
            .ok_or_else(|| Error::unexpected("the server's `Next-Page` is no URL with the token of a page".to_owned()))
    }

    /// Returns true for the response to a part of a batch.
    pub(crate) fn is_part(&self) -> bool {
        matches!(self.headers, Headers::OfPart(_))
    }

    /// Whether what the request asked for may be done: it was a success, read or not, or the server failed on the way, or
    /// there were tries before.
    pub(crate) fn may_be_done(&self) -> bool {
        self.status.is_success() || self.status.is_server_error() || self.doubt.is_some()
    }

    /// The answer itself if it is a success, and otherwise the error that it tells of.
    pub(crate) fn success(self) -> Result<Self> {
        match self.doubt {
            Some(Doubt::Replaced) => Err(Error::replaced()),
            _ if self.status.is_success() => Ok(self),
            _ => Err(Error::refused(&self)),
        }
    }
}

/// A number of seconds, as some headers have it. What is too large for a number is for ever.
pub(crate) fn seconds(text: &str) -> Option<Duration> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| Duration::from_secs(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let asked = |value: &str| {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, value.parse().unwrap())]);
            Response::new(StatusCode::SERVICE_UNAVAILABLE, headers, Bytes::new()).retry_after()
        };
        assert_eq!(asked("7"), Some(Duration::from_secs(7)));
        assert_eq!(asked("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert!(asked("Fri, 31 Dec 9999 23:59:59 GMT").unwrap() > Duration::from_secs(1 << 32));
        assert_eq!(asked("soon"), None);
        assert_eq!(asked("-1"), None);
        assert_eq!(asked("99999999999999999999999"), Some(Duration::from_secs(u64::MAX)));
    }
}
