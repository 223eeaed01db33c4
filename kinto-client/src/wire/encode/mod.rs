//! Rust values into JSON objects, refusing on the way what the server would refuse, misread or answer with a 5xx.

use serde::{Serialize, Serializer, ser};
use serde_json::{Map, Value};

use crate::error::{Error, Result};

mod compound;
mod offence;

use compound::{Fields, Items, Struct};
use offence::Offence;

/// `serde_json` reads no deeper, so a deeper record could be stored but never read again. Two levels are the envelope's.
const MAX_DEPTH: usize = 126;

/// The JSON object that `data` serialises to.
pub(crate) fn object<T: Serialize + ?Sized>(data: &T) -> Result<Map<String, Value>> {
    match value(data)? {
        Value::Object(object) => {
            if object.contains_key("__permissions__") {
                let reason = "the server would take the key `__permissions__` for permissions, not for data";
                return Err(Error::invalid(format!("the data cannot be stored: {reason}")));
            }
            Ok(object)
        }
        other => Err(Error::invalid(format!(
            "the data of an object must serialise to a JSON object, and this serialises to {}",
            name_of(&other)
        ))),
    }
}

/// The JSON that `value` serialises to.
pub(crate) fn value<T: Serialize + ?Sized>(value: &T) -> Result<Value> {
    value.serialize(Encoder { depth: 0 }).map_err(|offence| {
        let place = if offence.path.is_empty() { String::new() } else { format!(" at `{}`", offence.path) };
        Error::invalid(format!("the data cannot be stored: {}{place}", offence.reason))
    })
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

type Encoded<T> = std::result::Result<T, Offence>;

fn text(text: &str) -> Encoded<String> {
    if text.contains('\0') {
        return Err(Offence::new("text with a NUL character (U+0000), which PostgreSQL cannot hold"));
    }
    Ok(text.to_owned())
}

fn float(number: f64) -> Encoded<Value> {
    serde_json::Number::from_f64(number)
        .map(Value::Number)
        .ok_or_else(|| Offence::new(format!("{number} is a number that JSON does not have")))
}

#[derive(Clone, Copy)]
struct Encoder {
    depth: usize,
}

impl Encoder {
    fn deeper(self) -> Encoded<Self> {
        if self.depth >= MAX_DEPTH {
            return Err(Offence::new(format!("it is nested deeper than {MAX_DEPTH} levels")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl Serializer for Encoder {
    type Ok = Value;
    type Error = Offence;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = Items;
    type SerializeMap = Fields;
    type SerializeStruct = Struct;
    type SerializeStructVariant = Fields;

    fn serialize_bool(self, v: bool) -> Encoded<Value> {
        Ok(Value::Bool(v))
    }

    fn serialize_i8(self, v: i8) -> Encoded<Value> {
        Ok(v.into())
    }

    fn serialize_i16(self, v: i16) -> Encoded<Value> {
        Ok(v.into())
    }

    fn serialize_i32(self, v: i32) -> Encoded<Value> {
        Ok(v.into())
    }

    fn serialize_i64(self, v: i64) -> Encoded<Value> {
        Ok(v.into())
    }

    fn serialize_i128(self, v: i128) -> Encoded<Value> {
        i64::try_from(v)
            .map(Value::from)
            .or_else(|_| u64::try_from(v).map(Value::from))
            .map_err(|_| Offence::new(format!("{v} has more than 64 bits: the server would round it")))
    }

    fn serialize_u8(self, v: u8) -> Encoded<Value> {
        Ok(v.into())
    }

    fn serialize_u16(self, v: u16) -> Encoded<Value> {
        Ok(v.into())
    }

    fn serialize_u32(self, v: u32) -> Encoded<Value> {
        Ok(v.into())
    }

    fn serialize_u64(self, v: u64) -> Encoded<Value> {
        Ok(v.into())
    }

    fn serialize_u128(self, v: u128) -> Encoded<Value> {
        u64::try_from(v)
            .map(Value::from)
            .map_err(|_| Offence::new(format!("{v} has more than 64 bits: the server would round it")))
    }

    fn serialize_f32(self, v: f32) -> Encoded<Value> {
        // By way of its shortest text, as serde_json writes it: 0.1_f32 is 0.1, not 0.10000000149011612.
        if v.is_finite() { float(v.to_string().parse().unwrap_or_else(|_| f64::from(v))) } else { float(v.into()) }
    }

    fn serialize_f64(self, v: f64) -> Encoded<Value> {
        float(v)
    }

    fn serialize_char(self, v: char) -> Encoded<Value> {
        text(v.encode_utf8(&mut [0; 4])).map(Value::String)
    }

    fn serialize_str(self, v: &str) -> Encoded<Value> {
        text(v).map(Value::String)
    }

    fn serialize_bytes(self, v: &[u8]) -> Encoded<Value> {
        Ok(v.iter().copied().map(Value::from).collect())
    }

    fn serialize_none(self) -> Encoded<Value> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Encoded<Value> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Encoded<Value> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Encoded<Value> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Encoded<Value> {
        text(variant).map(Value::String)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Encoded<Value> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Encoded<Value> {
        let mut fields = Fields { map: Map::new(), key: String::new(), inner: self.deeper()?, variant: None };
        fields.insert(variant, value)?;
        Ok(Value::Object(fields.map))
    }

    fn serialize_seq(self, len: Option<usize>) -> Encoded<Items> {
        Ok(Items { values: Vec::with_capacity(len.unwrap_or(0).min(1024)), inner: self.deeper()?, variant: None })
    }

    fn serialize_tuple(self, len: usize) -> Encoded<Items> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Encoded<Items> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, variant: &'static str, len: usize) -> Encoded<Items> {
        Ok(Items { variant: Some(variant), ..self.deeper()?.serialize_seq(Some(len))? })
    }

    fn serialize_map(self, _: Option<usize>) -> Encoded<Fields> {
        Ok(Fields { map: Map::new(), key: String::new(), inner: self.deeper()?, variant: None })
    }

    fn serialize_struct(self, name: &'static str, len: usize) -> Encoded<Struct> {
        // serde_json's own types (`RawValue`, and `Number` under `arbitrary_precision`) pass as structs of such a name.
        if name.starts_with("$serde_json::private::") {
            let foreign = serde_json::value::Serializer.serialize_struct(name, len).map_err(ser::Error::custom)?;
            return Ok(Struct::Foreign { foreign, encoder: self });
        }
        self.serialize_map(None).map(Struct::Own)
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, variant: &'static str, _: usize) -> Encoded<Fields> {
        Ok(Fields { variant: Some(variant), ..self.deeper()?.serialize_map(None)? })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{json, value::RawValue};

    use super::*;

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

    fn sample() -> Sample {
        Sample {
            title: "é",
            size: 1.5,
            parts: vec![
                Part::Unit,
                Part::Newtype(1 << 63),
                Part::Tuple('x', 0.1),
                Part::Struct { raw: RawValue::from_string("[1, {\"a\": null}]".into()).unwrap() },
            ],
            by_day: BTreeMap::from([(3, None), (4, Some(true))]),
        }
    }

    #[test]
    fn serialises_as_serde_json_does() {
        let sample = sample();
        let text: Value = serde_json::from_str(&serde_json::to_string(&sample).unwrap()).unwrap();
        assert_eq!(Value::Object(object(&sample).unwrap()), text);
        assert_eq!(text["parts"][2]["Tuple"], json!(["x", 0.1]));
    }

    #[test]
    fn the_offender_is_named() {
        let message = |value: &dyn erased::Object| value.encode().unwrap_err().to_string();
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
    }

    #[test]
    fn what_is_too_deep_to_read_back_is_refused() {
        let nested = |levels| (1..levels).fold(json!({}), |inner, _| json!({ "a": inner }));
        assert!(object(&nested(MAX_DEPTH)).is_ok());
        assert!(object(&nested(MAX_DEPTH + 1)).unwrap_err().to_string().contains("deeper than"));
    }

    mod erased {
        use super::*;

        pub(super) trait Object {
            fn encode(&self) -> Result<Map<String, Value>>;
        }

        impl<T: Serialize> Object for T {
            fn encode(&self) -> Result<Map<String, Value>> {
                object(self)
            }
        }
    }
}
