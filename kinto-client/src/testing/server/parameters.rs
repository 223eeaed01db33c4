//! The parameters of a query as they were sent.

use serde_json::Value;

use super::answer::{Outcome, not_utf8};

/// A parameter as it was sent: once, or several times.
#[derive(Clone, Debug)]
pub(super) enum Sent {
    Once(String),
    Often(Vec<String>),
}

/// Splits a query into its parameters. `;` separates them as well as `&`.
pub(super) fn parameters(query: &str) -> Vec<(String, String)> {
    let parts = query.split(['&', ';']).filter(|part| !part.is_empty());
    let decode = |text: &str| {
        if text.contains('+') { percent_decode(&text.replace('+', " ")) } else { percent_decode(text) }
    };
    parts
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

pub(super) fn percent_decode(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let encoded = match after {
            [high, low, ..] if *first == b'%' => digit(*high).zip(digit(*low)),
            _ => None,
        };
        if let Some((high, low)) = encoded {
            bytes.push(high << 4 | low);
            rest = after.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

pub(super) fn native(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// Returns the value that a filter compares with.
pub(super) fn value_of(name: &str, sent: &Sent) -> Value {
    let texts = |texts: &[String]| texts.iter().map(|text| Value::String(text.clone())).collect();
    if name.starts_with("contains_") {
        let value = match sent {
            Sent::Once(text) => native(text),
            Sent::Often(values) => texts(values),
        };
        if value.is_array() { value } else { Value::Array(vec![value]) }
    } else if name.starts_with("in_") || name.starts_with("exclude_") {
        split(sent).iter().map(|text| native(text)).collect()
    } else {
        match sent {
            Sent::Once(text) => native(text),
            Sent::Often(values) => texts(values),
        }
    }
}

/// Returns what commas separate; nothing between two of them is left out.
pub(super) fn split(sent: &Sent) -> Vec<String> {
    let parts: Vec<String> = match sent {
        Sent::Once(text) => text.split(',').map(str::to_owned).collect(),
        Sent::Often(values) => values.clone(),
    };
    parts.into_iter().filter(|part| !part.is_empty()).collect()
}

/// Fails for a query that is not UTF-8.
pub(super) fn check_encoding(query: &str) -> Outcome<()> {
    if !query.contains('%') {
        return Ok(());
    }
    let has_replaced = |text: &str| text.contains('\u{fffd}') && !query.to_ascii_uppercase().contains("%EF%BF%BD");
    if parameters(query).iter().any(|(name, value)| has_replaced(name) || has_replaced(value)) {
        return Err(not_utf8(query));
    }
    Ok(())
}
