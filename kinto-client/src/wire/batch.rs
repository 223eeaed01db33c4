use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    request::{Precondition, Request},
    response::Response,
};
use crate::error::{Error, Result};

#[derive(Serialize)]
struct Body<'a> {
    requests: Vec<Part<'a>>,
}

#[derive(Serialize)]
struct Part<'a> {
    method: &'a str,
    path: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a RawValue>,
}

impl<'a> Part<'a> {
    fn new(request: &'a Request) -> Result<Self> {
        let headers = request.precondition.map(Precondition::header).into_iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value)).collect();
        let body = request.body.as_deref().map(serde_json::from_slice).transpose();
        let body = body.map_err(|error| Error::invalid(format!("the body of a request is not JSON: {error}")))?;
        Ok(Self { method: request.method.as_str(), path: request.target(), headers, body })
    }
}

/// One request that carries several. Credentials are on the outside only; the server hands them down.
pub(crate) fn request<'a>(parts: impl IntoIterator<Item = &'a Request>) -> Result<Request> {
    let requests = parts.into_iter().map(Part::new).collect::<Result<_>>()?;
    Request::new(Method::POST, "/batch".to_owned(), "/batch".to_owned()).json(&Body { requests })
}

/// About how many bytes a request takes up in a batch.
pub(crate) fn size(request: &Request) -> usize {
    const REST: usize = 100;
    request.path.len() + request.query.as_str().len() + request.body.as_ref().map_or(0, Bytes::len) + REST
}

/// Whether a request can be part of a batch at all: the server refuses the whole batch for a path with `/batch` in it,
/// as that of a bucket `batchy` is, and fails as a whole at a 304; what is secret is kept out of a body that may be logged.
pub(crate) fn can_hold(request: &Request) -> bool {
    let conditional_read = matches!(request.precondition, Some(Precondition::Changed(_)));
    !request.path.contains("/batch") && !request.secret && !conditional_read
}

/// The answers to the parts, in their order.
pub(crate) fn responses(response: &Response, expected: usize) -> Result<Vec<Response>> {
    #[derive(Deserialize)]
    struct Answers<'a> {
        #[serde(borrow)]
        responses: Vec<Answer<'a>>,
    }
    #[derive(Deserialize)]
    struct Answer<'a> {
        status: u16,
        #[serde(default)]
        headers: BTreeMap<String, String>,
        #[serde(borrow)]
        body: Option<&'a RawValue>,
    }
    let whole = &response.body;
    let answers: Answers<'_> = serde_json::from_slice(whole).map_err(|error| Error::not_kinto(&error, whole))?;
    if answers.responses.len() != expected {
        let got = answers.responses.len();
        return Err(Error::unexpected(format!("the server gave {got} answers to the {expected} requests of a batch")));
    }
    let read = |answer: Answer<'_>| {
        let status = StatusCode::from_u16(answer.status)
            .map_err(|_| Error::unexpected(format!("{} is no HTTP status", answer.status)))?;
        let body = match answer.body.map(RawValue::get) {
            // The answers to HEAD, and those without content.
            None | Some("null" | "\"\"") => Bytes::new(),
            Some(body) => whole.slice_ref(body.as_bytes()),
        };
        Ok(Response::new(status, headers(answer.headers), body))
    };
    answers.responses.into_iter().map(read).collect()
}

fn headers(named: BTreeMap<String, String>) -> HeaderMap {
    let parse = |(name, value): (String, String)| {
        Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(&value).ok()?))
    };
    named.into_iter().filter_map(parse).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::wire::timestamp::Timestamp;

    #[test]
    fn the_parts_are_as_the_server_takes_them() {
        let put = Request::new(Method::PUT, "/buckets/b".to_owned(), String::new())
            .provided(Precondition::Unchanged(Timestamp::from_millis(7)))
            .json(&json!({"data": {"a": 1}}))
            .unwrap();
        let mut get = Request::get("/buckets".to_owned(), String::new());
        get.query.push("id", "\"x\"");
        let batch = request([&put, &get]).unwrap();
        assert_eq!((batch.method, batch.path.as_str()), (Method::POST, "/batch"));
        assert_eq!(
            serde_json::from_slice::<Value>(&batch.body.unwrap()).unwrap(),
            json!({"requests": [
                {"method": "PUT", "path": "/buckets/b", "headers": {"if-match": "\"7\""}, "body": {"data": {"a": 1}}},
                {"method": "GET", "path": "/buckets?id=%22x%22"},
            ]})
        );
    }

    #[test]
    fn answers_are_slices_of_the_whole() {
        let body = json!({"responses": [
            {"status": 201, "path": "/v1/buckets/b", "headers": {"ETag": "\"7\""}, "body": {"data": {"id": "b"}}},
            {"status": 200, "path": "/v1/buckets", "headers": {}, "body": ""},
            {"status": 204, "path": "/v1/x", "body": null},
        ]});
        let whole = Response::new(StatusCode::OK, HeaderMap::new(), body.to_string().into());
        let answers = responses(&whole, 3).unwrap();
        assert_eq!(answers[0].etag().unwrap(), Timestamp::from_millis(7));
        assert_eq!(&answers[0].body[..], br#"{"data":{"id":"b"}}"#);
        assert!(answers[1].body.is_empty() && answers[2].body.is_empty());
        assert!(responses(&whole, 2).unwrap_err().is_unexpected());
    }
}
