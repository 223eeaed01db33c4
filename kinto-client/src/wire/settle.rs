//! What the answer to a repeated request means, when an earlier try may have been carried out.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use super::{
    refusal::Refusal,
    request::{Repeat, Request},
    response::Response,
    same::is_same,
};

/// The answer that the request would have had, if its first answer had not been lost; otherwise the answer as it is, and
/// in doubt.
///
/// A PUT that is refused because the object is just what the PUT was to make of it has been carried out before, and so
/// has a guarded DELETE whose object is gone, and a POST of an object that is there as it was sent.
pub(crate) fn settle(request: &Request, response: Response) -> Response {
    let told = request.repeat == Repeat::Harmless;
    match (&request.method, response.status) {
        (&Method::PUT, StatusCode::PRECONDITION_FAILED) if told && permissions(request).is_none() => {
            match existing_if_as_sent(request, &response) {
                Some(existing) => succeeded(response, [b"{\"data\":", &existing[..], b"}"].concat()),
                None => in_doubt(response),
            }
        }
        (&Method::DELETE, StatusCode::NOT_FOUND) if request.precondition.is_some() && is_kintos(&response) => {
            let id = request.path.rsplit('/').next().unwrap_or_default();
            let body = serde_json::json!({"data": {"id": id, "deleted": true}});
            succeeded(response, body.to_string())
        }
        (&Method::POST, StatusCode::OK) if told && is_as_sent(request, &response) => {
            Response { status: StatusCode::CREATED, ..response }
        }
        _ => in_doubt(response),
    }
}

fn succeeded(response: Response, body: impl Into<Bytes>) -> Response {
    Response::new(StatusCode::OK, response.headers, body.into())
}

fn in_doubt(response: Response) -> Response {
    Response { doubtful: !response.status.is_success(), ..response }
}

/// Whether it is the server's own answer, and not that of something before it that knows of no such page.
fn is_kintos(response: &Response) -> bool {
    Refusal::read(response).errno.is_some()
}

/// The request whose answer tells what [`settle`] could not: a refusal does not show the permissions, which the refused
/// request was to set as well.
pub(crate) fn question(request: &Request, response: &Response) -> Option<Request> {
    let refused = request.method == Method::PUT && response.status == StatusCode::PRECONDITION_FAILED;
    let open = refused && response.doubtful && request.repeat == Repeat::Harmless && permissions(request).is_some();
    (open && existing_if_as_sent(request, response).is_some()).then(|| Request::get(request.path.clone()))
}

/// The answer that the request would have had, by the answer to the [`question`]; otherwise its answer as it is.
pub(crate) fn settle_by(request: &Request, refused: Response, found: Response) -> Response {
    let as_sent = found.status.is_success() && is_as_sent(request, &found);
    if as_sent { found } else { refused }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
    #[serde(default)]
    permissions: Lists,
}

type Lists = BTreeMap<String, BTreeSet<String>>;

fn envelope(body: &[u8]) -> Option<Envelope<'_>> {
    serde_json::from_slice(body).ok()
}

/// The permissions that the request sets, if it sets any.
fn permissions(request: &Request) -> Option<Lists> {
    envelope(request.body.as_deref()?).map(|sent| sent.permissions).filter(|lists| !lists.is_empty())
}

fn existing_if_as_sent(request: &Request, response: &Response) -> Option<Bytes> {
    let existing = Refusal::read(response).existing?;
    let sent = envelope(request.body.as_deref()?)?;
    is_same_data(sent.data, &existing).then_some(existing)
}

/// Whether the object in an answer has the data and the permissions that the request gave it.
fn is_as_sent(request: &Request, response: &Response) -> bool {
    let sent = request.body.as_deref().and_then(envelope);
    match (sent, envelope(&response.body)) {
        (Some(sent), Some(found)) => {
            is_same_data(sent.data, found.data.get().as_bytes()) && is_same_lists(sent.permissions, found.permissions)
        }
        _ => false,
    }
}

/// Whether a PUT of these permissions makes those. The server adds whoever writes to those who may write.
fn is_same_lists(mut sent: Lists, mut found: Lists) -> bool {
    if sent.is_empty() {
        return true;
    }
    let [sent_write, found_write] = [&mut sent, &mut found].map(|lists| lists.remove("write").unwrap_or_default());
    sent.retain(|_, list| !list.is_empty());
    found.retain(|_, list| !list.is_empty());
    sent == found && sent_write.is_subset(&found_write)
}

