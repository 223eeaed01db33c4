//! Values as Python shows them in messages.

use std::fmt::Write as _;

use serde_json::Value;

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
