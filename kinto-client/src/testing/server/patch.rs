//! The three flavours of PATCH.

use std::collections::BTreeSet;

use json_patch::{Patch, PatchOperation};
use serde_json::{Map, Value, json};

use super::{
    answer::{Invalid, Outcome, invalid, refused_later, server_error},
    body::{self, Payload},
    database::{Kind, Permissions},
    object::Existing,
    python,
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
    let mut permissions = old.permissions.clone();
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
            let mut changes: Map<String, Value> = fields.iter().cloned().collect();
            // They stand beside the data while it is merged.
            if let Some(Value::Object(own)) = changes.get("__permissions__") {
                let mut whole = json!(permissions);
                merge(&mut whole, own)?;
                permissions = permissions_of(whole)?;
                changes.remove("__permissions__");
            }
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
    Ok(Patched { data, permissions, fields, merged_in_place })
}

/// Returns true if a field `__permissions__` of the data counts as changed. The server does not take two lists of
/// principals for equal.
pub(super) fn sets_permissions(payload: &Payload, fields: &[(String, Value)], old: &Existing) -> bool {
    let own = fields.iter().find(|(name, _)| name == "__permissions__").map(|(_, value)| value);
    let has_others = payload.permissions.as_ref().is_some_and(|sent| sent.values().any(Option::is_some));
    own.is_some_and(|own| has_others || super::filter::is_true(own) || !old.permissions.is_empty())
}

fn sent(payload: &Payload) -> Vec<(String, Value)> {
    payload.data.clone().unwrap_or_default().into_iter().collect()
}

/// Returns the permissions that a field `__permissions__` of the data sets.
pub(super) fn permissions_of(value: Value) -> Outcome<Permissions> {
    let Value::Object(object) = value else { return Err(server_error()) };
    let principals = |value: Value| match value {
        Value::Array(list) => Ok(list.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
        _ => Err(server_error()),
    };
    object.into_iter().map(|(name, value)| Ok((name, principals(value)?))).collect()
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
    for (place, operation) in patch.iter().enumerate() {
        if let PatchOperation::Test(test) = operation
            && whole.pointer(test.path.as_str()).is_some_and(|value| python::is_equal_in_patch(value, &test.value))
        {
            continue;
        }
        // `json_patch::patch` would undo its changes on failure, and panics if it cannot.
        json_patch::patch_unsafe(&mut whole, std::slice::from_ref(operation))
            .map_err(|error| failed(format!("{} (operation {place} at {})", error.kind, error.path)))?;
    }
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
