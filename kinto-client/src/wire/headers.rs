use std::{borrow::Cow, sync::LazyLock};

use bytes::Bytes;
use http::{HeaderMap, header};
use memchr::memmem::Finder;
use serde::{
    Deserialize as _, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};

use crate::json::key::Key;

/// The name of an `ETag` as Kinto writes it.
static ETAG: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"ETag\":"));

/// The headers of a response.
#[derive(Clone, Debug)]
pub(crate) enum Headers {
    Own(Box<HeaderMap>),
    /// The headers of a part of a batch, as received JSON: they are longer than the body of the part, and rarely
    /// read.
    OfPart(Bytes),
}

impl From<HeaderMap> for Headers {
    fn from(headers: HeaderMap) -> Self {
        Self::Own(Box::new(headers))
    }
}

impl Headers {
    /// All of them. Those of a part of a batch that cannot be headers are left out.
    pub(crate) fn into_map(self) -> HeaderMap {
        match self {
            Self::Own(headers) => *headers,
            Self::OfPart(json) => {
                let headers: serde_json::Map<String, serde_json::Value> =
                    serde_json::from_slice(&json).unwrap_or_default();
                let header = |(name, value): (String, serde_json::Value)| {
                    let name: http::HeaderName = name.parse().ok()?;
                    Some((name, http::HeaderValue::from_str(value.as_str()?).ok()?))
                };
                headers.into_iter().filter_map(header).collect()
            }
        }
    }

    /// Returns the `ETag`, if there is one.
    ///
    /// Every part of a batch is asked for it, so it is searched for under the name that Kinto gives it: to read all headers of
    /// a part takes as long as to decode its body.
    pub(crate) fn etag(&self) -> Option<Cow<'_, str>> {
        let known = match self {
            Self::Own(_) => None,
            Self::OfPart(json) => value_after(json, &ETAG),
        };
        known.or_else(|| self.get(header::ETAG.as_str()))
    }

    /// Returns the value of a header, if there is one.
    ///
    /// Invalid UTF-8 is replaced, so that the header does not seem absent.
    pub(crate) fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        match self {
            Self::Own(headers) => headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes())),
            Self::OfPart(json) => {
                let mut json = serde_json::Deserializer::from_slice(json);
                json.deserialize_map(Find(name)).ok()?
            }
        }
    }
}

/// Returns the text after a quoted key in JSON. A quote within a text would be escaped.
fn value_after<'a>(json: &'a [u8], quoted_key: &Finder<'_>) -> Option<Cow<'a, str>> {
    let value = json.get(quoted_key.find(json)? + quoted_key.needle().len()..)?;
    if let Some(version) = quoted_digits(value) {
        return Some(version.into());
    }
    let Key(value) = Key::deserialize(&mut serde_json::Deserializer::from_slice(value)).ok()?;
    Some(value)
}

/// Returns the text `"7"` of JSON that begins with `"\"7\""`, which is how Kinto writes each `ETag`.
fn quoted_digits(json: &[u8]) -> Option<String> {
    let digits = json.strip_prefix(br#""\""#)?;
    let (digits, rest) = digits.split_at(digits.iter().position(|byte| !byte.is_ascii_digit())?);
    let digits = std::str::from_utf8(digits).ok().filter(|_| rest.starts_with(br#"\"""#))?;
    Some(["\"", digits, "\""].concat())
}

/// A visitor that finds one header among those of a part.
struct Find<'a>(&'a str);

impl<'de> Visitor<'de> for Find<'_> {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("headers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut headers: A) -> Result<Option<Cow<'de, str>>, A::Error> {
        let mut found = None;
        while let Some(Key(name)) = headers.next_key()? {
            if name.eq_ignore_ascii_case(self.0) {
                let Key(value) = headers.next_value()?;
                found = Some(value);
            } else {
                headers.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_batch_part_are_found() {
        let headers = Headers::OfPart(Bytes::from_static(br#"{"A":"1","Retry-After":"\u0037","b":null,"C":3}"#));
        assert_eq!(headers.get("retry-after").as_deref(), Some("7"));
        assert_eq!((headers.get("a").as_deref(), headers.get("d")), (Some("1"), None));
        assert_eq!((headers.get("b"), headers.get("c")), (None, None));
        for none in ["", "null", "{}", "[]", "{\"a\":"] {
            assert_eq!(Headers::OfPart(Bytes::from_static(none.as_bytes())).get("a"), None, "{none}");
        }
    }

    #[test]
    fn etag_of_batch_part_is_found_whatever_its_case() {
        for (json, etag) in [
            (r#"{"A":"1","ETag":"\"7\"","Z":"2"}"#, Some("\"7\"")),
            (r#"{"A": "1", "ETag": "\"7\"", "Z": "2"}"#, Some("\"7\"")),
            (r#"{"etag" : "W/\"7\""}"#, Some("W/\"7\"")),
            (r#"{"A":"\"ETag\":\"6\"","Etag":"\"7\""}"#, Some("\"7\"")),
            (r#"{"A":"\"ETag\":\"6\""}"#, None),
            (r#"{"ETag":7}"#, None),
            ("{}", None),
            ("", None),
        ] {
            assert_eq!(Headers::OfPart(Bytes::from_static(json.as_bytes())).etag().as_deref(), etag, "{json}");
        }
    }
}
