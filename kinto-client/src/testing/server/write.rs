//! Steps between a request and the database: permissions, timestamps, and events.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{
    Bound, Server,
    answer::{Outcome, collision, unavailable},
    body::SentPermissions,
    database::{Collision, Data, Kind, Permissions},
    events::{self, Action, Event},
    object::{Context, Existing, with_identity},
    patch::{self, Flavour},
    query::has_null,
};

/// The latest time that PostgreSQL can keep, in milliseconds.
const LAST_TIME: i64 = 9_224_318_015_999_999;

/// An object before it is stored.
pub(super) struct New {
    pub(super) data: Map<String, Value>,
    permissions: Option<Permissions>,
}

impl Server {
    /// Checks an object as its kind requires, and decides on its permissions and its timestamp.
    pub(super) fn process(
        &mut self,
        context: &Context<'_>,
        mut data: Map<String, Value>,
        old: Option<&Existing>,
        kept: Option<Permissions>,
        bound: &mut Bound,
    ) -> Outcome<New> {
        let own = data.remove("__permissions__");
        let is_set = match data.get("last_modified") {
            Some(Value::Number(number)) if number.is_f64() => false,
            Some(Value::Number(number)) => {
                let time = number.as_i64().unwrap_or(i64::MAX);
                old.is_none_or(|old| time == 0 || time > old.last_modified)
            }
            Some(Value::Bool(_)) => old.is_none(),
            _ => false,
        };
        if !is_set {
            data.remove("last_modified");
        }
        let permissions = match (Self::permissions_of(context, old, kept.as_ref())?, own) {
            (Some(permissions), _) => Some(permissions),
            (None, Some(own)) => Some(patch::permissions_of(own)?),
            (None, None) => kept,
        };
        let permissions = permissions.filter(|permissions| !permissions.is_empty());
        self.validate(context, &mut data, bound)?;
        if context.place.kind == Kind::Account {
            self.check_account(context, &mut data)?;
        }
        Ok(New { data, permissions })
    }

    /// Returns the permissions to set, if the body says any.
    fn permissions_of(
        context: &Context<'_>,
        old: Option<&Existing>,
        kept: Option<&Permissions>,
    ) -> Outcome<Option<Permissions>> {
        let flavour = Flavour::of(context.request);
        if let (Some(operations), Some(old)) = (&context.payload.operations, old) {
            return patch::permissions(operations, old).map(Some);
        }
        let sent = context.payload.permissions.clone().unwrap_or_default();
        let is_merge = flavour == Flavour::Merge;
        let mut permissions = kept.filter(|_| is_merge).cloned().unwrap_or_default();
        apply(&mut permissions, sent, is_merge);
        if permissions.is_empty() {
            return Ok(None);
        }
        if is_merge || context.request.method == http::Method::PUT {
            for name in context.place.kind.permissions() {
                permissions.entry((*name).to_owned()).or_default();
            }
        }
        Ok(Some(permissions))
    }

    /// Stores an object, with the permission to write for its author.
    pub(super) fn save(&mut self, context: &Context<'_>, id: &str, new: New) -> Outcome<Existing> {
        let New { mut data, permissions } = new;
        data.remove("id");
        let wanted = match data.remove("last_modified") {
            Some(Value::Number(number)) => match number.as_i64().filter(|time| *time <= LAST_TIME) {
                Some(time) => Some(time),
                None => return Err(unavailable(self.settings.retry_after)),
            },
            Some(_) => return Err(unavailable(self.settings.retry_after)),
            None => None,
        };
        if data.iter().any(|(name, value)| name.contains('\0') || has_null(value)) {
            return Err(unavailable(self.settings.retry_after));
        }
        let stored: Data = Arc::new(data.iter().map(|(name, value)| (name.clone(), as_stored(value))).collect());
        let time = self
            .database
            .store(&context.key, id, stored, wanted)
            .map_err(|Collision| collision(self.settings.retry_after))?;
        let uri = context.place.uri_of(id);
        let before = self.database.permissions.get(&uri).cloned().unwrap_or_default();
        let mut after = before.clone();
        for (name, principals) in permissions.unwrap_or_default() {
            if principals.is_empty() {
                after.remove(&name);
            } else {
                after.insert(name, principals);
            }
        }
        if self.settings.explicit_permissions {
            after.entry("write".to_owned()).or_default().insert(context.author.clone());
        }
        if before != after {
            self.database.set_permissions(&uri, Some(after));
        }
        let data = with_identity(id, time, data);
        Ok(Existing { data, last_modified: time, permissions: self.visible(context, id) })
    }

    /// Notes a change, unless nothing follows from it.
    pub(super) fn notify(
        &self,
        context: &Context<'_>,
        bound: &mut Bound,
        action: Action,
        new: &Map<String, Value>,
        old: Option<&Map<String, Value>>,
    ) {
        if context.place.kind == Kind::Record && !self.settings.history {
            return;
        }
        let event = Event {
            place: context.place.clone(),
            named: context.named(),
            action,
            impacted: vec![(new.clone(), old.cloned())],
            user: context.user.clone(),
        };
        events::add(&mut bound.events, event);
    }
}

/// Returns a value as `jsonb` gives it back: it knows no negative zero.
fn as_stored(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.as_f64() == Some(0.0) && number.is_f64() => json!(0.0),
        Value::Array(list) => list.iter().map(as_stored).collect(),
        Value::Object(object) => {
            Value::Object(object.iter().map(|(name, value)| (name.clone(), as_stored(value))).collect())
        }
        other => other.clone(),
    }
}

fn apply(permissions: &mut Permissions, sent: SentPermissions, is_merge: bool) {
    for (name, principals) in sent {
        match principals {
            Some(principals) => _ = permissions.insert(name, principals.into_iter().collect()),
            None if is_merge => _ = permissions.remove(&name),
            None => {}
        }
    }
}
