//! The contents of an error response.

use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;

use super::{alert::Alert, schema_violation::Violation};

/// The contents of an error response.
#[derive(Clone, Debug)]
pub(crate) struct ErrorResponse {
    pub(crate) status: StatusCode,
    pub(crate) errno: Option<u32>,
    pub(crate) message: Option<String>,
    pub(crate) details: Option<Value>,
    /// The stored object that conflicted with the write.
    pub(crate) existing: Option<Bytes>,
    /// The violation of the collection's schema.
    pub(crate) violation: Option<Violation>,
    /// The beginning of a body that is not one of Kinto: a page of a proxy, or nothing.
    pub(crate) foreign: Option<String>,
    /// The announcement of the operators, if the server has gone out of service.
    pub(crate) alert: Option<Alert>,
}

impl ErrorResponse {
    /// Returns the message of the server, as far as there is one.
    pub(crate) fn words(&self) -> String {
        if let Some(violation) = &self.violation {
            return format!("{}: it does not fit the schema: {violation}", self.status);
        }
        let details = match &self.details {
            Some(Value::Array(details)) => details.as_slice(),
            _ => &[],
        };
        let message = self.message.as_deref().filter(|message| self.status.canonical_reason() != Some(*message));
        [self.status.to_string()]
            .into_iter()
            .chain(message.map(|message| format!(": {message}")))
            .chain(details.iter().filter_map(|detail| detail_words(detail, message)))
            .chain(self.missing())
            .chain(self.alert.as_ref().map(|alert| format!("; {alert}")))
            .chain(self.foreign.as_ref().map(|foreign| format!(", not in Kinto's form ({foreign})")))
            .collect()
    }
}

impl ErrorResponse {
    /// Returns advice where the server's message means something to its operators only.
    pub(super) fn advice(&self) -> Option<&'static str> {
        let message = self.message.as_deref()?;
        let of_attributes = message == "Cannot remove status" || message.starts_with("Cannot change <TRACKING_FIELDS.");
        match self.status {
            StatusCode::BAD_REQUEST if of_attributes => Some(
                "a signer publishes this collection, and keeps the status of its review in attributes, which must not be \
                 removed or changed: `save`, `update` and `patch` keep them, `overwrite` does not",
            ),
            StatusCode::FORBIDDEN if message.starts_with("Not in ") && message.ends_with(" group") => {
                Some("a signer publishes this collection, and lets the members of that group do this")
            }
            StatusCode::FORBIDDEN if message == "Last editor cannot review" => {
                Some("another reviewer than the user who has requested the review has to approve")
            }
            StatusCode::FORBIDDEN if message == "Collection is in use." => {
                Some("a signer writes this collection: delete the one that it is made from first")
            }
            _ => None,
        }
    }

    /// Returns true if Kinto says so of this object, and not of what it would be in.
    pub(crate) fn is_about(&self, id: Option<&str>) -> bool {
        let named = self.details.as_ref().and_then(|details| details.get("id")).and_then(Value::as_str);
        self.errno.is_some() && (named.is_none() || named == id)
    }

    /// Returns the missing object or its missing parent, if the server names it.
    fn missing(&self) -> Option<String> {
        let details = self.details.as_ref()?;
        let (kind, id) = (details.get("resource_name")?.as_str()?, details.get("id")?.as_str()?);
        Some(format!(": there is no {kind} `{id}`"))
    }
}

/// Returns one entry of `details` as text, unless the message contains it already.
fn detail_words(detail: &Value, message: Option<&str>) -> Option<String> {
    let description = detail.get("description").and_then(Value::as_str)?;
    if message.is_some_and(|message| message.contains(description)) {
        return None;
    }
    Some(match detail.get("name").and_then(Value::as_str) {
        Some(name) => format!("; `{name}`: {description}"),
        None => format!("; {description}"),
    })
}

/// Returns the kind of a body and its beginning, on one line.
pub(crate) fn excerpt(kind: &str, body: &[u8]) -> String {
    const SHOWN: usize = 80;
    if body.is_empty() {
        return format!("{kind}, empty");
    }
    let start = String::from_utf8_lossy(body.get(..SHOWN * 4).unwrap_or(body));
    let words: Vec<&str> = start.split_whitespace().collect();
    let line = words.join(" ");
    let shown: String = line.chars().take(SHOWN).collect();
    let more = if shown.len() < line.len() || body.len() > SHOWN * 4 { "…" } else { "" };
    format!("{kind}: {shown}{more}")
}
