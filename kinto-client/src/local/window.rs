//! From where on a pull reads, and when it may ask whether there is anything new at all.
//!
//! The server stamps a write when it is made and shows it when its transaction is committed, so that a record can appear behind
//! those that were read before, and the time of the list does not tell. Until the longest transaction has passed
//! since the newest time was first seen, what is that recent is read again, without a condition.

use std::time::Duration;

use tokio::time::Instant;

use crate::wire::timestamp::Timestamp;

/// The longest transaction of the server.
pub(crate) const LONGEST_TRANSACTION: Duration = Duration::from_secs(60);

/// The greatest difference between the clocks of the server and of its database.
const SKEW: Duration = Duration::from_secs(1);

/// The knowledge of a process about a list. It is not stored: after a restart, the overlap is read again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Window {
    /// The newest time of the list, and when it was first seen.
    newest: Option<(Timestamp, Instant)>,
    /// The server's own time at its last response.
    date: Option<Timestamp>,
    /// Nothing older can appear any more: a full read of the overlap began late enough.
    is_settled: bool,
}

/// The beginning of a pull.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    /// Reads what is later than this.
    pub(crate) since: Timestamp,
    /// Reads nothing if the list still has this time.
    pub(crate) unless: Option<Timestamp>,
}

impl Window {
    /// Returns from where on the next pull reads.
    pub(crate) fn start(&self, checkpoint: Timestamp, longest: Duration) -> Start {
        let Some((newest, _)) = self.newest else {
            return Start { since: before(checkpoint, longest), unless: None };
        };
        let recent = self.date.map_or(newest, |date| newest.min(date));
        Start { since: checkpoint.min(before(recent, longest)), unless: self.is_settled.then_some(newest) }
    }

    /// Takes note of a pull that began at `began` and read to the end: its first page said that the list has the time
    /// `version`, at the server's time `date`.
    pub(crate) fn finish(
        &mut self,
        began: Instant,
        version: Timestamp,
        date: Option<Timestamp>,
        now: Instant,
        longest: Duration,
    ) {
        self.date = date;
        match self.newest {
            Some((newest, seen)) if newest == version => {
                self.is_settled |= began.saturating_duration_since(seen) >= longest;
            }
            _ => {
                self.newest = Some((version, now));
                self.is_settled = false;
            }
        }
    }
}

fn before(time: Timestamp, longest: Duration) -> Timestamp {
    let overlap = u64::try_from((longest + SKEW).as_millis()).unwrap_or(u64::MAX);
    Timestamp::from_millis(time.as_millis().saturating_sub(overlap))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = LONGEST_TRANSACTION;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    /// Rule 5: a condition only after a full read that began late enough after the newest time was first seen.
    #[test]
    fn condition_is_sent_once_the_overlap_was_read_late_enough() {
        let first = Instant::now();
        let mut window = Window::default();
        assert_eq!(window.start(at(100_000), MINUTE), Start { since: at(39_000), unless: None }, "after a restart");
        window.finish(first, at(100_000), None, first, MINUTE);
        for (seconds, is_settled) in [(59, false), (60, true), (61, true)] {
            let began = first + Duration::from_secs(seconds);
            window.finish(began, at(100_000), None, began + Duration::from_secs(5), MINUTE);
            let start = window.start(at(100_000), MINUTE);
            assert_eq!(start, Start { since: at(39_000), unless: is_settled.then_some(at(100_000)) }, "{seconds}");
        }
        let later = first + Duration::from_secs(90);
        window.finish(later, at(150_000), None, later, MINUTE);
        assert_eq!(window.start(at(150_000), MINUTE), Start { since: at(89_000), unless: None });
    }

    /// A time far in the future does not close the overlap, and the checkpoint bounds it.
    #[test]
    fn overlap_begins_at_the_server_s_own_time_at_the_latest() {
        let first = Instant::now();
        let mut window = Window::default();
        window.finish(first, at(9_000_000), Some(at(200_000)), first, MINUTE);
        assert_eq!(window.start(at(9_000_000), MINUTE).since, at(139_000));
        assert_eq!(window.start(at(50_000), MINUTE).since, at(50_000));
    }

    /// A list that went back in time is another one: it has to be read for as long again.
    #[test]
    fn earlier_time_of_the_list_opens_the_overlap_again() {
        let first = Instant::now();
        let late = first + MINUTE;
        let mut window = Window::default();
        window.finish(first, at(100_000), None, first, MINUTE);
        window.finish(late, at(100_000), None, late, MINUTE);
        assert!(window.start(at(100_000), MINUTE).unless.is_some());
        window.finish(late, at(90_000), None, late, MINUTE);
        assert!(window.start(at(100_000), MINUTE).unless.is_none());
    }
}
