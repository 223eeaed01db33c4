//! Finding a field of a JSON object without reading the others.

use std::fmt;

use serde::{
    Deserializer,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// Returns the JSON of a field of an object; dots lead into objects. Of a field that is there twice, it is the last.
pub(crate) fn field_at<'a>(object: &'a str, path: &str) -> Option<&'a str> {
    path.split('.').try_fold(object, |object, name| {
        let mut deserializer = serde_json::Deserializer::from_str(object);
        deserializer.deserialize_map(Find(name)).ok()?.map(RawValue::get)
    })
}

struct Find<'n>(&'n str);

impl<'de> Visitor<'de> for Find<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(is_it) = fields.next_key_seed(Is(self.0))? {
            if is_it {
                found = Some(fields.next_value()?);
            } else {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Compares a name with the one that is looked for, without a copy of it.
struct Is<'n>(&'n str);

impl<'de> DeserializeSeed<'de> for Is<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::field_at;

    #[test]
    fn field_is_found_by_its_path() {
        let object = r#"{"a": {"b": [1, 2], "\u0063": " x"}, "a.b": 5, "d": 1, "d": 1.50}"#;
        for (path, found) in [
            ("a.b", Some("[1, 2]")),
            ("a.c", Some(r#"" x""#)),
            ("d", Some("1.50")),
            ("a", Some(r#"{"b": [1, 2], "\u0063": " x"}"#)),
            ("b", None),
            ("d.x", None),
            ("a.b.0", None),
            ("", None),
        ] {
            assert_eq!(field_at(object, path), found, "{path}");
        }
        assert_eq!(field_at("[1]", "0"), None);
    }
}
