//! The options of the calls that send many operations.

use crate::operation::{Call, sealed::Sends};

/// The requests of calls with many operations of one kind.
impl<O: Sends> Call<'_, O> {
    /// Sends no further request once an operation has failed.
    ///
    /// The rest of the request with the failure has been executed; operations that were not sent fail with
    /// [`Error::is_cancelled`](crate::Error::is_cancelled). Of operations that are given as a list, none at all is sent if
    /// one of them is invalid.
    pub fn stop_on_error(mut self) -> Self {
        self.op.options().stop_on_error = true;
        self
    }

    /// Sets the approximate maximum size of one request in bytes; the default is 1 MiB.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.op.options().max_bytes = bytes;
        self
    }
}
