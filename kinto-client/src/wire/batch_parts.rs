//! The responses to the parts of a batch, taken from its response.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{batch_permissions::PermissionCache, headers::Headers, response::Response};
use crate::{
    error::{Error, Result},
    json::reader::Cursor,
};

#[derive(Deserialize)]
struct Answers<'a> {
    #[serde(borrow)]
    responses: Vec<Answer<'a>>,
}

/// The response to one part, whose headers and body are decoded where they are needed.
#[derive(Deserialize)]
struct Answer<'a> {
    status: u16,
    #[serde(borrow)]
    headers: Option<&'a RawValue>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

/// The response to one part, as slices of the whole.
struct Part {
    status: u16,
    headers: Bytes,
    body: Bytes,
}

/// Returns the responses to so many requests, the locks among them.
pub(crate) fn answers(response: &Response, expected: usize) -> Result<Arc<[Response]>> {
    if let Some(parts) = response.parts.as_ref().filter(|parts| parts.len() == expected) {
        return Ok(Arc::clone(parts));
    }
    let parts = parts(&response.body, expected)?;
    if parts.len() != expected {
        let got = parts.len();
        return Err(Error::unexpected(format!(
            "the server returned {got} responses to the {expected} requests of a batch"
        )));
    }
    let permission_cache = PermissionCache::of_batch();
    let read = |Part { status, headers, body }| {
        let status =
            StatusCode::from_u16(status).map_err(|_| Error::unexpected(format!("{status} is no HTTP status")))?;
        // The responses to HEAD, and those without content.
        let body = if matches!(&*body, b"\"\"" | b"null") { Bytes::new() } else { body };
        Ok(Response {
            permission_cache: permission_cache.clone(),
            ..Response::new(status, Headers::OfPart(headers), body)
        })
    };
    parts.into_iter().map(read).collect()
}

fn parts(whole: &Bytes, expected: usize) -> Result<Vec<Part>> {
    // UTF-8 is validated once for the whole body, and not for each string in it.
    let text = Cursor::new(whole)?;
    if let Some(parts) = in_one_pass(text.clone(), expected) {
        return Ok(parts);
    }
    // The response has further fields, or is invalid.
    let answers: Answers<'_> = serde_json::from_str(text.rest()).map_err(|error| Error::not_kinto(&error, whole))?;
    let slice = |raw: Option<&RawValue>| raw.map_or(Bytes::new(), |raw| whole.slice_ref(raw.get().as_bytes()));
    let part = |Answer { status, headers, body }| Part { status, headers: slice(headers), body: slice(body) };
    Ok(answers.responses.into_iter().map(part).collect())
}

/// Finds the parts without decoding their headers and bodies.
fn in_one_pass(mut rest: Cursor, expected: usize) -> Option<Vec<Part>> {
    if !(rest.step_over("{") && rest.step_over_field("\"responses\"") && rest.step_over("[")) {
        return None;
    }
    let mut parts = Vec::with_capacity(expected);
    loop {
        parts.push(part(&mut rest)?);
        if !rest.step_over(",") {
            break;
        }
    }
    (rest.step_over("]") && rest.step_over("}") && rest.rest().is_empty()).then_some(parts)
}

fn part(rest: &mut Cursor) -> Option<Part> {
    if !rest.step_over("{") {
        return None;
    }
    let (mut status, mut headers, mut body) = (None, Bytes::new(), Bytes::new());
    loop {
        let key = rest.skip()?;
        if !rest.step_over(":") {
            return None;
        }
        let value = rest.skip()?;
        let whole = rest.body();
        match whole.get(key)? {
            b"\"status\"" => status = std::str::from_utf8(whole.get(value)?).ok()?.parse().ok(),
            b"\"headers\"" => headers = whole.slice(value),
            b"\"body\"" => body = whole.slice(value),
            _ => {}
        }
        if !rest.step_over(",") {
            break;
        }
    }
    let status = status.filter(|_| rest.step_over("}"))?;
    Some(Part { status, headers, body })
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use serde_json::json;

    use super::*;
    use crate::wire::timestamp::Timestamp;

    #[test]
    fn batch_responses_are_slices_of_body() {
        let body = json!({"responses": [
            {"status": 201, "path": "/v1/buckets/b", "headers": {"A": "1", "ETag": "\"7\"", "Z": "2"}, "body": {"data": {"id": "b"}}},
            {"status": 200, "path": "/v1/buckets", "headers": {}, "body": ""},
            {"status": 204, "path": "/v1/x", "body": null},
        ]});
        let whole = Response::new(StatusCode::OK, HeaderMap::new(), body.to_string().into());
        let parts = answers(&whole, 3).unwrap();
        assert_eq!(parts[0].header("etag").as_deref(), Some("\"7\""));
        assert_eq!((parts[0].header("alert"), parts[2].header("etag")), (None, None));
        assert_eq!(parts[0].etag().unwrap(), Timestamp::from_millis(7));
        assert_eq!(&parts[0].body[..], br#"{"data":{"id":"b"}}"#);
        assert!(parts[1].body.is_empty() && parts[2].body.is_empty());
        assert!(answers(&whole, 2).unwrap_err().is_unexpected());
    }

    fn read(body: &str) -> Result<Vec<(u16, Headers, Bytes)>> {
        let parts = parts(&Bytes::copy_from_slice(body.as_bytes()), 1)?;
        Ok(parts.into_iter().map(|part| (part.status, Headers::OfPart(part.headers), part.body)).collect())
    }

    #[test]
    fn parts_are_found_whatever_the_form_of_the_json() {
        for body in [
            r#"{"responses":[{"status":200,"path":"/a","headers":{"A":"1"},"body":{"b":"]}"}}]}"#,
            "\n{ \"responses\" : [ {\"body\" :\t{\"b\":\"]}\"} ,\n\"headers\": {\"A\":\"1\"}, \"status\": 200 } ]\n}\n",
            r#"{"more":[1],"responses":[{"status":200,"headers":{"A":"1"},"body":{"b":"]}"}}],"most":2}"#,
            r#"{"responses":[{"st\u0061tus":200,"headers":{"A":"1"},"body":{"b":"]}"},"more":{"status":"3"}}]}"#,
        ] {
            let parts = read(body).unwrap();
            let [(status, headers, body)] = &parts[..] else { panic!("{} parts", parts.len()) };
            assert_eq!((*status, headers.get("a").as_deref(), &**body), (200, Some("1"), &br#"{"b":"]}"}"#[..]));
        }
        assert_eq!(read(r#"{"responses":[]}"#).unwrap().len(), 0);
    }

    #[test]
    fn other_responses_are_errors() {
        for body in [
            "",
            "<html>",
            "[]",
            "{}",
            r#"{"responses":{}}"#,
            r#"{"responses":[{}]}"#,
            r#"{"responses":[{"status":200}"#,
            r#"{"responses":[{"status":200},]}"#,
            r#"{"responses":[{"status":200,}]}"#,
            r#"{"responses":[{"status":200}]} more"#,
            r#"{"responses":[{"status":"200"}]}"#,
            r#"{"responses":[{"status":200,"body":{"a":"#,
            r#"{"responses":[{"status":200,"body":}]}"#,
        ] {
            let error = read(body).map(drop).unwrap_err();
            assert!(error.to_string().starts_with("the response is not one of Kinto"), "{body}: {error}");
        }
    }
}
