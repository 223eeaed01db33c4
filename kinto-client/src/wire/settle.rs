//! What the answer to a repeated request means, when an earlier try may have been carried out.

use bytes::Bytes;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use super::{
    refusal::Refusal,
    request::{Repeat, Request},
    response::Response,
};

/// The answer that the request would have had, if its first answer had not been lost; otherwise the answer as it is, and
/// in doubt.
///
/// A PUT that is refused because the object is just what the PUT was to make of it has been carried out before, and so
/// has a guarded DELETE whose object is gone; and what a POST was to create and finds just so, it has created.
pub(crate) fn settle(request: &Request, response: Response) -> Response {
    let settled = match (&request.method, response.status) {
        (&Method::PUT, StatusCode::PRECONDITION_FAILED) => {
            existing_if_as_sent(request, &response).map(|body| (StatusCode::OK, body))
        }
        (&Method::DELETE, StatusCode::NOT_FOUND) if request.precondition.is_some() => {
            deleted(request).map(|body| (StatusCode::OK, body))
        }
        (&Method::POST, StatusCode::OK) if request.repeat == Repeat::Harmless => {
            found_as_sent(request, &response).map(|()| (StatusCode::CREATED, response.body.clone()))
        }
        _ => None,
    };
    match settled {
        Some((status, body)) => Response::new(status, response.headers, body),
        None => Response { doubtful: !response.status.is_success(), ..response },
    }
}

/// The part of a body that holds an object.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
}

fn existing_if_as_sent(request: &Request, response: &Response) -> Option<Bytes> {
    let existing = Refusal::read(response).existing?;
    is_as_sent(request, &existing)?.then(|| [b"{\"data\":", &existing[..], b"}"].concat().into())
}

fn found_as_sent(request: &Request, response: &Response) -> Option<()> {
    let found: Envelope<'_> = serde_json::from_slice(&response.body).ok()?;
    is_as_sent(request, found.data.get().as_bytes())?.then_some(())
}

fn is_as_sent(request: &Request, object: &[u8]) -> Option<bool> {
    let sent: Envelope<'_> = serde_json::from_slice(request.body.as_deref()?).ok()?;
    Some(own_data(sent.data.get().as_bytes())? == own_data(object)?)
}

/// The data without what the server adds to it.
fn own_data(raw: &[u8]) -> Option<Map<String, Value>> {
    let mut data: Map<String, Value> = serde_json::from_slice(raw).ok()?;
    for stamp in ["id", "last_modified", "schema"] {
        data.remove(stamp);
    }
    Some(data)
}

fn deleted(request: &Request) -> Option<Bytes> {
    let id = request.path.rsplit('/').next()?;
    let body = serde_json::json!({"data": {"id": id, "deleted": true}});
    Some(body.to_string().into())
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use serde_json::json;

    use super::*;
    use crate::wire::{request::Precondition, timestamp::Timestamp};

    fn response(status: StatusCode, body: &Value) -> Response {
        Response::new(status, HeaderMap::new(), body.to_string().into())
    }

    fn put(data: &Value) -> Request {
        Request::new(Method::PUT, "/buckets/b/collections/c/records/r".to_owned(), String::new())
            .provided(Precondition::Absent)
            .json(&json!({ "data": data }))
            .unwrap()
    }

    fn refused(existing: &Value) -> Response {
        response(
            StatusCode::PRECONDITION_FAILED,
            &json!({"code": 412, "errno": 114, "error": "Precondition Failed", "details": {"existing": existing}}),
        )
    }

    #[test]
    fn what_is_as_sent_was_ours() {
        let existing = json!({"id": "r", "last_modified": 5, "schema": 3, "a": {"b": 1.0}});
        let settled = settle(&put(&json!({"a": {"b": 1.0}})), refused(&existing));
        assert_eq!(settled.status, StatusCode::OK);
        assert_eq!(serde_json::from_slice::<Value>(&settled.body).unwrap(), json!({ "data": existing }));
    }

    #[test]
    fn what_differs_was_somebody_elses() {
        for sent in [json!({"a": 2}), json!({"a": 1, "b": null}), json!({})] {
            let existing = json!({"id": "r", "last_modified": 5, "a": 1});
            let settled = settle(&put(&sent), refused(&existing));
            assert_eq!((settled.status, settled.doubtful), (StatusCode::PRECONDITION_FAILED, true), "{sent}");
        }
    }

    #[test]
    fn what_a_post_finds_as_sent_it_has_created() {
        let post = Request::new(Method::POST, "/buckets/b/collections/c/records".to_owned(), String::new())
            .json(&json!({"data": {"id": "r", "a": 1}}))
            .unwrap();
        let found = |a: u8| response(StatusCode::OK, &json!({"data": {"id": "r", "last_modified": 5, "a": a}}));
        let ensured = post.clone().repeatable();
        assert_eq!(settle(&ensured, found(1)).status, StatusCode::CREATED);
        assert_eq!(settle(&ensured, found(1)).body, found(1).body);
        assert_eq!(settle(&ensured, found(2)).status, StatusCode::OK);
        assert_eq!(settle(&post, found(1)).status, StatusCode::OK);
    }

    #[test]
    fn only_a_guarded_delete_of_what_is_gone_is_done() {
        let delete = Request::new(Method::DELETE, "/buckets/b".to_owned(), String::new());
        let gone = response(StatusCode::NOT_FOUND, &json!({"code": 404, "errno": 110}));
        assert_eq!(settle(&delete, gone.clone()).status, StatusCode::NOT_FOUND);
        let guarded = delete.provided(Precondition::Unchanged(Timestamp::from_millis(1)));
        let settled = settle(&guarded, gone);
        assert_eq!(
            (settled.status, &settled.body[..]),
            (StatusCode::OK, &br#"{"data":{"deleted":true,"id":"b"}}"#[..])
        );
    }
}
