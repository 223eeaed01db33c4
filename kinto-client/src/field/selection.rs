use super::path::Path;
use serde::{
    Deserializer,
    de::{self, DeserializeOwned, IgnoredAny, Visitor},
    forward_to_deserialize_any,
};
use serde_json::value::RawValue;

use super::{
    Field, Nested, Opaque, PlainField,
    reading::{self, InvalidRecord},
};
use crate::{
    error::{Error, Result},
    wire::object::decode::{self, Decoded},
};

/// Selected fields of a record `R`: one handle, or a tuple of up to eight.
///
/// They decode as they do with the whole record: under the names that serde reads, by the code of
/// `#[serde(with = "…")]`, with serde's default where they are missing. If a struct is missing or null, its
/// selected fields are `None` if they are `Option`s, and an error otherwise; in that case, select the struct
/// itself.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a selection of fields of `{R}`",
    label = "not fields of `{R}`",
    note = "a list of `{R}`s supports the selection of handles of `{R}::fields()`: one, or a tuple of up to eight"
)]
pub trait Selection<R>: Send + Sync {
    /// The type of the selected values.
    type Output: Send;

    #[doc(hidden)]
    fn paths(&self) -> Result<Vec<String>>;

    #[doc(hidden)]
    fn read(&self, record: &RawValue) -> std::result::Result<Self::Output, InvalidRecord>;
}

/// Decodes the selection from one object of a list.
pub(crate) fn selected<R, S: Selection<R>>(selection: &S, item: &[u8]) -> Result<Decoded<S::Output>> {
    let Decoded { id, last_modified, .. } = decode::object::<IgnoredAny>(item, &[])?;
    let record = serde_json::from_slice(item).map_err(|error| Error::not_kinto(&error, item))?;
    match selection.read(record) {
        Ok(data) => Ok(Decoded { id, last_modified, data }),
        Err(InvalidRecord { path, reason }) => Err(Error::decode(Some(id.to_string()), &path, &reason)),
    }
}

/// Returns the paths at which the server finds the field.
fn paths(path: &Path, is_read: bool) -> Result<Vec<String>> {
    if is_read {
        return Ok(path.ways());
    }
    let reason = "only serde can deserialize it; use `select_as` with a struct of your own";
    Err(Error::invalid(format!("the field `{path}` cannot be selected: {reason}")))
}

macro_rules! fields {
    ($($field:ident),+) => {$(
        impl<R, V: DeserializeOwned + Send> Selection<R> for $field<R, V> {
            type Output = V;

            fn paths(&self) -> Result<Vec<String>> {
                paths(&self.path, self.default.is_some() || !self.path.names().is_empty())
            }

            fn read(&self, record: &RawValue) -> std::result::Result<V, InvalidRecord> {
                self.path.read(record, self.read.unwrap_or(reading::read), self.default)
            }
        }

        impl<R, V: Send> Selection<R> for $field<R, Opaque<V>> {
            type Output = V;

            fn paths(&self) -> Result<Vec<String>> {
                paths(&self.path, self.read.is_some())
            }

            fn read(&self, record: &RawValue) -> std::result::Result<V, InvalidRecord> {
                let read = self.read.unwrap_or(|_| Err(de::Error::custom("only serde can deserialize it")));
                self.path.read(record, read, self.default).map(|Opaque(value)| value)
            }
        }
    )+};
}

fields!(Field, PlainField);

impl<R, V: DeserializeOwned + Send, P> Selection<R> for Nested<R, V, P> {
    type Output = V;

    fn paths(&self) -> Result<Vec<String>> {
        self.field.paths()
    }

    fn read(&self, record: &RawValue) -> std::result::Result<V, InvalidRecord> {
        Selection::read(&self.field, record)
    }
}

macro_rules! tuples {
    ($([$($field:ident $place:tt),+])+) => {$(
        impl<R, $($field: Selection<R>),+> Selection<R> for ($($field,)+) {
            type Output = ($($field::Output,)+);

            fn paths(&self) -> Result<Vec<String>> {
                let paths = [$(self.$place.paths()?),+];
                Ok(paths.concat())
            }

            fn read(&self, record: &RawValue) -> std::result::Result<Self::Output, InvalidRecord> {
                Ok(($(self.$place.read(record)?,)+))
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

/// Returns the names of the fields that a struct deserializes, which it passes to any deserializer.
pub(crate) fn names_of<S: DeserializeOwned>() -> Result<Vec<String>> {
    let mut names = None;
    let _ = S::deserialize(Listener { names: &mut names });
    names.ok_or_else(|| {
        let name = std::any::type_name::<S>();
        Error::invalid(format!("`{name}` does not name the fields it deserializes: use a struct without `flatten`"))
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
    use serde_json::{Map, Value};

    use super::*;

    #[test]
    fn names_of_returns_deserialized_fields() {
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
