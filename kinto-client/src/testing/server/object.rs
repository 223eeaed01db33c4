//! The verbs of one object, and what they share with those of lists.

use serde_json::{Map, Value, json};

use super::{
    Bound, Server,
    access::Seen,
    answer::{Answer, Outcome, collision, data_body, invalid, missing_object, object_body, server_error},
    body::Payload,
    database::{Collision, Kind, ListKey, Permissions, Row},
    events::Action,
    fields::subset,
    patch::{self, Flavour},
    precondition::{check_preconditions, unless_unmodified},
    python,
    query::Query,
    request::{Place, Preconditions, Request, is_id},
};

/// Everything that is known of a request when its verb begins.
pub(super) struct Context<'a> {
    pub(super) request: &'a Request,
    pub(super) place: &'a Place,
    pub(super) key: ListKey,
    pub(super) user: Option<String>,
    pub(super) principals: &'a [String],
    /// The principal that may write what is made.
    pub(super) author: String,
    pub(super) pre: Preconditions,
    pub(super) query: Query,
    pub(super) payload: Payload,
    pub(super) seen: Seen,
}

impl Context<'_> {
    /// Returns the bucket or the collection that the path names, if it is the object of the request.
    pub(super) fn named(&self) -> Option<String> {
        let id = self.request.path.rsplit('/').next().unwrap_or_default();
        let is_kept = matches!(self.place.kind, Kind::Bucket | Kind::Collection);
        (is_kept && self.request.method != http::Method::POST).then(|| id.to_owned())
    }
}

/// An object with the permissions that the caller may see.
#[derive(Clone, Debug)]
pub(super) struct Existing {
    pub(super) data: Map<String, Value>,
    pub(super) last_modified: i64,
    pub(super) permissions: Permissions,
}

/// Returns the fields of an object, with its id and its timestamp.
pub(super) fn whole(id: &str, row: &Row) -> Map<String, Value> {
    with_identity(id, row.last_modified, (*row.data).clone())
}

pub(super) fn with_identity(id: &str, last_modified: i64, mut data: Map<String, Value>) -> Map<String, Value> {
    data.insert("id".to_owned(), id.into());
    data.insert("last_modified".to_owned(), last_modified.into());
    data
}

impl Server {
    pub(super) fn existing(&self, context: &Context<'_>, id: &str) -> Option<Existing> {
        let row = self.database.get(&context.key, id)?;
        let (data, last_modified) = (whole(id, row), row.last_modified);
        Some(Existing { data, last_modified, permissions: self.visible(context, id) })
    }

    /// Returns the permissions of an object, if the caller is among those who may write it.
    pub(super) fn visible(&self, context: &Context<'_>, id: &str) -> Permissions {
        let uri = context.place.uri_of(id);
        let Some(permissions) = self.database.permissions.get(&uri) else { return Permissions::new() };
        let writers = permissions.get("write");
        let is_one = |who: &String| writers.is_some_and(|writers| writers.contains(who));
        if context.principals.iter().any(is_one) || is_one(&context.author) {
            permissions.clone()
        } else {
            Permissions::new()
        }
    }

    pub(super) fn get(&self, context: &Context<'_>, id: &str, bound: &Bound) -> Outcome {
        check_id(context.place.kind, id)?;
        let existing = self.existing(context, id).ok_or_else(|| missing_object(110, context.place.kind.name(), id))?;
        unless_unmodified(context.pre, existing.last_modified)?;
        check_preconditions(context.pre, Some(&existing), existing.last_modified)?;
        let body = match context.query.fields(context.place.kind)? {
            Some(fields) => data_body(subset(&existing.data, &fields)),
            None => object_body(existing.data, existing.permissions),
        };
        Ok(self.cached(context, bound, Answer::ok(body).stamped(existing.last_modified)))
    }

    pub(super) fn put_object(&mut self, context: &Context<'_>, id: &str, bound: &mut Bound) -> Outcome {
        check_id(context.place.kind, id)?;
        let old = self.existing(context, id);
        check_preconditions(context.pre, old.as_ref(), self.database.timestamp(&context.key))?;
        let kept = old.as_ref().filter(|_| context.payload.data.is_none());
        let mut data = match (&context.payload.data, kept) {
            (Some(data), _) => data.clone(),
            (None, Some(old)) => old.data.clone(),
            (None, None) => Map::new(),
        };
        data.entry("id").or_insert_with(|| id.into());
        check_same_id(&data, id)?;
        let new = self.process(context, data, old.as_ref(), kept.map(|old| old.permissions.clone()), bound)?;
        let status = if old.is_some() { 200 } else { 201 };
        let stored = self.save(context, id, new)?;
        let action = if old.is_some() { Action::Update } else { Action::Create };
        self.notify(context, bound, action, &stored.data, old.as_ref().map(|old| &old.data));
        let body = object_body(stored.data, stored.permissions);
        Ok(Answer { status, ..Answer::ok(body).stamped(stored.last_modified) })
    }

