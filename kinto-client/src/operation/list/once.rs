use std::{
    collections::HashSet,
    hash::{BuildHasher as _, RandomState},
};

use super::whole::TRANSACTION_MILLIS;
use crate::wire::timestamp::Timestamp;

/// The objects that a stream has returned, so that it returns each once although those that are changed move to the end of
/// the list.
///
/// It takes eight bytes for each object. Of two ids with the same hash one would be lost: among a million ids there are two in
/// one reading of thirty million.
#[derive(Default)]
pub(super) struct Once {
    hasher: RandomState,
    /// The hashes of what was returned of the list as it began; sorted once there is something that can have been returned
    /// before.
    returned: Vec<u64>,
    is_sorted: bool,
    /// The hashes of what was returned after that.
    moved: HashSet<u64>,
}

impl Once {
    pub(super) fn hash(&self, id: &str) -> u64 {
        self.hasher.hash_one(id)
    }

    /// Returns `true` if the object was not returned before, and takes note of it. `time` is its time, if that is known, and
    /// `began` the version of the list at first.
    pub(super) fn insert(&mut self, id: &str, time: Option<Timestamp>, began: Timestamp) -> bool {
        let hash = self.hash(id);
        // Before the first object that may have moved, none can come a second time.
        let visible = began.as_millis().saturating_sub(TRANSACTION_MILLIS);
        if !self.is_sorted && time.is_none_or(|time| time.as_millis() <= visible) {
            self.returned.push(hash);
            return true;
        }
        !self.contains(hash) && self.moved.insert(hash)
    }

    pub(super) fn contains(&mut self, hash: u64) -> bool {
        if !self.is_sorted {
            self.returned.sort_unstable();
            self.is_sorted = true;
        }
        self.returned.binary_search(&hash).is_ok() || self.moved.contains(&hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_object_is_new_once() {
        let (mut once, began) = (Once::default(), Timestamp::from_millis(100_000));
        let mut insert = |id: &str, time: Option<u64>| once.insert(id, time.map(Timestamp::from_millis), began);
        assert!(insert("a", Some(1)));
        assert!(insert("b", None));
        assert!(insert("c", Some(99_999)));
        assert!(insert("d", Some(100_000)));
        for id in ["a", "b", "c", "d"] {
            assert!(!insert(id, Some(100_001)) && !insert(id, None), "{id}");
        }
        assert!(insert("new", Some(100_002)));
        assert!(!insert("new", Some(100_003)));
        let (old, unknown) = (once.hash("a"), once.hash("e"));
        assert!(once.contains(old) && !once.contains(unknown));
    }
}
