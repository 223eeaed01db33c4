//! JSON as text, read level by level: only what is looked at is taken apart.

use std::{borrow::Cow, collections::HashMap, fmt, time::SystemTime};

use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value, value::RawValue};

use crate::json::{equal::is_same, key::Key};

/// Up to this many entries, comparing each key is quicker than a hash table.
const FEW: usize = 12;

/// The entries of a JSON object in order, with only the last one of a duplicate key, as JSON parsers usually read
/// it.
pub(crate) struct Entries<'a> {
    list: Vec<(Cow<'a, str>, &'a RawValue)>,
    /// The places of the keys, once there are more than [`FEW`].
    index: HashMap<Cow<'a, str>, usize>,
}

impl<'a> Entries<'a> {
    pub(crate) fn of(json: &'a str) -> serde_json::Result<Self> {
        serde_json::from_str(json)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&'a RawValue> {
        let place = self.place(key)?;
        self.list.get(place).map(|(_, value)| *value)
    }

    pub(super) fn text(&self, key: &str) -> Option<&'a str> {
        self.get(key).map(RawValue::get)
    }

    /// The place and the value of a key, which is looked for at `near` first.
    pub(super) fn find(&self, key: &str, near: usize) -> Option<(usize, &'a str)> {
        let at = |place: usize| self.list.get(place).filter(|(known, _)| known == key);
        let place = if at(near).is_some() { near } else { self.place(key)? };
        self.list.get(place).map(|(_, value)| (place, value.get()))
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.place(key).is_some()
    }

    /// The object without some of its keys.
    pub(crate) fn without(&self, keys: &[&str]) -> serde_json::Result<Box<RawValue>> {
        let mut json = String::from("{");
        for (key, value) in self.iter().filter(|(key, _)| !keys.contains(key)) {
            if json.len() > 1 {
                json.push(',');
            }
            json += &serde_json::to_string(key)?;
            json.push(':');
            json.push_str(value);
        }
        json.push('}');
        RawValue::from_string(json)
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.list.iter().map(|(key, value)| (&**key, value.get()))
    }

    fn place(&self, key: &str) -> Option<usize> {
        if self.list.len() > FEW {
            return self.index.get(key).copied();
        }
        self.list.iter().position(|(known, _)| known == key)
    }

    fn push(&mut self, key: Cow<'a, str>, value: &'a RawValue) {
        if let Some((_, known)) = self.place(&key).and_then(|place| self.list.get_mut(place)) {
            *known = value;
            return;
        }
        self.list.push((key, value));
        if self.list.len() > FEW {
            for (place, (key, _)) in self.list.iter().enumerate().skip(self.index.len()) {
                self.index.insert(key.clone(), place);
            }
        }
    }
}

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;

        impl<'de> de::Visitor<'de> for EntriesVisitor {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Entries<'de>, A::Error> {
                let mut entries = Entries { list: Vec::with_capacity(FEW), index: HashMap::new() };
                while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    entries.push(key, value);
                }
                Ok(entries)
            }
        }

        deserializer.deserialize_map(EntriesVisitor)
    }
}

/// The items of a JSON array.
pub(super) fn items(json: &str) -> serde_json::Result<Vec<&str>> {
    let items: Vec<&RawValue> = serde_json::from_str(json)?;
    Ok(items.into_iter().map(RawValue::get).collect())
}

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
