//! Reads a blueprint from a file, by serde's derive.
//!
//! A deserializer stands between the derive and the format, because the derive's message on an unknown key has no place for
//! a suggestion, a map takes the last of two values under one key, and a struct refuses null, which `todo:` with nothing
//! after it is in YAML.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, iter,
};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, Expected, IntoDeserializer, MapAccess, Visitor, value::MapDeserializer},
    forward_to_deserialize_any,
};

use serde_json::{Map, Value};

use super::{Blueprint, BucketSpec, CollectionSpec, GroupSpec, Lists, Principal, suggest};

impl<'de> Deserialize<'de> for Blueprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, expecting = "a blueprint")]
        struct File {
            #[serde(default)]
            buckets: BTreeMap<String, BucketSpec>,
        }

        let File { buckets } = strict(deserializer)?;
        Ok(Self { buckets, ..Self::default() })
    }
}

impl<'de> Deserialize<'de> for BucketSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Default, Deserialize)]
        #[serde(deny_unknown_fields, default, expecting = "a bucket")]
        struct File {
            #[serde(deserialize_with = "strict")]
            attributes: Map<String, Value>,
            #[serde(deserialize_with = "lists")]
            permissions: Lists,
            #[serde(deserialize_with = "strict")]
            groups: BTreeMap<String, GroupSpec>,
            #[serde(deserialize_with = "strict")]
            collections: BTreeMap<String, CollectionSpec>,
        }

        let File { attributes, permissions, groups, collections } = strict(deserializer)?;
        Ok(Self { attributes, permissions, groups, collections, ..Self::default() })
    }
}

impl<'de> Deserialize<'de> for GroupSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Default, Deserialize)]
        #[serde(deny_unknown_fields, default, expecting = "a group")]
        struct File {
            #[serde(deserialize_with = "members")]
            members: Option<BTreeSet<Principal>>,
            #[serde(deserialize_with = "strict")]
            attributes: Map<String, Value>,
            #[serde(deserialize_with = "lists")]
            permissions: Lists,
        }

        let File { members, attributes, permissions } = strict(deserializer)?;
        Ok(Self { members, attributes, permissions, ..Self::default() })
    }
}

impl<'de> Deserialize<'de> for CollectionSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Default, Deserialize)]
        #[serde(deny_unknown_fields, default, expecting = "a collection")]
        struct File {
            #[serde(deserialize_with = "strict")]
            attributes: Map<String, Value>,
            #[serde(deserialize_with = "lists")]
            permissions: Lists,
        }

        let File { attributes, permissions } = strict(deserializer)?;
        Ok(Self { attributes, permissions, ..Self::default() })
    }
}

/// Reads a value in which no key is unknown or duplicated.
fn strict<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::deserialize(Strict(deserializer))
}

fn lists<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Lists, D::Error> {
    let lists: BTreeMap<String, Option<_>> = strict(deserializer)?;
    lists.into_iter().map(|(name, list)| Ok((name.clone(), given(&name, list)?))).collect()
}

fn members<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<BTreeSet<Principal>>, D::Error> {
    given("members", Option::deserialize(deserializer)?).map(Some)
}

/// Refuses a list without a value, which could mean that there are no principals, or that they are left alone.
fn given<E: Error>(name: &str, list: Option<BTreeSet<Principal>>) -> Result<BTreeSet<Principal>, E> {
    let missing = || format!("`{name}` has no value: write [] for nobody, or leave it out to leave it alone");
    list.ok_or_else(|| E::custom(missing()))
}

/// A deserializer that checks the keys of a value and of those in it; or the seed of such a value.
struct Strict<T>(T);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Strict<D> {
    type Error = D::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        keys: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(Entries { visitor, keys: Some(keys) })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(Entries { visitor, keys: None })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_option(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct
        seq tuple tuple_struct enum identifier ignored_any
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Strict<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Strict(deserializer))
    }
}

/// A visitor of a declaration with these keys, or of a map with any keys.
struct Entries<V> {
    visitor: V,
    keys: Option<&'static [&'static str]>,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Entries<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(keys) = self.keys else { return f.write_str("a map of names to their values") };
        self.visitor.expecting(f)?;
        write!(f, " with the keys {}", keys.join(", "))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        let part = (&self.visitor as &dyn Expected).to_string();
        self.visitor.visit_map(Checked { map, part, keys: self.keys, seen: BTreeSet::new() })
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_map(MapDeserializer::new(iter::empty::<((), ())>()))
    }
}

/// The entries of a map, whose keys are checked as they come.
struct Checked<A> {
    map: A,
    part: String,
    keys: Option<&'static [&'static str]>,
    seen: BTreeSet<String>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Checked<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        let Some(key) = self.map.next_key::<String>()? else { return Ok(None) };
        if let Some(keys) = self.keys.filter(|keys| !keys.contains(&key.as_str())) {
            let (part, meant) = (&self.part, suggest::meant(&key, keys.iter().copied()));
            let hint = wizard(part, &key);
            return Err(Error::custom(format!("{part} has no key `{key}`: {meant}{hint}")));
        }
        if self.seen.contains(&key) {
            return Err(Error::custom(format!("`{key}` is duplicated")));
        }
        let read = seed.deserialize(key.as_str().into_deserializer()).map(Some);
        self.seen.insert(key);
        read
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.map.next_value_seed(Strict(seed))
    }
}

