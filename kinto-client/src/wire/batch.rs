//! The body of a batch, and the responses within its response.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};

use super::{
    batch_parts,
    claim::Batched,
    fence,
    request::{Alone, Precondition, Request},
    response::Response,
};
use crate::error::{Error, Result};

/// Creates the request of a batch, each part behind its lock if it has one. Only the batch itself has credentials.
pub(crate) fn request<'a>(parts: impl IntoIterator<Item = &'a Request, IntoIter: Clone>) -> Result<Request> {
    let parts = parts.into_iter();
    let mut body = Vec::with_capacity(parts.clone().map(size).sum());
    body.extend_from_slice(b"{\"requests\":");
    let batched = Batched::of(parts.clone());
    let mut separator = b'[';
    for part in parts {
        body.push(std::mem::replace(&mut separator, b','));
        if let Some(lock) = &part.lock {
            write(&lock.request(), &mut body).map_err(|error| Error::invalid(error.to_string()))?;
            body.push(b',');
        }
        write(part, &mut body).map_err(|error| Error::invalid(error.to_string()))?;
    }
    body.extend_from_slice(b"]}");
    let request = Request::new(Method::POST, "/batch".to_owned());
    Ok(Request { body: Some(body.into()), batched: Some(batched), ..request })
}

/// The longest path and query that is sent as a URL.
///
/// gunicorn refuses request lines above 4,094 bytes. nginx refuses responses with more than 4 KiB of headers, and
/// `Next-Page` repeats the query, with a token that has the values of the sort in it.
const MAX_URL: usize = 2_500;

/// The longest path and query that is sent in a batch: nginx refuses bodies above 1 MiB.
const MAX_IN_BATCH: usize = 1_000_000;

/// The longest path and query that gunicorn takes, where a batch cannot hold the request.
const MAX_WITHOUT_BATCH: usize = 4_000;

/// Returns the longest path and query that a request of a list can have.
pub(crate) fn max_length(request: &Request) -> usize {
    if can_be_alone_in_one(request) { MAX_IN_BATCH } else { MAX_WITHOUT_BATCH }
}

/// Returns the batch that a request is sent in alone: behind its lock, so that no proxy repeats it, or because its query is
/// too long for a URL.
pub(crate) fn around(request: &Request) -> Result<Option<Request>> {
    let is_long =
        request.alone == Alone::InBatchIfLong && request.path().len() + request.query.as_str().len() > MAX_URL;
    let batch = if request.lock.is_some() || (request.alone.is_in_batch() && can_be_alone_in_one(request)) {
        self::request([request])?
    } else if is_long && can_be_alone_in_one(request) {
        match request.precondition {
            // A batch fails as a whole at a 304. [`response_to`] compares instead.
            Some(Precondition::Changed(_)) => self::request([&request.clone().provided(None)])?,
            _ => self::request([request])?,
        }
    } else {
        return Ok(None);
    };
    Ok(Some(Request { headers: own_headers(request), ..batch }))
}

fn can_be_alone_in_one(request: &Request) -> bool {
    !request.path().contains("/batch") && !request.secret
}

/// The headers of a call, which the server hands down. The body is JSON whatever that of the part is.
fn own_headers(request: &Request) -> Option<Arc<HeaderMap>> {
    let mut headers = request.headers.as_deref()?.clone();
    headers.remove(header::CONTENT_TYPE);
    Some(Arc::new(headers))
}

/// Returns the response to a request that was alone in a batch.
pub(crate) fn response_to(request: &Request, response: &Response) -> Result<Response> {
    let mut responses = responses(response, [request])?;
    let response = responses.pop().ok_or_else(|| Error::unexpected("a batch without responses".into()))?;
    match request.precondition {
        Some(Precondition::Changed(since))
            if response.status == StatusCode::OK && response.etag().is_ok_and(|now| now <= since) =>
        {
            Ok(Response { status: StatusCode::NOT_MODIFIED, body: Bytes::new(), ..response })
        }
        _ => Ok(response),
    }
}

/// Writes a request as a part of a batch, with its JSON body as it is.
fn write(part: &Request, out: &mut Vec<u8>) -> serde_json::Result<()> {
    out.extend_from_slice(b"{\"method\":\"");
    out.extend_from_slice(part.method.as_str().as_bytes());
    out.extend_from_slice(b"\",\"path\":");
    serde_json::to_writer(&mut *out, &part.target())?;
    if let Some((name, value)) = part.precondition.map(Precondition::header) {
        out.extend_from_slice(b",\"headers\":{");
        serde_json::to_writer(&mut *out, name.as_str())?;
        out.push(b':');
        serde_json::to_writer(&mut *out, &value)?;
        out.push(b'}');
    }
    if let Some(body) = &part.body {
        out.extend_from_slice(b",\"body\":");
        out.extend_from_slice(body);
    }
    out.push(b'}');
    Ok(())
}

/// Returns the approximate size of a request within a batch in bytes.
pub(crate) fn size(request: &Request) -> usize {
    const REST: usize = 100;
    let lock = request.lock.as_ref().map_or(0, |lock| lock.path().len() + REST);
    request.path().len() + request.query.as_str().len() + request.body.as_ref().map_or(0, Bytes::len) + REST + lock
}

/// Returns the number of batch requests that the request takes up.
pub(crate) fn weight(request: &Request) -> usize {
    1 + usize::from(request.lock.is_some())
}

/// Returns `true` if a request can be part of a batch.
///
/// The server refuses a whole batch for a path that contains `/batch`, such as that of a bucket `batchy`, and
/// responds to a 304 of one part with an error for the whole batch. Secrets are kept out of batches because the
/// body of a batch may be logged.
pub(crate) fn can_hold(request: &Request) -> bool {
    let conditional_read = matches!(request.precondition, Some(Precondition::Changed(_)));
    !request.path().contains("/batch") && !request.secret && !conditional_read
}

/// Returns the responses to the parts, in their order, after judging those to the locks.
pub(crate) fn responses<'a>(
    response: &Response,
    parts: impl IntoIterator<Item = &'a Request, IntoIter: Clone>,
) -> Result<Vec<Response>> {
    let parts = parts.into_iter();
    let answers = batch_parts::answers(response, parts.clone().map(weight).sum())?;
    let mut answers = answers.iter().cloned();
    let mut responses = Vec::with_capacity(answers.len());
    for part in parts {
        let lock = if part.lock.is_some() { answers.next() } else { None };
        let answer = answers.next();
        responses.extend(match lock {
            Some(lock) => answer.map(|answer| fence::behind(lock, answer)),
            None => answer,
        });
    }
    Ok(responses)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::wire::timestamp::Timestamp;

    #[test]
    fn batch_request_has_servers_format() {
        let put = Request::new(Method::PUT, "/buckets/b".to_owned())
            .provided(Precondition::Unchanged(Timestamp::from_millis(7)))
            .json(&json!({"data": {"a": 1}}))
            .unwrap();
        let mut get = Request::get("/buckets".to_owned());
        get.query.push("id", "\"x\"");
        let batch = request([&put, &get]).unwrap();
        assert_eq!((&batch.method, batch.path()), (&Method::POST, "/batch"));
        assert_eq!(
            serde_json::from_slice::<Value>(&batch.body.unwrap()).unwrap(),
            json!({"requests": [
                {"method": "PUT", "path": "/buckets/b", "headers": {"if-match": "\"7\""}, "body": {"data": {"a": 1}}},
                {"method": "GET", "path": "/buckets?id=%22x%22"},
            ]})
        );
    }
}
