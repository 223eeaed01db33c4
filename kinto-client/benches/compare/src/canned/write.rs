//! Responses to writes, as if each were carried out.

use std::{borrow::Cow, collections::BTreeMap, fmt::Write as _};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{TIMESTAMP, USER};

#[derive(Deserialize)]
struct Batch<'a> {
    #[serde(borrow)]
    requests: Vec<Part<'a>>,
}

/// One request of a batch.
#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    path: Cow<'a, str>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(borrow)]
    body: Option<Body<'a>>,
}

/// The fields of a record as they were received, so that nothing is spent on what is sent back as it is.
#[derive(Default, Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    data: BTreeMap<Cow<'a, str>, &'a RawValue>,
}

/// Returns the body of the response to a batch.
pub(super) fn batch(body: &[u8]) -> String {
    let Ok(batch) = serde_json::from_slice::<Batch<'_>>(body) else { return "{}".to_owned() };
    let mut out = String::with_capacity(body.len() * 4 + 64);
    out.push_str("{\"responses\":[");
    for (place, part) in (0..).zip(&batch.requests) {
        if place > 0 {
            out.push(',');
        }
        part.answer(&mut out, place);
    }
    out.push_str("]}");
    out
}

/// Returns the body of the response to a write of one record, if it can be read.
pub(super) fn one(body: &[u8], id: &str, last_modified: u64) -> Option<String> {
    let body: Body<'_> = serde_json::from_slice(body).ok()?;
    let mut out = String::new();
    body.answer(&mut out, id, last_modified);
    Some(out)
}

impl Part<'_> {
    fn answer(&self, out: &mut String, place: u64) {
        let last_modified = TIMESTAMP + place;
        let method = self.method.as_deref().unwrap_or("PUT");
        let made;
        let id = if method == "POST" {
            made = format!("{place:08x}-6b97-4fb1-a1ff-67b68f4e258d");
            &made
        } else {
            self.path.rsplit('/').next().unwrap_or_default()
        };
        let creates = method == "POST" || self.headers.keys().any(|name| name.eq_ignore_ascii_case("if-none-match"));
        let _ = write!(
            out,
            "{{\"path\":\"/v1{path}\",\"status\":{status},\"headers\":{{\
             \"Last-Modified\":\"Tue, 24 Nov 2026 20:05:40 GMT\",\"ETag\":\"\\\"{last_modified}\\\"\",\
             \"Content-Type\":\"application/json\",\"Content-Length\":\"165\",\
             \"Access-Control-Expose-Headers\":\"Alert, Retry-After, Content-Type, Content-Length, Backoff\",\
             \"X-Content-Type-Options\":\"nosniff\",\
             \"Content-Security-Policy\":\"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; \"}},\"body\":",
            path = self.path,
            status = if creates { 201 } else { 200 },
        );
        match &self.body {
            _ if method == "DELETE" => {
                let _ =
                    write!(out, "{{\"data\":{{\"id\":\"{id}\",\"last_modified\":{last_modified},\"deleted\":true}}}}");
            }
            Some(body) => body.answer(out, id, last_modified),
            None => Body::default().answer(out, id, last_modified),
        }
        out.push('}');
    }
}

impl Body<'_> {
    fn answer(&self, out: &mut String, id: &str, last_modified: u64) {
        let _ = write!(out, "{{\"permissions\":{{\"write\":[\"{USER}\"]}},\"data\":{{");
        let own = |name: &str| matches!(name, "id" | "last_modified");
        for (name, value) in self.data.iter().filter(|(name, _)| !own(name)) {
            let _ = write!(out, "{}:{value},", serde_json::Value::from(&**name));
        }
        let _ = write!(out, "\"id\":\"{id}\",\"last_modified\":{last_modified}}}}}");
    }
}
