use std::ops::Range;

use bytes::Bytes;
use bytestring::ByteString;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::extent;
use crate::error::{Error, Result};

/// A position in received JSON, from which values are decoded one after the other in a single pass.
///
/// The end of a value is known once it has been decoded. UTF-8 is validated once for the whole text, and not
/// for each string in it.
#[derive(Clone)]
pub(crate) struct Cursor {
    body: ByteString,
    at: usize,
}

impl Cursor {
    pub(crate) fn new(body: &Bytes) -> Result<Self> {
        let text = ByteString::try_from(body.clone()).map_err(|error| Error::not_kinto(&error, body))?;
        Ok(Self { body: text, at: 0 })
    }

    pub(crate) fn body(&self) -> &Bytes {
        self.body.as_bytes()
    }

    /// Returns the number of bytes that have been read.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Returns the text after the position.
    pub(crate) fn rest(&self) -> &str {
        self.body.get(self.at..).unwrap_or_default()
    }

    /// Returns the next `length` bytes as a slice of the whole.
    pub(crate) fn next(&self, length: usize) -> Option<Bytes> {
        let next = self.rest().get(..length)?;
        Some(self.body().slice_ref(next.as_bytes()))
    }

    /// Advances by `length` bytes.
    pub(crate) fn go_on(&mut self, length: usize) {
        self.at += length;
    }

    /// Skips a token and the whitespace around it, if it comes next, and returns whether it does.
    pub(crate) fn step_over(&mut self, token: &str) -> bool {
        match self.rest().trim_ascii_start().strip_prefix(token) {
            Some(rest) => {
                self.at = self.body.len() - rest.trim_ascii_start().len();
                true
            }
            None => false,
        }
    }

    /// Skips the name of a field, if it comes next, and returns whether it does.
    pub(crate) fn step_over_field(&mut self, quoted: &str) -> bool {
        let start = self.at;
        let steps = self.step_over(quoted) && self.step_over(":");
        if !steps {
            self.at = start;
        }
        steps
    }

    /// Returns the next value as received, if it is valid JSON.
    pub(crate) fn received(&self) -> Option<Bytes> {
        let mut values = serde_json::Deserializer::from_str(self.rest()).into_iter();
        let received: &RawValue = values.next()?.ok()?;
        Some(self.body().slice_ref(received.get().as_bytes()))
    }

    /// Skips the next value without decoding it, and returns where it is.
    pub(crate) fn skip(&mut self) -> Option<Range<usize>> {
        let rest = self.rest();
        let value = rest.trim_ascii_start();
        let start = self.at + rest.len() - value.len();
        self.at = start + extent::of_value(value)?;
        Some(start..self.at)
    }

    /// Decodes the next value, if it is of type `T`.
    pub(crate) fn value<'de, T: Deserialize<'de>>(&'de mut self) -> Option<T> {
        let mut values = serde_json::Deserializer::from_str(self.body.get(self.at..)?).into_iter();
        let value = values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_stays_when_token_differs() {
        let mut json = Cursor::new(&Bytes::from_static(b" { \"a\" , \"b\" : [1, 2] }")).unwrap();
        assert!(json.step_over("{") && !json.step_over("["));
        assert!(!json.step_over_field("\"a\"") && json.rest().starts_with("\"a\""));
        assert_eq!(json.value::<String>().unwrap(), "a");
        assert!(json.step_over(",") && json.step_over_field("\"b\""));
        assert_eq!(json.received().unwrap(), "[1, 2]");
        assert_eq!((json.value::<bool>(), json.next(99)), (None, None));
        assert_eq!(json.value::<[u8; 2]>().unwrap(), [1, 2]);
        assert!(json.step_over("}") && json.rest().is_empty() && json.received().is_none());
    }
}
