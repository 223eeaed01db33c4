//! `anyOf` and `oneOf`, which the schemas of enums and options consist of.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::compare::widens;

/// Returns the keyword of the alternatives and the alternatives, if the schema has any.
pub(super) fn of(schema: &Map<String, Value>) -> Option<(&str, &[Value])> {
    ["anyOf", "oneOf"].into_iter().find_map(|keyword| Some((keyword, schema.get(keyword)?.as_array()?.as_slice())))
}

pub(super) fn count(schema: &Map<String, Value>) -> usize {
    of(schema).map_or(1, |(_, alternatives)| alternatives.len())
}

/// Returns `true` if everything that fits the old schema certainly fits the new one.
pub(super) fn widened(old: &Map<String, Value>, new: &Map<String, Value>) -> bool {
    let (old, new) = (Choice::of(old), Choice::of(new));
    if old.beside != new.beside {
        return false;
    }
    let covered = |old: &Value| new.alternatives.iter().any(|new| widens(old, new));
    // `oneOf` requires that no second alternative fits.
    (!new.exclusive || disjoint(&new.alternatives)) && old.alternatives.iter().all(covered)
}

struct Choice {
    alternatives: Vec<Value>,
    exclusive: bool,
    /// The rest of the schema beside the alternatives.
    beside: Map<String, Value>,
}

impl Choice {
    fn of(schema: &Map<String, Value>) -> Self {
        let mut beside = schema.clone();
        beside.retain(|keyword, _| !matches!(keyword.as_str(), "title" | "description" | "default"));
        match of(schema) {
            Some((keyword, alternatives)) => {
                beside.remove(keyword);
                Self { alternatives: alternatives.to_vec(), exclusive: keyword == "oneOf", beside }
            }
            None => Self { alternatives: vec![Value::Object(beside)], exclusive: false, beside: Map::new() },
        }
    }
}

/// Returns `true` if no value can fit two of the alternatives, as far as constants and tags tell.
fn disjoint(alternatives: &[Value]) -> bool {
    let marks: BTreeSet<String> = alternatives.iter().filter_map(mark).collect();
    let tags: BTreeSet<&str> = marks.iter().filter_map(|mark| mark.split_once('=').map(|(tag, _)| tag)).collect();
    marks.len() == alternatives.len() && tags.len() <= 1
}

/// Returns the mark that distinguishes a variant: its constant, the constant in its tag, or its only key.
fn mark(alternative: &Value) -> Option<String> {
    if let Some(constant) = constant(alternative) {
        return Some(format!("{constant}"));
    }
    let required: Vec<&str> = alternative.get("required")?.as_array()?.iter().filter_map(Value::as_str).collect();
    let properties = alternative.get("properties")?.as_object()?;
    let tagged = properties.iter().find_map(|(name, schema)| {
        let constant = constant(schema).filter(|_| required.contains(&name.as_str()))?;
        Some(format!("{name}={constant}"))
    });
    let only_key = || match required.as_slice() {
        [key] if alternative.get("additionalProperties") == Some(&Value::Bool(false)) => Some(format!("key {key}")),
        _ => None,
    };
    tagged.or_else(only_key)
}

fn constant(schema: &Value) -> Option<&Value> {
    schema.get("const").or_else(|| match schema.get("enum")?.as_array()?.as_slice() {
        [only] => Some(only),
        _ => None,
    })
}
