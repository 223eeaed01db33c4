use std::fmt::{self, Display};

use serde::ser;

/// What cannot be sent, and where it is.
#[derive(Debug)]
pub(super) struct Offence {
    pub(super) reason: String,
    pub(super) path: String,
}

impl Offence {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), path: String::new() }
    }

    pub(super) fn in_key(mut self, key: &str) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{key}{dot}{}", self.path);
        self
    }

    pub(super) fn in_item(mut self, index: usize) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("[{index}]{dot}{}", self.path);
        self
    }
}

impl Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Offence {}

impl ser::Error for Offence {
    fn custom<M: Display>(message: M) -> Self {
        Self::new(message.to_string())
    }
}
