//! The parts of JSON objects and lists, as text: a value is taken apart only where it is looked into.
//!
//! The text has been decoded before, or was encoded here. Only its quotes and brackets are looked at.

use std::{borrow::Cow, collections::HashMap};

use serde::de::{Error as _, IgnoredAny};
use serde_json::value::RawValue;

use super::extent;

/// Up to this many entries, comparing each key is quicker than a hash table.
const FEW: usize = 12;

/// The entries of a JSON object in order, with only the last one of a duplicate key, as JSON parsers usually read
/// it.
pub(crate) struct Entries<'a> {
    list: Vec<(Cow<'a, str>, &'a str)>,
    /// The places of the keys, once there are more than [`FEW`].
    index: HashMap<Cow<'a, str>, usize>,
}

impl<'a> Entries<'a> {
    pub(crate) fn of(json: &'a str) -> serde_json::Result<Self> {
        let mut entries = Self { list: Vec::with_capacity(FEW), index: HashMap::new() };
        let whole = each_entry(json, |key, value| entries.push(key, value));
        whole.ok_or_else(|| malformed(json, "an object"))?;
        Ok(entries)
    }

    /// Returns a value, if it is JSON.
    pub(crate) fn get(&self, key: &str) -> Option<&'a RawValue> {
        serde_json::from_str(self.text(key)?).ok()
    }

    pub(crate) fn text(&self, key: &str) -> Option<&'a str> {
        self.place(key).and_then(|place| self.list.get(place)).map(|(_, value)| *value)
    }

    /// The place and the value of a key, which is looked for at `near` first.
    pub(crate) fn find(&self, key: &str, near: usize) -> Option<(usize, &'a str)> {
        let at = |place: usize| self.list.get(place).filter(|(known, _)| known == key);
        let place = if at(near).is_some() { near } else { self.place(key)? };
        self.list.get(place).map(|(_, value)| (place, *value))
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.place(key).is_some()
    }

    /// The object without some of its keys.
    pub(crate) fn without(&self, keys: &[&str]) -> serde_json::Result<Box<RawValue>> {
        RawValue::from_string(self.text_without(keys)?)
    }

    /// The text of the object without some of its keys, always in the same form for the same entries.
    pub(crate) fn text_without(&self, keys: &[&str]) -> serde_json::Result<String> {
        let length = self.list.iter().map(|(key, value)| key.len() + value.len() + 4).sum::<usize>();
        let mut json = String::with_capacity(length + 1);
        json.push('{');
        for (key, value) in self.list.iter().filter(|(key, _)| !keys.contains(&&**key)) {
            if json.len() > 1 {
                json.push(',');
            }
            match key {
                // It has no escapes, and needs none.
                Cow::Borrowed(key) => json.extend(["\"", key, "\":"]),
                Cow::Owned(key) => json.extend([&*serde_json::to_string(key)?, ":"]),
            }
            json.push_str(value);
        }
        json.push('}');
        Ok(json)
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.list.iter().map(|(key, value)| (&**key, *value))
    }

    fn place(&self, key: &str) -> Option<usize> {
        if self.list.len() > FEW {
            return self.index.get(key).copied();
        }
        self.list.iter().position(|(known, _)| known == key)
    }

    fn push(&mut self, key: Cow<'a, str>, value: &'a str) {
        if let Some((_, known)) = self.place(&key).and_then(|place| self.list.get_mut(place)) {
            *known = value;
            return;
        }
        self.list.push((key, value));
        if self.list.len() > FEW {
            for (place, (key, _)) in self.list.iter().enumerate().skip(self.index.len()) {
                self.index.insert(key.clone(), place);
            }
        }
    }
}

/// The items of a JSON array.
pub(crate) fn items(json: &str) -> serde_json::Result<Vec<&str>> {
    let mut items = Vec::new();
    let whole = each_part(json, ['[', ']'], |rest| {
        items.push(value(rest)?);
        Some(())
    });
    whole.ok_or_else(|| malformed(json, "a list"))?;
    Ok(items)
}

/// Returns the JSON of a field of an object; dots lead into objects. Of a field that is there twice, it is the last.
#[cfg(feature = "local")]
pub(crate) fn field_at<'a>(object: &'a str, path: &str) -> Option<&'a str> {
    path.split('.').try_fold(object, |object, name| {
        let mut found = None;
        each_entry(object, |key, value| {
            if key == name {
                found = Some(value);
            }
        })?;
        found
    })
}

