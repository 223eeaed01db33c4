//! Announcements that a server goes out of service.

use std::fmt;

use serde::Deserialize;

/// An announcement that the server, or this version of its API, is going out of service or has done so.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[non_exhaustive]
pub struct Alert {
    /// The kind of the announcement: `soft-eol` while the server works, `hard-eol` when it no longer does.
    pub code: String,
    /// The message of the server's operators.
    #[serde(default)]
    pub message: String,
    /// The URL of further information.
    #[serde(default)]
    pub url: String,
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)?;
        if self.url.is_empty() { Ok(()) } else { write!(f, " ({})", self.url) }
    }
}
