use serde::{
    Deserializer,
    de::{self, DeserializeOwned, Visitor},
    forward_to_deserialize_any,
};
use serde_json::{Map, Value};

use super::Field;
use crate::error::{Error, Result};

/// Some fields of a record `R`: one [`Field`], or a tuple of up to eight.
pub trait Selection<R>: Send + Sync {
    /// What they hold.
    type Output: Send;

    #[doc(hidden)]
    fn names(&self) -> Vec<String>;

    #[doc(hidden)]
    fn read(&self, item: &[u8]) -> Result<Self::Output>;
}

impl<R, V: DeserializeOwned + Send> Selection<R> for Field<R, V> {
    type Output = V;

    fn names(&self) -> Vec<String> {
        vec![self.path()]
    }

    fn read(&self, item: &[u8]) -> Result<V> {
        let object: Map<String, Value> =
            serde_json::from_slice(item).map_err(|error| Error::not_kinto(&error, item))?;
        read(self, &object)
    }
}

/// The value at the field's path; what is missing is read as null, which only an `Option` can be.
fn read<R, V: DeserializeOwned>(field: &Field<R, V>, object: &Map<String, Value>) -> Result<V> {
    let path = field.path();
    let mut keys = path.split('.');
    let top = keys.next().and_then(|key| object.get(key));
    let value = keys.fold(top, |value, key| value?.get(key));
    V::deserialize(value.unwrap_or(&Value::Null)).map_err(|error| {
        let id = object.get("id").and_then(Value::as_str).map(str::to_owned);
        Error::decode(id, &path, &error.to_string())
    })
}

macro_rules! tuples {
    ($([$($value:ident $place:tt),+])+) => {$(
        impl<R, $($value: DeserializeOwned + Send),+> Selection<R> for ($(Field<R, $value>,)+) {
            type Output = ($($value,)+);

            fn names(&self) -> Vec<String> {
                vec![$(self.$place.path()),+]
            }

            fn read(&self, item: &[u8]) -> Result<Self::Output> {
                let object: Map<String, Value> =
                    serde_json::from_slice(item).map_err(|error| Error::not_kinto(&error, item))?;
                Ok(($(read(&self.$place, &object)?,)+))
            }
        }
    )+};
}

tuples! {
    [A 0]
    [A 0, B 1]
    [A 0, B 1, C 2]
    [A 0, B 1, C 2, D 3]
    [A 0, B 1, C 2, D 3, E 4]
    [A 0, B 1, C 2, D 3, E 4, F 5]
    [A 0, B 1, C 2, D 3, E 4, F 5, G 6]
    [A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7]
}

/// The names of the fields that a struct reads, which it tells whatever it is read from.
pub(crate) fn names_of<S: DeserializeOwned>() -> Result<Vec<String>> {
    let mut names = None;
    let _ = S::deserialize(Listener { names: &mut names });
    names.ok_or_else(|| {
        let name = std::any::type_name::<S>();
        Error::invalid(format!("`{name}` does not name the fields it reads: only a struct without `flatten` does"))
    })
}

struct Listener<'a> {
    names: &'a mut Option<Vec<String>>,
}

impl<'de> Deserializer<'de> for Listener<'_> {
    type Error = de::value::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> std::result::Result<V::Value, Self::Error> {
        *self.names = Some(fields.iter().map(|&field| field.to_owned()).collect());
        Err(de::Error::custom("only the names were asked for"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> std::result::Result<V::Value, Self::Error> {
        Err(de::Error::custom("only the names were asked for"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[test]
    fn structs_tell_what_they_read() {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Small {
            #[serde(rename = "title")]
            _name: String,
            _due_at: u8,
        }
        assert_eq!(names_of::<Small>().unwrap(), ["title", "dueAt"]);
        assert!(names_of::<Map<String, Value>>().unwrap_err().is_invalid());
    }
}
