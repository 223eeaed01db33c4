//! The bodies of requests, and what Kinto refuses of them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    answer::Invalid,
    database::Kind,
    filter::is_true,
    python::{repr, text as shown},
};

/// The permissions of a body; `None` for one that is null.
pub(super) type SentPermissions = BTreeMap<String, Option<Vec<String>>>;

/// A valid body.
#[derive(Clone, Debug, Default)]
pub(super) struct Payload {
    pub(super) data: Option<Map<String, Value>>,
    pub(super) permissions: Option<SentPermissions>,
    /// The operations of a JSON patch.
    pub(super) operations: Option<Vec<Value>>,
}

impl Payload {
    pub(super) fn is_empty(&self) -> bool {
        self.data.is_none() && self.permissions.is_none()
    }
}

/// Returns the JSON of a body; nothing in it is an object without fields.
pub(super) fn parse(body: &[u8], errors: &mut Vec<Invalid>) -> Value {
    let empty = || Value::Object(Map::new());
    if body.is_empty() {
        return empty();
    }
    match serde_json::from_slice::<Value>(body) {
        Ok(value) if value.is_object() || value.is_array() => value,
        Ok(_) => {
            errors.push(Invalid::new("body", "", "Should be a JSON object or an array"));
            errors.push(Invalid::new("body", "", "Required"));
            empty()
        }
        Err(error) => {
            errors.push(Invalid::new("body", "", format!("Invalid JSON: {error}")));
            errors.push(Invalid::new("body", "", "Required"));
            empty()
        }
    }
}

/// Reads the body of a write of an object. A change, unlike a whole object, need not be valid by itself.
pub(super) fn read(value: Value, kind: Kind, is_change: bool, errors: &mut Vec<Invalid>) -> Payload {
    let mut payload = Payload::default();
    let before = errors.len();
    let mut object = match value {
        Value::Object(object) => object,
        other => {
            errors.push(not_a_mapping("", &other));
            return payload;
        }
    };
    match object.remove("data") {
        Some(Value::Object(data)) if is_change => payload.data = Some(data),
        Some(Value::Object(data)) => payload.data = Some(deserialize(kind, data, "data.", errors)),
        Some(other) => errors.push(not_a_mapping("data", &other)),
        None if kind == Kind::Account && !is_change => errors.push(Invalid::new("body", "data", "Required")),
        None => {}
    }
    match object.remove("permissions") {
        Some(Value::Object(permissions)) => payload.permissions = Some(read_permissions(kind, permissions, errors)),
        Some(other) => errors.push(not_a_mapping("permissions", &other)),
        None => {}
    }
    refuse_unknown("", object, before, errors);
    payload
}

/// Refuses the fields of a mapping that it cannot have. The server says nothing of its other errors then.
pub(super) fn refuse_unknown(name: &str, unknown: Map<String, Value>, before: usize, errors: &mut Vec<Invalid>) {
    if !unknown.is_empty() {
        refuse_keys(name, &repr(&Value::Object(unknown)), before, errors);
    }
}

pub(super) fn refuse_keys(name: &str, unknown: &str, before: usize, errors: &mut Vec<Invalid>) {
    errors.truncate(before);
    errors.push(Invalid::new("body", name, format!("Unrecognized keys in mapping: \"{unknown}\"")));
}

pub(super) fn not_iterable(value: &Value) -> String {
    format!("\"{}\" is not iterable", shown(value))
}

pub(super) fn not_a_string(value: &Value, name: &str) -> String {
    format!("{} is not a string: {{'{name}': ''}}", repr(value))
}

pub(super) fn not_a_mapping(name: &str, value: &Value) -> Invalid {
    let reason = "is not a mapping type: Does not implement dict-like functionality.";
    Invalid::new("body", name, format!("\"{}\" {reason}", shown(value)))
}

fn read_permissions(kind: Kind, permissions: Map<String, Value>, errors: &mut Vec<Invalid>) -> SentPermissions {
    let known = kind.permissions();
    if let Some(unknown) = permissions.iter().find(|(name, value)| !value.is_null() && !known.contains(&name.as_str()))
    {
        let description = format!("\"{}\" is not one of {}", unknown.0, known.join(", "));
        errors.push(Invalid::new("body", "permissions", description));
        return SentPermissions::new();
    }
    let mut read = SentPermissions::new();
    for (name, value) in permissions {
        let principals = match value {
            Value::Null => None,
            Value::Array(list) => Some(texts(&list, &format!("permissions.{name}."), errors)),
            other => {
                let name = format!("permissions.{name}");
                errors.push(Invalid::new("body", &name, not_iterable(&other)));
                continue;
            }
        };
        read.insert(name, principals);
    }
    read
}

/// Returns the texts of a list, of which none may be empty.
fn texts(list: &[Value], prefix: &str, errors: &mut Vec<Invalid>) -> Vec<String> {
    let mut texts = Vec::with_capacity(list.len());
    for (place, value) in list.iter().enumerate() {
        match value {
            Value::String(text) if !text.is_empty() => texts.push(text.clone()),
            value if !is_true(value) => errors.push(Invalid::new("body", &format!("{prefix}{place}"), "Required")),
            value => errors.push(Invalid::new("body", &format!("{prefix}{place}"), not_a_string(value, ""))),
        }
    }
    texts
}

