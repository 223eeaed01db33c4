use std::fmt;

/// The reason why there is no server.
///
/// `Display` includes all causes, with advice where there is any.
///
/// ```
/// let error = kinto_server::Server::builder().setting("two\nlines", "x").start().unwrap_err();
/// assert!(error.to_string().contains("two"), "{error}");
/// ```
#[derive(thiserror::Error)]
#[error("{problem}{ways_out}")]
pub struct Error {
    problem: String,
    ways_out: String,
}

impl Error {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), ways_out: String::new() }
    }

    /// Something that needs Python or the network failed: says how to do without.
    pub(crate) fn with_ways_out(problem: impl Into<String>, install: &str) -> Self {
        let ways_out = format!(
            "\n\nTests and examples run against a real Kinto server. Either\n  \
             - {install}, or\n  \
             - set KINTO_SERVER_URL to a server that exists, as in KINTO_SERVER_URL=http://localhost:8888/v1"
        );
        Self { problem: problem.into(), ways_out }
    }

    /// Returns `true` if this machine lacks what a server needs: Python, or a package index.
    #[must_use]
    pub fn is_about_the_machine(&self) -> bool {
        !self.ways_out.is_empty()
    }

    /// Returns the reason without the advice.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.problem
    }

    pub(crate) fn io(doing: impl fmt::Display, error: &std::io::Error) -> Self {
        Self::new(format!("{doing}: {error}"))
    }
}

/// The same text: a test that returns the error prints it so.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
