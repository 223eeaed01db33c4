//! How values are merged of which it turned out that the first way does not do.

use std::collections::{HashMap, HashSet};

use super::path::{At, Path, Step};

/// How the parts of a value are merged, from what leaves most of it as it was received to what leaves least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mode {
    /// What did not change stays as received.
    #[default]
    Minimal,
    /// Keys that the type writes under other names are looked for.
    Names,
    /// All that the type knows is written as it writes it.
    Canonical,
    /// What the type does not write is left out, but for what makes no difference to it.
    Drop,
}

/// What was learned from the ways that did not do.
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
