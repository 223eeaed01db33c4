use std::panic;

use tokio::{runtime::Handle, task::JoinHandle};
use tracing::{Instrument as _, Span, instrument::WithSubscriber as _};

use crate::error::{Error, Result, kind::ErrorKind};

/// A task that ends when this is dropped.
pub(crate) struct Task<T>(JoinHandle<T>);

impl<T: Send + 'static> Task<T> {
    /// Starts a future that goes on by itself, whether or not the caller is polled, and logs where the caller does.
    pub(crate) fn start(future: impl Future<Output = T> + Send + 'static) -> Result<Self> {
        let handle = Handle::try_current().map_err(|error| {
            Error::invalid("calls have to be awaited within a Tokio runtime (`#[tokio::main]`)").caused_by(error)
        })?;
        Ok(Self(handle.spawn(future.instrument(Span::current()).with_current_subscriber())))
    }

    /// Waits for its end. An error means that the runtime was shut down before that.
    pub(crate) async fn end(mut self) -> Result<T> {
        match (&mut self.0).await {
            Ok(output) => Ok(output),
            Err(error) if error.is_panic() => panic::resume_unwind(error.into_panic()),
            Err(error) => Err(Error::new(ErrorKind::Cancelled, "the runtime was shut down meanwhile").caused_by(error)),
        }
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
