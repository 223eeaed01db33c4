use std::{collections::BTreeMap, fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{order::LAST_MODIFIED, query::Query, token_number};
use crate::error::{Error, Result};

/// The prefix of the text of a token: its version.
const VERSION: &str = "1:";

/// A position after a page of a list, from which reading can continue. It can be stored as text.
///
/// It holds the list, and the filters, time bounds, order and selected fields that the page was read with. Reading
/// continues with these. A call for another list, or with other ones, is
/// [`Error::is_invalid`](crate::Error::is_invalid), and nothing is sent. The server's tokens do not expire.
#[derive(Clone, PartialEq, Eq)]
pub struct PageToken {
    path: String,
    query: Query,
}

impl PageToken {
    /// The token for a page of the list at this path.
    pub(crate) fn new(path: &str, query: Query) -> Self {
        Self { path: path.to_owned(), query }
    }

    /// The query for the page, once the token was found to go on with what is asked for: `asked`, in which nothing is
    /// left to the token, may say less than the token, but nothing else.
    pub(crate) fn goes_on(&self, path: &str, asked: &Query) -> Result<Query> {
        if self.path != path {
            return Err(Error::invalid(format!("the page token is of another list, {}", self.path)));
        }
        let mut query = self.query.clone();
        if let Some(limit) = asked.values("_limit").last() {
            query.set("_limit", &limit);
        }
        for (what, concerns) in PARTS {
            let of = |query: &Query| -> Vec<(String, String)> {
                let parameters = query.parameters().filter(|(name, _)| concerns(name));
                let mut parameters: Vec<_> = parameters.map(|(name, value)| (name.into(), value.into())).collect();
                parameters.sort();
                parameters
            };
            let (wanted, known) = (of(asked), of(&self.query));
            match what {
                // Objects that lack some of their fields must not pass for whole ones; whole ones have all fields.
                "selected fields" if known.is_empty() => {
                    for (name, value) in wanted {
                        query.set(&name, &value);
                    }
                }
                "selected fields" if wanted != known => return Err(other(what)),
                _ if !wanted.is_empty() && wanted != known => return Err(other(what)),
                _ => {}
            }
        }
        Ok(query)
    }

    /// Returns `true` if the page is of a list that is bound by the time of the last change, which has tombstones in it.
    pub(crate) fn is_by_time(&self) -> bool {
        self.query.parameters().any(|(name, _)| is_bound(&name) || name.ends_with(LAST_MODIFIED))
    }
}

/// Something that a token knows, and which parameters say it.
type Part = (&'static str, fn(&str) -> bool);

/// The parts of a token.
const PARTS: [Part; 4] = [
    ("filters", |name| !name.starts_with('_')),
    ("bounds of time", is_bound),
    ("order", |name| name == "_sort"),
    ("selected fields", |name| name == "_fields"),
];

fn is_bound(name: &str) -> bool {
    matches!(name, "_since" | "_before" | "_to")
}

fn other(what: &str) -> Error {
    Error::invalid(format!(
        "the page token was made with other {what}: set the same ones, or none to use those of the token"
    ))
}

/// Refuses a page that the server cannot begin where the one before it ended.
///
/// The server's token is JSON with the sort values of the last object, and it reads some numbers in it inexactly. What cannot
/// be decoded is another server's, or a proxy's: nothing is known of it beforehand.
pub(crate) fn check_numbers(query: &Query) -> Result<()> {
    #[derive(Deserialize)]
    struct Token<'a> {
        #[serde(borrow)]
        last_object: BTreeMap<String, &'a RawValue>,
    }
    let Some(token) = query.values("_token").last() else { return Ok(()) };
    let Some(decoded) = STANDARD.decode(token.as_bytes()).ok() else { return Ok(()) };
    let Ok(Token { last_object }) = serde_json::from_slice(&decoded) else { return Ok(()) };
    match token_number::first_lost(last_object.into_values()) {
        Some(number) => Err(Error::unpageable(number)),
        None => Ok(()),
    }
}

impl fmt::Display for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VERSION}{}?{}", self.path, self.query.as_str())
    }
}

/// Leaves out the text, which has in it what the list was filtered by.
impl fmt::Debug for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PageToken(…)")
    }
}

impl FromStr for PageToken {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        let parts = text.strip_prefix(VERSION).and_then(|rest| rest.split_once('?'));
        match parts {
            Some((path, query)) if printable && path.starts_with('/') && query.contains("_token=") => {
                Ok(Self::new(path, Query::verbatim(query)))
            }
            _ => Err(Error::invalid("the text is not a page token: pass the text of a `PageToken` unchanged")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(parameters: &[(&str, &str)]) -> Query {
        let mut query = Query::default();
        for (name, value) in parameters {
            query.push(name, value);
        }
        query
    }

    #[test]
    fn goes_on_with_what_it_was_made_with_and_refuses_the_rest() {
        let made = query(&[("min_n", "1"), ("_sort", "n"), ("_since", "5"), ("_limit", "2"), ("_token", "abc")]);
        let token: PageToken = PageToken::new("/buckets/b", made).to_string().parse().unwrap();
        assert!(token.is_by_time());
        let goes_on = |asked: &[(&str, &str)]| {
            let query = token.goes_on("/buckets/b", &query(asked));
            query.map(|query| query.as_str().to_owned()).map_err(|error| error.to_string())
        };
        let same = "min_n=1&_sort=n&_since=5&_limit=2&_token=abc";
        assert_eq!(goes_on(&[]).unwrap(), same);
        assert_eq!(goes_on(&[("_sort", "n"), ("_since", "5"), ("min_n", "1")]).unwrap(), same);
        assert_eq!(goes_on(&[("_limit", "9")]).unwrap(), "min_n=1&_sort=n&_since=5&_token=abc&_limit=9");
        assert!(goes_on(&[("_fields", "n")]).unwrap().ends_with("&_fields=n"));
        for (asked, what) in [
            ([("min_n", "2")], "filters"),
            ([("_sort", "-n")], "order"),
            ([("_since", "6")], "bounds of time"),
            ([("_before", "5")], "bounds of time"),
        ] {
            let error = goes_on(&asked).unwrap_err();
            assert!(error.contains(&format!("made with other {what}")), "{error}");
        }
        assert!(token.goes_on("/buckets/c", &Query::default()).is_err_and(|error| error.is_invalid()));
        let selected = PageToken::new("/buckets", query(&[("_fields", "n"), ("_token", "abc")]));
        assert!(selected.goes_on("/buckets", &Query::default()).is_err_and(|error| error.is_invalid()));
        assert!(selected.goes_on("/buckets", &query(&[("_fields", "n")])).is_ok());
    }

    #[test]
    fn check_numbers_refuses_what_the_server_would_misread() {
        let check = |last: &str| {
            let token = STANDARD.encode(format!(r#"{{"last_object": {last}, "offset": 1, "nonce": "x"}}"#));
            check_numbers(&query(&[("_token", &token)]))
        };
        assert!(check(r#"{"v": 3.14, "t": "6.637205051048258e-10", "last_modified": 1795550740811}"#).is_ok());
        let error = check(r#"{"v": 6.637205051048258e-10, "last_modified": 1795550740811}"#).unwrap_err();
        assert!(error.to_string().contains("6.637205051048258e-10"), "{error}");
        assert!(check_numbers(&query(&[("_token", "0")])).is_ok());
    }
}