fn is_same_data(sent: &RawValue, found: &[u8]) -> bool {
    let own = |raw: &[u8]| {
        let mut data: Map<String, Value> = serde_json::from_slice(raw).ok()?;
        data.remove("id");
        data.remove("last_modified");
        Some(data)
    };
    let (Some(mut sent), Some(mut found)) = (own(sent.get().as_bytes()), own(found)) else { return false };
    // What the server stamps on the records of a collection with a schema; other values are the writer's own.
    if found.get("schema").is_some_and(Value::is_u64) {
        sent.remove("schema");
        found.remove("schema");
    }
    is_same(&sent.into(), &found.into())
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
        put_with(&json!({ "data": data }))
    }

    fn put_with(body: &Value) -> Request {
        Request::new(Method::PUT, "/buckets/b/collections/c/records/r".to_owned())
            .provided(Precondition::Absent)
            .repeatable()
            .json(body)
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
        for sent in
            [json!({"a": 2}), json!({"a": 1, "b": null}), json!({}), json!({"a": 1, "schema": {"type": "array"}})]
        {
            let existing = json!({"id": "r", "last_modified": 5, "a": 1, "schema": {"type": "object"}});
            let settled = settle(&put(&sent), refused(&existing));
            assert_eq!((settled.status, settled.doubtful), (StatusCode::PRECONDITION_FAILED, true), "{sent}");
        }
    }

    #[test]
    fn numbers_are_what_they_are_worth() {
        let existing = json!({"id": "r", "last_modified": 5, "a": [{"b": 10_000_000_000_000_000_u64}], "c": 2});
        let settled = |sent: Value| settle(&put(&sent), refused(&existing)).status;
        assert_eq!(settled(json!({"a": [{"b": 1e16}], "c": 2.0})), StatusCode::OK);
        assert_eq!(settled(json!({"a": [{"b": 1e16}], "c": 2.5})), StatusCode::PRECONDITION_FAILED);
    }

    #[test]
    fn an_untold_repeat_stays_in_doubt() {
        let existing = json!({"id": "r", "last_modified": 5, "a": 1});
        let settled = settle(&put(&json!({"a": 1})).repeating(Repeat::Untold), refused(&existing));
        assert_eq!((settled.status, settled.doubtful), (StatusCode::PRECONDITION_FAILED, true));
    }

    #[test]
    fn permissions_are_asked_for() {
        let data = json!({"id": "r", "last_modified": 5, "a": 1});
        let put = |permissions: Value| put_with(&json!({"data": {"a": 1}, "permissions": permissions}));
        let request = put(json!({"read": ["x:y"], "write": ["x:z"]}));
        let open = settle(&request, refused(&data));
        assert!(open.doubtful);
        let get = question(&request, &open).unwrap();
        assert_eq!((get.method, get.path), (Method::GET, request.path.clone()));
        for (permissions, status) in [
            (json!({"read": ["x:y"], "write": ["x:me", "x:z"]}), StatusCode::OK),
            (json!({"read": ["x:y"], "write": ["x:me"]}), StatusCode::PRECONDITION_FAILED),
            (json!({"write": ["x:me", "x:z"]}), StatusCode::PRECONDITION_FAILED),
            (json!({"read": ["x:y", "x:a"], "write": ["x:me", "x:z"]}), StatusCode::PRECONDITION_FAILED),
            (json!({}), StatusCode::PRECONDITION_FAILED),
        ] {
            let found = response(StatusCode::OK, &json!({"data": data, "permissions": permissions}));
            assert_eq!(settle_by(&request, open.clone(), found).status, status, "{permissions}");
        }
        let differs = json!({"id": "r", "last_modified": 5, "a": 2});
        assert!(question(&request, &settle(&request, refused(&differs))).is_none());
    }

    #[test]
    fn a_post_of_what_is_there_as_it_was_sent_has_made_it() {
        let post = Request::new(Method::POST, "/buckets/b/collections/c/records".to_owned()).repeatable();
        let post = post.json(&json!({"data": {"id": "r", "a": 1}})).unwrap();
        let settled = |data: Value| settle(&post, response(StatusCode::OK, &json!({"data": data}))).status;
        assert_eq!(settled(json!({"id": "r", "last_modified": 5, "a": 1})), StatusCode::CREATED);
        assert_eq!(settled(json!({"id": "r", "last_modified": 5, "a": 2})), StatusCode::OK);
    }

    #[test]
    fn only_a_guarded_delete_of_what_is_gone_is_done() {
        let delete = Request::new(Method::DELETE, "/buckets/b".to_owned());
        let gone = response(StatusCode::NOT_FOUND, &json!({"code": 404, "errno": 110}));
        assert_eq!(settle(&delete, gone.clone()).status, StatusCode::NOT_FOUND);
        let guarded = delete.provided(Precondition::Unchanged(Timestamp::from_millis(1)));
        let page = Response { body: "<h1>Not found</h1>".into(), ..gone.clone() };
        assert!(settle(&guarded, page).doubtful, "it is not Kinto who says so");
        let settled = settle(&guarded, gone);
        assert_eq!(
            (settled.status, &settled.body[..]),
            (StatusCode::OK, &br#"{"data":{"deleted":true,"id":"b"}}"#[..])
        );
    }
}
