//! Tracing of a call: a span around it, and an event at its end.

use tokio::time::Instant;
use tracing::{
    Instrument as _, Span,
    field::{Empty, debug},
};

use crate::{error::Result, transport::retrying::milliseconds};

/// Opens the span of a call.
///
/// Streams that are created in it may outlive the call.
pub(crate) fn open(operation: &'static str) -> Span {
    tracing::debug_span!("kinto.call", operation, milliseconds = Empty, error = Empty)
}

/// Runs a call in its span and logs the result.
pub(crate) async fn around<T>(span: Span, run: impl Future<Output = Result<T>>) -> Result<T> {
    let started = Instant::now();
    let result = run.instrument(span.clone()).await;
    span.record("milliseconds", milliseconds(started));
    match &result {
        Ok(_) => span.in_scope(|| tracing::debug!("done")),
        Err(error) => {
            span.record("error", debug(error.kind()));
            span.in_scope(|| tracing::debug!("failed"));
        }
    }
    result
}
