//! The parts of objects that `_fields` asks for.

use serde_json::{Map, Value};

/// Returns only some fields of an object; dots lead into objects.
pub(super) fn subset(object: &Map<String, Value>, fields: &[String]) -> Map<String, Value> {
    let mut result = Map::new();
    for field in fields {
        match field.split_once('.') {
            Some((field, inner)) => match object.get(field) {
                Some(Value::Object(value)) => {
                    let part = subset(value, &[inner.to_owned()]);
                    let before = result.remove(field).and_then(|before| match before {
                        Value::Object(before) => Some(before),
                        _ => None,
                    });
                    result.insert(field.to_owned(), Value::Object(merged(before.unwrap_or_default(), part)));
                }
                Some(value) => _ = result.insert(field.to_owned(), value.clone()),
                None => {}
            },
            None => result.extend(object.get(field).map(|value| (field.clone(), value.clone()))),
        }
    }
    result
}

fn merged(mut before: Map<String, Value>, part: Map<String, Value>) -> Map<String, Value> {
    for (name, value) in part {
        let value = match (before.remove(&name), value) {
            (Some(Value::Object(before)), Value::Object(part)) => Value::Object(merged(before, part)),
            (_, value) => value,
        };
        before.insert(name, value);
    }
    before
}
