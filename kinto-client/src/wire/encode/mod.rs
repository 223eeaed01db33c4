//! Rust values into JSON objects, refusing on the way what the server would refuse, misread or answer with a 5xx.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::{Error, Result};

mod compound;
mod encoder;
mod trail;

use encoder::Checked;
use trail::Trail;

/// The data of an object that is to be created, without what the server adds.
pub(crate) struct NewData {
    /// The beginning of a request's body.
    body: Vec<u8>,
    /// The `id` that was in it.
    pub(crate) id: Option<Value>,
}

const BEFORE_DATA: &[u8] = b"{\"data\":";

impl NewData {
    /// What `data` serialises to, straight into the body in which it is sent.
    pub(crate) fn of<T: Serialize + ?Sized>(data: &T) -> Result<Self> {
        let trail = Trail::of_new_data();
        let mut body = Vec::with_capacity(256);
        body.extend_from_slice(BEFORE_DATA);
        serde_json::to_writer(&mut body, &Checked::new(data, &trail)).map_err(|error| refused(&trail, &error))?;
        let data = Self { body, id: trail.into_id() };
        if data.json().first() != Some(&b'{') {
            return Err(no_object(&serde_json::from_slice(data.json()).unwrap_or_default()));
        }
        Ok(data)
    }

    pub(crate) fn json(&self) -> &[u8] {
        self.body.get(BEFORE_DATA.len()..).unwrap_or_default()
    }

    /// The body of a request that sets these permissions, too.
    pub(crate) fn into_body(mut self, permissions: Option<&impl Serialize>) -> Result<Bytes> {
        if let Some(permissions) = permissions {
            self.body.extend_from_slice(b",\"permissions\":");
            serde_json::to_writer(&mut self.body, permissions).map_err(|error| Error::invalid(error.to_string()))?;
        }
        self.body.push(b'}');
        Ok(self.body.into())
    }
}

/// The JSON object that `data` serialises to.
pub(crate) fn object<T: Serialize + ?Sized>(data: &T) -> Result<Map<String, Value>> {
    match value(data)? {
        Value::Object(object) if object.contains_key(trail::PERMISSIONS) => Err(cannot_be_stored(trail::NO_DATA, "")),
        Value::Object(object) => Ok(object),
        other => Err(no_object(&other)),
    }
}

/// The JSON that `value` serialises to.
pub(crate) fn value<T: Serialize + ?Sized>(value: &T) -> Result<Value> {
    let trail = Trail::default();
    serde_json::to_value(Checked::new(value, &trail)).map_err(|error| refused(&trail, &error))
}

fn refused(trail: &Trail, error: &serde_json::Error) -> Error {
    let (reason, path) = trail.offence(error);
    cannot_be_stored(&reason, &path)
}

fn cannot_be_stored(reason: &str, path: &str) -> Error {
    let place = if path.is_empty() { String::new() } else { format!(" at `{path}`") };
    Error::invalid(format!("the data cannot be stored: {reason}{place}"))
}

fn no_object(value: &Value) -> Error {
    Error::invalid(format!(
        "the data of an object must serialise to a JSON object, and this serialises to {}",
        name_of(value)
    ))
}

