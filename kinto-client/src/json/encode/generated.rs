//! Whatever is given decodes to the same again, or is refused.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Serializer;
use serde_json::{json, value::RawValue};

use super::*;

/// A value as types give it: the entries of an object may come from fields, flattened maps and maps with keys of any type.
#[derive(Debug, Clone)]
enum Given {
    Scalar(Value),
    List(Vec<Given>),
    Entries(Vec<(Key, Given)>),
    Raw(Box<Given>),
}

#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
enum Key {
    Text(&'static str),
    Number(u8),
    Bool(bool),
    Variant(Variant),
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "lowercase")]
enum Variant {
    A,
}

impl Serialize for Given {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::Scalar(value) => value.serialize(serializer),
            Self::List(items) => items.serialize(serializer),
            Self::Entries(entries) => serializer.collect_map(entries.iter().map(|(key, value)| (key, value))),
            Self::Raw(given) => {
                let json = serde_json::to_string(given).map_err(serde::ser::Error::custom)?;
                RawValue::from_string(json).map_err(serde::ser::Error::custom)?.serialize(serializer)
            }
        }
    }
}

impl Given {
    /// Returns the JSON that loses nothing, or `None` if there is none.
    fn whole(&self) -> Option<Value> {
        Some(match self {
            Self::Scalar(value) => value.clone(),
            Self::List(items) => items.iter().map(Self::whole).collect::<Option<_>>()?,
            Self::Entries(entries) => {
                let mut object = Map::new();
                for (key, value) in entries {
                    let key = serde_json::to_value(key).ok()?;
                    let (key, value) = (key.as_str().map_or_else(|| key.to_string(), str::to_owned), value.whole()?);
                    if object.insert(key, value.clone()).is_some_and(|other| other != value) {
                        return None;
                    }
                }
                Value::Object(object)
            }
            Self::Raw(given) => given.whole()?,
        })
    }
}

fn key() -> impl Strategy<Value = Key> {
    prop_oneof![
        4 => prop::sample::select(vec!["a", "b", "c", "1", "true", "id", "\"", "\\"]).prop_map(Key::Text),
        1 => (0_u8..3).prop_map(Key::Number),
        1 => any::<bool>().prop_map(Key::Bool),
        1 => Just(Key::Variant(Variant::A)),
    ]
}

fn entries(of: impl Strategy<Value = Given>) -> impl Strategy<Value = Given> {
    prop_oneof![
        6 => prop::collection::vec((key(), of), 0..5).prop_map(Given::Entries),
        // More than are kept without an allocation.
        1 => Just(Given::Entries((0..200).map(|n| (Key::Number(n), Given::Scalar(json!(n)))).collect())),
    ]
}

fn given() -> impl Strategy<Value = Given> {
    let scalar = prop::sample::select(vec![json!(null), json!(true), json!(1), json!(1.5), json!("a")]);
    let inner = scalar.prop_map(Given::Scalar).prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Given::List),
            entries(inner.clone()),
            entries(inner).prop_map(|given| Given::Raw(Box::new(given))),
        ]
    });
    entries(inner)
}

proptest! {
    #[test]
    fn what_is_given_is_encoded_or_refused(given in given()) {
        prop_assert_eq!(object(&given).ok().map(Value::Object), given.whole());
        let text = json(&given, "").map(|json| serde_json::from_str::<Value>(&json).unwrap());
        prop_assert_eq!(text.ok(), given.whole());
        let new = NewData::of(&given).map(|new| {
            let mut data: Value = serde_json::from_slice(new.json()).unwrap();
            data.as_object_mut().unwrap().extend(new.id.map(|id| ("id".to_owned(), id)));
            data
        });
        // An id that is no text is refused with the request.
        if new.as_ref().is_ok_and(|data| data.get("id").is_some_and(|id| !id.is_string())) {
            return Ok(());
        }
        prop_assert_eq!(new.ok(), given.whole());
    }
}

#[derive(Serialize)]
struct Flat {
    name: &'static str,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[test]
fn error_names_repeated_key_and_what_to_do() {
    let flat = |value: Value| Flat { name: "n", rest: Map::from_iter([("name".to_owned(), value)]) };
    assert_eq!(NewData::of(&flat(json!("n"))).unwrap().json(), br#"{"name":"n","name":"n"}"#);
    let reason = "the key `name` has two different values, and only the last would be stored: keep one, where a field, a \
                  map with `#[serde(flatten)]` or two keys of a map give both";
    let nested = BTreeMap::from([("a", [flat(json!(1))])]);
    let text = serde_json::to_string(&nested).unwrap();
    let raw = BTreeMap::from([("raw", RawValue::from_string(text).unwrap())]);
    let refusals = [object(&nested).map(drop), NewData::of(&nested).map(drop), NewData::of(&raw).map(drop)];
    let places = ["at `a[0].name`", "at `a[0].name`", "at `a[0].name` at `raw`"];
    for (refused, place) in refusals.into_iter().zip(places) {
        assert_eq!(refused.unwrap_err().to_string(), format!("the data cannot be stored: {reason} {place}"));
    }
}

#[test]
fn fields_of_one_name_are_refused() {
    #[derive(Serialize)]
    struct Twice {
        #[serde(rename = "a")]
        one: u8,
        #[serde(rename = "a")]
        other: u8,
    }
    assert!(NewData::of(&Twice { one: 1, other: 2 }).is_err());
    assert!(NewData::of(&Twice { one: 1, other: 1 }).is_ok());
    assert!(value(&[Twice { one: 1, other: 2 }]).is_err(), "an operand of a filter");
}

#[test]
fn what_was_read_with_a_repeated_key_may_stay() {
    let read = r#"{"name":"n","name":"other"}"#;
    let flat = |name| Flat { name, rest: Map::from_iter([("name".to_owned(), json!("other"))]) };
    assert_eq!(json(&flat("n"), read).unwrap(), read);
    assert!(json(&flat("changed"), read).is_err());
}
