//! JSON objects as received, into their data and what the server adds to it, in one pass.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{
        self, DeserializeOwned, DeserializeSeed, IgnoredAny, IntoDeserializer, MapAccess, Visitor,
        value::{BorrowedStrDeserializer, CowStrDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::Value;

use crate::error::{Error, Result};

use super::{key::Key, name::Name, timestamp::Timestamp};

const ID: &str = "id";
const LAST_MODIFIED: &str = "last_modified";
const SCHEMA: &str = "schema";

/// What the server adds to every object.
#[derive(Debug)]
pub(crate) struct Decoded<T> {
    pub(crate) id: Name,
    pub(crate) last_modified: Timestamp,
    pub(crate) data: T,
}

#[derive(Default)]
struct Stamp {
    id: Option<Name>,
    last_modified: Option<u64>,
}

/// Decodes one object. `declares` names which of `id` and `last_modified` the type has a place for; it is not shown
/// the others, so that they are no unknown fields to it and no strangers in a map. Neither is a struct shown which version
/// of a schema the server checked the record against, unless it has a field for that.
pub(crate) fn object<T: DeserializeOwned>(raw: &[u8], declares: &'static [&'static str]) -> Result<Decoded<T>> {
    let mut stamp = Stamp::default();
    let mut json = serde_json::Deserializer::from_slice(raw);
    let data = T::deserialize(Stamped { json: &mut json, stamp: &mut stamp, declares })
        .map_err(|_| undecodable::<T>(raw, declares))?;
    match stamp {
        Stamp { id: Some(id), last_modified: Some(millis) } => {
            Ok(Decoded { id, last_modified: Timestamp::from_millis(millis), data })
        }
        Stamp { id: None, .. } => Err(Error::decode(None, "", "the server sent an object without an `id`")),
        Stamp { id, .. } => {
            let id = id.as_deref().map(str::to_owned);
            Err(Error::decode(id, "", "the server sent an object without a `last_modified`"))
        }
    }
}

/// Decodes the object that this JSON begins with, and tells its length. `None` if that cannot be done, for whatever
/// reason: [`object`] says which, once it is known where the object ends.
pub(crate) fn first<T: DeserializeOwned>(rest: &str, declares: &'static [&'static str]) -> Option<(Decoded<T>, usize)> {
    let mut stamp = Stamp::default();
    let mut json = serde_json::Deserializer::from_str(rest);
    let data = T::deserialize(Stamped { json: &mut json, stamp: &mut stamp, declares }).ok()?;
    let (id, last_modified) = (stamp.id?, Timestamp::from_millis(stamp.last_modified?));
    let length = json.into_iter::<IgnoredAny>().byte_offset();
    Some((Decoded { id, last_modified, data }, length))
}

/// Decodes again, slower, to learn where it went wrong.
fn undecodable<T: DeserializeOwned>(raw: &[u8], declares: &'static [&'static str]) -> Error {
    #[derive(Deserialize)]
    struct Named {
        id: Option<String>,
    }
    let id = serde_json::from_slice::<Named>(raw).ok().and_then(|named| named.id);
    let mut stamp = Stamp::default();
    let mut json = serde_json::Deserializer::from_slice(raw);
    let stamped = Stamped { json: &mut json, stamp: &mut stamp, declares };
    match serde_path_to_error::deserialize::<_, T>(stamped) {
        Ok(_) => Error::decode(id, "", "it decodes only sometimes: its `Deserialize` is not deterministic"),
        Err(error) => {
            let path = match error.path().to_string() {
                root if root == "." => String::new(),
                path => path,
            };
            Error::decode(id, &path, &without_position(&error.into_inner()))
        }
    }
}

/// The message without "at line 1 column 523": there is only one line, and nobody sees it.
pub(crate) fn without_position(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rfind(" at line ") {
        Some(end) => message.get(..end).unwrap_or(&message).to_owned(),
        None => message,
    }
}

struct Stamped<'a, D> {
    json: D,
    stamp: &'a mut Stamp,
    declares: &'static [&'static str],
}

