//! Values as Python compares them, and shows them in messages.

use std::fmt::Write as _;

use serde_json::{Number, Value};

/// Compares values as `==` does, to which `True` is 1, and 1.0 as well.
pub(super) fn is_equal(one: &Value, other: &Value) -> bool {
    compare(one, other, &|value| match value {
        Value::Bool(value) => Some(Number::from(u8::from(*value))),
        value => value.as_number().cloned(),
    })
}

/// Compares values as `test` of a JSON patch does, to which 1 is 1.0, but `True` is nothing but `True`.
pub(super) fn is_equal_in_patch(one: &Value, other: &Value) -> bool {
    compare(one, other, &|value| value.as_number().cloned())
}

/// Compares values; those that are numbers by their value.
fn compare(one: &Value, other: &Value, number: &dyn Fn(&Value) -> Option<Number>) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| compare(one, other, number))
        }
        (Value::Object(one), Value::Object(other)) => {
            let is_in_other = |(name, value)| other.get(name).is_some_and(|other| compare(value, other, number));
            one.len() == other.len() && one.iter().all(is_in_other)
        }
        (one, other) => match (number(one), number(other)) {
            (Some(one), Some(other)) => {
                one == other || one.is_f64() != other.is_f64() && one.as_f64() == other.as_f64()
            }
            _ => one == other,
        },
    }
}

/// Returns a value as `repr` gives it.
pub(super) fn repr(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().map(repr).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => pairs(fields.iter()),
    }
}

/// Returns a mapping with these pairs as `repr` gives it.
pub(super) fn pairs<'a>(fields: impl Iterator<Item = (&'a String, &'a Value)>) -> String {
    let pairs: Vec<_> = fields.map(|(name, value)| format!("{}: {}", quoted(name), repr(value))).collect();
    format!("{{{}}}", pairs.join(", "))
}

/// Returns a value as `str` gives it: text without quotes.
pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| repr(value), str::to_owned)
}

fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut quoted = String::from(quote);
    for char in text.chars() {
        match char {
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            char if char == quote => quoted.extend(['\\', char]),
            char if char.is_control() => {
                let _ = write!(quoted, "\\x{:02x}", u32::from(char));
            }
            char => quoted.push(char),
        }
    }
    quoted.push(quote);
    quoted
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_equal_as_in_python() {
        let equal = [
            (json!(false), json!(0)),
            (json!(true), json!(1.0)),
            (json!(1), json!(1.0)),
            (json!([{"a": 1}]), json!([{"a": true}])),
            (json!(null), json!(null)),
        ];
        for (one, other) in &equal {
            assert!(is_equal(one, other) && is_equal(other, one), "{one} {other}");
        }
        let in_patch = equal.map(|(one, other)| is_equal_in_patch(&one, &other));
        assert_eq!(in_patch, [false, false, true, false, true]);
        let different = [
            (json!(false), json!(null)),
            (json!(0), json!("")),
            (json!(1), json!("1")),
            (json!([1]), json!([1, 1])),
            (json!({"a": 1}), json!({"b": 1})),
            (json!({}), json!([])),
        ];
        for (one, other) in &different {
            assert!(!is_equal(one, other) && !is_equal(other, one), "{one} {other}");
        }
    }
}
