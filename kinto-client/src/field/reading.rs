//! A field read alone, as it is read with the whole record: the derive passes on what serde's attributes say of it.

use std::{borrow::Cow, slice};

use serde::{
    Deserializer,
    de::{self, DeserializeOwned, Visitor},
    forward_to_deserialize_any,
};

use crate::{
    __private::{Path, RawValue},
    wire::{decode::without_position, merge::Entries},
};

/// What does not fit, and where.
#[derive(Debug)]
pub struct Misfit {
    pub(super) path: String,
    pub(super) reason: String,
}

/// The struct that a field is in.
struct Parent<'a> {
    json: Cow<'a, RawValue>,
    /// It is missing, and this is the default, serialised. So its fields have the names that they are written under.
    default: bool,
}

impl Path {
    /// The paths under which it may be found.
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
    ) -> Result<V, Misfit> {
        let Some(parent) = self.parent(record)? else {
            // A struct that is not there has no fields with a default either.
            return read(None).map_err(|error| self.misfit(&error));
        };
        match (self.inside(&parent)?, default) {
            (None, Some(default)) => Ok(default()),
            (found, _) => read(found).map_err(|error| self.misfit(&error)),
        }
    }

    /// The struct that it is in; `None` if that is missing or null.
    fn parent<'a>(&self, record: &'a RawValue) -> Result<Option<Parent<'a>>, Misfit> {
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

    fn inside<'a>(&self, parent: &'a Parent<'_>) -> Result<Option<&'a RawValue>, Misfit> {
        let entries = Entries::of(parent.json.get()).map_err(|error| self.parent.unwrap_or(self).misfit(&error))?;
        let names = if parent.default { slice::from_ref(&self.name) } else { self.names() };
        Ok(names.iter().find_map(|name| entries.get(name)))
    }

    fn misfit(&self, error: &serde_json::Error) -> Misfit {
        Misfit { path: self.to_string(), reason: without_position(error) }
    }
}

/// Reads a value by its own `Deserialize`.
///
/// # Errors
///
/// It does not fit, or is missing and no `Option`, which would be `None`.
pub fn read<V: DeserializeOwned>(json: Option<&RawValue>) -> serde_json::Result<V> {
    match json {
        Some(json) => serde_json::from_str(json.get()),
        None => V::deserialize(Missing),
    }
}

/// What `#[serde(deserialize_with = "…")]` reads.
///
/// # Errors
///
/// There is nothing, which serde does not ask it about.
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