macro_rules! watched {
    ($self:ident, $visitor:ident, $shown:expr, $hides_schema:expr) => {
        Watched { visitor: $visitor, stamp: $self.stamp, shown: $shown, hides_schema: $hides_schema }
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Stamped<'_, D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, D::Error> {
        self.json.deserialize_any(watched!(self, visitor, self.declares, false))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, D::Error> {
        self.json.deserialize_map(watched!(self, visitor, self.declares, false))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> std::result::Result<V::Value, D::Error> {
        let hides_schema = !fields.contains(&SCHEMA);
        self.json.deserialize_struct(name, fields, watched!(self, visitor, fields, hides_schema))
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

/// A visitor of the object that also takes down the stamp, and shows the visitor only what it has a place for.
struct Watched<'a, V> {
    visitor: V,
    stamp: &'a mut Stamp,
    shown: &'static [&'static str],
    hides_schema: bool,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Watched<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> std::result::Result<V::Value, A::Error> {
        let Self { visitor, stamp, shown, hides_schema } = self;
        let mut entries = Entries { map, stamp, shown, hides_schema, next: Next::Other };
        let value = visitor.visit_map(&mut entries)?;
        // A visitor may stop early, and the stamp may be in the rest.
        while (&mut entries).next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(value)
    }
}

/// Which value comes next.
#[derive(Clone, Copy)]
enum Next {
    /// The id, which was taken down.
    Id,
    /// The time of the last change, which was taken down.
    LastModified,
    /// That of another key.
    Other,
}

struct Entries<'a, A> {
    map: A,
    stamp: &'a mut Stamp,
    shown: &'static [&'static str],
    hides_schema: bool,
    next: Next,
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
                SCHEMA if self.hides_schema => {
                    self.map.next_value::<IgnoredAny>()?;
                    continue;
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
            // serde's own deserializers of text and numbers cannot become an `Option`.
            Next::Id => seed.deserialize(Value::from(self.stamp.id.as_deref())).map_err(de::Error::custom),
            Next::LastModified => seed.deserialize(Value::from(self.stamp.last_modified)).map_err(de::Error::custom),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        self.map.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    const RAW: &[u8] = br#"{"title":"Milk","id":"r1","n":{"id":"inner"},"last_modified":42}"#;

    #[test]
    fn json_is_the_data_alone() {
        let decoded = object::<Value>(RAW, &[]).unwrap();
        assert_eq!(decoded.data, json!({"title": "Milk", "n": {"id": "inner"}}));
        assert_eq!((&*decoded.id, decoded.last_modified.as_millis()), ("r1", 42));
        assert_eq!(object::<Map<String, Value>>(RAW, &[]).unwrap().data.len(), 2);
    }

    #[test]
    fn a_strict_struct_is_not_shown_the_stamp() {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Strict {
            title: String,
            n: Value,
        }
        let strict = object::<Strict>(RAW, &[]).unwrap().data;
        assert_eq!((strict.title.as_str(), strict.n), ("Milk", json!({"id": "inner"})));

        let checked = br#"{"title":"Milk","schema":7,"id":"r1","n":{"schema":3},"last_modified":42}"#;
        assert_eq!(object::<Strict>(checked, &[]).unwrap().data.n, json!({"schema": 3}));
        assert_eq!(object::<Value>(checked, &[]).unwrap().data["schema"], 7);
    }

    #[test]
    fn a_struct_may_declare_the_stamp_as_optional() {
        #[derive(Deserialize)]
        struct Own {
            id: Option<String>,
            last_modified: Option<Timestamp>,
        }
        let own = object::<Own>(RAW, &["id", "last_modified"]).unwrap().data;
        assert_eq!((own.id.as_deref(), own.last_modified), (Some("r1"), Some(Timestamp::from_millis(42))));
    }

    #[test]
    fn a_struct_with_a_field_for_the_version_of_the_schema_has_it() {
        #[derive(Deserialize)]
        struct Own {
            schema: u64,
        }
        let raw = br#"{"schema":7,"id":"r1","last_modified":42}"#;
        assert_eq!(object::<Own>(raw, &[]).unwrap().data.schema, 7);
    }

    #[test]
    fn a_struct_that_declares_the_stamp_has_it() {
        #[derive(Deserialize)]
        struct Own {
            id: String,
            last_modified: u64,
        }
        #[derive(Deserialize)]
        struct Flat {
            id: String,
            #[serde(flatten)]
            rest: Map<String, Value>,
        }
        let own = object::<Own>(RAW, &[]).unwrap().data;
        assert_eq!((own.id.as_str(), own.last_modified), ("r1", 42));
        let flat = object::<Flat>(RAW, &["id"]).unwrap().data;
        assert_eq!(flat.id, "r1");
        assert!(!flat.rest.contains_key("last_modified") && flat.rest.contains_key("title"));
    }

    #[test]
    fn a_misfit_says_which_and_where() {
        #[derive(Debug, Deserialize)]
        struct Misfit {
            #[serde(rename = "n")]
            _n: Inner,
        }
        #[derive(Debug, Deserialize)]
        struct Inner {
            #[serde(rename = "id")]
            _id: u8,
        }
        let error = object::<Misfit>(RAW, &[]).unwrap_err();
        assert!(error.is_decode());
        assert_eq!(
            error.to_string(),
            "the object `r1` does not fit: invalid type: string \"inner\", expected u8 at `n.id`"
        );
    }

    #[test]
    fn without_a_stamp_it_is_no_object() {
        for raw in [&br#"{"id":"a"}"#[..], br#"{"last_modified":1}"#, br"[]", br"null", br#"{"id":1}"#, b"{"] {
            assert!(object::<Value>(raw, &[]).unwrap_err().is_decode());
        }
    }
}
