use crate::error::doubt::Doubt;
use std::{
    borrow::Cow,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{StatusCode, Uri, header};
use url::Url;

use super::{batch_permissions::PermissionCache, headers::Headers, query::Query, timestamp::Timestamp};
use crate::error::{Error, Result};

/// A response of the server with its whole body.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: Headers,
    pub(crate) body: Bytes,
    /// The reason why it is unknown if the request was executed, if it is.
    pub(crate) doubt: Option<Doubt>,
    /// The responses to the parts of a batch, once they were read.
    pub(crate) parts: Option<Arc<[Response]>>,
    /// The permissions that the parts of a batch share.
    pub(crate) permission_cache: PermissionCache,
    /// The address that a redirect led to, if there was one.
    pub(crate) redirected_to: Option<Box<Uri>>,
}

impl Response {
    pub(crate) fn new(status: StatusCode, headers: impl Into<Headers>, body: Bytes) -> Self {
        let permission_cache = PermissionCache::default();
        Self { status, headers: headers.into(), body, doubt: None, parts: None, permission_cache, redirected_to: None }
    }
}

impl Response {
    pub(crate) fn header(&self, name: impl AsRef<str>) -> Option<Cow<'_, str>> {
        self.headers.get(name.as_ref())
    }

    /// Returns the number of objects in a list, from the response to a HEAD.
    pub(crate) fn total(&self) -> Result<usize> {
        let total = self.header("total-objects").or_else(|| self.header("total-records"));
        total
            .and_then(|total| total.parse().ok())
            .ok_or_else(|| Error::unexpected("the server's response lacks the number of objects".to_owned()))
    }

    pub(crate) fn etag(&self) -> Result<Timestamp> {
        match self.headers.etag() {
            Some(etag) => Timestamp::from_etag(&etag),
            None => Err(Error::unexpected("the server's response has no `ETag`".to_owned())),
        }
    }

    /// Returns the time of the response, from its `Date` header.
    pub(crate) fn date(&self) -> Option<Timestamp> {
        let date = httpdate::parse_http_date(&self.header(header::DATE)?).ok()?;
        let since = date.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(Timestamp::from_millis(since.as_millis().try_into().ok()?))
    }

    /// Returns the delay of the `Retry-After` header, in seconds or as a date.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let header = self.header(header::RETRY_AFTER)?;
        let value = header.trim();
        if let Some(delay) = seconds(value) {
            return Some(delay);
        }
        let date = httpdate::parse_http_date(value).ok()?;
        Some(date.duration_since(SystemTime::now()).unwrap_or_default())
    }

    /// Returns the query of the next page.
    ///
    /// Only the query of the header's URL is used: its host may be an internal one behind a proxy, and credentials
    /// must not be sent to another host; its path is that of the request.
    pub(crate) fn next_page(&self) -> Result<Option<String>> {
        let Some(value) = self.header("next-page") else { return Ok(None) };
        Url::parse(&value)
            .ok()
            .filter(|_| value.is_ascii())
            .and_then(|url| url.query().filter(|query| query.contains("_token=")).map(str::to_owned))
            .map(Some)
            .ok_or_else(|| Error::unexpected("the server's `Next-Page` is no URL with the token of a page".to_owned()))
    }

    /// Returns true if a redirect led to an address without that parameter.
    pub(crate) fn is_redirected_without(&self, parameter: &str) -> bool {
        let query = self.redirected_to.as_ref().map(|uri| uri.query().unwrap_or_default());
        query.is_some_and(|query| Query::verbatim(query).values(parameter).next().is_none())
    }

    /// Returns true for the response to a part of a batch.
    pub(crate) fn is_part(&self) -> bool {
        matches!(self.headers, Headers::OfPart(_))
    }

    /// Returns `true` if the request may have been executed: it succeeded, it failed on the server, or there were
    /// earlier tries.
    pub(crate) fn may_be_done(&self) -> bool {
        self.status.is_success() || self.status.is_server_error() || self.doubt.is_some()
    }

    /// Returns the response if it is a success, and otherwise its error.
    pub(crate) fn success(self) -> Result<Self> {
        match self.doubt {
            Some(Doubt::Replaced) => Err(Error::replaced()),
            _ if self.status.is_success() => Ok(self),
            _ => Err(self.to_error()),
        }
    }
}

/// Parses a number of seconds in a header; one that is too large becomes the longest duration.
pub(crate) fn seconds(text: &str) -> Option<Duration> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| Duration::from_secs(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[test]
    fn retry_after_parses_seconds_and_dates() {
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
