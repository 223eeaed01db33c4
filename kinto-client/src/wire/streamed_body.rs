//! The body of a request that is produced while it is sent, anew for each try.

use std::{
    error::Error as StdError,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use futures_core::{future::BoxFuture, stream::BoxStream};
use http::HeaderValue;

use crate::error::{Error, Result};

/// The parts of a body, in their order.
pub(crate) type Parts = BoxStream<'static, std::result::Result<Bytes, Box<dyn StdError + Send + Sync>>>;

/// A source of a body that yields the same bytes each time it is opened, or fails.
pub(crate) trait Produce: Send + Sync {
    fn open(&self) -> BoxFuture<'static, Result<Parts>>;
}

/// A body of known length, with its `Content-Type`.
#[derive(Clone)]
pub(crate) struct StreamedBody {
    pub(crate) length: u64,
    pub(crate) content_type: HeaderValue,
    pub(crate) source: Arc<dyn Produce>,
    pub(crate) state: Arc<SendState>,
}

/// The state of the sending of a body, which outlives a try.
#[derive(Default)]
pub(crate) struct SendState {
    /// The number of parts that the connection has taken, in all tries.
    taken: AtomicU64,
    /// The reason why the source could not yield the body.
    failure: Mutex<Option<Error>>,
}

impl SendState {
    pub(crate) fn note_part(&self) {
        self.taken.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    pub(crate) fn fail(&self, error: Error) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    pub(crate) fn take_failure(&self) -> Option<Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