/// A hint for those who have a file of kinto-wizard, whose words are others.
fn wizard(part: &str, key: &str) -> &'static str {
    match (part, key) {
        (_, "records") => "; kinto-wizard's files have records, and a blueprint has none",
        (_, "data") => {
            "; what kinto-wizard's files call `data` is `attributes` here, and a group's `members` stand beside it"
        }
        ("a blueprint", _) => "; kinto-wizard's older files begin with the ids of buckets: put these under `buckets`",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(json: &str) -> String {
        serde_json::from_str::<Blueprint>(json).unwrap_err().to_string()
    }

    #[test]
    fn blueprint_file_rejects_unknown_keys() {
        assert!(
            mistake(r#"{"bucket": {}}"#)
                .starts_with("a blueprint has no key `bucket`: did you mean `buckets`?; kinto-wizard's")
        );
        let said = mistake(r#"{"buckets": {"a": {"records": {}}}}"#);
        assert!(said.starts_with("a bucket has no key `records`: it can be `attributes`, `permissions`,"), "{said}");
        let said = mistake(r#"{"buckets": {"a": {"groups": {"g": {"member": []}}}}}"#);
        assert!(said.starts_with("a group has no key `member`: did you mean `members`?"), "{said}");
        let said = mistake(r#"{"buckets": {"a": {"collections": {"c": {"attribute": []}}}}}"#);
        assert!(said.starts_with("a collection has no key `attribute`: did you mean `attributes`?"), "{said}");
    }

    #[test]
    fn blueprint_file_rejects_duplicate_keys() {
        for (json, key) in [
            (r#"{"buckets": {}, "buckets": {}}"#, "buckets"),
            (r#"{"buckets": {"a": {}, "b": {}, "a": {}}}"#, "a"),
            (r#"{"buckets": {"a": {"attributes": {"x": 1, "x": 2}}}}"#, "x"),
            (r#"{"buckets": {"a": {"permissions": {"read": [], "read": []}}}}"#, "read"),
        ] {
            assert!(mistake(json).starts_with(&format!("`{key}` is duplicated at line 1")), "{json}");
        }
    }

    #[test]
    fn blueprint_file_round_trips() {
        let blueprint = Blueprint::new().bucket(
            "a",
            BucketSpec::new()
                .attributes(serde_json::json!({"x": [1, null]}))
                .nobody_may("read")
                .group("g", ["account:b"])
                .group("h", GroupSpec::new())
                .collection("c", CollectionSpec::new().permissions(|p| p.read("group:g"))),
        );
        let json = serde_json::to_string(&blueprint).unwrap();
        assert_eq!(
            json,
            r#"{"buckets":{"a":{"attributes":{"x":[1,null]},"permissions":{"read":[]},"groups":{"g":{"members":["account:b"]},"h":{}},"collections":{"c":{"permissions":{"read":["group:g"]}}}}}}"#
        );
        assert_eq!(serde_json::from_str::<Blueprint>(&json).unwrap(), blueprint);
    }

    #[test]
    fn declaration_without_blueprint_rejects_the_same() {
        let mistake = |json| serde_json::from_str::<BucketSpec>(json).unwrap_err().to_string();
        let said = mistake(r#"{"colections": {}}"#);
        assert!(said.starts_with("a bucket has no key `colections`: did you mean `collections`?"), "{said}");
        let said = mistake(r#"{"collections": {"c": {"attribute": []}}}"#);
        assert!(said.starts_with("a collection has no key `attribute`: did you mean `attributes`?"), "{said}");
        assert!(mistake(r#"{"groups": {"a": {}, "a": {}}}"#).starts_with("`a` is duplicated"));
        assert!(mistake(r#"{"groups": {"a": {"members": null}}}"#).starts_with("`members` has no value"));
        assert!(serde_json::from_str::<BucketSpec>(r#"{"groups": {"a": null}, "collections": null}"#).is_ok());
        assert_eq!(serde_json::from_str::<GroupSpec>("null").unwrap(), GroupSpec::new());
        assert!(mistake("[]").starts_with("invalid type: sequence, expected a bucket with the keys "));
    }

    #[test]
    fn blueprint_file_accepts_null_as_empty() {
        let json = r#"{"buckets": {"a": null, "b": {"groups": null, "collections": {"c": null}}}}"#;
        let b = BucketSpec::new().collection("c", CollectionSpec::new());
        let blueprint = Blueprint::new().bucket("a", BucketSpec::new()).bucket("b", b);
        assert_eq!(serde_json::from_str::<Blueprint>(json).unwrap(), blueprint);
    }
}
