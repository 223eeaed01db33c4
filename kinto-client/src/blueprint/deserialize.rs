//! Reads a blueprint from a file, in which an unknown or a duplicate key is an error.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    marker::PhantomData,
};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use serde_json::Value;

use super::{Blueprint, BucketSpec, CollectionSpec, GroupSpec, Lists, Principal, suggest};

/// A part of the file with a fixed set of keys.
trait Part: Default {
    const NAME: &'static str;
    const KEYS: &'static [&'static str];

    /// Reads the value of one of the keys.
    fn read<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error>;
}

impl Part for Blueprint {
    const NAME: &'static str = "a blueprint";
    const KEYS: &'static [&'static str] = &["buckets"];

    fn read<'de, A: MapAccess<'de>>(&mut self, _: &str, map: &mut A) -> Result<(), A::Error> {
        self.buckets = map.next_value::<Unique<_>>()?.0;
        Ok(())
    }
}

impl Part for BucketSpec {
    const NAME: &'static str = "a bucket";
    const KEYS: &'static [&'static str] = &["attributes", "permissions", "groups", "collections"];

    fn read<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "attributes" => self.attributes = map.next_value::<Unique<Value>>()?.0.into_iter().collect(),
            "permissions" => self.permissions = lists(map)?,
            "groups" => self.groups = map.next_value::<Unique<_>>()?.0,
            _ => self.collections = map.next_value::<Unique<_>>()?.0,
        }
        Ok(())
    }
}

impl Part for GroupSpec {
    const NAME: &'static str = "a group";
    const KEYS: &'static [&'static str] = &["members", "attributes", "permissions"];

    fn read<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "members" => self.members = Some(map.next_value::<List>()?.named("members")?),
            "attributes" => self.attributes = map.next_value::<Unique<Value>>()?.0.into_iter().collect(),
            _ => self.permissions = lists(map)?,
        }
        Ok(())
    }
}

impl Part for CollectionSpec {
    const NAME: &'static str = "a collection";
    const KEYS: &'static [&'static str] = &["attributes", "permissions"];

    fn read<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "attributes" => self.attributes = map.next_value::<Unique<Value>>()?.0.into_iter().collect(),
            _ => self.permissions = lists(map)?,
        }
        Ok(())
    }
}

/// A list of principals. One that is there without a value could mean that there are none, or that they are left alone.
#[derive(Deserialize)]
#[serde(transparent)]
struct List(Option<Vec<Principal>>);

impl List {
    fn named<E: Error>(self, name: &str) -> Result<BTreeSet<Principal>, E> {
        let missing =
            || E::custom(format!("`{name}` has no value: write [] for nobody, or leave it out to leave it alone"));
        self.0.map(|list| list.into_iter().collect()).ok_or_else(missing)
    }
}

fn lists<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Lists, A::Error> {
    let lists = map.next_value::<Unique<List>>()?.0;
    lists.into_iter().map(|(name, list)| Ok((name.clone(), list.named(&name)?))).collect()
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

struct Keys<T>(PhantomData<T>);

impl<'de, T: Part> Visitor<'de> for Keys<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with the keys {}", T::NAME, T::KEYS.join(", "))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let (mut part, mut seen) = (T::default(), Vec::new());
        while let Some(key) = map.next_key::<String>()? {
            if !T::KEYS.contains(&key.as_str()) {
                let meant = suggest::meant(&key, T::KEYS.iter().copied());
                let hint = wizard(T::NAME, &key);
                return Err(A::Error::custom(format!("{} has no key `{key}`: {meant}{hint}", T::NAME)));
            }
            if seen.contains(&key) {
                return Err(twice(&key));
            }
            part.read(&key, &mut map)?;
            seen.push(key);
        }
        Ok(part)
    }

    /// Accepts null, since `todo:` with nothing after it is null in YAML.
    fn visit_unit<E: Error>(self) -> Result<T, E> {
        Ok(T::default())
    }
}

fn twice<E: Error>(key: &str) -> E {
    E::custom(format!("`{key}` is duplicated"))
}

/// A map with arbitrary keys, in which a duplicate key is an error.
struct Unique<V>(BTreeMap<String, V>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Unique<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Names(PhantomData)).map(Self)
    }
}

struct Names<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for Names<V> {
    type Value = BTreeMap<String, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of names to their declarations")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut all = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            if all.contains_key(&key) {
                return Err(twice(&key));
            }
            let value = map.next_value()?;
            all.insert(key, value);
        }
        Ok(all)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(BTreeMap::new())
    }
}

macro_rules! deserialize {
    ($($part:ty),+) => {$(
        impl<'de> Deserialize<'de> for $part {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Keys(PhantomData))
            }
        }
    )+};
}

deserialize!(Blueprint, BucketSpec, GroupSpec, CollectionSpec);

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
    fn blueprint_file_accepts_null_as_empty() {
        let json = r#"{"buckets": {"a": null, "b": {"groups": null, "collections": {"c": null}}}}"#;
        let b = BucketSpec::new().collection("c", CollectionSpec::new());
        let blueprint = Blueprint::new().bucket("a", BucketSpec::new()).bucket("b", b);
        assert_eq!(serde_json::from_str::<Blueprint>(json).unwrap(), blueprint);
    }
}
