//! Compares two schemas for the effect of a change on existing records.

use std::{cmp::Ordering, collections::BTreeSet};

use serde_json::{Map, Value};

use super::{
    alternatives,
    evolution::{Evolution, SchemaChange},
};
use crate::json::equal::is_same;

#[cfg(test)]
mod tests;

/// Compares two schemas and tells whether records that fit the old one may violate the new one.
///
/// ```
/// use kinto_client::{json, schema};
///
/// let old = json!({"properties": {"title": {"type": "string"}}, "required": ["title"]});
/// let new = json!({
///     "properties": {"title": {"type": "string", "maxLength": 80}, "due": {"type": "integer"}},
///     "required": ["title"],
/// });
/// let evolution = schema::compare(&old, &new);
/// assert!(evolution.is_breaking());
/// assert_eq!(evolution.to_string(), "due: new, optional\ntitle: BREAKING: `maxLength` is now 80");
/// ```
///
/// A change whose effect is not certain counts as breaking, and its text says so. A new optional field counts
/// as compatible, assuming that no record had an undeclared field of that name with another type.
/// [`Collection::find_invalid`](crate::Collection::find_invalid) checks the records themselves.
#[must_use]
pub fn compare(old: &Value, new: &Value) -> Evolution {
    let mut changes = Vec::new();
    Comparison { path: String::new(), changes: &mut changes }.schemas(old, new);
    changes.sort_by(|one, other| one.path.cmp(&other.path));
    Evolution { changes }
}

/// Returns `true` if everything that fits the one schema fits the other.
pub(super) fn widens(old: &Value, new: &Value) -> bool {
    !compare(old, new).is_breaking()
}

/// The keywords that only document a field.
const ANNOTATIONS: [&str; 11] = [
    "$comment",
    "$id",
    "contentEncoding",
    "contentMediaType",
    "default",
    "description",
    "examples",
    "format",
    "readOnly",
    "title",
    "writeOnly",
];

struct Comparison<'a> {
    path: String,
    changes: &'a mut Vec<SchemaChange>,
}

