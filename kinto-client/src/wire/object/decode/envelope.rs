use std::{borrow::Cow, fmt};

use serde::{
    Deserializer,
    de::{
        self, DeserializeSeed, IgnoredAny, IntoDeserializer, MapAccess, Visitor,
        value::{BorrowedStrDeserializer, CowStrDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::Value;

use super::Stamp;
use crate::{json::key::Key, wire::timestamp::Timestamp};

const ID: &str = "id";
const LAST_MODIFIED: &str = "last_modified";
const SCHEMA: &str = "schema";

/// A deserializer of an object that records the `id` and `last_modified` on the way.
pub(super) struct StampedObject<'a, D> {
    pub(super) json: D,
    pub(super) stamp: &'a mut Stamp,
    pub(super) declares: &'static [&'static str],
}

impl<'a, D> StampedObject<'a, D> {
    /// Returns the JSON, and a visitor of it that shows `visitor` these fields.
    fn watched<V>(self, visitor: V, shown: &'static [&'static str], schema: Schema) -> (D, Watched<'a, V>) {
        (self.json, Watched { visitor, stamp: self.stamp, shown, schema })
    }

    /// The same for a type that reads a map, as one does that has a flattened field.
    fn watched_map<V>(self, visitor: V) -> (D, Watched<'a, V>) {
        let declares = self.declares;
        let schema = if declares.contains(&SCHEMA) { Schema::Shown } else { Schema::NoStamp };
        self.watched(visitor, declares, schema)
    }
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for StampedObject<'_, D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, D::Error> {
        let (json, visitor) = self.watched_map(visitor);
        json.deserialize_any(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, D::Error> {
        let (json, visitor) = self.watched_map(visitor);
        json.deserialize_map(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> std::result::Result<V::Value, D::Error> {
        let schema = if fields.contains(&SCHEMA) { Schema::Shown } else { Schema::Hidden };
        let (json, visitor) = self.watched(visitor, fields, schema);
        json.deserialize_struct(name, fields, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> std::result::Result<V::Value, D::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, D::Error> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct enum identifier ignored_any
    }
}

/// A visitor that records the `id` and `last_modified`, and hides them from the inner visitor if its type has
/// no field for them.
struct Watched<'a, V> {
    visitor: V,
    stamp: &'a mut Stamp,
    shown: &'static [&'static str],
    schema: Schema,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Watched<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> std::result::Result<V::Value, A::Error> {
        let Self { visitor, stamp, shown, schema } = self;
        let mut entries = Entries { map, stamp, shown, schema, next: Next::Other, read: Value::Null };
        let value = visitor.visit_map(&mut entries)?;
        // A visitor may stop early, before the `id` and `last_modified` in the rest.
        while (&mut entries).next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(value)
    }
}

/// The kind of the value that comes next.
#[derive(Clone, Copy)]
enum Next {
    /// The id, which has been recorded.
    Id,
    /// The time of the last change, which has been recorded.
    LastModified,
    /// The value of any other key.
    Other,
    /// This one, which was read to see what it is.
    Read,
}

/// The server's stamp, if the value of `schema` is one: the time, in milliseconds, of the schema that a record was checked
/// against. A number of a record's own, such as that of a version, is none.
pub(crate) fn schema_stamp(value: &Value) -> Option<Timestamp> {
    const SEPTEMBER_2001: u64 = 1_000_000_000_000;
    value.as_u64().filter(|millis| *millis >= SEPTEMBER_2001).map(Timestamp::from_millis)
}

struct Entries<'a, A> {
    map: A,
    stamp: &'a mut Stamp,
    shown: &'static [&'static str],
    schema: Schema,
    next: Next,
    read: Value,
}

/// The values of the key `schema` that the visitor is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Schema {
    /// All of them: the type has a place for it.
    Shown,
    /// All but the server's stamp: the type takes any key.
    NoStamp,
    /// The type has no field for it.
    Hidden,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for &mut Entries<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> std::result::Result<Option<K::Value>, A::Error> {
        while let Some(Key(key)) = self.map.next_key::<Key<'de>>()? {
            let next = match &*key {
                ID => {
                    self.stamp.id = Some(self.map.next_value()?);
                    Next::Id
                }
                LAST_MODIFIED => {
                    self.stamp.last_modified = Some(self.map.next_value()?);
                    Next::LastModified
                }
                SCHEMA if self.schema == Schema::Hidden => {
                    self.map.next_value::<IgnoredAny>()?;
                    continue;
                }
                SCHEMA if self.schema == Schema::NoStamp => {
                    self.read = self.map.next_value()?;
                    if schema_stamp(&self.read).is_some() {
                        continue;
                    }
                    self.next = Next::Read;
                    let key: CowStrDeserializer<'_, A::Error> = key.into_deserializer();
                    return seed.deserialize(key).map(Some);
                }
                _ => {
                    return match key {
                        Cow::Borrowed(key) => seed.deserialize(BorrowedStrDeserializer::new(key)),
                        Cow::Owned(key) => seed.deserialize(key.into_deserializer()),
                    }
                    .map(Some);
                }
            };
            if self.shown.contains(&&*key) {
                self.next = next;
                let key: CowStrDeserializer<'_, A::Error> = key.into_deserializer();
                return seed.deserialize(key).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> std::result::Result<S::Value, A::Error> {
        match std::mem::replace(&mut self.next, Next::Other) {
            Next::Other => self.map.next_value_seed(seed),
            Next::Read => seed.deserialize(std::mem::take(&mut self.read)).map_err(de::Error::custom),
            // serde's own deserializers of text and numbers do not support `Option`.
            Next::Id => seed.deserialize(Value::from(self.stamp.id.as_deref())).map_err(de::Error::custom),
            Next::LastModified => seed.deserialize(Value::from(self.stamp.last_modified)).map_err(de::Error::custom),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        self.map.size_hint()
    }
}
