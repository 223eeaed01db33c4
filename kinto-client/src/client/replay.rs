//! Judges responses to writes that may have been executed before: by an earlier try, or by the same try, which a proxy
//! has sent twice.
//!
//! Only an id that the client generated proves that this request stored the object. Otherwise the result is in doubt,
//! because another client may have stored the same data.

use crate::error::doubt::Doubt;
use crate::{
    error::Result,
    transport::{
        acknowledged,
        lease::Lease,
        retrying::{RequestOptions, Sender},
    },
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use crate::{
    error::response::ErrorResponse,
    json::equal::is_same,
    wire::{
        request::{Precondition, Request},
        response::Response,
    },
};

#[cfg(test)]
mod tests;

impl Sender {
    /// Sends a request, with retries, and returns the response of any status.
    pub(crate) async fn send(
        self: &Arc<Self>,
        request: &Request,
        options: &RequestOptions,
        lease: Option<&Lease>,
    ) -> Result<Response> {
        let (outcome, repeated) = self.send_until_answered(request, options, lease).await;
        let response = outcome.map_err(|error| if repeated { error.maybe_applied() } else { error })?;
        let response = resolve(request, response, repeated);
        Ok(self.resolve_ambiguity(request, response, repeated, options).await)
    }

    /// Resolves an ambiguous response with a follow-up request, if there is one.
    ///
    /// Between the tries of a repeated request, other writes of this program take their turns. That the last of them was
    /// acknowledged does not tell if an earlier try was carried out before it.
    pub(crate) async fn resolve_ambiguity(
        self: &Arc<Self>,
        request: &Request,
        response: Response,
        repeated: bool,
        options: &RequestOptions,
    ) -> Response {
        let response = if repeated { response } else { acknowledged::judge(self.server, request, response) };
        let Some(follow_up_request) = follow_up_request(request, &response) else { return response };
        let (found, _) = self.send_until_answered(&follow_up_request, options, None).await;
        resolve_with(request, response, found.ok())
    }
}

/// Returns the response with its doubt, or the success that it proves. `repeated` says that an earlier try may have
/// been executed.
///
/// PUT and DELETE can be in doubt at the first try, too: nginx repeats them at the next server after an error or a
/// timeout, and returns the refusal of the second. What is not idempotent, as PATCH and the POST of a batch, no proxy may
/// send twice (RFC 9110, 9.2.2).
pub(crate) fn resolve(request: &Request, response: Response, repeated: bool) -> Response {
    if request.method.is_safe() || response.doubt.is_some() {
        return response;
    }
    let earlier = repeated.then_some(Doubt::Earlier);
    let is_idempotent = [Method::PUT, Method::DELETE].contains(&request.method) && !response.is_part();
    let maybe_twice = repeated || is_idempotent;
    let is_creation = request.method == Method::PUT && request.precondition == Some(Precondition::Absent);
    let doubt = match (&request.method, response.status) {
        (_, StatusCode::PRECONDITION_FAILED) if is_creation && request.own_id && is_kintos(&response) => {
            match permissions(request) {
                None => return created(response),
                Some(_) => Some(Doubt::Open),
            }
        }
        (&Method::PUT | &Method::PATCH, StatusCode::PRECONDITION_FAILED)
            if maybe_twice && is_existing_as_sent(request, &response) =>
        {
            Some(Doubt::AsSent)
        }
        (&Method::DELETE, StatusCode::NOT_FOUND)
            if maybe_twice && ErrorResponse::read(&response).is_about(request.subject.id()) =>
        {
            Some(Doubt::Gone { guarded: request.precondition.is_some() })
        }
        (&Method::DELETE, StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED)
            if is_idempotent && !repeated && request.subject.is_readable_object() && is_kintos(&response) =>
        {
            Some(Doubt::Open)
        }
        (&Method::POST, StatusCode::OK) if !request.is_of_new_object() && request.own_id => {
            return Response { status: StatusCode::CREATED, ..response };
        }
        (&Method::POST, StatusCode::OK) if !request.is_of_new_object() => earlier,
        // Kinto creates with 201. What is replaced under an id of its own is what an earlier try created.
        (_, StatusCode::OK) if is_creation && request.own_id => {
            return Response { status: StatusCode::CREATED, ..response };
        }
        (_, StatusCode::OK) if is_creation && is_object(&response) => Some(Doubt::Replaced),
        (_, status) if status.is_success() => None,
        _ => earlier,
    };
    Response { doubt, ..response }
}

/// The success of a creation under an id of its own, which was refused because it had been carried out before.
fn created(refused: Response) -> Response {
    match ErrorResponse::read(&refused).existing {
        Some(existing) => {
            let body: Bytes = [b"{\"data\":", &existing[..], b"}"].concat().into();
            Response::new(StatusCode::CREATED, refused.headers, body)
        }
        None => Response { doubt: Some(Doubt::Earlier), ..refused },
    }
}

/// Returns true for an object as Kinto sends it, and false for the page of a proxy.
fn is_object(response: &Response) -> bool {
    #[derive(Deserialize)]
    struct Body {
        data: Stamp,
    }
    #[derive(Deserialize)]
    struct Stamp {
        #[serde(rename = "id")]
        _id: String,
        #[serde(rename = "last_modified")]
        _last_modified: u64,
    }
    serde_json::from_slice::<Body>(&response.body).is_ok_and(|Body { data: Stamp { .. } }| true)
}

/// Returns true for Kinto's own response, and false for that of a proxy that knows of no such page.
fn is_kintos(response: &Response) -> bool {
    ErrorResponse::read(response).errno.is_some()
}

/// Returns the request whose response has what [`resolve`] lacks: the permissions of the object that a creation was refused
/// for, or that the object is there that a deletion was refused for.
pub(crate) fn follow_up_request(request: &Request, response: &Response) -> Option<Request> {
    (response.doubt == Some(Doubt::Open)).then(|| Request::get(request.subject.clone()))
}

/// Resolves the doubt with the response to the [`follow_up_request`], if there is one.
///
/// The refusal of a creation under a generated id is the proof of its success. That of a deletion stays in doubt, unless
/// the object is seen: with it goes the permission that another try would need.
pub(crate) fn resolve_with(request: &Request, refused: Response, found: Option<Response>) -> Response {
    let found = found.filter(|found| found.status.is_success());
    if request.method == Method::DELETE {
        return Response { doubt: found.is_none().then_some(Doubt::Hidden), ..refused };
    }
    match found {
        Some(found) => Response { status: StatusCode::CREATED, ..found },
        None => created(refused),
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    permissions: Option<Lists>,
}

type Lists = BTreeMap<String, BTreeSet<String>>;

fn envelope(body: &[u8]) -> Option<Envelope<'_>> {
    serde_json::from_slice(body).ok()
}

/// Returns the permissions that the request sets, if it sets any.
fn permissions(request: &Request) -> Option<Lists> {
    envelope(request.body.as_deref()?)?.permissions.filter(|lists| !lists.is_empty())
}

/// Returns true if the object that a refusal shows has the data that the request gave it.
fn is_existing_as_sent(request: &Request, response: &Response) -> bool {
    let (Some(existing), Some(body)) = (ErrorResponse::read(response).existing, &request.body) else { return false };
    match envelope(body).and_then(|sent| sent.data) {
        Some(data) if request.method == Method::PATCH => is_part(data, &existing),
        Some(data) => is_same_data(request, data, &existing),
        None => false,
    }
}

fn own(raw: &[u8]) -> Option<Map<String, Value>> {
    let mut data: Map<String, Value> = serde_json::from_slice(raw).ok()?;
    data.remove("id");
    data.remove("last_modified");
    Some(data)
}

/// Returns true if a PATCH of that data would leave the object as it is.
fn is_part(sent: &RawValue, found: &[u8]) -> bool {
    let (Some(sent), Some(found)) = (own(sent.get().as_bytes()), own(found)) else { return false };
    !sent.is_empty() && sent.iter().all(|(key, value)| found.get(key).is_some_and(|found| is_same(value, found)))
}

fn is_same_data(request: &Request, sent: &RawValue, found: &[u8]) -> bool {
    let (Some(mut sent), Some(mut found)) = (own(sent.get().as_bytes()), own(found)) else { return false };
    // The server sets `schema` on the records of a collection with a schema; values of other types are the
    // writer's own.
    if found.get("schema").is_some_and(Value::is_u64) {
        sent.remove("schema");
        found.remove("schema");
    }
    // The server shows a digest of the password.
    if request.secret {
        sent.remove("password");
        found.remove("password");
    }
    is_same(&sent.into(), &found.into())
}
