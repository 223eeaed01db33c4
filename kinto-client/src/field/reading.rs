//! Decodes a single field as it would be decoded with the whole record, by the serde attributes that the derive
//! passes on.

use super::path::Path;
use serde_json::value::RawValue;
use std::{borrow::Cow, slice};

use serde::{
    Deserializer,
    de::{self, DeserializeOwned, Visitor},
    forward_to_deserialize_any,
};

use crate::{json::entries::Entries, wire::object::decode::without_position};

/// A decoding error with its path.
#[derive(Debug)]
pub struct InvalidRecord {
    pub(super) path: String,
    pub(super) reason: String,
}

/// The struct that contains a field.
struct Parent<'a> {
    json: Cow<'a, RawValue>,
    /// `true` if the struct is missing and this is its serialized default, whose fields have their serialization
    /// names.
    default: bool,
}

impl Path {
    /// Returns the paths at which the field may be found.
    pub(super) fn ways(&self) -> Vec<String> {
        let parents = self.parent.map_or_else(|| vec![String::new()], Self::ways);
        let under = |parent: &String| {
            let dot = if parent.is_empty() { "" } else { "." };
            self.names().iter().map(|name| format!("{parent}{dot}{name}")).collect::<Vec<_>>()
        };
        parents.iter().flat_map(under).collect()
    }

    pub(super) fn read<V>(
        &self,
        record: &RawValue,
        read: fn(Option<&RawValue>) -> serde_json::Result<V>,
        default: Option<fn() -> V>,
    ) -> Result<V, InvalidRecord> {
        let Some(parent) = self.parent(record)? else {
            // serde uses no defaults of the fields of a missing struct.
            return read(None).map_err(|error| self.misfit(&error));
        };
        match (self.inside(&parent)?, default) {
            (None, Some(default)) => Ok(default()),
            (found, _) => read(found).map_err(|error| self.misfit(&error)),
        }
    }

    /// Returns the struct that contains the field, or `None` if it is missing or null.
    fn parent<'a>(&self, record: &'a RawValue) -> Result<Option<Parent<'a>>, InvalidRecord> {
        let Some(path) = self.parent else {
            return Ok(Some(Parent { json: Cow::Borrowed(record), default: false }));
        };
        let Some(outer) = path.parent(record)? else { return Ok(None) };
        let (found, default) = match (path.inside(&outer)?, path.default) {
            (None, Some(default)) => (Some(default().map_err(|error| path.misfit(&error))?), true),
            (found, _) => (found.map(ToOwned::to_owned), outer.default),
        };
        let there = found.filter(|json| json.get() != "null");
        Ok(there.map(|json| Parent { json: Cow::Owned(json), default }))
    }

    fn inside<'a>(&self, parent: &'a Parent<'_>) -> Result<Option<&'a RawValue>, InvalidRecord> {
        let entries = Entries::of(parent.json.get()).map_err(|error| self.parent.unwrap_or(self).misfit(&error))?;
        let names = if parent.default { slice::from_ref(&self.name) } else { self.names() };
        Ok(names.iter().find_map(|name| entries.get(name)))
    }

    fn misfit(&self, error: &serde_json::Error) -> InvalidRecord {
        InvalidRecord { path: self.to_string(), reason: without_position(error) }
    }
}

/// Deserializes a value by its own `Deserialize`.
///
/// # Errors
///
/// The value does not fit, or it is missing and the type is not an `Option`, which would be `None`.
pub fn read<V: DeserializeOwned>(json: Option<&RawValue>) -> serde_json::Result<V> {
    match json {
        Some(json) => serde_json::from_str(json.get()),
        None => V::deserialize(Missing),
    }
}

/// Returns the JSON that `#[serde(deserialize_with = "…")]` deserializes.
///
/// # Errors
///
/// The value is missing, in which case serde does not call that function.
pub fn present(json: Option<&RawValue>) -> serde_json::Result<&RawValue> {
    json.ok_or_else(missing)
}

fn missing() -> serde_json::Error {
    de::Error::custom("it is missing")
}

struct Missing;

impl<'de> Deserializer<'de> for Missing {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> serde_json::Result<V::Value> {
        Err(missing())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> serde_json::Result<V::Value> {
        visitor.visit_none()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
