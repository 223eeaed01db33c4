use std::{error::Error, fmt};

/// An error that ends the program, as the user reads it.
#[derive(Debug)]
pub(crate) struct Failure(String);

pub(crate) type Result<T = (), E = Failure> = std::result::Result<T, E>;

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<kinto_client::Error> for Failure {
    fn from(error: kinto_client::Error) -> Self {
        let cause = error.source().map(|cause| format!(" ({cause})")).unwrap_or_default();
        Self(format!("{error}{cause}"))
    }
}

impl From<kinto_server::Error> for Failure {
    fn from(error: kinto_server::Error) -> Self {
        Self(error.to_string())
    }
}
