use http::HeaderMap;
use serde_json::json;

use super::*;
use crate::wire::{headers::Headers, timestamp::Timestamp};

const PATH: &str = "/buckets/b/collections/c/records/r";

fn response(status: StatusCode, body: &Value) -> Response {
    Response::new(status, HeaderMap::new(), body.to_string().into())
}

fn write(method: Method, body: &Value) -> Request {
    let guard = Precondition::Unchanged(Timestamp::from_millis(1));
    Request::new(method, PATH.to_owned()).provided(guard).json(body).unwrap()
}

fn create(data: &Value) -> Request {
    let put = Request::new(Method::PUT, PATH.to_owned()).provided(Precondition::Absent).repeatable();
    put.json(&json!({ "data": data })).unwrap()
}

fn refused(existing: &Value) -> Response {
    response(
        StatusCode::PRECONDITION_FAILED,
        &json!({"code": 412, "errno": 114, "error": "Precondition Failed", "details": {"existing": existing}}),
    )
}

fn judged(settled: &Response) -> (u16, Option<Doubt>) {
    (settled.status.as_u16(), settled.doubt)
}

#[test]
fn record_as_sent_is_in_doubt_on_first_try() {
    let existing = json!({"id": "r", "last_modified": 5, "schema": 3, "a": {"b": 1.0}});
    for repeated in [false, true] {
        let sent = json!({"a": {"b": 1.0}});
        let save = write(Method::PUT, &json!({ "data": sent }));
        for request in [create(&sent), save.clone().repeatable(), save] {
            let settled = resolve(&request, refused(&existing), repeated);
            assert_eq!(judged(&settled), (412, Some(Doubt::AsSent)), "{} {repeated}", request.method);
        }
    }
}

#[test]
fn non_idempotent_request_is_in_doubt_only_after_a_try() {
    let existing = json!({"id": "r", "last_modified": 5, "a": 1});
    let patch = write(Method::PATCH, &json!({"data": {"a": 1}}));
    assert_eq!(resolve(&patch, refused(&existing), false).doubt, None);
    assert_eq!(resolve(&patch, refused(&existing), true).doubt, Some(Doubt::AsSent));
    let part = |response: Response| Response { headers: Headers::OfPart(Bytes::new()), ..response };
    assert_eq!(resolve(&create(&json!({"a": 1})), part(refused(&existing)), false).doubt, None);
    assert_eq!(resolve(&create(&json!({"a": 1})), part(refused(&existing)), true).doubt, Some(Doubt::AsSent));
    let delete = Request::new(Method::DELETE, PATH.to_owned());
    let gone = || part(response(StatusCode::NOT_FOUND, &json!({"code": 404, "errno": 110, "details": {"id": "r"}})));
    assert_eq!(resolve(&delete, gone(), false).doubt, None);
    assert_eq!(resolve(&delete, gone(), true).doubt, Some(Doubt::Gone { guarded: false }));
}

#[test]
fn differing_record_is_another_clients_without_an_earlier_try() {
    let existing = json!({"id": "r", "last_modified": 5, "a": 1, "schema": {"type": "object"}});
    for sent in [json!({"a": 2}), json!({"a": 1, "b": null}), json!({}), json!({"a": 1, "schema": {"type": "array"}})] {
        assert_eq!(judged(&resolve(&create(&sent), refused(&existing), false)), (412, None), "{sent}");
        assert_eq!(judged(&resolve(&create(&sent), refused(&existing), true)), (412, Some(Doubt::Earlier)), "{sent}");
    }
    for sent in [json!({"a": 2}), json!({"b": null}), json!({})] {
        let patch = write(Method::PATCH, &json!({ "data": sent }));
        assert_eq!(judged(&resolve(&patch, refused(&existing), false)), (412, None), "{sent}");
    }
}

#[test]
fn id_of_its_own_is_proof() {
    for (existing, repeated) in [(json!({"id": "r", "last_modified": 5, "a": 1}), false), (json!({"a": 2}), true)] {
        let settled = resolve(&create(&json!({"a": 1})).with_own_id(true), refused(&existing), repeated);
        assert_eq!(judged(&settled), (201, None));
        assert_eq!(serde_json::from_slice::<Value>(&settled.body).unwrap(), json!({ "data": existing }));
    }
    let page = Response { body: "<h1>412</h1>".into(), ..refused(&json!({})) };
    let settled = resolve(&create(&json!({})).with_own_id(true), page, false);
    assert!(!settled.status.is_success(), "it is not Kinto who says so");
}