/// What kind of JSON this is, for messages.
pub(crate) fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{json, value::RawValue};

    use super::{encoder::MAX_DEPTH, *};

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
    fn serialises_as_serde_json_does() {
        let sample = sample();
        let text: Value = serde_json::from_str(&serde_json::to_string(&sample).unwrap()).unwrap();
        assert_eq!(Value::Object(object(&sample).unwrap()), text);
        assert_eq!(NewData::of(&sample).unwrap().json(), serde_json::to_vec(&sample).unwrap());
        assert_eq!(text["parts"][2]["Tuple"], json!(["x", 0.1]));
    }

    #[test]
    fn what_the_server_adds_is_no_data() {
        #[derive(Serialize)]
        struct Stamped<I> {
            id: I,
            last_modified: u64,
            title: &'static str,
            inner: BTreeMap<&'static str, u8>,
        }
        let inner = BTreeMap::from([("id", 1)]);
        let stamped = NewData::of(&Stamped { id: "a", last_modified: 7, title: "é", inner: inner.clone() }).unwrap();
        assert_eq!((text(&stamped), &stamped.id), (r#"{"title":"é","inner":{"id":1}}"#, &Some(json!("a"))));
        let map = NewData::of(&json!({"id": 5, "last_modified": "x"})).unwrap();
        assert_eq!((text(&map), &map.id), ("{}", &Some(json!(5))));
        let raw = RawValue::from_string(" {\"id\": null, \"a\": [1]}".into()).unwrap();
        let raw = NewData::of(&raw).unwrap();
        assert_eq!((text(&raw), &raw.id), (r#"{"a":[1]}"#, &Some(Value::Null)));
        assert_eq!(raw.into_body(Some(&["p"])).unwrap(), r#"{"data":{"a":[1]},"permissions":["p"]}"#);
        let without = Stamped { id: None::<u8>, last_modified: 7, title: "", inner };
        assert_eq!(NewData::of(&Some(&without)).unwrap().id, Some(Value::Null));
        assert_eq!(NewData::of(&json!({"a": 1})).unwrap().id, None);
    }

    #[test]
    fn the_offender_is_named() {
        let message = |value: &dyn erased::Object| {
            let (map, json) = value.encode();
            let message = map.unwrap_err().to_string();
            assert_eq!(json.map(drop).unwrap_err().to_string(), message);
            message
        };
        let nan = Sample { size: f64::NAN, ..sample() };
        assert_eq!(message(&nan), "the data cannot be stored: NaN is a number that JSON does not have at `size`");
        let deep = json!({"a": [{"b": "x\0y"}]});
        assert_eq!(
            message(&deep),
            "the data cannot be stored: text with a NUL character (U+0000), which PostgreSQL cannot hold at `a[0].b`"
        );
        let big = Sample { parts: vec![Part::Newtype(1 << 64)], ..sample() };
        assert!(message(&big).ends_with("has more than 64 bits: the server would round it at `parts[0].Newtype`"));
        assert!(message(&json!({"__permissions__": {}})).contains("`__permissions__`"));
        assert_eq!(
            message(&json!([1])),
            "the data of an object must serialise to a JSON object, and this serialises to an array"
        );
        assert!(message(&json!({"a\0": 1})).contains("NUL"));
        assert!(message(&json!({"id": "a\0"})).ends_with("at `id`"));
        assert!(message(&BTreeMap::from([("a", f32::INFINITY)])).contains("inf is a number"));
    }

    #[test]
    fn keys_are_text() {
        let message = |map: &dyn erased::Object| map.encode().1.map(drop).unwrap_err().to_string();
        assert!(message(&BTreeMap::from([(vec![1], 1)])).contains("the key of a map is an array, not text"));
        assert!(message(&BTreeMap::from([("a", BTreeMap::from([(vec![1], 1)]))])).ends_with(" at `a`"));
        assert_eq!(text(&NewData::of(&BTreeMap::from([(7, true)])).unwrap()), r#"{"7":true}"#);
    }

    #[test]
    fn what_is_too_deep_to_read_back_is_refused() {
        let nested = |levels| (1..levels).fold(json!({}), |inner, _| json!({ "a": inner }));
        assert!(object(&nested(MAX_DEPTH)).is_ok() && NewData::of(&nested(MAX_DEPTH)).is_ok());
        assert!(object(&nested(MAX_DEPTH + 1)).unwrap_err().to_string().contains("deeper than"));
        assert!(NewData::of(&nested(MAX_DEPTH + 1)).is_err_and(|error| error.to_string().contains("deeper than")));
    }

    mod erased {
        use super::*;

        pub(super) trait Object {
            fn encode(&self) -> (Result<Map<String, Value>>, Result<NewData>);
        }

        impl<T: Serialize> Object for T {
            fn encode(&self) -> (Result<Map<String, Value>>, Result<NewData>) {
                (object(self), NewData::of(self))
            }
        }
    }
}
