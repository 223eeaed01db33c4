use std::{error::Error, fmt};

/// An error that ends the program, on one line.
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
        let hint = if error.is_unauthorized() || error.is_forbidden() {
            "; --auth, --bucket and --collection set the credentials and the place"
        } else {
            ""
        };
        let mut cause = error.source();
        while let Some(deeper) = cause.and_then(|cause| cause.source()) {
            cause = Some(deeper);
        }
        let cause = cause.map(|cause| format!(" ({cause})")).unwrap_or_default();
        Self(format!("{error}{cause}{hint}"))
    }
}

impl From<kinto_server::Error> for Failure {
    fn from(error: kinto_server::Error) -> Self {
        Self(error.to_string())
    }
}
