use std::{error::Error as _, fmt};

/// An error that ends the program, on one line with advice.
#[derive(Debug)]
pub(crate) struct Failure(String);

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

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

/// Adds advice with the options of this program to an error of the library, which is one line with advice
/// already.
impl From<kinto_client::Error> for Failure {
    fn from(error: kinto_client::Error) -> Self {
        let option = if error.is_unauthorized() {
            "; say who you are with --auth USER:PASSWORD"
        } else if error.is_forbidden() {
            "; --auth, --bucket and --collection say who you are and which list you mean"
        } else if error.is_decode() {
            "; is this a list of to-dos? --collection names another"
        } else {
            ""
        };
        Self(format!("{}{option}", with_cause(&error)))
    }
}

impl From<kinto_server::Error> for Failure {
    fn from(error: kinto_server::Error) -> Self {
        Self(error.to_string())
    }
}

/// The error, and what lies at the bottom of it: `Connection refused`.
pub(crate) fn with_cause(error: &kinto_client::Error) -> String {
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(|cause| cause.source()) {
        cause = Some(deeper);
    }
    cause.map_or_else(|| error.to_string(), |cause| format!("{error} ({cause})"))
}