#[test]
fn id_of_its_own_is_proof_and_the_permissions_are_asked_for() {
    let data = json!({"id": "r", "last_modified": 5, "a": 1});
    let body = json!({"data": {"a": 1}, "permissions": {"read": ["x:y"]}});
    let request = create(&json!({})).with_own_id(true).json(&body).unwrap();
    let open = resolve(&request, refused(&data), false);
    assert_eq!(judged(&open), (412, Some(Doubt::Open)));
    let get = follow_up_request(&request, &open).unwrap();
    assert_eq!((&get.method, get.path()), (&Method::GET, request.path()));
    let found = response(StatusCode::OK, &json!({"data": data, "permissions": {"read": ["x:y"]}}));
    assert_eq!(resolve_with(&request, open.clone(), Some(found.clone())).body, found.body);
    for found in [None, Some(response(StatusCode::NOT_FOUND, &json!({})))] {
        let settled = resolve_with(&request, open.clone(), found);
        assert_eq!(judged(&settled), (201, None), "it was created, whatever has become of it");
    }
}

#[test]
fn creation_that_replaced_an_object_is_no_success_unless_the_id_is_its_own() {
    let body = json!({"data": {"id": "r", "last_modified": 5, "a": 1}});
    let answered = |request: &Request, status| resolve(request, response(status, &body), false);
    assert_eq!(judged(&answered(&create(&json!({"a": 1})), StatusCode::CREATED)), (201, None));
    let replaced = answered(&create(&json!({"a": 1})), StatusCode::OK);
    assert_eq!(judged(&replaced), (200, Some(Doubt::Replaced)));
    let error = replaced.success().unwrap_err();
    assert!(error.is_unexpected() && error.may_have_been_applied(), "{error}");
    assert_eq!(judged(&answered(&create(&json!({"a": 1})).with_own_id(true), StatusCode::OK)), (201, None));
    let save = write(Method::PUT, &json!({"data": {"a": 1}}));
    assert_eq!(judged(&answered(&save, StatusCode::OK)), (200, None));
}

#[test]
fn numbers_are_what_they_are_worth() {
    let existing = json!({"id": "r", "last_modified": 5, "a": [{"b": 10_000_000_000_000_000_u64}], "c": 2});
    let settled = |sent: Value| resolve(&create(&sent), refused(&existing), false).doubt;
    assert_eq!(settled(json!({"a": [{"b": 1e16}], "c": 2.0})), Some(Doubt::AsSent));
    assert_eq!(settled(json!({"a": [{"b": 1e16}], "c": 2.5})), None);
}

#[test]
fn post_with_an_id_has_created_it_for_certain_if_the_id_is_its_own() {
    let post = Request::post(PATH.into());
    let post = post.repeatable().json(&json!({"data": {"id": "r", "a": 1}})).unwrap();
    let there = || response(StatusCode::OK, &json!({"data": {"id": "r", "last_modified": 5, "a": 1}}));
    assert_eq!(judged(&resolve(&post, there(), false)), (200, None));
    assert_eq!(judged(&resolve(&post, there(), true)), (200, Some(Doubt::Earlier)));
    assert_eq!(judged(&resolve(&post.with_own_id(true), there(), true)), (201, None));
}

#[test]
fn delete_of_missing_object_is_in_doubt() {
    let delete = Request::new(Method::DELETE, PATH.to_owned());
    let gone = response(StatusCode::NOT_FOUND, &json!({"code": 404, "errno": 110, "details": {"id": "r"}}));
    assert_eq!(judged(&resolve(&delete, gone.clone(), false)), (404, Some(Doubt::Gone { guarded: false })));
    let guarded = delete.provided(Precondition::Unchanged(Timestamp::from_millis(1)));
    assert_eq!(judged(&resolve(&guarded, gone.clone(), true)), (404, Some(Doubt::Gone { guarded: true })));
    let above = response(StatusCode::NOT_FOUND, &json!({"code": 404, "errno": 110, "details": {"id": "c"}}));
    assert_eq!(judged(&resolve(&guarded, above, false)), (404, None), "what it was in is missing");
    let page = Response { body: "<h1>Not found</h1>".into(), ..gone };
    assert_eq!(judged(&resolve(&guarded, page.clone(), false)), (404, None), "it is not Kinto who says so");
    assert_eq!(judged(&resolve(&guarded, page, true)), (404, Some(Doubt::Earlier)));
}