impl Comparison<'_> {
    fn change(&mut self, breaking: bool, what: impl Into<String>) {
        self.changes.push(SchemaChange { path: self.path.clone(), what: what.into(), breaking });
    }

    fn inside(&mut self, step: &str) -> Comparison<'_> {
        let dot = if self.path.is_empty() || step.starts_with('[') { "" } else { "." };
        Comparison { path: format!("{}{dot}{step}", self.path), changes: &mut *self.changes }
    }

    fn schemas(&mut self, old: &Value, new: &Value) {
        if is_same(old, new) {
            return;
        }
        let nothing = Map::new();
        let (old, new) = match (old, new) {
            (Value::Object(old), Value::Object(new)) => (old, new),
            (Value::Bool(true), Value::Object(new)) => (&nothing, new),
            (Value::Object(old), Value::Bool(true)) => (old, &nothing),
            (Value::Bool(false), _) => return self.change(false, "is now allowed"),
            _ => return self.change(true, "is no longer allowed"),
        };
        if alternatives::of(old).is_some() || alternatives::of(new).is_some() {
            return self.alternatives(old, new);
        }
        self.object(old, new);
        let keywords: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for keyword in keywords {
            let (old_value, new_value) = (old.get(keyword), new.get(keyword));
            if !old_value.zip(new_value).is_some_and(|(old, new)| is_same(old, new)) && old_value != new_value {
                self.keyword(keyword, old_value, new_value);
            }
        }
    }

    /// Compares `anyOf` and `oneOf`, including schemas that get or lose one.
    fn alternatives(&mut self, old: &Map<String, Value>, new: &Map<String, Value>) {
        let (breaking, what) = match alternatives::widened(old, new) {
            false => (true, "other alternatives; whether all records fit them is not known"),
            true if alternatives::count(old) < alternatives::count(new) => (false, "there are more alternatives"),
            true => (false, "the alternatives allow as much as before, or more"),
        };
        self.change(breaking, what);
    }

    fn keyword(&mut self, keyword: &str, old: Option<&Value>, new: Option<&Value>) {
        match keyword {
            // They are compared together in `object`.
            "required" | "properties" | "additionalProperties" => {}
            "$schema" => self.change(true, "another draft of JSON Schema; whether it means the same is not known"),
            "type" => self.types(old, new),
            "enum" | "const" => self.values(keyword, old, new),
            "minimum" | "exclusiveMinimum" | "minLength" | "minItems" | "minProperties" => {
                self.bound(keyword, old, new, Ordering::is_le);
            }
            "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "maxProperties" => {
                self.bound(keyword, old, new, Ordering::is_ge);
            }
            "items" if !matches!((old, new), (Some(Value::Array(_)), _) | (_, Some(Value::Array(_)))) => {
                let anything = Value::Bool(true);
                self.inside("[]").schemas(old.unwrap_or(&anything), new.unwrap_or(&anything));
            }
            "uniqueItems" if new != Some(&Value::Bool(true)) => self.change(false, "items may be equal"),
            "uniqueItems" => self.change(true, "items may no longer be equal"),
            annotation if ANNOTATIONS.contains(&annotation) => {
                self.change(false, format!("another `{annotation}`"));
            }
            // Removing one of these keywords relaxes the schema, since no other keyword depends on them.
            "pattern" | "multipleOf" | "propertyNames" | "contains" if new.is_none() => {
                self.change(false, format!("no `{keyword}` any more"));
            }
            "pattern" => self.change(true, format!("`pattern` is now {}", shown(new))),
            _ => self.change(true, format!("`{keyword}` has changed; what that means for the records is not known")),
        }
    }

    fn types(&mut self, old: Option<&Value>, new: Option<&Value>) {
        let (before, after) = (types(old), types(new));
        let still = |name: &str| after.contains(name) || (name == "integer" && after.contains("number"));
        let breaking = !before.iter().all(|name| still(name));
        self.change(breaking, format!("the type was {}, and is {}", shown_or_any(old), shown_or_any(new)));
    }

    fn values(&mut self, keyword: &str, old: Option<&Value>, new: Option<&Value>) {
        let list = |value: Option<&Value>| match (keyword, value) {
            ("enum", Some(Value::Array(values))) => Some(values.clone()),
            (_, value) => value.map(|value| vec![value.clone()]),
        };
        match (list(old), list(new)) {
            (Some(_), None) => self.change(false, format!("no `{keyword}` any more")),
            (Some(old), Some(new)) => {
                let (added, gone): (Vec<_>, Vec<_>) = (
                    new.iter().filter(|value| !has(&old, value)).collect(),
                    old.iter().filter(|value| !has(&new, value)).collect(),
                );
                if !gone.is_empty() {
                    self.change(true, format!("no longer allowed: {}", listed(&gone)));
                }
                if !added.is_empty() {
                    self.change(false, format!("now allowed: {}", listed(&added)));
                }
            }
            (None, _) => self.change(true, format!("only {} is allowed now", shown(new))),
        }
    }

    fn bound(&mut self, keyword: &str, old: Option<&Value>, new: Option<&Value>, wider: fn(Ordering) -> bool) {
        let Some(bound) = new else { return self.change(false, format!("no `{keyword}` any more")) };
        let breaking = !old.and_then(|old| ordering(bound, old)).is_some_and(wider);
        self.change(breaking, format!("`{keyword}` is now {bound}"));
    }

    /// Compares `properties`, `required` and `additionalProperties`, which only together define the possible
    /// fields.
    fn object(&mut self, old: &Map<String, Value>, new: &Map<String, Value>) {
        let anything = Value::Bool(true);
        let rest = |schema: &Map<String, Value>| schema.get("additionalProperties").unwrap_or(&anything).clone();
        let (old_rest, new_rest) = (rest(old), rest(new));
        if old_rest != new_rest {
            match (&old_rest, &new_rest) {
                (_, Value::Bool(true)) => self.change(false, "other fields are allowed now"),
                (_, Value::Bool(false)) => self.change(true, "other fields are no longer allowed"),
                _ => self.inside("*").schemas(&old_rest, &new_rest),
            }
        }
        let (old_required, new_required) = (required(old), required(new));
        let (old_fields, new_fields) = (properties(old), properties(new));
        let names: BTreeSet<&str> = old_fields
            .keys()
            .chain(new_fields.keys())
            .map(String::as_str)
            .chain(old_required.iter().copied())
            .chain(new_required.iter().copied())
            .collect();
        for name in names {
            let (was_required, is_required) = (old_required.contains(name), new_required.contains(name));
            let mut field = self.inside(name);
            match (old_fields.get(name), new_fields.get(name)) {
                (None, Some(_)) if !was_required && is_required => field.change(true, "new, and required"),
                (None, Some(schema)) => {
                    let known = old_rest.is_object() && !widens(&old_rest, schema);
                    let what = if is_required { "now described" } else { "new, optional" };
                    field.change(known, what);
                }
                (Some(_), None) if new_rest == Value::Bool(false) => {
                    field.change(true, "removed, and no longer allowed");
                }
                (Some(schema), None) => {
                    let breaking = !widens(schema, &new_rest);
                    field.change(breaking, if breaking { "now like every other field" } else { "no longer described" });
                }
                (Some(old), Some(new)) => field.schemas(old, new),
                (None, None) => {}
            }
            match (was_required, is_required) {
                (false, true) if old_fields.contains_key(name) || !new_fields.contains_key(name) => {
                    field.change(true, "now required");
                }
                (true, false) => field.change(false, "no longer required"),
                _ => {}
            }
        }
    }
}

/// Compares two numbers, whole ones exactly.
fn ordering(one: &Value, other: &Value) -> Option<Ordering> {
    let whole = |value: &Value| value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
    match (whole(one), whole(other)) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        _ => one.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}

fn has(values: &[Value], wanted: &Value) -> bool {
    values.iter().any(|value| is_same(value, wanted))
}

fn types(value: Option<&Value>) -> BTreeSet<&str> {
    match value {
        Some(Value::String(one)) => BTreeSet::from([one.as_str()]),
        Some(Value::Array(some)) => some.iter().filter_map(Value::as_str).collect(),
        _ => BTreeSet::from(["array", "boolean", "integer", "null", "number", "object", "string"]),
    }
}

fn properties(schema: &Map<String, Value>) -> Map<String, Value> {
    schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default()
}

fn required(schema: &Map<String, Value>) -> BTreeSet<&str> {
    let names = schema.get("required").and_then(Value::as_array);
    names.into_iter().flatten().filter_map(Value::as_str).collect()
}

fn shown(value: Option<&Value>) -> String {
    value.map(Value::to_string).unwrap_or_default()
}

fn shown_or_any(value: Option<&Value>) -> String {
    value.map_or_else(|| "any".to_owned(), Value::to_string)
}

fn listed(values: &[&Value]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
