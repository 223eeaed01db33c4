//! What changed between two states of a value, applied to the JSON it came from, so that everything the value's type
//! does not know stays as it was received, to the byte.

use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value, value::RawValue};

use super::key::Key;

pub(crate) type Entries<'a> = Vec<(std::borrow::Cow<'a, str>, &'a RawValue)>;

/// `raw` with the changes from `before` to `after` made to it; both are what the type serialises to, and `raw` is what
/// it was read from. Top-level keys in `without` are left out.
pub(crate) fn apply(
    raw: &RawValue,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    without: &[&str],
) -> serde_json::Result<Vec<u8>> {
    let mut merged = Vec::with_capacity(raw.get().len() + 64);
    let mut entries = entries(raw)?;
    entries.retain(|(key, _)| !without.contains(&&**key));
    object(&entries, before, after, &mut merged)?;
    Ok(merged)
}

fn object(
    entries: &Entries<'_>,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    out: &mut Vec<u8>,
) -> serde_json::Result<()> {
    let mut separator = b'{';
    let mut key_into = |key: &str, out: &mut Vec<u8>| {
        out.push(std::mem::replace(&mut separator, b','));
        serde_json::to_writer(&mut *out, key)?;
        out.push(b':');
        serde_json::Result::Ok(())
    };
    for (key, raw) in entries {
        let (old, new) = (before.get(&**key), after.get(&**key));
        if old.is_some() && new.is_none() {
            continue;
        }
        key_into(key, out)?;
        match new {
            Some(new) => value(raw, old, new, out)?,
            None => out.extend_from_slice(raw.get().as_bytes()),
        }
    }
    for (key, new) in after {
        let received = entries.iter().any(|(known, _)| **known == *key);
        // A default that the type filled in when it was read is no change.
        if !received && before.get(key) != Some(new) {
            key_into(key, out)?;
            serde_json::to_writer(&mut *out, new)?;
        }
    }
    if separator == b'{' {
        out.push(b'{');
    }
    out.push(b'}');
    Ok(())
}

fn value(raw: &RawValue, before: Option<&Value>, after: &Value, out: &mut Vec<u8>) -> serde_json::Result<()> {
    match (before, after) {
        (Some(before), after) if before == after => out.extend_from_slice(raw.get().as_bytes()),
        (Some(Value::Object(before)), Value::Object(after)) if raw.get().starts_with('{') => {
            object(&entries(raw)?, before, after, out)?;
        }
        (Some(Value::Array(before)), Value::Array(after)) if raw.get().starts_with('[') => {
            let items: Vec<&RawValue> = serde_json::from_str(raw.get())?;
            array(&items, before, after, out)?;
        }
        _ => serde_json::to_writer(&mut *out, after)?,
    }
    Ok(())
}

/// Items that did not change keep what the type does not know of them. Where as many items stand between two unchanged
/// ones as did before, they are the same items, edited; otherwise items came or went, and the new ones are as given.
fn array(items: &[&RawValue], before: &[Value], after: &[Value], out: &mut Vec<u8>) -> serde_json::Result<()> {
    let mut separator = b'[';
    let paired = items.len() == before.len();
    let mut pairs = if paired { pair(before, after) } else { vec![None; after.len()] }.into_iter();
    for new in after {
        out.push(std::mem::replace(&mut separator, b','));
        let old = pairs.next().flatten();
        match old.and_then(|index| Some((items.get(index)?, before.get(index)?))) {
            Some((raw, old)) => value(raw, Some(old), new, out)?,
            None => serde_json::to_writer(&mut *out, new)?,
        }
    }
    if separator == b'[' {
        out.push(b'[');
    }
    out.push(b']');
    Ok(())
}

/// For each item of `after`, the item of `before` that it is.
fn pair(before: &[Value], after: &[Value]) -> Vec<Option<usize>> {
    let mut pairs = Vec::with_capacity(after.len());
    let mut next = 0;
    let mut gap = 0;
    for (index, item) in after.iter().enumerate() {
        let unchanged = before.iter().enumerate().skip(next).find(|(_, old)| *old == item).map(|(found, _)| found);
        if let Some(found) = unchanged {
            fill(&mut pairs, next, found, gap);
            pairs.push(Some(found));
            next = found + 1;
            gap = index + 1;
        } else {
            pairs.push(None);
        }
    }
    fill(&mut pairs, next, before.len(), gap);
    pairs
}

