//! The lock of a fence: a record that every guarded write is preceded by, in the same batch.
//!
//! On PostgreSQL a batch is one transaction. The second of two batches waits at the row of the lock until the first has
//! committed, and only then compares `If-Match` with what is there.

use crate::error::doubt::Doubt;
use std::sync::Arc;

use http::{Method, StatusCode};

use super::{object::kind, path::List, request::Request, request_path::RequestPath, response::Response};
use crate::error::Result;

/// The id of the lock, in the collection of locks. It is part of a protocol between programs: all have to write the same
/// row.
///
/// It is one record for the whole collection. Of several in one collection, written at the same moment, one can be refused
/// with 409, since `last_modified` is unique in a collection; the server would roll the lock back and then carry out the
/// write that it was for.
const LOCK: &str = "kinto-client-fence-v1";

/// The path of a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lock {
    path: Arc<RequestPath>,
}

impl Lock {
    /// The lock in a collection of locks.
    pub(crate) fn of(locks: &List<kind::Record>) -> Result<Self> {
        Ok(Self { path: locks.checked_at(LOCK)?.into() })
    }

    pub(crate) fn path(&self) -> &str {
        self.path.as_str()
    }

    /// The blind write that takes the lock, until the end of the transaction that it is in.
    pub(crate) fn request(&self) -> Request {
        Request::new(Method::PUT, RequestPath::clone(&self.path)).with_body("{\"data\":{}}".into())
    }
}

/// Returns true if a request is one that a fence is for: it writes an object that others may write, too.
pub(crate) fn is_for(request: &Request) -> bool {
    let is_write = !request.method.is_safe();
    is_write && !request.is_of_new_object() && !request.subject.begins_with("accounts")
}

/// Returns what the response to a write means, in the light of the response to the lock before it.
pub(crate) fn behind(lock: Response, write: Response) -> Response {
    match lock.status {
        status if status.is_success() => write,
        // Nothing was done: the credentials are to be renewed, or the lock collided with another writer.
        StatusCode::UNAUTHORIZED | StatusCode::CONFLICT if !write.status.is_success() => lock,
        _ if !write.status.is_success() => write,
        status => {
            let rolled_back = status == StatusCode::CONFLICT;
            Response { doubt: Some(Doubt::Unfenced { rolled_back }), status: StatusCode::PRECONDITION_FAILED, ..lock }
        }
    }
}
