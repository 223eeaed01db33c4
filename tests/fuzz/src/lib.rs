//! Shared helpers of the fuzz targets.

// The same transport as that of the property tests.
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]
#[path = "../../script/mod.rs"]
mod script;

pub use script::{CALLS, Note, Script, laws};

/// Runs it to its end. Waits take no time.
pub fn run(future: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(future);
}

/// The input as two parts of JSON, with NUL between them.
pub fn two_parts(input: &[u8]) -> Option<(&str, &str)> {
    std::str::from_utf8(input).ok()?.split_once('\0')
}
