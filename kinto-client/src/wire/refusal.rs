use bytes::Bytes;
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{alert::Alert, response::Response, violation::Violation};

/// What the server said when it did not do what it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) errno: Option<u32>,
    pub(crate) message: Option<String>,
    pub(crate) details: Option<Value>,
    /// The object that stood in the way of a write, as the server holds it.
    pub(crate) existing: Option<Bytes>,
    /// What the record has against the schema of its collection.
    pub(crate) violation: Option<Violation>,
    /// The beginning of a body that is no answer of Kinto's: a proxy's page, or nothing.
    pub(crate) foreign: Option<String>,
    /// What the operators have to say, where the server has gone out of service.
    pub(crate) alert: Option<Alert>,
}

#[derive(Deserialize)]
struct Body<'a> {
    errno: u32,
    error: Option<String>,
    message: Option<String>,
    info: Option<String>,
    #[serde(borrow)]
    details: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Details<'a> {
    #[serde(borrow)]
    existing: Option<&'a RawValue>,
}

impl Refusal {
    pub(crate) fn read(response: &Response) -> Self {
        let body = &response.body;
        let refusal = Self {
            status: response.status,
            errno: None,
            message: None,
            details: None,
            existing: None,
            violation: None,
            foreign: None,
            alert: Alert::of(response).filter(|_| response.status == StatusCode::GONE),
        };
        let Ok(read) = serde_json::from_slice::<Body<'_>>(body) else {
            let kind = response.header(header::CONTENT_TYPE).unwrap_or("no content type".into());
            // What Kinto answers to HEAD.
            if body.is_empty() && kind == "application/json" {
                return refusal;
            }
            return Self { foreign: Some(excerpt(&kind, body)), ..refusal };
        };
        let existing = read
            .details
            .and_then(|details| serde_json::from_str::<Details<'_>>(details.get()).ok())
            .and_then(|details| details.existing)
            .map(|existing| body.slice_ref(existing.get().as_bytes()));
        let details: Option<Value> = read.details.and_then(|details| serde_json::from_str(details.get()).ok());
        Self {
            errno: Some(read.errno),
            message: read.message.or(read.info).or(read.error),
            violation: details.as_ref().and_then(Violation::read),
            details,
            existing,
            ..refusal
        }
    }

    /// The server's own words, as far as there are any.
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

impl Refusal {
    /// What is missing, if the server names it: an object, or what it would be in.
    fn missing(&self) -> Option<String> {
        let details = self.details.as_ref()?;
        let (kind, id) = (details.get("resource_name")?.as_str()?, details.get("id")?.as_str()?);
        Some(format!(": there is no {kind} `{id}`"))
    }
}

/// One entry of `details`, unless the message has said it already.
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

/// What kind of body it is and how it starts, on one line.
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
