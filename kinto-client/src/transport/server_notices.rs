//! Notices in the headers of responses: requests for less traffic (`Backoff`) and announcements of the end of
//! service.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    error::alert::Alert,
    wire::response::{Response, seconds},
};

/// The behaviour during a `Backoff` that the server asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Backoff {
    /// Waits, but at most this long; a request that would have to wait longer fails at once.
    Wait(Duration),
    /// Fails at once with [`Error::is_unavailable`](crate::Error::is_unavailable), and the remaining time in
    /// [`Error::retry_after`](crate::Error::retry_after).
    Fail,
}

/// A callback for alerts.
pub(crate) type Hook = Box<dyn Fn(&Alert) + Send + Sync>;

/// The notices of a server so far, shared by all clones of a client.
#[derive(Default)]
pub(crate) struct Notices {
    quiet_until: Mutex<Option<Instant>>,
    alerts: Mutex<HashSet<Alert>>,
    hook: Option<Hook>,
}

/// The maximum number of different alerts to keep; a server that sends a new text each time causes no more
/// warnings then.
const MAX_ALERTS: usize = 16;

impl Notices {
    pub(crate) fn with_hook(hook: Option<Hook>) -> Self {
        Self { hook, ..Self::default() }
    }

    /// Returns the remaining time of the server's last `Backoff`.
    pub(crate) fn backoff(&self) -> Option<Duration> {
        let until = (*lock(&self.quiet_until))?;
        until.checked_duration_since(Instant::now()).filter(|remaining| !remaining.is_zero())
    }

    pub(crate) fn record(&self, response: &Response) {
        if let Some(rest) = response.header("backoff").and_then(|value| seconds(value.trim())) {
            // An end that an `Instant` cannot represent is replaced by a century from now.
            let until = Instant::now().checked_add(rest);
            *lock(&self.quiet_until) = until.or_else(|| Instant::now().checked_add(CENTURY));
        }
        if let Some(alert) = Alert::of(response) {
            self.warn(&alert);
        }
    }

    fn warn(&self, alert: &Alert) {
        let mut alerts = lock(&self.alerts);
        if alerts.len() >= MAX_ALERTS || alerts.contains(alert) {
            return;
        }
        tracing::warn!(code = alert.code, message = alert.message, url = alert.url, "kinto alert");
        alerts.insert(alert.clone());
        drop(alerts);
        if let Some(hook) = &self.hook {
            hook(alert);
        }
    }
}

const CENTURY: Duration = Duration::from_secs(100 * 366 * 24 * 60 * 60);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use http::{HeaderMap, HeaderName, StatusCode};

    use super::*;

    fn saying(header: &'static str, value: &str) -> Response {
        let headers = HeaderMap::from_iter([(HeaderName::from_static(header), value.parse().unwrap())]);
        Response::new(StatusCode::OK, headers, bytes::Bytes::new())
    }

    #[test]
    fn backoff_is_stored_replaced_and_bounded() {
        let notices = Notices::default();
        assert_eq!(notices.backoff(), None);
        notices.record(&saying("backoff", "60"));
        assert!(notices.backoff().is_some_and(|left| left > Duration::from_secs(50) && left.as_secs() <= 60));
        notices.record(&saying("backoff", "soon"));
        assert!(notices.backoff().is_some());
        notices.record(&saying("backoff", &u64::MAX.to_string()));
        assert!(notices.backoff().is_some_and(|left| left > Duration::from_secs(1 << 30)));
        notices.record(&saying("backoff", "0"));
        assert_eq!(notices.backoff(), None);
    }

    #[test]
    fn alert_calls_hook_once() {
        let told = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&told);
        let notices = Notices::with_hook(Some(Box::new(move |alert| {
            assert_eq!(alert.to_string(), "soft-eol: over soon (http://example.org)");
            count.fetch_add(1, Ordering::Relaxed);
        })));
        for _ in 0..3 {
            let alert = r#"{"code": "soft-eol", "message": "over soon", "url": "http://example.org"}"#;
            notices.record(&saying("alert", alert));
            notices.record(&saying("alert", "no JSON"));
        }
        assert_eq!(told.load(Ordering::Relaxed), 1);
    }
}
