use std::ops::Range;

use bytes::Bytes;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use super::{object::outcome::Tombstone, response::Response, timestamp::Timestamp};
use crate::error::{Error, Result};
use crate::json::reader::Cursor;

/// One page of a list, whose objects are decoded one after the other in a single pass.
#[derive(Clone)]
pub(crate) struct Page {
    /// The time of the last change of the list.
    pub(crate) timestamp: Timestamp,
    /// The query of the next page.
    pub(crate) next: Option<String>,
    /// The time of the response, from its `Date` header.
    pub(crate) answered: Option<Timestamp>,
    rest: Cursor,
    reached: Reached,
    /// The range of the object before the rest.
    passed: Range<usize>,
}

/// The state of the rest of a page.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reached {
    Object,
    End,
    /// The rest is no list.
    Nonsense,
}

impl Page {
    pub(crate) fn read(response: &Response) -> Result<Self> {
        #[derive(Deserialize)]
        struct List<'a> {
            #[serde(borrow)]
            data: &'a RawValue,
        }
        let rest = Cursor::new(&response.body)?;
        let (timestamp, next) = (response.etag(), response.next_page());
        let mut page = Self {
            timestamp: Timestamp::from_millis(0),
            next: None,
            answered: response.date(),
            rest,
            reached: Reached::Object,
            passed: 0..0,
        };
        if !(page.rest.step_over("{") && page.rest.step_over_field("\"data\"") && page.rest.step_over("[")) {
            // The page has further fields, or another order of fields.
            let body = &response.body;
            let list: List<'_> = serde_json::from_slice(body).map_err(|error| Error::not_kinto(&error, body))?;
            page.rest = Cursor::new(&body.slice_ref(list.data.get().as_bytes()))?;
            if !page.rest.step_over("[") {
                return Err(Error::unexpected("the server's response is no list".to_owned()));
            }
        }
        if page.rest.step_over("]") {
            page.reached = Reached::End;
        }
        Ok(Self { timestamp: timestamp?, next: next?, ..page })
    }

    /// Returns the next object as received, or `None` after the last.
    pub(crate) fn next_received(&mut self) -> Option<Result<Bytes>> {
        match self.reached {
            Reached::Object => {}
            Reached::End => return None,
            Reached::Nonsense => return Some(Err(self.nonsense())),
        }
        let Some(received) = self.rest.received() else { return Some(Err(self.nonsense())) };
        self.go_on(received.len());
        Some(Ok(received))
    }

    /// Returns the position of the next object, if there is one.
    ///
    /// The caller that decodes it there must then call [`go_on`](Self::go_on) with its length.
    pub(crate) fn place(&self) -> Option<&Cursor> {
        (self.reached == Reached::Object).then_some(&self.rest)
    }

    /// Returns the next object if it is a tombstone, and otherwise leaves it unread.
    pub(crate) fn next_tombstone(&mut self) -> Option<Tombstone> {
        if self.reached != Reached::Object {
            return None;
        }
        let received = self.rest.received()?;
        let tombstone = Self::tombstone(&received)?;
        self.go_on(received.len());
        Some(tombstone)
    }

    /// The object that comes next, as received, without going on.
    pub(crate) fn peek(&self) -> Option<Bytes> {
        self.place()?.received()
    }

    /// The object that was last gone on after, as received.
    pub(crate) fn passed(&self) -> Option<&[u8]> {
        self.rest.body().get(self.passed.clone()).filter(|raw| !raw.is_empty())
    }

    /// Returns the number of objects that are not read yet.
    pub(crate) fn count(&self) -> usize {
        let mut rest = self.clone();
        std::iter::from_fn(|| rest.next_received()?.ok()).count()
    }

    /// Advances past an object of this length.
    pub(crate) fn go_on(&mut self, length: usize) {
        self.passed = self.rest.at()..self.rest.at() + length;
        self.rest.go_on(length);
        self.reached = if self.rest.step_over(",") {
            Reached::Object
        } else if self.rest.step_over("]") {
            Reached::End
        } else {
            Reached::Nonsense
        };
    }

    /// Returns the error for a body that is no list, and ends the page.
    fn nonsense(&mut self) -> Error {
        self.reached = Reached::End;
        let body = self.rest.body();
        match serde_json::from_slice::<IgnoredAny>(body) {
            Err(error) => Error::not_kinto(&error, body),
            Ok(_) => Error::unexpected("the server's response is no list".to_owned()),
        }
    }

    /// Decodes a tombstone, if the item has nothing but its fields.
    ///
    /// A record with exactly these fields cannot be distinguished from it.
    pub(crate) fn tombstone(raw: &[u8]) -> Option<Tombstone> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Item {
            id: String,
            last_modified: Timestamp,
            deleted: bool,
        }
        // Most items are none, which is known soonest by what they lack.
        memchr::memmem::find(raw, b"\"deleted\"")?;
        let item: Item = serde_json::from_slice(raw).ok()?;
        item.deleted.then_some(Tombstone { id: item.id, last_modified: Some(item.last_modified) })
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, StatusCode, header};

    use super::*;

    fn page(body: &str) -> Result<Page> {
        let headers = HeaderMap::from_iter([(header::ETAG, HeaderValue::from_static("\"7\""))]);
        Page::read(&Response::new(StatusCode::OK, headers, Bytes::copy_from_slice(body.as_bytes())))
    }

    fn received(body: &str) -> Vec<String> {
        let mut page = page(body).unwrap();
        let text = |received: Result<Bytes>| {
            received.map_or_else(|error| error.to_string(), |raw| String::from_utf8(raw.to_vec()).unwrap())
        };
        std::iter::from_fn(|| page.next_received().map(text)).collect()
    }

    #[test]
    fn page_objects_are_slices_of_body() {
        let none: [&str; 0] = [];
        assert_eq!(received(r#"{"data":[{"a":"],"},{"b":[{}]},{}]}"#), [r#"{"a":"],"}"#, r#"{"b":[{}]}"#, "{}"]);
        assert_eq!(received("\n{ \"data\" : [ {} ,\n{\"a\": 1} ]\n}\n"), ["{}", "{\"a\": 1}"]);
        assert_eq!(received(r#"{"data":[]}"#), none);
        assert_eq!(received(r#"{"more":[1],"data":[{"a":1},{"b":2}]}"#), [r#"{"a":1}"#, r#"{"b":2}"#]);
        assert_eq!(page(r#"{"data":[{},{},{}]}"#).unwrap().count(), 3);
    }

    #[test]
    fn page_decodes_in_one_pass() {
        let mut page = page(r#"{"data":[{"a":1}, {"b":2},{"c":3}]}"#).unwrap();
        for (rest, follows) in [(r#"{"a":1}, {"b""#, true), (r#"{"b":2},{"c""#, true), (r#"{"c":3}]"#, false)] {
            assert!(page.place().unwrap().rest().starts_with(rest));
            assert_eq!(page.peek().unwrap(), rest[..7]);
            page.go_on(7);
            assert_eq!(page.passed().unwrap(), &rest.as_bytes()[..7]);
            assert_eq!(page.place().is_some(), follows);
        }
        assert!(page.next_received().is_none());
    }

    #[test]
    fn page_ends_after_malformed_list() {
        for body in ["", "<html>", "[]", "{}", r#"{"data":{}}"#, r#"{"data":null}"#] {
            assert!(page(body).is_err_and(|error| error.is_unexpected()), "{body}");
        }
        for body in [r#"{"data":[{},{"a":"#, r#"{"data":[{}"#, r#"{"data":[{}{}]}"#, r#"{"data":[{},]}"#] {
            let received = received(body);
            assert_eq!(received.len(), 2, "{body}");
            assert!(received[1].starts_with("the response is not one of Kinto"), "{received:?}");
        }
    }
}
