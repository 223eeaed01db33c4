//! The extents of JSON values that are decoded later, or not at all.

use memchr::memchr2;

/// Returns the length of the value at the beginning of the text, or `None` if it has no end there.
///
/// Only quotes and brackets are looked at, which is faster than decoding. Whether the value is valid JSON shows
/// when it is decoded.
pub(crate) fn of_value(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    match bytes.first()? {
        b'"' => end_of_string(bytes, 1),
        b'{' | b'[' => end_of_brackets(bytes),
        _ => {
            let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b':' | b']' | b'}' | b'"');
            bytes.iter().position(ends).filter(|length| *length > 0)
        }
    }
}

/// Returns the end of an object or an array.
fn end_of_brackets(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        match bytes.get(at)? {
            b'"' => {
                at = end_of_string(bytes, at + 1)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

/// Returns the end of a string, whose first character after the quote is at this place.
fn end_of_string(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes.get(at) == Some(&b'"') {
            return Some(at + 1);
        }
        at += 2;
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    pub(in crate::json) fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[a-z\"\\\\{}\\[\\],é\n]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map("[a\"\\\\}]{0,3}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn extent_is_that_of_the_value(value in json(), pretty: bool, rest in "[,\\]} \n]") {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            prop_assert_eq!(of_value(&format!("{text}{rest}\"more\"}}")), Some(text.len()));
            // A beginning of it has no end, unless it is a number that is also one.
            let ends = |length: &usize| text.get(..*length).is_some_and(|part| of_value(part).is_some());
            prop_assert_eq!((0..text.len()).find(ends), None);
        }
    }

    #[test]
    fn text_that_begins_with_no_value_has_no_extent() {
        for text in ["", " ", ",", "]", "}1", ":1", "\"", "\"\\", "\"\\\"", "{", "[[]", "{\"a\":\"}", "1"] {
            assert_eq!(of_value(text), None, "{text}");
        }
    }
}
