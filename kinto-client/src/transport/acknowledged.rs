//! The latest acknowledged writes of this program. A request that is refused because of one of them is not in doubt:
//! another request of this program stored what is there.

use crate::error::doubt::Doubt;
use std::{
    collections::{HashMap, VecDeque},
    hash::{Hash as _, Hasher as _},
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use http::StatusCode;
use serde::Deserialize;

use crate::{
    error::response::ErrorResponse,
    wire::{
        batch_parts,
        claim::{Batched, HashedKey, KeyHasher, ObjectKey},
        request::Request,
        response::Response,
        timestamp::Timestamp,
    },
};

/// The number of objects that are remembered. An outcome can be reported as unknown for an object that was
/// forgotten.
const REMEMBERED: usize = 4096;

/// The last acknowledged state of an object: its version, or `None` if it was deleted.
type Left = Option<Timestamp>;

/// A hash of an object and its server: small, since it is looked up for each write.
fn key(server: u64, (path, bucket): ObjectKey) -> u64 {
    let mut hasher = HashedKey::default();
    (server, path, bucket).hash(&mut hasher);
    hasher.finish()
}

#[derive(Default)]
struct Latest {
    left: HashMap<u64, Left, KeyHasher>,
    order: VecDeque<u64>,
}

static LATEST: LazyLock<Mutex<Latest>> = LazyLock::new(Mutex::default);

impl Latest {
    fn note(&mut self, key: u64, left: Left) {
        if self.left.insert(key, left).is_none() {
            self.order.push_back(key);
            if self.order.len() > REMEMBERED
                && let Some(oldest) = self.order.pop_front()
            {
                self.left.remove(&oldest);
            }
        }
    }
}

/// Notes the response to a write of one object, or to a batch, before another request of this program can write to the
/// same. The parts of a batch that were read for it stay in the response.
pub(super) fn note(server: u64, request: &Request, response: &mut Response) {
    let all = if let Some(batched) = &request.batched {
        left_by_batch(batched, response)
    } else {
        let object = request.object_key().map(|object| (object, request.deletes()));
        object.and_then(|object| left_by(object, response)).into_iter().collect()
    };
    if all.is_empty() {
        return;
    }
    let mut latest = LATEST.lock().unwrap_or_else(PoisonError::into_inner);
    for (object, left) in all {
        latest.note(key(server, object), left);
    }
}

/// Returns what a write leaves its object as, if it succeeded.
fn left_by((object, deletes): (ObjectKey, bool), response: &Response) -> Option<(ObjectKey, Left)> {
    let version = response.status.is_success().then(|| response.etag().ok());
    if deletes { version.map(|_| (object, None)) } else { version.flatten().map(|version| (object, Some(version))) }
}

fn left_by_batch(batched: &Batched, response: &mut Response) -> Vec<(ObjectKey, Left)> {
    if response.status != StatusCode::OK || batched.objects.iter().all(Option::is_none) {
        return Vec::new();
    }
    let Ok(parts) = batch_parts::answers(response, batched.objects.len()) else { return Vec::new() };
    response.parts = Some(Arc::clone(&parts));
    // At a collision or a failure the server rolls back what came before it, and says of that that it succeeded.
    if parts.iter().any(|part| part.status == StatusCode::CONFLICT || part.status.is_server_error()) {
        return Vec::new();
    }
    batched.objects.iter().zip(&*parts).filter_map(|(object, part)| left_by((*object)?, part)).collect()
}

/// Returns the response without doubt, if it was another request of this program that left the object as it is.
pub(crate) fn judge(server: u64, request: &Request, response: Response) -> Response {
    let left = match response.doubt {
        Some(Doubt::AsSent) => existing_version(&response),
        Some(Doubt::Gone { .. }) => Some(None),
        Some(Doubt::Open) if request.deletes() => Some(None),
        _ => return response,
    };
    let (Some(left), Some(object)) = (left, request.object_key()) else { return response };
    let latest = LATEST.lock().unwrap_or_else(PoisonError::into_inner);
    let is_known = latest.left.get(&key(server, object)) == Some(&left);
    Response { doubt: response.doubt.filter(|_| !is_known), ..response }
}

fn existing_version(response: &Response) -> Option<Left> {
    #[derive(Deserialize)]
    struct Version {
        last_modified: u64,
    }
    let existing = ErrorResponse::read(response).existing?;
    let version: Version = serde_json::from_slice(&existing).ok()?;
    Some(Some(Timestamp::from_millis(version.last_modified)))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, Method, header};
    use serde_json::json;

    use super::*;
    use crate::{client::replay::resolve, wire::batch};

    /// A server of its own for each test, since what is noted is the whole program's.
    fn server(test: &str) -> u64 {
        crate::wire::claim::hash(test)
    }

    fn write(method: Method, id: &str) -> Request {
        let request = Request::new(method, format!("/buckets/b/collections/c/records/{id}"));
        request.json(&json!({"data": {"n": 2}})).unwrap()
    }

    fn succeeded(version: u64) -> Response {
        let etag = HeaderValue::from_str(&format!("\"{version}\"")).unwrap();
        Response::new(StatusCode::OK, HeaderMap::from_iter([(header::ETAG, etag)]), "{}".into())
    }

    /// A PUT that is refused because the object is of that version, and is what was sent.
    fn refused(version: u64) -> Response {
        let existing = json!({"id": "r", "last_modified": version, "n": 2});
        let body = json!({"code": 412, "errno": 114, "error": "x", "details": {"existing": existing}});
        Response::new(StatusCode::PRECONDITION_FAILED, HeaderMap::new(), body.to_string().into())
    }

    fn gone(id: &str) -> Response {
        let body = json!({"code": 404, "errno": 110, "error": "x", "details": {"id": id, "resource_name": "record"}});
        Response::new(StatusCode::NOT_FOUND, HeaderMap::new(), body.to_string().into())
    }

    fn doubt_of(server: u64, request: &Request, response: Response) -> Option<Doubt> {
        judge(server, request, resolve(request, response, false)).doubt
    }

    #[test]
    fn refusal_by_an_acknowledged_version_is_no_doubt() {
        let (server, put) = (server("version"), write(Method::PUT, "r"));
        assert_eq!(doubt_of(server, &put, refused(7)), Some(Doubt::AsSent), "nothing is noted");
        note(server, &write(Method::PATCH, "r"), &mut succeeded(7));
        assert_eq!(doubt_of(server, &put, refused(7)), None);
        for (server, request, version) in
            [(server, &put, 8), (server + 1, &put, 7), (server, &write(Method::PUT, "s"), 7)]
        {
            assert_eq!(doubt_of(server, request, refused(version)), Some(Doubt::AsSent), "another one");
        }
        // What was refused says nothing of what is there.
        note(server, &put, &mut refused(9));
        assert_eq!(doubt_of(server, &put, refused(9)), Some(Doubt::AsSent));
        note(server, &put, &mut succeeded(10));
        assert_eq!(doubt_of(server, &put, refused(7)), Some(Doubt::AsSent), "the latest counts");
    }

    #[test]
    fn deletion_of_what_was_deleted_is_no_doubt() {
        let (server, delete) = (server("deleted"), write(Method::DELETE, "r"));
        assert_eq!(doubt_of(server, &delete, gone("r")), Some(Doubt::Gone { guarded: false }));
        note(server, &delete, &mut succeeded(5));
        assert_eq!(doubt_of(server, &delete, gone("r")), None);
        note(server, &write(Method::PUT, "r"), &mut succeeded(6));
        assert_eq!(doubt_of(server, &delete, gone("r")), Some(Doubt::Gone { guarded: false }), "it was made again");
    }

    fn batch_of(statuses: [u16; 3]) -> (Request, Response) {
        let parts = [write(Method::PUT, "r"), Request::get("/buckets/b".to_owned()), write(Method::DELETE, "s")];
        let etag = json!({"ETag": "\"7\""});
        let part = |status: u16| json!({"status": status, "path": "/v1", "headers": etag, "body": {"data": {}}});
        let body = json!({"responses": statuses.map(part)}).to_string();
        (batch::request(&parts).unwrap(), Response::new(StatusCode::OK, HeaderMap::new(), body.into()))
    }

    #[test]
    fn parts_of_a_batch_are_noted_unless_they_may_be_rolled_back() {
        let server = server("batch");
        let (put, delete) = (write(Method::PUT, "r"), write(Method::DELETE, "s"));
        for statuses in [[200, 200, 409], [200, 503, 200], [412, 200, 404]] {
            let (request, mut response) = batch_of(statuses);
            note(server, &request, &mut response);
            assert_eq!(doubt_of(server, &put, refused(7)), Some(Doubt::AsSent), "{statuses:?}");
            assert_eq!(doubt_of(server, &delete, gone("s")), Some(Doubt::Gone { guarded: false }), "{statuses:?}");
        }
        let (request, mut response) = batch_of([200, 404, 200]);
        note(server, &request, &mut response);
        assert_eq!((doubt_of(server, &put, refused(7)), doubt_of(server, &delete, gone("s"))), (None, None));
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_are_forgotten() {
        let mut latest = Latest::default();
        let holds = |latest: &Latest, object| latest.left.contains_key(&object);
        let last = u64::try_from(REMEMBERED).unwrap();
        for object in 0..=last {
            latest.note(object, None);
        }
        assert_eq!([0, 1, last].map(|object| holds(&latest, object)), [false, true, true]);
        latest.note(0, None);
        assert_eq!([0, 1, 2, last].map(|object| holds(&latest, object)), [true, false, true, true]);
        assert_eq!((latest.left.len(), latest.order.len()), (REMEMBERED, REMEMBERED));
    }
}
