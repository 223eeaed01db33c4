//! Writes that are exact between programs.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::{sync::Mutex, time::timeout};

use super::Client;
use crate::{
    error::{Error, Result, doubt::Doubt, kind::ErrorKind},
    transport::task::Task,
    wire::{
        batch,
        fence::{self, Lock},
        object::kind,
        path::List,
        request::{Precondition, Request},
        response::Response,
    },
};

/// The lock that a client writes behind, and whether it is known to be there.
pub(super) struct Fence {
    url: String,
    locks: String,
    lock: Result<Lock>,
    is_ready: AtomicBool,
    /// Held by the task that makes sure of the lock.
    taking: Mutex<()>,
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
        let fence = Fence {
            url: url.to_owned(),
            locks: records.to_string(),
            lock: Lock::of(records),
            is_ready: AtomicBool::new(false),
            taking: Mutex::default(),
        };
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
        self.make_sure_of_lock(fence, &lock).await?;
        Ok(Some(lock))
    }

    /// Has the lock made sure of again before the next write, if this response says that it could not be written.
    pub(super) fn note_lock(&self, response: &Response) {
        if let Some(fence) = &self.fence
            && response.doubt == Some(Doubt::Unfenced { rolled_back: false })
        {
            fence.is_ready.store(false, Ordering::Release);
        }
    }

    /// Makes sure of the lock, unless that is done.
    ///
    /// One of several concurrent callers does so, in a task of its own, so that the others do not depend on a caller that is
    /// not polled.
    async fn make_sure_of_lock(&self, fence: &Arc<Fence>, lock: &Lock) -> Result<()> {
        if fence.is_ready.load(Ordering::Acquire) {
            return Ok(());
        }
        let (client, fence, lock) = (self.clone(), Arc::clone(fence), lock.clone());
        let take = async move {
            let at_most = client.options.timeout;
            let late = |_| Error::not_sent_within(at_most, "another call was making sure of the lock of the fence");
            let _taking = timeout(at_most, fence.taking.lock()).await.map_err(late)?;
            if !fence.is_ready.load(Ordering::Acquire) {
                client.take_once(&fence, &lock).await?;
                fence.is_ready.store(true, Ordering::Release);
            }
            Ok(())
        };
        Task::start(take)?.end().await?
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
