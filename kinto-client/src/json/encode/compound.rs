use serde::{
    Serialize, Serializer,
    ser::{self, Error as _},
};
use serde_json::Value;

use super::{
    name_of, repeated,
    serializer::{Encoder, Place},
};
use crate::json::extent;

/// A sequence, map or struct that passes its checked items on to another serializer.
pub(super) struct Compound<'t, C> {
    inner: C,
    /// The place of its items.
    place: Place<'t>,
    /// `true` if its keys are those of an object to be created.
    is_new_data: bool,
    /// The key whose value has not been serialized yet.
    key: String,
    /// The number of keys of the objects that it is in.
    outer_keys: usize,
}

impl<'t, C> Compound<'t, C> {
    pub(super) fn new(place: Place<'t>, inner: C) -> Self {
        Self { inner, place, is_new_data: false, key: String::new(), outer_keys: place.context.keys.count() }
    }

    /// Creates the serializer of a map or struct at this place.
    pub(super) fn of_keys<E: ser::Error>(place: Place<'t>, inner: C) -> Result<Self, E> {
        Ok(Self { is_new_data: place.is_of_new_data(), ..Self::new(place.deeper()?, inner) })
    }
}

macro_rules! items {
    ($($trait:ident :: $method:ident)+) => {$(
        impl<C: ser::$trait> ser::$trait for Compound<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
                self.inner.$method(&self.place.holds(value))
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        }
    )+};
}

items! {
    SerializeSeq::serialize_element
    SerializeTuple::serialize_element
    SerializeTupleStruct::serialize_field
    SerializeTupleVariant::serialize_field
}

macro_rules! fields {
    ($($trait:ident)+) => {$(
        impl<C: ser::$trait> ser::$trait for Compound<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), C::Error> {
                let Self { inner, place, is_new_data, .. } = self;
                place.check(key)?;
                if *is_new_data && place.context.takes(key, &place.holds(value))? {
                    return inner.skip_field(key);
                }
                place.context.keys.add(key);
                inner.serialize_field(key, &place.holds(value))
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.place.context.keys.end_object(self.outer_keys);
                self.inner.end()
            }
        }
    )+};
}

fields! { SerializeStruct SerializeStructVariant }

impl<C: ser::SerializeMap> ser::SerializeMap for Compound<'_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        self.key = text_of(key, self.place)?;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        let key = std::mem::take(&mut self.key);
        self.serialize_entry(&key, value)
    }

    fn serialize_entry<Key, T>(&mut self, key: &Key, value: &T) -> Result<(), C::Error>
    where
        Key: Serialize + ?Sized,
        T: Serialize + ?Sized,
    {
        let Self { inner, place, is_new_data, .. } = self;
        if *is_new_data && place.context.takes(&text_of(key, *place)?, &place.holds(value))? {
            return Ok(());
        }
        inner.serialize_key(&place.holds(key)).map_err(|error| text_of(key, *place).err().unwrap_or(error))?;
        place.context.keys.add(key);
        inner.serialize_value(&place.holds(value))
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.place.context.keys.end_object(self.outer_keys);
        self.inner.end()
    }
}

/// Returns a map key as JSON text, or the reason why it cannot be a key.
fn text_of<T: Serialize + ?Sized, E: ser::Error>(key: &T, place: Place<'_>) -> Result<String, E> {
    match serde_json::to_value(place.holds(key)) {
        Ok(Value::String(text)) => Ok(text),
        Ok(Value::Number(number)) => Ok(number.to_string()),
        Ok(Value::Bool(bool)) => Ok(bool.to_string()),
        Ok(other) => Err(place.context.refuse(format!("the key of a map is {}, not text", name_of(&other)))),
        Err(error) => Err(E::custom(error)),
    }
}

/// Returns the first whole number in JSON text that has more than 64 bits.
fn number_of_more_than_64_bits(mut json: &str) -> Option<&str> {
    while let Some(first) = json.chars().next() {
        let is_scalar = first == '"' || first == '-' || first.is_ascii_digit();
        let length = if is_scalar { extent::of_value(json)? } else { first.len_utf8() };
        let (token, rest) = json.split_at_checked(length)?;
        let is_whole = token.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit());
        if first != '"' && is_scalar && is_whole && token.parse::<i64>().is_err() && token.parse::<u64>().is_err() {
            return Some(token);
        }
        json = rest;
    }
    None
}

/// The serializer of a struct, or of a value that is serialized as one.
pub(super) enum Struct<'t, S: Serializer> {
    Own(Compound<'t, S::SerializeStruct>),
    Foreign { foreign: <serde_json::value::Serializer as Serializer>::SerializeStruct, encoder: Encoder<'t, S> },
}

impl<S: Serializer> ser::SerializeStruct for Struct<'_, S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), S::Error> {
        match self {
            Self::Own(own) => own.serialize_field(key, value),
            Self::Foreign { foreign, encoder } => {
                if let Ok(Value::String(json)) = serde_json::to_value(value) {
                    if let Some(number) = number_of_more_than_64_bits(&json) {
                        return Err(encoder.place.too_large(number));
                    }
                    if let Some(found) = repeated::in_text(&json).first() {
                        return Err(encoder.place.context.refuse(found.to_string()));
                    }
                }
                foreign.serialize_field(key, value).map_err(S::Error::custom)
            }
        }
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        match self {
            Self::Own(own) => own.end(),
            Self::Foreign { foreign, encoder } => match foreign.end().map_err(S::Error::custom)? {
                number @ Value::Number(_) => number.serialize(encoder.serializer),
                raw => raw.serialize(encoder),
            },
        }
    }
}
