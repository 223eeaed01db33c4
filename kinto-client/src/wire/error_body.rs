//! Reads error responses.

use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::response::Response;
use crate::error::{
    Error,
    alert::Alert,
    response::{ErrorResponse, excerpt},
    schema_violation::Violation,
};

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

impl Response {
    /// Creates the error of a response with an error status.
    pub(crate) fn to_error(&self) -> Error {
        Error::refused(ErrorResponse::read(self), self.retry_after(), self.doubt)
    }
}

impl Alert {
    /// Reads the alert of a response, if there is one.
    pub(crate) fn of(response: &Response) -> Option<Self> {
        serde_json::from_str(&response.header("alert")?).ok()
    }
}

impl ErrorResponse {
    /// Reads the body and the headers of an error response.
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
            // Kinto's response to a HEAD with an error status.
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
}
