//! Writes that are exact between programs.

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::Client;
use crate::{
    error::{Error, Result, kind::ErrorKind},
    wire::{
        batch,
        fence::{self, Lock},
        object::kind,
        path::List,
        request::{Precondition, Request},
    },
};

/// The lock that a client writes behind, and whether it is known to be there.
pub(super) struct Fence {
    url: String,
    locks: String,
    lock: Result<Lock>,
    ready: OnceCell<()>,
}

impl Fence {
    /// The server and the collection that the lock is in.
    pub(super) fn locks(&self) -> (&str, &str) {
        (&self.url, &self.locks)
    }
}

impl Client {
    /// Returns this client with a fence whose lock is one of those records.
    pub(crate) fn behind(&self, url: &str, records: &List<kind::Record>) -> Self {
        let fence =
            Fence { url: url.to_owned(), locks: records.to_string(), lock: Lock::of(records), ready: OnceCell::new() };
        Self { fence: Some(Arc::new(fence)), ..self.clone() }
    }

    /// Returns the lock of this client's fence, if it has one and the request is one to be fenced.
    pub(crate) async fn lock_for(&self, request: &Request) -> Result<Option<Lock>> {
        let Some(fence) = self.fence.as_ref().filter(|_| request.lock.is_none() && fence::is_for(request)) else {
            return Ok(None);
        };
        if fence.url != self.url() {
            let message = format!("the locks of the fence are on another server, {}", fence.url);
            return Err(Error::invalid(message));
        }
        if !batch::can_hold(request) {
            let message = "it cannot be fenced: the server accepts no path that contains `/batch` in a batch";
            return Err(Error::invalid(message));
        }
        let lock = fence.lock.clone()?;
        fence.ready.get_or_try_init(|| self.take_once(fence, &lock)).await?;
        Ok(Some(lock))
    }

    /// Writes the lock once, so that it exists and is known to be writable.
    ///
    /// The first write cannot do this: the server would execute it even if the lock failed.
    async fn take_once(&self, fence: &Fence, lock: &Lock) -> Result<()> {
        let create = lock.request().provided(Precondition::Absent).repeatable();
        let mut response = self.send_as_is(&create).await?;
        if response.to_error().kind() == ErrorKind::Conflict {
            // It is there. That it may be written is another question: a creation over it is refused with 412 to all.
            response = self.send_as_is(&lock.request().repeatable()).await?;
        }
        // A creation that a proxy has made an overwrite has written the lock as well.
        if response.status.is_success() { Ok(()) } else { Err(response.to_error().of_fence(&fence.locks)) }
    }
}
