//! What is logged of a call: a span around all that it does, and a line at its end.

use std::time::Instant;

use tracing::{
    Instrument as _, Span,
    field::{Empty, debug},
};

use crate::{error::Result, transport::sender::milliseconds};

/// The span of a call. What is made inside of it may outlive the call, as streams do.
pub(crate) fn open(operation: &'static str) -> Span {
    tracing::debug_span!("kinto.call", operation, milliseconds = Empty, error = Empty)
}

/// Runs a call in its span, and says how it ended.
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

/// The name of an operation's type, as it is public: `Create` for `kinto_client::call::create::Create<…>`.
pub(crate) fn name_of<O>() -> &'static str {
    let name = std::any::type_name::<O>();
    let path = name.split('<').next().unwrap_or(name);
    path.rsplit("::").next().unwrap_or(path)
}
