//! JSON as text, read level by level: only what is looked at is taken apart.

use std::{borrow::Cow, time::SystemTime};

use serde_json::{Map, Value};

use crate::json::equal::is_same;

/// The kind of a JSON value, as far as merging distinguishes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    Scalar,
}

pub(super) fn kind(json: &str) -> Kind {
    match json.as_bytes().first() {
        Some(b'{') => Kind::Object,
        Some(b'[') => Kind::Array,
        _ => Kind::Scalar,
    }
}

/// The value; what is no JSON, which does not come here, is null.
pub(super) fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_default()
}

/// Returns true if the two are the same JSON, however they are written.
pub(super) fn equal(one: &str, other: &str) -> bool {
    one == other || (kind(one) == kind(other) && is_same(&parsed(one), &parsed(other)))
}

/// The same text for the same JSON, whatever the order of keys.
pub(super) fn canonical(json: &str) -> Cow<'_, str> {
    if kind(json) == Kind::Scalar { Cow::Borrowed(json) } else { Cow::Owned(parsed(json).to_string()) }
}

/// The same text for the same JSON, whatever the order of keys and of items, and however a whole number is written.
pub(super) fn orderless(json: &str) -> String {
    orderless_value(&parsed(json)).to_string()
}

/// The same text for what one type writes, whatever the order of keys and of items.
pub(super) fn sorted(json: &str) -> Cow<'_, str> {
    if kind(json) == Kind::Scalar {
        return Cow::Borrowed(json);
    }
    Cow::Owned(sorted_value(&parsed(json), &Clone::clone).to_string())
}

/// The same value for the same JSON, whatever the order of items, and however a whole number is written.
pub(super) fn orderless_value(value: &Value) -> Value {
    sorted_value(value, &|scalar| match scalar.as_f64() {
        Some(whole) if scalar.is_f64() && whole.fract() == 0.0 && whole.abs() < 9e15 =>
        {
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
            Value::from(whole as i64)
        }
        _ => scalar.clone(),
    })
}

fn sorted_value(value: &Value, scalar: &dyn Fn(&Value) -> Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(|item| sorted_value(item, scalar)).collect();
            items.sort_by_cached_key(Value::to_string);
            Value::Array(items)
        }
        Value::Object(object) => {
            Value::Object(object.iter().map(|(key, value)| (key.clone(), sorted_value(value, scalar))).collect())
        }
        _ => scalar(value),
    }
}

/// Returns true if `known` can be what a type wrote of `raw`, going by what the two have in common.
pub(super) fn covers(raw: &str, known: &str) -> bool {
    raw == known || covers_value(&parsed(raw), &parsed(known))
}

fn covers_value(raw: &Value, known: &Value) -> bool {
    match (raw, known) {
        (Value::Object(raw), Value::Object(known)) => {
            let mut both = known.iter().filter_map(|(key, known)| Some((raw.get(key)?, known))).peekable();
            (both.peek().is_some() || known.is_empty() || raw.is_empty())
                && both.all(|(raw, known)| covers_value(raw, known))
        }
        (Value::Array(raw), Value::Array(known)) => {
            (raw.len() == known.len() && raw.iter().zip(known).all(|(raw, known)| covers_value(raw, known)))
                || (raw.len() >= known.len() && covers_in_any_order(raw, known))
        }
        (raw, known) => is_same(raw, known),
    }
}

fn covers_in_any_order(raw: &[Value], known: &[Value]) -> bool {
    /// Up to so many items, each is compared with each.
    const FEW_ITEMS: usize = 32;
    if raw.len() > FEW_ITEMS {
        return raw.len() != known.len()
            || orderless_value(&Value::Array(raw.to_vec())) == orderless_value(&Value::Array(known.to_vec()));
    }
    let mut free: Vec<&Value> = raw.iter().collect();
    known.iter().all(|known| {
        let found = free.iter().position(|raw| covers_value(raw, known));
        found.map(|place| free.swap_remove(place)).is_some()
    })
}

/// Returns true if there is something in `raw` that `known`, which a type wrote of it, does not say.
pub(super) fn says_more(raw: &str, known: &str) -> bool {
    raw != known && value_says_more(&parsed(raw), &parsed(known))
}

fn value_says_more(raw: &Value, known: &Value) -> bool {
    match (raw, known) {
        (Value::Object(raw), Value::Object(known)) => {
            raw.iter().any(|(key, raw)| known.get(key).is_none_or(|known| value_says_more(raw, known)))
        }
        (Value::Array(items), Value::Array(of_known)) => {
            items.len() > of_known.len()
                || (items.iter().zip(of_known).any(|(raw, known)| value_says_more(raw, known))
                    && orderless_value(raw) != orderless_value(known))
        }
        (raw, known) => !is_same(raw, known),
    }
}

/// Returns true if a value is so much its own that another with the same content is hardly there by chance.
pub(super) fn is_telling(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty(),
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Array(items) => items.iter().any(is_telling),
        Value::Object(object) => object.values().any(is_telling),
        Value::Null | Value::Bool(_) => false,
    }
}

/// The entries of a value, if it is an object.
pub(super) fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

/// Returns true if a number is the time that it is now, in seconds or in milliseconds.
pub(super) fn is_time_of_day(value: &Value) -> bool {
    let Ok(now) = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) else { return false };
    value.as_f64().is_some_and(|number| {
        (number - now.as_secs_f64()).abs() < 2.0 || (number / 1_000.0 - now.as_secs_f64()).abs() < 2.0
    })
}
