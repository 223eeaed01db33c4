use std::fmt;

use serde::Deserialize;

use super::response::Response;

/// The server's word that it, or this version of its API, is going out of service, or has gone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[non_exhaustive]
pub struct Alert {
    /// `soft-eol` as long as it works, `hard-eol` when it no longer does.
    pub code: String,
    /// What the operators have to say.
    #[serde(default)]
    pub message: String,
    /// Where more is said.
    #[serde(default)]
    pub url: String,
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)?;
        if self.url.is_empty() { Ok(()) } else { write!(f, " ({})", self.url) }
    }
}

impl Alert {
    /// The alert that an answer carries.
    pub(crate) fn of(response: &Response) -> Option<Self> {
        serde_json::from_str(&response.header("alert")?).ok()
    }
}
