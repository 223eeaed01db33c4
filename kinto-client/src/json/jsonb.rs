//! JSON as PostgreSQL's `jsonb` compares it.

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

use super::rank::rank;

/// Compares two values in the order of `jsonb`: null, text, numbers, booleans, lists, objects. An empty list comes before
/// everything else, because of how a single value is stored.
#[cfg(feature = "testing")]
pub(crate) fn compare(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::Array(list), other) if list.is_empty() && !is_container(other) => Ordering::Less,
        (one, Value::Array(list)) if list.is_empty() && !is_container(one) => Ordering::Greater,
        _ => nested(one, other),
    }
}

#[cfg(feature = "testing")]
fn is_container(value: &Value) -> bool {
    value.is_array() || value.is_object()
}

fn nested(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::String(one), Value::String(other)) => one.as_bytes().cmp(other.as_bytes()),
        (Value::Number(one), Value::Number(other)) => numbers(one, other),
        (Value::Bool(one), Value::Bool(other)) => one.cmp(other),
        (Value::Array(one), Value::Array(other)) => one.len().cmp(&other.len()).then_with(|| {
            one.iter()
                .zip(other)
                .map(|(one, other)| nested(one, other))
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal)
        }),
        (Value::Object(one), Value::Object(other)) => one.len().cmp(&other.len()).then_with(|| pairs(one, other)),
        _ => rank(one).cmp(&rank(other)),
    }
}

/// Compares the pairs of two objects, whose keys are kept by length and then by their bytes.
fn pairs(one: &Map<String, Value>, other: &Map<String, Value>) -> Ordering {
    let in_order = |object: &Map<String, Value>| {
        let mut keys: Vec<String> = object.keys().cloned().collect();
        keys.sort_by(|one, other| one.len().cmp(&other.len()).then_with(|| one.cmp(other)));
        keys
    };
    for (key, other_key) in in_order(one).iter().zip(in_order(other)) {
        let order = key.cmp(&other_key).then_with(|| match (one.get(key), other.get(&other_key)) {
            (Some(one), Some(other)) => nested(one, other),
            _ => Ordering::Equal,
        });
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

fn numbers(one: &Number, other: &Number) -> Ordering {
    if let (Some(one), Some(other)) = (integer(one), integer(other)) {
        return one.cmp(&other);
    }
    let float = |number: &Number| number.as_f64().unwrap_or_default();
    float(one).partial_cmp(&float(other)).unwrap_or(Ordering::Equal)
}

fn integer(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

/// Returns true for the same value; `1` and `1.0` are.
pub(crate) fn same(one: &Value, other: &Value) -> bool {
    nested(one, other).is_eq()
}

/// Returns true if the value contains the other one (`@>`) in the place of a field.
pub(crate) fn contains(value: &Value, part: &Value) -> bool {
    match (value, part) {
        (Value::Object(value), Value::Object(part)) => {
            part.iter().all(|(key, part)| value.get(key).is_some_and(|value| contains(value, part)))
        }
        (Value::Array(value), Value::Array(part)) => {
            part.iter().all(|part| value.iter().any(|value| contains(value, part)))
        }
        _ => same(value, part),
    }
}

/// Returns the value as `->>` gives it: text as it is, everything else as `jsonb` is written.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(written(other)),
    }
}

fn written(value: &Value) -> String {
    match value {
        Value::Array(list) => format!("[{}]", list.iter().map(written).collect::<Vec<_>>().join(", ")),
        Value::Object(object) => {
            let mut keys: Vec<&String> = object.keys().collect();
            keys.sort_by(|one, other| one.len().cmp(&other.len()).then_with(|| one.cmp(other)));
            let pair = |key: &&String| {
                let value = object.get(*key).unwrap_or(&Value::Null);
                format!("{}: {}", Value::String((*key).clone()), written(value))
            };
            format!("{{{}}}", keys.iter().map(pair).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// Returns whether the text matches an `ILIKE` pattern; `None` where the database comes to a backslash at its end, and
/// fails.
pub(crate) fn is_like(text: &str, pattern: &str) -> Option<bool> {
    let fold = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<Vec<char>>();
    matches(&fold(text), &fold(pattern))
}

/// Returns the pattern for the `like_` operator, which matches anywhere unless it has a `*`.
pub(crate) fn like_pattern(value: &str) -> String {
    let whole = if value.contains('*') { value.to_owned() } else { format!("*{value}*") };
    whole.replace('*', "%")
}

/// Returns true if the text matches a `LIKE` pattern.
#[cfg(feature = "testing")]
pub(crate) fn is_like_exactly(text: &str, pattern: &str) -> bool {
    matches(&text.chars().collect::<Vec<_>>(), &pattern.chars().collect::<Vec<_>>()) == Some(true)
}

/// Matches `%`, `_` and what a backslash escapes. One pass: a `%` that failed takes one character more.
fn matches(text: &[char], pattern: &[char]) -> Option<bool> {
    let (mut at, mut with) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while at < text.len() {
        let step = match pattern.get(with) {
            Some('%') => {
                retry = Some((at, with + 1));
                with += 1;
                continue;
            }
            Some('_') => Some(1),
            Some('\\') => (pattern.get(with + 1)? == text.get(at)?).then_some(2),
            literal => (literal == text.get(at)).then_some(1),
        };
        match (step, retry) {
            (Some(step), _) => {
                at += 1;
                with += step;
            }
            (None, Some((from, after))) => {
                retry = Some((from + 1, after));
                (at, with) = (from + 1, after);
            }
            (None, None) => return Some(false),
        }
    }
    Some(pattern.get(with..).unwrap_or_default().iter().all(|rest| *rest == '%'))
}
