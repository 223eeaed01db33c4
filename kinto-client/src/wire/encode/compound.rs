use serde::{Serialize, Serializer, ser};
use serde_json::{Map, Value};

use super::{Encoded, Encoder, name_of, offence::Offence, text};

fn wrapped(variant: Option<&'static str>, value: Value) -> Value {
    match variant {
        Some(variant) => Value::Object(Map::from_iter([(variant.to_owned(), value)])),
        None => value,
    }
}

pub(super) struct Items {
    pub(super) values: Vec<Value>,
    pub(super) inner: Encoder,
    pub(super) variant: Option<&'static str>,
}

impl Items {
    pub(super) fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Encoded<()> {
        let index = self.values.len();
        self.values.push(value.serialize(self.inner).map_err(|offence| offence.in_item(index))?);
        Ok(())
    }

    fn finish(self) -> Value {
        wrapped(self.variant, Value::Array(self.values))
    }
}

macro_rules! serialize_items {
    ($($trait:ident :: $method:ident),+) => {$(
        impl ser::$trait for Items {
            type Ok = Value;
            type Error = Offence;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Encoded<()> {
                self.push(value)
            }

            fn end(self) -> Encoded<Value> {
                Ok(self.finish())
            }
        }
    )+};
}

serialize_items!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

pub(super) struct Fields {
    pub(super) map: Map<String, Value>,
    pub(super) key: String,
    pub(super) inner: Encoder,
    pub(super) variant: Option<&'static str>,
}

impl Fields {
    pub(super) fn insert<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Encoded<()> {
        let value = value.serialize(self.inner).map_err(|offence| offence.in_key(key))?;
        self.map.insert(text(key)?, value);
        Ok(())
    }

    fn finish(self) -> Value {
        wrapped(self.variant, Value::Object(self.map))
    }
}

impl ser::SerializeMap for Fields {
    type Ok = Value;
    type Error = Offence;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Encoded<()> {
        self.key = match key.serialize(Encoder { depth: 0 })? {
            Value::String(key) => key,
            Value::Number(number) => number.to_string(),
            Value::Bool(bool) => bool.to_string(),
            other => return Err(Offence::new(format!("the key of a map is {}, not text", name_of(&other)))),
        };
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Encoded<()> {
        let key = std::mem::take(&mut self.key);
        self.insert(&key, value)
    }

    fn end(self) -> Encoded<Value> {
        Ok(self.finish())
    }
}

impl ser::SerializeStructVariant for Fields {
    type Ok = Value;
    type Error = Offence;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Encoded<()> {
        self.insert(key, value)
    }

    fn end(self) -> Encoded<Value> {
        Ok(self.finish())
    }
}

pub(super) enum Struct {
    Own(Fields),
    Foreign { foreign: <serde_json::value::Serializer as Serializer>::SerializeStruct, encoder: Encoder },
}

impl ser::SerializeStruct for Struct {
    type Ok = Value;
    type Error = Offence;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Encoded<()> {
        match self {
            Self::Own(fields) => fields.insert(key, value),
            Self::Foreign { foreign, .. } => {
                ser::SerializeStruct::serialize_field(foreign, key, value).map_err(ser::Error::custom)
            }
        }
    }

    fn end(self) -> Encoded<Value> {
        match self {
            Self::Own(fields) => Ok(fields.finish()),
            Self::Foreign { foreign, encoder } => {
                match ser::SerializeStruct::end(foreign).map_err(ser::Error::custom)? {
                    number @ Value::Number(_) => Ok(number),
                    raw => raw.serialize(encoder),
                }
            }
        }
    }
}
