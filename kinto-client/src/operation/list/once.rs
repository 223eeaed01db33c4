use std::{
    collections::HashSet,
    hash::{BuildHasher as _, RandomState},
};

use super::whole::TRANSACTION_MILLIS;
use crate::wire::timestamp::Timestamp;

/// The decision of an oldest-first stream about an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Give,
    /// The record was already returned before it was changed.
    Skip,
    /// The record was changed or created after the stream had passed the original end of the list.
    End,
}

/// Sees to it that a stream gives each object once, and ends, also where its consumer changes each object that it is given: they
/// move to the end of the list.
///
/// It takes eight bytes for each object.
#[derive(Default)]
pub(super) struct Once {
    hasher: RandomState,
    /// The hashes of what was given of the list as it began; sorted once there is something that can have been given before.
    given: Vec<u64>,
    is_sorted: bool,
    /// The hashes of what was given after that.
    known: HashSet<u64>,
    end: Option<Timestamp>,
}

impl Once {
    /// Judges the next object: of a list that was of the version `began` at first, on a page that is of the version `page`.
    pub(super) fn judge(&mut self, id: &str, time: Timestamp, began: Timestamp, page: Timestamp) -> Verdict {
        if time > began && time > *self.end.get_or_insert(page.max(time)) {
            return Verdict::End;
        }
        let hash = self.hasher.hash_one(id);
        if !self.is_sorted && time.as_millis() <= began.as_millis().saturating_sub(TRANSACTION_MILLIS) {
            self.given.push(hash);
            return Verdict::Give;
        }
        if !self.is_sorted {
            self.given.sort_unstable();
            self.is_sorted = true;
        }
        let is_new = self.given.binary_search(&hash).is_err() && self.known.insert(hash);
        if is_new { Verdict::Give } else { Verdict::Skip }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_object_is_given_once_and_then_there_is_an_end() {
        let at = Timestamp::from_millis;
        let (mut once, began) = (Once::default(), at(100_000));
        let mut judge = |id: &str, time: u64, page: u64| once.judge(id, at(time), began, at(page));
        assert_eq!(judge("a", 1, 100_000), Verdict::Give);
        assert_eq!(judge("b", 99_999, 100_000), Verdict::Give);
        assert_eq!(judge("c", 100_000, 100_000), Verdict::Give);
        assert_eq!(judge("a", 100_001, 100_003), Verdict::Skip);
        assert_eq!(judge("new", 100_002, 100_003), Verdict::Give);
        assert_eq!(judge("b", 100_003, 100_003), Verdict::Skip);
        assert_eq!(judge("newer", 100_004, 100_009), Verdict::End);
    }
}
