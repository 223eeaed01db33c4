//! Requests for objects: whether the parent exists, who may do what, and whether the request is valid.

use http::Method;
use serde_json::Value;

use super::{
    Bound, Server,
    access::{self, Seen, Wanted},
    answer::{
        self, Invalid, Outcome, forbidden, missing_object, not_allowed_here, preflight, refused, server_error,
        timestamp_unwritten,
    },
    body::{self, Payload},
    database::{Kind, ListKey},
    media_type,
    object::{self, Context},
    patch::Flavour,
    query::Query,
    request::{Place, Preconditions, Request, is_id},
    who::Who,
};

impl Server {
    /// Carries out a request for objects: who may do it, whether it is valid, and what it does.
    pub(super) fn resource(
        &mut self,
        request: &Request,
        place: &Place,
        id: Option<&str>,
        who: Outcome<Who>,
        bound: &mut Bound,
    ) -> Outcome {
        let method = &request.method;
        let writes_object = id.is_some() && matches!(*method, Method::PUT | Method::PATCH | Method::DELETE);
        let posts = id.is_none() && *method == Method::POST;
        let mut exists = None;
        let mut key = None;
        if writes_object || posts {
            let known = self.open(request, place, id, who.as_ref().ok(), bound)?;
            let id = if posts { posted_id(request)? } else { id.map(str::to_owned) };
            exists = id.filter(|id| self.database.get(&known, id).is_some());
            key = Some(known);
        }
        let allowed: &[Method] = match (place.kind, id) {
            _ if self.settings.readonly => &[Method::GET, Method::HEAD],
            (Kind::Permissions, None) => &[Method::GET, Method::HEAD],
            (Kind::History, None) => &[Method::GET, Method::HEAD, Method::DELETE],
            (_, None) => &[Method::GET, Method::HEAD, Method::POST, Method::DELETE],
            (_, Some(_)) => &[Method::GET, Method::HEAD, Method::PUT, Method::PATCH, Method::DELETE],
        };
        if *method == Method::OPTIONS {
            return preflight(request, allowed);
        }
        let who = &who?;
        if !allowed.contains(method) {
            return Err(not_allowed_here(allowed));
        }
        media_type::check_accept(request)?;
        media_type::check_content_type(request)?;
        let seen = self.allow(request, place, id, exists.as_deref(), who)?;
        let key = match key {
            Some(key) => key,
            None => self.open(request, place, id, Some(who), bound)?,
        };
        let mut errors = Vec::new();
        let pre = Preconditions::read(request, &mut errors)?;
        let query = Query::read(&request.query, id.is_none() && !posts, &mut errors);
        if let (Some(behaviour), true) = (request.header("Response-Behavior"), *method == Method::PATCH)
            && !behaviour.is_empty()
            && !matches!(behaviour, "light" | "diff" | "full")
        {
            let description = format!("\"{behaviour}\" is not one of full, light, diff");
            errors.push(Invalid::new("header", "Response-Behavior", description));
        }
        let payload = read_payload(request, place.kind, &mut errors);
        if !errors.is_empty() {
            return Err(refused(errors));
        }
        let author = self.author(place, &key, who);
        let (user, principals) = (who.user.clone(), who.principals.as_slice());
        let context = Context { request, place, key, user, principals, author, pre, query, payload, seen };
        let flavour = Flavour::of(request);
        match (id, method) {
            (Some(id), &Method::GET | &Method::HEAD) => self.get(&context, id, bound),
            (Some(id), &Method::PUT) => self.put_object(&context, id, bound),
            (Some(id), &Method::PATCH) => self.patch_object(&context, id, flavour, bound),
            (Some(id), _) => self.delete_object(&context, id, bound),
            (None, &Method::POST) => self.post_list(&context, bound),
            (None, &Method::DELETE) => self.delete_list(&context, bound),
            (None, _) => self.get_list(&context, bound),
        }
    }