/// Checks the fields that objects of this kind have, and returns them as they are stored.
pub(super) fn deserialize(
    kind: Kind,
    mut data: Map<String, Value>,
    prefix: &str,
    errors: &mut Vec<Invalid>,
) -> Map<String, Value> {
    let mut schema = |name: &str, data: &Map<String, Value>| match data.get(name) {
        Some(Value::Object(schema)) => {
            if let Err(reason) = super::schema::check(schema) {
                errors.push(Invalid::new("body", &format!("{prefix}{name}"), reason));
            }
        }
        Some(other) => errors.push(not_a_mapping(&format!("{prefix}{name}"), other)),
        None => {}
    };
    match kind {
        Kind::Bucket => {
            for name in ["collection:schema", "group:schema", "record:schema"] {
                schema(name, &data);
            }
        }
        Kind::Collection => {
            schema("schema", &data);
            expiry(&mut data, prefix, errors);
        }
        Kind::Group => members(&mut data, prefix, errors),
        Kind::Account => match data.get("password") {
            Some(Value::String(password)) if !password.is_empty() => {}
            Some(value) if is_true(value) => {
                let description = not_a_string(value, "password");
                errors.push(Invalid::new("body", &format!("{prefix}password"), description));
            }
            _ => errors.push(Invalid::new("body", &format!("{prefix}password"), "Required")),
        },
        Kind::Record | Kind::History | Kind::Permissions => {}
    }
    data
}

/// Makes a whole number of `cache_expires`.
fn expiry(data: &mut Map<String, Value>, prefix: &str, errors: &mut Vec<Invalid>) {
    const NAME: &str = "cache_expires";
    let Some(value) = data.get(NAME) else { return };
    let number = match value {
        #[allow(clippy::cast_possible_truncation, reason = "Python cuts the fraction off, too")]
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().map(|float| float as i64)),
        Value::Bool(value) => Some(i64::from(*value)),
        Value::String(text) if !text.is_empty() => text.trim().parse().ok(),
        value if !is_true(value) => {
            data.remove(NAME);
            return;
        }
        _ => None,
    };
    if let Some(number) = number {
        data.insert(NAME.to_owned(), number.into());
    } else {
        let description = format!("\"{}\" is not a number", shown(value));
        errors.push(Invalid::new("body", &format!("{prefix}{NAME}"), description));
    }
}

fn members(data: &mut Map<String, Value>, prefix: &str, errors: &mut Vec<Invalid>) {
    let name = format!("{prefix}members");
    let list = match data.get("members") {
        None => {
            data.insert("members".to_owned(), Value::Array(Vec::new()));
            return;
        }
        Some(Value::Array(list)) => list,
        Some(other) => {
            errors.push(Invalid::new("body", &name, not_iterable(other)));
            return;
        }
    };
    for (place, member) in texts(list, &format!("{name}."), errors).iter().enumerate() {
        if member.starts_with("/buckets/") || member == "system.Everyone" {
            let description = format!("'{member}' is not a valid user ID.");
            errors.push(Invalid::new("body", &format!("{name}.{place}"), description));
        }
    }
}

const OPERATIONS: [&str; 6] = ["test", "add", "remove", "replace", "move", "copy"];

/// Reads the operations of a JSON patch.
pub(super) fn read_operations(value: Value, errors: &mut Vec<Invalid>) -> Payload {
    let Value::Array(list) = value else {
        errors.push(Invalid::new("body", "", not_iterable(&value)));
        return Payload::default();
    };
    for (place, operation) in list.iter().enumerate() {
        let Value::Object(operation) = operation else {
            errors.push(not_a_mapping(&place.to_string(), operation));
            continue;
        };
        let before = errors.len();
        for name in ["op", "path", "from"] {
            let at = format!("{place}.{name}");
            match operation.get(name) {
                Some(Value::String(text)) if !text.is_empty() => {
                    if name == "op" && !OPERATIONS.contains(&text.as_str()) {
                        let description = format!("\"{text}\" is not one of {}", OPERATIONS.join(", "));
                        errors.push(Invalid::new("body", &at, description));
                    } else if name != "op" && !text.starts_with('/') {
                        errors.push(Invalid::new("body", &at, "String does not match expected pattern"));
                    }
                }
                Some(value) if is_true(value) => {
                    errors.push(Invalid::new("body", &at, not_a_string(value, name)));
                }
                _ if name == "from" => {}
                _ => errors.push(Invalid::new("body", &at, "Required")),
            }
        }
        let rest: Map<String, Value> = operation
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "op" | "path" | "from" | "value"))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        refuse_unknown(&place.to_string(), rest, before, errors);
    }
    Payload { operations: Some(list), ..Payload::default() }
}
