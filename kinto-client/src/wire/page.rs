use std::ops::Range;

use bytes::Bytes;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use super::{cursor::Cursor, outcome::Tombstone, response::Response, timestamp::Timestamp};
use crate::error::{Error, Result};

/// One page of a list. Its objects are read one after the other, each in one pass.
#[derive(Clone)]
pub(crate) struct Page {
    /// When the list last changed.
    pub(crate) timestamp: Timestamp,
    /// The query that asks for the next page.
    pub(crate) next: Option<String>,
    /// When the server answered, by its `Date`.
    pub(crate) answered: Option<Timestamp>,
    rest: Cursor,
    reached: Reached,
    /// Where the object before the rest is.
    passed: Range<usize>,
}

/// What the rest of a page begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reached {
    Object,
    End,
    /// Something that is no list.
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
            // It has more in it, or in another order.
            let body = &response.body;
            let list: List<'_> = serde_json::from_slice(body).map_err(|error| Error::not_kinto(&error, body))?;
            page.rest = Cursor::new(&body.slice_ref(list.data.get().as_bytes()))?;
            if !page.rest.step_over("[") {
                return Err(Error::unexpected("the server's answer is no list".to_owned()));
            }
        }
        if page.rest.step_over("]") {
            page.reached = Reached::End;
        }
        Ok(Self { timestamp: timestamp?, next: next?, ..page })
    }

    /// The next object as received, or `None` after the last.
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

    /// The place of the next object, if there is one; whoever reads it there says by [`go_on`](Self::go_on) how long it is.
    pub(crate) fn place(&self) -> Option<&Cursor> {
        (self.reached == Reached::Object).then_some(&self.rest)
    }

    /// What a deletion left of an object, if that is what comes next; if it is not, nothing is read.
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

    /// How many objects there are to be read.
    pub(crate) fn count(&self) -> usize {
        let mut rest = self.clone();
        std::iter::from_fn(|| rest.next_received()?.ok()).count()
    }

    /// Goes on after an object of that length.
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

    /// The error for a body that is no list, after which there is nothing more to read.
    fn nonsense(&mut self) -> Error {
        self.reached = Reached::End;
        let body = self.rest.body();
        match serde_json::from_slice::<IgnoredAny>(body) {
            Err(error) => Error::not_kinto(&error, body),
            Ok(_) => Error::unexpected("the server's answer is no list".to_owned()),
        }
    }

    /// What a deletion left of an object, if that is all that this item says. A record could say the same of itself;
    /// nothing tells the two apart.
    pub(crate) fn tombstone(raw: &[u8]) -> Option<Tombstone> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Item {
            id: String,
            last_modified: Timestamp,
            deleted: bool,
        }
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
    fn objects_are_slices_of_the_page() {
        let none: [&str; 0] = [];
        assert_eq!(received(r#"{"data":[{"a":"],"},{"b":[{}]},{}]}"#), [r#"{"a":"],"}"#, r#"{"b":[{}]}"#, "{}"]);
        assert_eq!(received("\n{ \"data\" : [ {} ,\n{\"a\": 1} ]\n}\n"), ["{}", "{\"a\": 1}"]);
        assert_eq!(received(r#"{"data":[]}"#), none);
        assert_eq!(received(r#"{"more":[1],"data":[{"a":1},{"b":2}]}"#), [r#"{"a":1}"#, r#"{"b":2}"#]);
        assert_eq!(page(r#"{"data":[{},{},{}]}"#).unwrap().count(), 3);
    }

    #[test]
    fn one_pass_is_enough() {
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
    fn what_is_no_list_is_an_error_and_then_the_end() {
        for body in ["", "<html>", "[]", "{}", r#"{"data":{}}"#, r#"{"data":null}"#] {
            assert!(page(body).is_err_and(|error| error.is_unexpected()), "{body}");
        }
        for body in [r#"{"data":[{},{"a":"#, r#"{"data":[{}"#, r#"{"data":[{}{}]}"#, r#"{"data":[{},]}"#] {
            let received = received(body);
            assert_eq!(received.len(), 2, "{body}");
            assert!(received[1].starts_with("the answer is not what Kinto sends"), "{received:?}");
        }
    }
}
