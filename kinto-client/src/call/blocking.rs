use std::sync::OnceLock;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::{Error, ErrorKind, Result};

/// Runs a call to its end on this thread.
pub(super) fn wait<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    if Handle::try_current().is_ok() {
        return Err(Error::invalid("`.call()` waits, and this is async code: use `.await` here"));
    }
    runtime()?.block_on(future)
}

/// One runtime for all calls of the program: connections live on it between calls.
fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("kinto-client")
        .enable_all()
        .build()
        .map_err(|error| Error::new(ErrorKind::Connection, "could not start a runtime").caused_by(error))?;
    Ok(RUNTIME.get_or_init(|| runtime))
}
