//! Keys that a type knows by other names than it writes.

use std::collections::{HashMap, HashSet};

use super::{json::covers, path::At, plan::Mode, walk::Walk};
use crate::json::{RESERVED_KEYS, entries::Entries};

/// The names by which the type knows the received keys.
#[derive(Default)]
pub(super) struct Names {
    /// By the keys that were received.
    pub(super) known: HashMap<String, String>,
    /// The keys that the type reads and does not write, under any name.
    pub(super) left_out: HashSet<String>,
}

impl<'a> Walk<'a, '_> {
    /// Finds the received keys that the type knows under other names, and those that it reads but no longer writes.
    pub(super) fn names(
        &self,
        raw_text: &str,
        [raw, before, after]: [&Entries<'a>; 3],
        at: &At<'_>,
        mode: Mode,
    ) -> Names {
        let is_stamp = |key: &str| at.is_root() && RESERVED_KEYS.contains(&key);
        let is_changed = |(key, new): (&str, &str)| before.text(key).is_some_and(|old| self.is_migration || old != new);
        let is_touched = |(key, old): (&str, &str)| match after.text(key) {
            Some(new) => is_changed((key, new)),
            None => self.is_migration || !old.is_empty(),
        };
        let mut written: Vec<(&str, &str)> = before.iter().filter(|(key, _)| !raw.has(key) && !is_stamp(key)).collect();
        let mut names = Names::default();
        if written.is_empty() || (mode == Mode::Minimal && !written.iter().any(|written| is_touched(*written))) {
            return names;
        }
        let is_unknown = |key: &str| !before.has(key) && !after.has(key) && !is_stamp(key);
        let mut unknown: Vec<(&str, &str)> = raw.iter().filter(|(key, _)| is_unknown(key)).collect();
        if unknown.is_empty() {
            return names;
        }
        let path = at.path();
        // The same but for case and signs, as a UUID or a name in another style.
        let mut folded: HashMap<String, Vec<&str>> = HashMap::new();
        for (key, _) in &written {
            folded.entry(fold(key)).or_default().push(key);
        }
        let alike = unknown.iter().filter_map(|(key, raw)| match folded.get(&fold(key))?.as_slice() {
            [name] => Some((*key, *name, *raw)),
            _ => None,
        });
        for (key, name, _) in alike.collect::<Vec<_>>() {
            let is_sure = mode == Mode::Minimal && before.text(name).is_some_and(|old| is_touched((name, old)));
            if mode > Mode::Minimal || (is_sure && self.probe.read_keys(&path, raw_text, &[key]).contains(key)) {
                names.known.insert(key.to_owned(), name.to_owned());
            }
        }
        written.retain(|(key, _)| !names.known.values().any(|name| name == key));
        unknown.retain(|(key, _)| !names.known.contains_key(*key));
        if unknown.is_empty() || !written.iter().any(|written| mode > Mode::Minimal || is_touched(*written)) {
            return names;
        }
        let keys: Vec<&str> = unknown.iter().map(|(key, _)| *key).collect();
        let read = self.probe.read_keys(&path, raw_text, &keys);
        unknown.retain(|(key, _)| read.contains(*key));
        for (key, raw) in unknown {
            let mut fitting = written.iter().filter(|(_, known)| covers(raw, known));
            if let (Some((name, _)), None) = (fitting.next(), fitting.next()) {
                let name = (*name).to_owned();
                written.retain(|(key, _)| *key != name);
                names.known.insert(key.to_owned(), name);
            } else {
                names.left_out.insert(key.to_owned());
            }
        }
        names
    }
}

fn fold(key: &str) -> String {
    key.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
