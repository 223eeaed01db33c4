//! The text with which a test fails.

use std::{collections::BTreeMap, fmt};

use serde_json::Value;

use super::{RecordedRequest, comparison::Mismatch, expectation::Expected};

/// The reason why the requests are not those of the script.
pub(super) struct Failure {
    lines: Vec<String>,
}

impl Failure {
    /// Describes the first request that is not as expected, with the requests after it.
    pub(super) fn differs(mismatch: &Mismatch, later: &[RecordedRequest]) -> Self {
        let place = mismatch.place;
        let mut lines = vec!["the requests differ from the script".to_owned(), String::new()];
        lines.push(match mismatch.location {
            Some(location) => format!("request {place}, expected at {location}, differs:"),
            None => format!("request {place} differs:"),
        });
        lines.extend(mismatch.lines.iter().map(|line| format!("  {line}")));
        if !later.is_empty() {
            lines.extend([String::new(), "received afterwards:".to_owned()]);
            lines.extend(later.iter().map(|request| format!("  {}", request.line())));
        }
        Self { lines }
    }

    /// Lists the requests that were not received, if there are any.
    pub(super) fn missing(missing: &[Expected], met: usize) -> Option<Self> {
        if missing.is_empty() {
            return None;
        }
        let received = match met {
            0 => "none was received".to_owned(),
            1 => "the one before was received".to_owned(),
            met => format!("the {met} before were received"),
        };
        let mut lines = vec![format!("these requests of the script are missing; {received}"), String::new()];
        lines.extend(missing.iter().enumerate().map(|(place, expected)| {
            let number = met + place + 1;
            format!("request {number}, expected at {}: {} {}", expected.location, expected.method, expected.target)
        }));
        Some(Self { lines })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines.join("\n"))
    }
}

/// Returns a body as JSON on several lines with its keys in order, or as text if it is no JSON.
pub(super) fn pretty(body: &[u8]) -> String {
    let shown =
        serde_json::from_slice::<Value>(body).ok().and_then(|json| serde_json::to_string_pretty(&sorted(json)).ok());
    shown.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned())
}

/// Sorts the keys, which keep their order if a program has the feature `preserve_order` of `serde_json`.
fn sorted(json: Value) -> Value {
    match json {
        Value::Object(object) => {
            let object: BTreeMap<String, Value> = object.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(object.into_iter().collect())
        }
        Value::Array(array) => Value::Array(array.into_iter().map(sorted).collect()),
        other => other,
    }
}