/// Shows the entries of an object one after the other; returns `None` at the first that is none.
pub(super) fn each_entry<'a>(json: &'a str, mut show: impl FnMut(Cow<'a, str>, &'a str)) -> Option<()> {
    each_part(json, ['{', '}'], |rest| {
        let quoted = value(rest)?;
        let plain = quoted.strip_prefix('"')?.strip_suffix('"')?;
        let key = if plain.contains('\\') { serde_json::from_str(quoted).ok()? } else { Cow::Borrowed(plain) };
        *rest = rest.trim_ascii_start().strip_prefix(':')?.trim_ascii_start();
        show(key, value(rest)?);
        Some(())
    })
}

/// Has each part of an object or a list read from the rest of the text, which begins with it.
fn each_part<'a>(
    json: &'a str,
    [open, close]: [char; 2],
    mut read: impl FnMut(&mut &'a str) -> Option<()>,
) -> Option<()> {
    let mut rest = json.trim_ascii().strip_prefix(open)?.trim_ascii_start();
    let mut is_more = !rest.starts_with(close);
    while is_more {
        read(&mut rest)?;
        rest = rest.trim_ascii_start();
        let after = rest.strip_prefix(',');
        is_more = after.is_some();
        rest = after.map_or(rest, str::trim_ascii_start);
    }
    rest.strip_prefix(close)?.is_empty().then_some(())
}

/// Takes the value at the beginning of the rest.
fn value<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let (value, after) = rest.split_at_checked(extent::of_value(rest)?)?;
    *rest = after;
    Some(value)
}

fn malformed(json: &str, expected: &str) -> serde_json::Error {
    let invalid = serde_json::from_str::<IgnoredAny>(json).err();
    invalid.unwrap_or_else(|| serde_json::Error::custom(format!("expected {expected}")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::{super::extent::tests::json, *};

    proptest! {
        #[test]
        fn parts_are_those_that_serde_json_reads(values in prop::collection::vec(json(), 0..16), pretty: bool) {
            let keys = (0..values.len()).map(|n| format!("{}{}", n % 13, if n % 2 == 0 { "" } else { "\"\u{e9}\\" }));
            let object: Vec<(String, Value)> = keys.zip(values.iter().cloned()).collect();
            let write = |value: &Value| if pretty { format!("{value:#}") } else { value.to_string() };
            let written = object.iter().map(|(key, value)| format!("{}: {}", Value::from(&**key), write(value)));
            let text = format!(" {{ {} }}\n", written.collect::<Vec<_>>().join(" , "));
            let entries = Entries::of(&text).unwrap();
            let expected: Map<String, Value> = serde_json::from_str(&text).unwrap();
            let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap();
            let found: Map<String, Value> =
                entries.iter().map(|(key, value)| (key.to_owned(), parsed(value))).collect();
            prop_assert_eq!(&found, &expected);
            prop_assert_eq!(entries.len(), expected.len());
            for (place, (key, value)) in entries.iter().enumerate() {
                prop_assert_eq!(entries.text(key), Some(value));
                prop_assert_eq!(entries.find(key, place + 1), Some((place, value)));
                let mut rest = expected.clone();
                rest.remove(key);
                prop_assert_eq!(parsed(&entries.text_without(&[key]).unwrap()), Value::Object(rest));
            }
            let list = Value::from(values.clone());
            let found: Vec<Value> = items(&write(&list)).unwrap().into_iter().map(parsed).collect();
            prop_assert_eq!(found, values);
        }
    }

    #[test]
    fn parts_of_other_text_are_an_error() {
        for text in [
            "",
            "1",
            "null",
            "[]",
            "{",
            "{}}",
            "{} {}",
            "{1:2}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{,}",
            "{\"a\":1 \"b\":2}",
        ] {
            assert!(Entries::of(text).is_err(), "{text}");
        }
        for text in ["", "1", "null", "{}", "[", "[]]", "[1,]", "[,]", "[1 2]"] {
            assert!(items(text).is_err(), "{text}");
        }
        assert_eq!(Entries::of("[]").err().unwrap().to_string(), "expected an object");
    }

    #[cfg(feature = "local")]
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
