//! Errors of the store.

use rusqlite::ErrorCode;

use crate::error::Error;

/// The failure of a job.
#[derive(Debug)]
pub(crate) enum Failure {
    Sqlite(rusqlite::Error),
    /// The file says something that this version cannot read.
    File(String),
    /// The error of the caller's own.
    Other(Error),
}

impl Failure {
    /// Returns true if another connection keeps the file locked.
    pub(super) fn is_busy(&self) -> bool {
        let code = if let Self::Sqlite(error) = self { error.sqlite_error_code() } else { None };
        matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
    }

    /// Returns the error, which names the file.
    pub(crate) fn in_store(self, name: &str) -> Error {
        match self {
            Self::Other(error) => error,
            Self::File(message) => Error::storage(name, &message),
            Self::Sqlite(error) => Error::storage(name, reason(&error)).caused_by(error),
        }
    }
}

fn reason(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            "it is damaged, or is no SQLite database: restore a copy, or move it away and synchronize into a new file"
        }
        Some(ErrorCode::DiskFull) => "the disk is full: nothing of this change was stored, make room and try again",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another process kept it locked for longer than `busy_timeout` allows"
        }
        Some(ErrorCode::CannotOpen) => "it cannot be opened: check that its folder exists and may be written",
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => "it may not be written",
        // SQLite does not tell a quota, or a limit of the process, from a disk that fails.
        Some(ErrorCode::SystemIoFailure) => {
            "the operating system could not read or write it: nothing of this change was stored, make room if a quota or a limit \
             of the size of files was reached, check the disk otherwise, and try again"
        }
        _ => "it could not be read or written",
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}
