//! Keys that sort as PostgreSQL sorts JSON, so that a database of bytes can compare and index values.
//!
//! The order is: an empty list, null, text, numbers, booleans, lists, objects, and then what is missing. Lists and objects are
//! compared by their sizes first. Two keys are equal if the values are: `1` and `1.0` are.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::value::RawValue;

use super::entries::{field_at, items};

const EMPTY_LIST: u8 = 1;
const NULL: u8 = 2;
const TEXT: u8 = 3;
const NUMBER: u8 = 4;
const BOOLEAN: u8 = 5;
const LIST: u8 = 6;
const OBJECT: u8 = 7;

/// The key of a field that is missing, which is greater than that of any value.
pub(crate) const MISSING: &[u8] = &[8];

const NEGATIVE: u8 = 1;
const ZERO: u8 = 2;
const POSITIVE: u8 = 3;

/// Returns the key of a field of an object; dots lead into objects.
pub(crate) fn of_field(object: &str, path: &str) -> Vec<u8> {
    field_at(object, path).map_or_else(|| MISSING.to_vec(), sort_key)
}

/// Returns the key of a value.
pub(crate) fn sort_key(json: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(16);
    match json.trim_ascii_start().strip_prefix('[') {
        // Because of how PostgreSQL stores a single value, an empty list comes before all of them.
        Some(list) if list.trim_ascii_start().starts_with(']') => key.push(EMPTY_LIST),
        _ => write(json, &mut key),
    }
    key
}

fn write(json: &str, key: &mut Vec<u8>) {
    let json = json.trim_ascii();
    match json.as_bytes().first() {
        Some(b'"') => {
            key.push(TEXT);
            write_text(&serde_json::from_str::<Text<'_>>(json).unwrap_or_default().0, key);
        }
        Some(b't') => key.extend([BOOLEAN, 1]),
        Some(b'f') => key.extend([BOOLEAN, 0]),
        Some(b'[') => {
            let items = items(json).unwrap_or_default();
            key.push(LIST);
            write_length(items.len(), key);
            for item in items {
                write(item, key);
            }
        }
        Some(b'{') => {
            let pairs: BTreeMap<Text<'_>, &RawValue> = serde_json::from_str(json).unwrap_or_default();
            let mut pairs: Vec<_> = pairs.into_iter().collect();
            // Kept by the lengths of the names, and then by their bytes.
            pairs.sort_by_key(|(name, _)| name.0.len());
            key.push(OBJECT);
            write_length(pairs.len(), key);
            for (Text(name), value) in pairs {
                write_length(name.len(), key);
                key.extend(name.as_bytes());
                write(value.get(), key);
            }
        }
        Some(b'-' | b'0'..=b'9') => {
            key.push(NUMBER);
            write_number(json, key);
        }
        _ => key.push(NULL),
    }
}

/// A text, without a copy where it has no escapes.
#[derive(Default, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn write_length(length: usize, key: &mut Vec<u8>) {
    key.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
}

/// Writes a text with an end that is less than any text that goes on.
fn write_text(text: &str, key: &mut Vec<u8>) {
    for byte in text.bytes() {
        key.push(byte);
        if byte == 0 {
            key.push(u8::MAX);
        }
    }
    key.extend([0, 0]);
}

/// Writes a number by its sign, the place of its first digit, and its digits.
fn write_number(json: &str, key: &mut Vec<u8>) {
    let is_whole = !json.contains(['.', 'e', 'E']);
    let float = json.parse::<f64>().ok().filter(|float| float.is_finite() && !is_whole);
    // What is no integer is a double to the server, which stores the fewest digits that say it.
    let number = float.map_or(Cow::Borrowed(json), |float| Cow::Owned(format!("{float:e}")));
    let (is_negative, number) = number.strip_prefix('-').map_or((false, &*number), |number| (true, number));
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        key.push(ZERO);
        return;
    }
    let zeros = digits.len() - significant.len();
    let place = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
    let exponent = exponent.parse::<i64>().unwrap_or_default();
    let first = exponent.saturating_add(place(whole.len())).saturating_sub(place(zeros));
    key.push(if is_negative { NEGATIVE } else { POSITIVE });
    let start = key.len();
    // An offset makes bytes of it that sort as the number does.
    key.extend((first.cast_unsigned() ^ (1 << 63)).to_be_bytes());
    key.extend(significant.trim_end_matches('0').bytes());
    key.push(0);
    if is_negative {
        key.iter_mut().skip(start).for_each(|byte| *byte = !*byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_the_server_sorts() {
        let rising = [
            "[]",
            "null",
            r#""""#,
            r#""A""#,
            r#""a""#,
            r#""a\u0000""#,
            r#""aa""#,
            r#""\u00e9""#,
            "-1e300",
            "-12345678901234567890123",
            "-10",
            "-9.5",
            "-9",
            "-0.001",
            "0",
            "5e-324",
            "0.1",
            "0.10000000000000002",
            "1",
            "9",
            "10",
            "9007199254740992",
            "9007199254740993",
            "18446744073709551615",
            "18446744073709551616",
            "1e300",
            "false",
            "true",
            "[1]",
            "[2]",
            "[[]]",
            "[1, 1]",
            "{}",
            r#"{"b": 1}"#,
            r#"{"b": 2}"#,
            r#"{"aa": 1}"#,
            r#"{"a": 1, "b": 1}"#,
        ];
        for (index, one) in rising.iter().enumerate() {
            for (other_index, other) in rising.iter().enumerate() {
                assert_eq!(sort_key(one).cmp(&sort_key(other)), index.cmp(&other_index), "{one} {other}");
            }
            assert!(*sort_key(one) < *MISSING, "{one}");
        }
    }

    #[test]
    fn equal_values_have_equal_keys() {
        for (one, other) in [
            ("1", "1.0"),
            ("100", "1e2"),
            ("-0", "0.0"),
            ("0.1", "0.1000000000000000055"),
            (r#""\u0061""#, r#""a""#),
            (" [1, 2] ", "[1.0,2]"),
            (r#"{"a":1,"b":[]}"#, r#"{ "b" : [ ], "a" : 1 }"#),
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
        ] {
            assert_eq!(sort_key(one), sort_key(other), "{one} {other}");
        }
    }

    #[test]
    fn field_that_is_missing_has_a_key_of_its_own() {
        let object = r#"{"a": {"b": 1}, "c": null, "d": [1]}"#;
        assert_eq!(of_field(object, "a.b"), sort_key("1"));
        assert_eq!(of_field(object, "c"), sort_key("null"));
        for path in ["b", "a.c", "c.b", "d.0", "a.b.c"] {
            assert_eq!(of_field(object, path), MISSING, "{path}");
        }
    }
}
