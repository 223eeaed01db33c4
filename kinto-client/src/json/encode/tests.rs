use std::{cell::Cell, collections::BTreeMap};

use serde::{Serializer, ser::SerializeMap as _};
use serde_json::{json, value::RawValue};

use super::{serializer::MAX_DEPTH, *};

#[derive(Serialize)]
struct Sample {
    title: &'static str,
    size: f64,
    parts: Vec<Part>,
    by_day: BTreeMap<u8, Option<bool>>,
}

#[derive(Serialize)]
enum Part {
    Unit,
    Newtype(i128),
    Tuple(char, f32),
    Struct { raw: Box<RawValue> },
}

fn text(data: &NewData) -> &str {
    std::str::from_utf8(data.json()).unwrap()
}

fn sample() -> Sample {
    Sample {
        title: "é",
        size: 1.5,
        parts: vec![
            Part::Unit,
            Part::Newtype(1 << 63),
            Part::Tuple('x', 0.1),
            Part::Struct { raw: RawValue::from_string("[1,{\"a\":null}]".into()).unwrap() },
        ],
        by_day: BTreeMap::from([(3, None), (4, Some(true))]),
    }
}

#[test]
fn encoder_matches_serde_json() {
    let sample = sample();
    let text: Value = serde_json::from_str(&serde_json::to_string(&sample).unwrap()).unwrap();
    assert_eq!(Value::Object(object(&sample).unwrap()), text);
    assert_eq!(NewData::of(&sample).unwrap().json(), serde_json::to_vec(&sample).unwrap());
    assert_eq!(text["parts"][2]["Tuple"], json!(["x", 0.1]));
}

