//! The three flavours of PATCH.

use std::collections::BTreeSet;

use json_patch::Patch;
use serde_json::{Map, Value, json};

use super::{
    answer::{Invalid, Outcome, invalid, refused_later, server_error},
    body::{self, Payload},
    database::{Kind, Permissions},
    object::Existing,
    request::Request,
};

/// The meaning of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flavour {
    Plain,
    Merge,
    Operations,
}

impl Flavour {
    /// Returns the meaning by the whole header: with a parameter, it is another one.
    pub(super) fn of(request: &Request) -> Self {
        match request.content_type().as_deref() {
            Some("application/merge-patch+json") => Self::Merge,
            Some("application/json-patch+json") => Self::Operations,
            _ => Self::Plain,
        }
    }
}

/// A changed object.
pub(super) struct Patched {
    pub(super) data: Map<String, Value>,
    /// The permissions that stay unless the body says others.
    pub(super) permissions: Permissions,
    /// The fields that were sent.
    pub(super) fields: Vec<(String, Value)>,
    /// The fields whose values were changed within themselves, which the server does not notice.
    pub(super) merged_in_place: Vec<String>,
}

pub(super) fn apply(kind: Kind, flavour: Flavour, payload: &Payload, old: &Existing) -> Outcome<Patched> {
    let (mut data, fields, mut merged_in_place) = (old.data.clone(), sent(payload), Vec::new());
    let (data, fields) = match (&payload.operations, flavour) {
        (Some(operations), _) => {
            let whole = run(operations, old)?;
            let Some(Value::Object(data)) = whole.get("data") else { return Err(server_error()) };
            let fields = data.clone().into_iter().collect();
            (data.clone(), fields)
        }
        (None, Flavour::Merge) => {
            let nested = |(name, value): &&(String, Value)| value.is_object() && old.data.contains_key(name);
            merged_in_place = fields.iter().filter(nested).map(|(name, _)| name.clone()).collect();
            let changes = fields.iter().cloned().collect();
            let mut whole = Value::Object(data);
            merge(&mut whole, &changes)?;
            let Value::Object(data) = whole else { return Err(server_error()) };
            (data, fields)
        }
        (None, _) => {
            data.extend(fields.iter().cloned());
            (data, fields)
        }
    };
    let mut errors: Vec<Invalid> = Vec::new();
    let data = body::deserialize(kind, data, "", &mut errors);
    if let Some(first) = errors.into_iter().next() {
        return Err(refused_later(first));
    }
    Ok(Patched { data, permissions: old.permissions.clone(), fields, merged_in_place })
}

fn sent(payload: &Payload) -> Vec<(String, Value)> {
    payload.data.clone().unwrap_or_default().into_iter().collect()
}

/// Merges changes into a value, as the server does: it fails where an object is to be merged into something else.
fn merge(root: &mut Value, changes: &Map<String, Value>) -> Outcome<()> {
    for (name, change) in changes {
        match (&mut *root, change) {
            (Value::Object(root), Value::Object(changes)) => {
                merge(root.entry(name.clone()).or_insert_with(|| json!({})), changes)?;
            }
            (Value::Object(root), Value::Null) => _ = root.remove(name),
            (Value::Object(root), change) => _ = root.insert(name.clone(), change.clone()),
            // Python finds a key in a list or in a text, or not, before it fails.
            (Value::Array(list), Value::Null) if !list.iter().any(|item| item.as_str() == Some(name)) => {}
            (Value::String(text), Value::Null) if !text.contains(name.as_str()) => {}
            _ => return Err(server_error()),
        }
    }
    Ok(())
}

/// Returns the object and its permissions after the operations.
fn run(operations: &[Value], old: &Existing) -> Outcome<Value> {
    let mut permissions = Map::from_iter([("read".to_owned(), json!({})), ("write".to_owned(), json!({}))]);
    for (name, principals) in &old.permissions {
        let principals: Map<String, Value> = principals.iter().map(|one| (one.clone(), one.as_str().into())).collect();
        permissions.insert(name.clone(), Value::Object(principals));
    }
    let mut whole = json!({"data": old.data, "permissions": permissions});
    let mut operations = operations.to_vec();
    for operation in &mut operations {
        let path = operation.get("path").and_then(Value::as_str).unwrap_or_default().to_owned();
        let is_entry = ["/permissions/read/", "/permissions/write/"].iter().any(|prefix| path.starts_with(prefix));
        if let (true, Some(operation)) = (is_entry, operation.as_object_mut()) {
            operation.insert("value".to_owned(), path.rsplit('/').next().unwrap_or_default().into());
        }
    }
    let failed = |reason: String| invalid("body", None, format!("JSON Patch operation failed: {reason}"));
    let patch: Patch = serde_json::from_value(Value::Array(operations)).map_err(|error| failed(error.to_string()))?;
    json_patch::patch(&mut whole, &patch).map_err(|error| failed(error.to_string()))?;
    Ok(whole)
}

/// Returns the permissions after the operations.
pub(super) fn permissions(operations: &[Value], old: &Existing) -> Outcome<Permissions> {
    let whole = run(operations, old)?;
    let Some(Value::Object(permissions)) = whole.get("permissions") else { return Err(server_error()) };
    let principals = |value: &Value| match value {
        Value::Object(object) => Ok(object.keys().cloned().collect::<BTreeSet<_>>()),
        Value::Array(list) => Ok(list.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
        _ => Err(server_error()),
    };
    permissions.iter().map(|(name, value)| Ok((name.clone(), principals(value)?))).collect()
}