    /// Returns the list that the request is about, whose parent must exist, and have a valid name. A write looks for it even
    /// where the sender cannot be found out.
    fn open(
        &mut self,
        request: &Request,
        place: &Place,
        id: Option<&str>,
        who: Option<&Who>,
        bound: &mut Bound,
    ) -> Outcome<ListKey> {
        if let Some(bucket) = place.bucket.as_deref().filter(|bucket| !is_id(Kind::Bucket, bucket)) {
            return Err(missing_object(111, "bucket", bucket));
        }
        if let (Some(bucket), Some(collection)) = (&place.bucket, &place.collection)
            && !bound.collections.contains_key(place.parent())
        {
            let missing = || missing_object(111, "collection", collection);
            if !is_id(Kind::Collection, collection) {
                return Err(missing());
            }
            let row = self.database.get(&(format!("/buckets/{bucket}"), Kind::Collection), collection);
            let data = row.map(|row| object::whole(collection, row)).ok_or_else(missing)?;
            bound.collections.insert(place.parent().to_owned(), data);
        }
        let key = match place.kind {
            Kind::Account => self.account_key(request, id, who.ok_or_else(server_error)?)?,
            _ => place.key(),
        };
        if self.settings.readonly && !self.database.has_timestamp(&key) {
            return Err(timestamp_unwritten(self.settings.retry_after));
        }
        self.database.timestamp(&key);
        Ok(key)
    }

    /// Returns what the sender may see, or fails with 401 or 403.
    fn allow(
        &self,
        request: &Request,
        place: &Place,
        id: Option<&str>,
        exists: Option<&str>,
        who: &Who,
    ) -> Outcome<Seen> {
        let list = place.uri();
        let object = id.or(exists).map(|id| place.uri_of(id));
        let is_safe_creation = request.header("If-None-Match") == Some("*");
        let (uri, permission) = match (&request.method, &object) {
            (&Method::PUT, _) if exists.is_none() || is_safe_creation => (list, "create"),
            (&Method::PUT | &Method::PATCH, Some(object)) => (object.as_str(), "write"),
            (&Method::DELETE, object) => (object.as_deref().unwrap_or(list), "write"),
            (&Method::POST, Some(object)) => (object.as_str(), "read"),
            (&Method::POST, None) => (list, "create"),
            (_, object) => (object.as_deref().unwrap_or(list), "read"),
        };
        let wanted = Wanted { kind: place.kind, uri, permission, on_list: id.is_none(), exists: exists.is_some() };
        let seen = access::check(&self.database, &self.settings, &who.principals, &wanted);
        seen.ok_or_else(|| forbidden(who.user.is_some()))
    }

    fn author(&self, place: &Place, key: &ListKey, who: &Who) -> String {
        match &who.user {
            _ if place.kind == Kind::Account && (who.user.is_none() || self.is_administrator(who)) => {
                format!("account:{}", key.0)
            }
            Some(user) => user.clone(),
            None => "system.Everyone".to_owned(),
        }
    }
}

/// Returns the id in the body of a POST, if there is one.
pub(super) fn posted_id(request: &Request) -> Outcome<Option<String>> {
    let body: Option<Value> = serde_json::from_slice(&request.body).ok();
    match body.as_ref().and_then(|body| body.get("data")?.get("id")) {
        None => Ok(None),
        Some(Value::String(id)) if is_id(Kind::Account, id) => Ok(Some(id.clone())),
        Some(_) => Err(answer::invalid("path", None, "Invalid object id")),
    }
}

fn read_payload(request: &Request, kind: Kind, errors: &mut Vec<Invalid>) -> Payload {
    if !matches!(request.method, Method::POST | Method::PUT | Method::PATCH) {
        return Payload::default();
    }
    let before = errors.len();
    let value = body::parse(&request.body, errors);
    let essence = request.content_type();
    let is_operations = essence.is_some_and(|essence| essence.starts_with("application/json-patch+json"));
    if errors.len() > before {
        // Nothing else is read of a request whose body is no JSON.
        errors.drain(..before);
        return Payload::default();
    }
    if request.method == Method::PATCH && is_operations {
        body::read_operations(value, errors)
    } else {
        body::read(value, kind, request.method == Method::PATCH, errors)
    }
}