/// Pairs the items since `gap` with `from..to`, if there are as many of the one as of the other.
fn fill(pairs: &mut [Option<usize>], from: usize, to: usize, gap: usize) {
    let Some(unpaired) = pairs.get_mut(gap..) else { return };
    if unpaired.len() == to - from {
        for (slot, index) in unpaired.iter_mut().zip(from..) {
            *slot = Some(index);
        }
    }
}

/// The entries of a JSON object in their order; of a key given twice the last one, as everybody reads it.
pub(crate) fn entries(raw: &RawValue) -> serde_json::Result<Entries<'_>> {
    struct Object<'a>(Entries<'a>);

    impl<'de> Deserialize<'de> for Object<'de> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct ObjectVisitor;

            impl<'de> de::Visitor<'de> for ObjectVisitor {
                type Value = Object<'de>;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }

                fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                    let mut entries: Entries<'de> = Vec::new();
                    while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                        match entries.iter_mut().find(|(known, _)| *known == key) {
                            Some((_, known)) => *known = value,
                            None => entries.push((key, value)),
                        }
                    }
                    Ok(Object(entries))
                }
            }

            deserializer.deserialize_map(ObjectVisitor)
        }
    }

    serde_json::from_str::<Object<'_>>(raw.get()).map(|object| object.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(raw: &str, before: &Value, after: &Value) -> String {
        let raw = RawValue::from_string(raw.to_owned()).unwrap();
        let merged = apply(&raw, before.as_object().unwrap(), after.as_object().unwrap(), &["id"]).unwrap();
        String::from_utf8(merged).unwrap()
    }

    #[test]
    fn what_the_type_does_not_know_stays_to_the_byte() {
        let raw = r#"{"z":1.10,"a":{"x":1,"big":12345678901234567890123,"y":{"k":"\u00e9","t":1}},"id":"r"}"#;
        let before = json!({"a": {"x": 1, "y": {"t": 1}}});
        let after = json!({"a": {"x": 2, "y": {"t": 1}}});
        assert_eq!(
            merged(raw, &before, &after),
            r#"{"z":1.10,"a":{"x":2,"big":12345678901234567890123,"y":{"k":"\u00e9","t":1}}}"#
        );
    }

    #[test]
    fn keys_come_and_go() {
        let before = json!({"map": {"a": 1, "b": 2}, "gone": 1, "default": false});
        let after = json!({"map": {"b": 2, "c": 3}, "default": false, "new": [1]});
        assert_eq!(
            merged(r#"{"map":{"a":1,"b":2},"gone":1,"extra":0}"#, &before, &after),
            r#"{"map":{"b":2,"c":3},"extra":0,"new":[1]}"#
        );
        assert_eq!(merged("{}", &json!({}), &json!({})), "{}");
        assert_eq!(merged(r#"{"a":1}"#, &json!({"a": 1}), &json!({})), "{}");
    }

    #[test]
    fn a_default_that_was_changed_is_written() {
        assert_eq!(merged("{}", &json!({"done": false}), &json!({"done": true})), r#"{"done":true}"#);
    }

    #[test]
    fn items_keep_what_the_type_does_not_know() {
        let raw = r#"{"l":[{"n":1,"u":"a"},{"n":2,"u":"b"},{"n":3,"u":"c"}]}"#;
        let list = |numbers: &[i32]| json!({"l": numbers.iter().map(|n| json!({"n": n})).collect::<Vec<_>>()});
        let after = |numbers| merged(raw, &list(&[1, 2, 3]), &list(numbers));
        assert_eq!(after(&[1, 9, 3]), r#"{"l":[{"n":1,"u":"a"},{"n":9,"u":"b"},{"n":3,"u":"c"}]}"#);
        assert_eq!(after(&[1, 3]), r#"{"l":[{"n":1,"u":"a"},{"n":3,"u":"c"}]}"#);
        assert_eq!(after(&[0, 1, 2, 3]), r#"{"l":[{"n":0},{"n":1,"u":"a"},{"n":2,"u":"b"},{"n":3,"u":"c"}]}"#);
        assert_eq!(after(&[7, 8, 9]), r#"{"l":[{"n":7,"u":"a"},{"n":8,"u":"b"},{"n":9,"u":"c"}]}"#);
        assert_eq!(after(&[7]), r#"{"l":[{"n":7}]}"#);
        assert_eq!(after(&[]), r#"{"l":[]}"#);
    }

    #[test]
    fn of_a_key_given_twice_the_last_counts() {
        assert_eq!(merged(r#"{"a":1,"a":2,"b":3}"#, &json!({"a": 2}), &json!({"a": 2})), r#"{"a":2,"b":3}"#);
    }
}