    pub(super) fn patch_object(
        &mut self,
        context: &Context<'_>,
        id: &str,
        flavour: Flavour,
        bound: &mut Bound,
    ) -> Outcome {
        let kind = context.place.kind;
        check_id(kind, id)?;
        let old = self.existing(context, id).ok_or_else(|| missing_object(110, kind.name(), id))?;
        check_preconditions(context.pre, Some(&old), old.last_modified)?;
        let payload = &context.payload;
        if flavour != Flavour::Operations && payload.operations.is_some() {
            return Err(server_error());
        }
        if payload.operations.is_none() && payload.is_empty() {
            return Err(invalid("body", Some("data"), "Provide at least one of data or permissions"));
        }
        let patched = patch::apply(kind, flavour, payload, &old)?;
        let mut data = patched.data;
        data.entry("id").or_insert_with(|| id.into());
        check_same_id(&data, id)?;
        let new = self.process(context, data, Some(&old), Some(patched.permissions), bound)?;
        let changed: Vec<String> = patched
            .fields
            .iter()
            .filter(|(name, _)| {
                !patched.merged_in_place.contains(name) && differs(old.data.get(name), new.data.get(name))
            })
            .map(|(name, _)| name.clone())
            .collect();
        let sets_permissions = flavour != Flavour::Merge && patch::sets_permissions(payload, &patched.fields, &old);
        let stored = self.save(context, id, new)?;
        let last_modified = stored.last_modified;
        let part = |differs: &dyn Fn(&str) -> bool| -> Outcome<Map<String, Value>> {
            let names = changed.iter().filter(|name| differs(name));
            names
                .map(|name| stored.data.get(name).map(|value| (name.clone(), value.clone())).ok_or_else(server_error))
                .collect()
        };
        let sent = |name: &str| patched.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value);
        let (data, shows_permissions) = match context.request.header("Response-Behavior") {
            Some("light") => (part(&|_| true)?, sets_permissions),
            Some("diff") => (part(&|name| differs(sent(name), stored.data.get(name)))?, sets_permissions),
            _ => (stored.data.clone(), true),
        };
        self.notify(context, bound, Action::Update, &data, Some(&old.data));
        let mut body = data_body(data);
        if let (true, Some(body)) = (shows_permissions, body.as_object_mut()) {
            body.insert("permissions".to_owned(), json!(stored.permissions));
        }
        Ok(Answer::ok(body).stamped(last_modified))
    }

    pub(super) fn delete_object(&mut self, context: &Context<'_>, id: &str, bound: &mut Bound) -> Outcome {
        let kind = context.place.kind;
        check_id(kind, id)?;
        let old = self.existing(context, id).ok_or_else(|| missing_object(110, kind.name(), id))?;
        check_preconditions(context.pre, Some(&old), old.last_modified)?;
        let wanted = match context.query.value("last_modified") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if text.is_empty() => None,
            Some(value) => {
                Some(value.as_i64().ok_or_else(server_error)?).filter(|time| *time == 0 || *time > old.last_modified)
            }
        };
        self.database.remove_permissions(&context.place.uri_of(id));
        let time =
            self.database.delete(&context.key, id, wanted).map_err(|Collision| collision(self.settings.retry_after))?;
        let tombstone = tombstone(id, time);
        self.notify(context, bound, Action::Delete, &tombstone, Some(&old.data));
        Ok(Answer::ok(data_body(tombstone)).stamped(time))
    }

    /// Adds the headers for caches: those of anonymous reads may say how long a response is good.
    pub(super) fn cached(&self, context: &Context<'_>, bound: &Bound, answer: Answer) -> Answer {
        let collection = bound.collections.get(context.place.parent()).filter(|_| context.place.kind == Kind::Record);
        let expires = collection.and_then(|collection| collection.get("cache_expires")).and_then(Value::as_i64);
        match expires.filter(|_| context.user.is_none()) {
            Some(seconds) => {
                if seconds == 0 {
                    let never = "max-age=0, must-revalidate, no-cache, no-store";
                    let answer = answer.kept_for(0, self.database.now);
                    let headers = answer.headers.into_iter().filter(|(name, _)| *name != "Cache-Control").collect();
                    Answer { headers, ..answer }.with("Cache-Control", never).with("Pragma", "no-cache")
                } else {
                    answer.kept_for(u64::try_from(seconds).unwrap_or_default(), self.database.now)
                }
            }
            None => answer.with("Cache-Control", "no-cache, no-store"),
        }
    }
}

pub(super) fn tombstone(id: &str, time: i64) -> Map<String, Value> {
    with_identity(id, time, Map::from_iter([("deleted".to_owned(), Value::Bool(true))]))
}

pub(super) fn check_id(kind: Kind, id: &str) -> Outcome<()> {
    if is_id(kind, id) { Ok(()) } else { Err(invalid("path", None, "Invalid object id")) }
}

fn check_same_id(data: &Map<String, Value>, id: &str) -> Outcome<()> {
    let is_same = data.get("id").and_then(Value::as_str) == Some(id);
    if is_same { Ok(()) } else { Err(invalid("body", Some("id"), "Object id does not match existing object")) }
}

/// Compares fields as the server does, to which a missing one is null.
fn differs(one: Option<&Value>, other: Option<&Value>) -> bool {
    !python::is_equal(one.unwrap_or(&Value::Null), other.unwrap_or(&Value::Null))
}
