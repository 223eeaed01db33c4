//! The default bucket: another name for a bucket of each user, made when it is first used.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use serde_json::{Map, Value};

use super::{
    Bound, Server,
    answer::{Failure, Outcome, collision, forbidden, invalid, method_not_allowed, server_error, unknown_url},
    database::{Collision, Kind, Permissions},
    events::{self, Action, Event},
    object::with_identity,
    request::{Place, Request, is_id},
    who::{Who, hex_digest},
};

impl Server {
    pub(super) fn default_bucket(&mut self, request: &Request, rest: &str, who: &Who, bound: &mut Bound) -> Outcome {
        let Some(user) = &who.user else { return Err(forbidden(false)) };
        if self.settings.readonly {
            return Err(method_not_allowed());
        }
        let id = default_bucket_id(user);
        let is_put = request.method == Method::PUT;
        if !(is_put && request.path.ends_with("buckets/default")) {
            let place = Place::new(Kind::Bucket, None, None);
            self.create_implicitly(&place, &id, user, bound)?;
        }
        // The route of the plugin leaves out a line break at the end.
        let rest = rest.strip_suffix('\n').unwrap_or(rest);
        let names_one = rest.trim_end_matches('/').starts_with("collections/");
        if let Some(collection) = rest.strip_prefix("collections/").and_then(|rest| rest.split('/').next())
            && names_one
            // The plugin takes an escaped path that ends with the same letters for that of the collection.
            && !(is_put && request.path.ends_with(collection) && collection.bytes().all(is_plain))
        {
            if collection.is_empty() {
                return Err(server_error());
            }
            let place = Place::new(Kind::Collection, Some(&id), None);
            let uri = place.uri_of(collection);
            // What an earlier part of the batch has read is known.
            if !bound.collections.contains_key(&uri) {
                self.create_implicitly(&place, collection, user, bound)?;
                // A schema is not checked here: the plugin remembers a collection without attributes.
                bound.collections.insert(uri, Map::new());
            }
        }
        let inner = inner(request, &id);
        if is_unknown(&inner) {
            // The path that was sent is what is not found, or has a slash too much.
            let path = request.path.trim_end_matches('/');
            let is_longer = path.len() < request.path.len();
            return Err(if is_longer { self.without_slash(request) } else { unknown_url() });
        }
        match self.respond_to(&inner, bound) {
            // What has a body of JSON is a response like others, so that what was made implicitly stays.
            Err(Failure::Raised(answer)) if matches!(answer.status, 300..=399 | 400 | 404 | 406 | 412 | 415) => {
                Err(Failure::Returned(answer))
            }
            other => other,
        }
    }

    /// Makes a bucket or a collection, if there is none.
    fn create_implicitly(&mut self, place: &Place, id: &str, user: &str, bound: &mut Bound) -> Outcome<()> {
        let uri = place.uri_of(id);
        if !bound.implicit.insert(uri.clone()) {
            return Ok(());
        }
        if !is_id(place.kind, id) {
            let description = format!("Invalid {} id", place.kind.name());
            return Err(invalid("path", None, description));
        }
        let key = place.key();
        self.database.timestamp(&key);
        if self.database.get(&key, id).is_some() {
            return Ok(());
        }
        let time = self.database.store(&key, id, Arc::new(Map::new()), None);
        let time = time.map_err(|Collision| collision(self.settings.retry_after))?;
        if self.settings.explicit_permissions {
            let writers = [user.to_owned()].into();
            self.database.set_permissions(&uri, Some(Permissions::from([("write".to_owned(), writers)])));
        }
        let new = with_identity(id, time, Map::new());
        let event = Event {
            place: place.clone(),
            named: Some(id.to_owned()),
            action: Action::Create,
            impacted: vec![(new, None)],
            user: Some(user.to_owned()),
        };
        events::add(&mut bound.events, event);
        Ok(())
    }
}

/// Returns true for a byte that is not escaped in a path.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte)
}

fn is_unknown(request: &Request) -> bool {
    super::request::Route::of(request.path.strip_prefix("/v1").unwrap_or_default()) == super::request::Route::Unknown
}

/// Returns the request with the bucket's own id in its path and its body.
fn inner(request: &Request, id: &str) -> Request {
    let mut headers = request.headers.clone();
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    let with_id = || {
        let mut body: Value = serde_json::from_slice(&request.body).ok()?;
        let field = body.get_mut("data")?.get_mut("id")?;
        *field = Value::String(field.as_str()?.replace("default", id));
        Some(Bytes::from(body.to_string()))
    };
    let body = match with_id() {
        Some(body) => {
            headers.insert(header::CONTENT_TYPE, json);
            body
        }
        None if request.body.is_empty() => {
            headers.insert(header::CONTENT_TYPE, json);
            Bytes::from_static(b"{\"data\": {}}")
        }
        None => request.body.clone(),
    };
    let path = request.path.replace("/buckets/default", &format!("/buckets/{id}"));
    Request { path, headers, body, ..request.clone() }
}

/// Returns the id of a user's default bucket.
pub(super) fn default_bucket_id(user: &str) -> String {
    let digest = hex_digest(&format!("default bucket of {user}"));
    let part = |from: usize, to: usize| digest.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}
