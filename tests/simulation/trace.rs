//! The events of a run, for the report of a failure.

use std::cell::RefCell;

use tokio::time::Instant;

thread_local! {
    static LINES: RefCell<Option<(Instant, Vec<String>)>> = const { RefCell::new(None) };
}

/// Notes what happens from now on.
pub(crate) fn start() {
    LINES.set(Some((Instant::now(), Vec::new())));
}

/// Notes a line, if anybody wants it.
pub(crate) fn note(line: impl FnOnce() -> String) {
    LINES.with_borrow_mut(|lines| {
        if let Some((started, lines)) = lines {
            lines.push(format!("{:>7} ms  {}", started.elapsed().as_millis(), line()));
        }
    });
}

thread_local! {
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps panics, which are failures of a run, to be reported with its schedule.
pub(crate) fn keep_panics() {
    std::panic::set_hook(Box::new(|panic| PANIC.set(panic.to_string())));
}

/// Returns the last panic, with its place.
pub(crate) fn last_panic() -> String {
    PANIC.take()
}

/// Returns what was noted.
pub(crate) fn end() -> Vec<String> {
    LINES.take().map(|(_, lines)| lines).unwrap_or_default()
}