#[test]
fn new_data_excludes_stamp() {
    #[derive(Serialize)]
    struct StampedObject<I> {
        id: I,
        last_modified: u64,
        title: &'static str,
        inner: BTreeMap<&'static str, u8>,
    }
    let inner = BTreeMap::from([("id", 1)]);
    let stamped = NewData::of(&StampedObject { id: "a", last_modified: 7, title: "é", inner: inner.clone() }).unwrap();
    assert_eq!((text(&stamped), &stamped.id), (r#"{"title":"é","inner":{"id":1}}"#, &Some(json!("a"))));
    let map = NewData::of(&json!({"id": 5, "last_modified": "x"})).unwrap();
    assert_eq!((text(&map), &map.id), ("{}", &Some(json!(5))));
    let raw = RawValue::from_string(" {\"id\": null, \"a\": [1]}".into()).unwrap();
    let raw = NewData::of(&raw).unwrap();
    assert_eq!((text(&raw), &raw.id), (r#"{"a":[1]}"#, &Some(Value::Null)));
    assert_eq!(raw.into_body(Some(&["p"])).unwrap(), r#"{"data":{"a":[1]},"permissions":["p"]}"#);
    let largest = r#"{"a":[18446744073709551615,-9223372036854775808,-0.5e3,"99999999999999999999",true,null]}"#;
    let numbers = NewData::of(&RawValue::from_string(largest.into()).unwrap()).unwrap();
    assert_eq!(text(&numbers), largest.replace("-0.5e3", "-500.0"));
    let without = StampedObject { id: None::<u8>, last_modified: 7, title: "", inner };
    assert_eq!(NewData::of(&Some(&without)).unwrap().id, Some(Value::Null));
    assert_eq!(NewData::of(&json!({"a": 1})).unwrap().id, None);
}

#[test]
fn encode_error_names_path() {
    fn message(value: &impl Serialize) -> String {
        let [map, json] = messages(value);
        assert_eq!(map, json);
        map
    }
    let nan = Sample { size: f64::NAN, ..sample() };
    assert_eq!(message(&nan), "the data cannot be stored: NaN is a number that JSON cannot represent at `size`");
    let deep = json!({"a": [{"b": "x\0y"}]});
    assert_eq!(
        message(&deep),
        "the data cannot be stored: text with a NUL character (U+0000), which PostgreSQL cannot hold at `a[0].b`"
    );
    let optional = BTreeMap::from([("a", Some(Wrapper(Some(BTreeMap::from([("b", [f64::NAN])])))))]);
    assert_eq!(message(&optional), "the data cannot be stored: NaN is a number that JSON cannot represent at `a.b[0]`");
    let big = Sample { parts: vec![Part::Newtype(1 << 64)], ..sample() };
    assert!(message(&big).ends_with("has more than 64 bits: the server would round it at `parts[0].Newtype`"));
    for number in ["18446744073709551616", "-9223372036854775809"] {
        let raw =
            RawValue::from_string(format!(r#"{{"9999999999999999999999": ["{number}", 1e30, {number}]}}"#)).unwrap();
        let refused = message(&BTreeMap::from([("raw", raw)]));
        assert!(refused.contains(&format!("{number} has more than 64 bits")) && refused.contains("`raw"), "{refused}");
    }
    assert!(message(&json!({"__permissions__": {}})).contains("`__permissions__`"));
    assert_eq!(
        message(&json!([1])),
        "the data of an object must serialise to a JSON object, and this serialises to an array"
    );
    assert!(message(&json!({"a\0": 1})).contains("NUL"));
    assert!(message(&json!({"id": "a\0"})).ends_with("at `id`"));
    assert!(message(&BTreeMap::from([("a", f32::INFINITY)])).contains("inf is a number"));
}

#[derive(Serialize)]
struct Wrapper<T>(T);

#[test]
fn encoder_accepts_only_text_keys() {
    let no_text = "the data cannot be stored: the key of a map is an array, not text";
    let top = BTreeMap::from([(vec![1], 1)]);
    let within = BTreeMap::from([("a", top.clone())]);
    assert_eq!(messages(&top), [no_text; 2]);
    assert_eq!(messages(&within), [format!("{no_text} at `a`"), format!("{no_text} at `a`")]);
    assert_eq!(messages(&BTreeMap::from([(1_i128 << 64, 1)]))[0], messages(&BTreeMap::from([(1_u128 << 64, 1)]))[1]);

    let numbers = BTreeMap::from([(7, true)]);
    let optional = BTreeMap::from([(Some("a"), true)]);
    assert_eq!(jsons(&numbers), [r#"{"7":true}"#; 2]);
    assert_eq!(jsons(&optional), [r#"{"a":true}"#; 2]);
    assert_eq!(jsons(&Apart(0.1)), [r#"{"0.1":0.1}"#; 2]);
}

/// A map that serializes each key before its value.
struct Apart(f32);

impl Serialize for Apart {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        // The announced length is wrong on purpose.
        let mut map = serializer.serialize_map(Some(0))?;
        map.serialize_key(&self.0)?;
        map.serialize_value(&self.0)?;
        map.end()
    }
}

#[test]
fn encode_fails_when_serialize_swallows_error() {
    struct Careless;

    impl Serialize for Careless {
        fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(None)?;
            let _ = map.serialize_entry("x", &f64::NAN);
            map.end()
        }
    }

    let refusal = "the data cannot be stored: NaN is a number that JSON cannot represent at `x`";
    assert_eq!(messages(&Careless), [refusal; 2]);
}

#[test]
fn encode_fails_when_serialize_swallows_error_of_its_own() {
    struct Failing;

    impl Serialize for Failing {
        fn serialize<S: Serializer>(&self, _: S) -> std::result::Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("it is locked"))
        }
    }

    struct Careless;

    impl Serialize for Careless {
        fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(None)?;
            let _ = map.serialize_entry("x", &Failing);
            map.end()
        }
    }

    #[derive(Serialize)]
    struct Outer {
        a: Careless,
    }

    let refusal = "the data cannot be stored: it is locked at `a.x`";
    assert_eq!(messages(&Outer { a: Careless }), [refusal; 2]);
}

#[test]
fn encode_fails_when_error_does_not_come_twice() {
    /// A value that is another number from the second time on.
    struct Sometimes(Cell<f64>);

    impl Serialize for Sometimes {
        fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
            serializer.serialize_f64(self.0.replace(1.0))
        }
    }

    for (first, reason) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
        let value = || BTreeMap::from([("x", Sometimes(Cell::new(first)))]);
        let refusal = format!("the data cannot be stored: {reason} is a number that JSON cannot represent");
        let [map, new_data, json] =
            [object(&value()).map(drop), NewData::of(&value()).map(drop), super::json(&value(), "").map(drop)];
        for error in [map, new_data, json] {
            assert_eq!(error.unwrap_err().to_string(), refusal);
        }
    }
}

#[test]
fn encode_rejects_enum_variant_named_like_stamp() {
    #[derive(Serialize)]
    #[serde(rename_all = "snake_case")]
    enum Shape {
        Id(u8),
        LastModified {
            at: u8,
        },
        #[serde(rename = "__permissions__")]
        Permissions(u8, u8),
        Circle {
            id: u8,
        },
    }
    let message = |shape| NewData::of(&shape).map(drop).unwrap_err().to_string();
    assert!(message(Shape::Id(1)).contains("called `id`"));
    assert!(message(Shape::LastModified { at: 1 }).contains("called `last_modified`"));
    assert!(message(Shape::Permissions(1, 2)).contains("take the key `__permissions__` for permissions"));
    assert_eq!(jsons(&Shape::Circle { id: 1 }), [r#"{"circle":{"id":1}}"#; 2]);
    assert_eq!(text(&NewData::of(&json!({"shape": Shape::Id(1)})).unwrap()), r#"{"shape":{"id":1}}"#);
}

#[test]
fn with_id_adds_id_to_data() {
    let with_id = |data: Value| NewData::of(&data).unwrap().with_id("x").unwrap().into_body(None::<&()>).unwrap();
    assert_eq!(with_id(json!({})), r#"{"data":{"id":"x"}}"#);
    assert_eq!(with_id(json!({"id": "x", "say \"hi\"": [1]})), r#"{"data":{"id":"x","say \"hi\"":[1]}}"#);
}

/// Returns the errors of encoding the value as a map and as new data.
fn messages(value: &impl Serialize) -> [String; 2] {
    [object(value).unwrap_err().to_string(), NewData::of(value).map(drop).unwrap_err().to_string()]
}

/// Returns the JSON of the value as a map and as new data.
fn jsons(value: &impl Serialize) -> [String; 2] {
    [Value::Object(object(value).unwrap()).to_string(), text(&NewData::of(value).unwrap()).to_owned()]
}

#[test]
fn encode_rejects_data_deeper_than_decoder_reads() {
    let nested = |levels| (1..levels).fold(json!({}), |inner, _| json!({ "a": inner }));
    assert!(object(&nested(MAX_DEPTH)).is_ok() && NewData::of(&nested(MAX_DEPTH)).is_ok());
    assert!(object(&nested(MAX_DEPTH + 1)).unwrap_err().to_string().contains("deeper than"));
    assert!(NewData::of(&nested(MAX_DEPTH + 1)).is_err_and(|error| error.to_string().contains("deeper than")));
}
