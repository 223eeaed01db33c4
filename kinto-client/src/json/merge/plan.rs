//! Plans of merging, for values with which the first way failed.

use std::collections::{HashMap, HashSet};

use super::path::{At, Path, Step};

/// The ways to merge a value, from the one that keeps most of the received text to the one that keeps least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mode {
    /// Keeps unchanged parts as received.
    #[default]
    Minimal,
    /// Keys that the type writes under other names are looked for.
    Names,
    /// Writes all known parts as the type serializes them.
    Canonical,
    /// Removes the parts that the type does not write, except those that make no difference to it.
    Drop,
}

/// The results of earlier ways that failed.
#[derive(Debug, Default)]
pub(super) struct Plan {
    modes: HashMap<Path, Mode>,
    kept: HashSet<(Path, Step)>,
}

impl Plan {
    /// The mode of a value in something of that mode.
    pub(super) fn mode(&self, at: &At<'_>, outer: Mode) -> Mode {
        if self.modes.is_empty() { outer } else { self.modes.get(&at.path()).copied().unwrap_or_default().max(outer) }
    }

    /// Sets the mode of a value, if that is not beyond it already.
    pub(super) fn raise(&mut self, path: &Path, mode: Mode) -> bool {
        let inherited = path.upwards().filter_map(|path| self.modes.get(&path)).max();
        if inherited.is_some_and(|known| *known >= mode) {
            return false;
        }
        self.modes.insert(path.clone(), mode);
        true
    }

    pub(super) fn keeps(&self, at: &At<'_>, step: Step) -> bool {
        self.kept.contains(&(at.path(), step))
    }

    pub(super) fn keep(&mut self, places: &[(Path, Step)]) {
        self.kept.extend(places.iter().cloned());
    }

    pub(super) fn let_go(&mut self, places: &[(Path, Step)]) {
        for place in places {
            self.kept.remove(place);
        }
    }
}
