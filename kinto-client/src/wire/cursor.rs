use bytes::Bytes;
use bytestring::ByteString;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::{Error, Result};

/// A place in JSON as received, from which one value after the other is read in one pass: where one ends is known once
/// it has been decoded. That the whole is text is found out once, and not at each string in it.
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

    /// What has not been stepped over.
    pub(crate) fn rest(&self) -> &str {
        self.body.get(self.at..).unwrap_or_default()
    }

    /// The next bytes, so many, as a part of the whole.
    pub(crate) fn next(&self, length: usize) -> Option<Bytes> {
        let next = self.rest().get(..length)?;
        Some(self.body().slice_ref(next.as_bytes()))
    }

    /// Goes on after so many bytes.
    pub(crate) fn go_on(&mut self, length: usize) {
        self.at += length;
    }

    /// Steps over a token and the space around it, if that is what comes next.
    pub(crate) fn step_over(&mut self, token: &str) -> bool {
        match self.rest().trim_ascii_start().strip_prefix(token) {
            Some(rest) => {
                self.at = self.body.len() - rest.trim_ascii_start().len();
                true
            }
            None => false,
        }
    }

    /// Steps over the name of a field, if that is what comes next.
    pub(crate) fn step_over_field(&mut self, quoted: &str) -> bool {
        self.step_over(quoted) && self.step_over(":")
    }

    /// The value that comes next, as received, if it is JSON.
    pub(crate) fn received(&self) -> Option<Bytes> {
        let mut values = serde_json::Deserializer::from_str(self.rest()).into_iter();
        let received: &RawValue = values.next()?.ok()?;
        Some(self.body().slice_ref(received.get().as_bytes()))
    }

    /// Reads the value that comes next, if it is of that type.
    pub(crate) fn value<'de, T: Deserialize<'de>>(&'de mut self) -> Option<T> {
        let mut values = serde_json::Deserializer::from_str(self.body.get(self.at..)?).into_iter();
        let value = values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(value)
    }
}
