//! From where on a pull reads, and when it may ask whether there is anything new at all.
//!
//! The server stamps a write when it is made and shows it when its transaction is committed, so that a record can appear behind
//! those that were read before, and the time of the list does not tell. Until the longest transaction has passed
//! since the newest time was first seen, what is that recent is read again, without a condition. Nothing can appear any more behind
//! records that were older than that when they were read.

use std::time::Duration;

use tokio::time::Instant;

use crate::wire::timestamp::Timestamp;

/// The longest transaction of the server.
pub(crate) const LONGEST_TRANSACTION: Duration = Duration::from_secs(60);

/// The greatest difference between the clocks of the server and of its database.
const SKEW: Duration = Duration::from_secs(1);

/// The time up to which a pull has read all records, so that none can appear behind it any more. It is stored with the records:
/// a pull that comes later, also in another process, reads from there on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frontier {
    time: Timestamp,
    /// A record that was not there yet can appear behind those that were read.
    is_open: bool,
}

impl Default for Frontier {
    fn default() -> Self {
        Self { time: Timestamp::from_millis(0), is_open: false }
    }
}

impl Frontier {
    /// Takes note of a page that ends with this time, and that the server read at its own time `read` at the earliest.
    pub(crate) fn pass(&mut self, last: Timestamp, read: Option<Timestamp>, longest: Duration) {
        if self.is_open {
            return;
        }
        self.is_open = read.is_some_and(|read| last > before(read, longest));
        self.time = match read {
            Some(read) if self.is_open => before(read.min(last), longest),
            Some(_) => last,
            // Nothing tells when it was read. If the position stayed there, a pull that is always cut would get nowhere.
            None => before(last, longest),
        };
    }

    pub(crate) fn time(&self) -> Timestamp {
        self.time
    }
}

/// The knowledge of a process about a list. It is not stored: after a restart, it is read again without a condition.
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
            return Start { since: checkpoint, unless: None };
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

/// Returns the beginning of the overlap with what the server showed at a time.
fn before(time: Timestamp, longest: Duration) -> Timestamp {
    earlier(time, longest + SKEW)
}

/// Returns the time that is earlier by that much.
pub(crate) fn earlier(time: Timestamp, by: Duration) -> Timestamp {
    let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
    Timestamp::from_millis(time.as_millis().saturating_sub(by))
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
        assert_eq!(window.start(at(39_000), MINUTE), Start { since: at(39_000), unless: None }, "after a restart");
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

    /// Rule 5: what was that old when it was read needs no overlap, and what comes after a page that was not needs one.
    #[test]
    fn position_stops_before_the_first_page_that_a_record_can_appear_in() {
        let mut frontier = Frontier::default();
        for (last, read, time) in [
            (100_000, Some(900_000), 100_000),
            (150_000, Some(211_000), 150_000),
            (150_001, Some(211_000), 89_001),
            (160_000, Some(900_000), 89_001),
        ] {
            frontier.pass(at(last), read.map(at), MINUTE);
            assert_eq!(frontier.time(), at(time), "{last} {read:?}");
        }
        let mut frontier = Frontier::default();
        frontier.pass(at(9_000_000), Some(at(200_000)), MINUTE);
        assert_eq!(frontier.time(), at(139_000), "a time in the future");
        let mut frontier = Frontier::default();
        for (last, time) in [(150_000, 89_000), (160_000, 99_000)] {
            frontier.pass(at(last), None, MINUTE);
            assert_eq!(frontier.time(), at(time), "a server that does not tell its time");
        }
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
