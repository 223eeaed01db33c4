//! Values that stand under another key than before: the entries of maps, the variants of enums, what a migration renames.

use std::collections::{HashMap, HashSet};

use super::{
    json::{Kind, canonical, is_telling, kind, parsed, says_more},
    likeness::{are_mostly_same, marks},
    names::Names,
    path::At,
    walk::Walk,
};
use crate::json::{RESERVED_KEYS, entries::Entries};

/// Values that stand under another key than before.
#[derive(Default)]
pub(super) struct Moved<'a> {
    /// The values as received and as the type serialized them, by their new keys.
    pub(super) to: HashMap<String, (&'a str, &'a str)>,
    /// Their old keys.
    pub(super) away: HashSet<String>,
}

/// A value that is not what it was any more, or not there.
struct Left<'a> {
    name: String,
    raw: &'a str,
    old: &'a str,
}

impl<'a> Walk<'a, '_> {
    /// Finds values with unknown fields that have moved to another key.
    pub(super) fn moved(&self, [raw, before, after]: [&Entries<'a>; 3], names: &Names, at: &At<'_>) -> Moved<'a> {
        let is_stamp = |key: &str| at.is_root() && RESERVED_KEYS.contains(&key);
        let is_whole = |json: &str| kind(json) != Kind::Scalar;
        let mut moved = Moved::default();
        let others =
            after.iter().filter(|(key, new)| is_whole(new) && !is_stamp(key) && before.text(key) != Some(*new));
        let others: Vec<(&str, &str)> = others.collect();
        if others.is_empty() {
            return moved;
        }
        let left = raw.iter().filter(|(key, raw)| is_whole(raw) && !is_stamp(key)).filter_map(|(key, raw)| {
            let name = names.known.get(key).map_or(key, String::as_str);
            let old = before.text(name).filter(|old| is_whole(old))?;
            (after.text(name) != Some(old)).then_some(Left { name: name.to_owned(), raw, old })
        });
        let mut left: Vec<Left<'_>> = left.collect();
        // Most often it is one value that was changed where it is.
        if matches!((left.as_slice(), others.as_slice()), ([left], [(key, _)]) if left.name == *key) {
            return moved;
        }
        left.retain(|left| {
            let new = after.text(&left.name);
            new.is_none_or(|new| !has_become(left.old, new, false)) && says_more(left.raw, left.old)
        });
        let mut places: HashMap<String, Vec<&Left<'_>>> = HashMap::new();
        for left in &left {
            places.entry(canonical(left.old).into_owned()).or_default().push(left);
        }
        let mut counts: HashMap<String, usize> = HashMap::new();
        for (_, new) in others.iter().filter(|_| !left.is_empty()) {
            *counts.entry(canonical(new).into_owned()).or_default() += 1;
        }
        for (key, new) in others.iter().filter(|_| !left.is_empty()) {
            let content = canonical(new);
            let is_single = counts.get(&*content) == Some(&1) && is_telling(&parsed(new));
            if let (true, Some([left])) = (is_single, places.get(&*content).map(Vec::as_slice)) {
                moved.to.insert((*key).to_owned(), (left.raw, left.old));
                moved.away.insert(left.name.clone());
            }
        }
        left.retain(|left| !after.has(&left.name) && !moved.away.contains(&left.name));
        let new: Vec<&(&str, &str)> =
            others.iter().filter(|(key, _)| !before.has(key) && !moved.to.contains_key(*key)).collect();
        if let ([left], [(key, new)]) = (left.as_slice(), new.as_slice())
            && has_become(left.old, new, self.is_migration)
        {
            moved.to.insert((*key).to_owned(), (left.raw, left.old));
            moved.away.insert(left.name.clone());
        }
        moved
    }
}

/// Returns true if the one value that was removed is the one that came, by the text and numbers that both have; for
/// a migration one of them is enough, wherever in the value it stands.
fn has_become(old: &str, new: &str, is_migration: bool) -> bool {
    if is_migration {
        let (old, new) = (marks(old), marks(new));
        let is_telling = |value: &str| !matches!(value, "\"\"" | "0");
        return old.iter().any(|(_, value)| is_telling(value) && new.iter().any(|(_, other)| other == value));
    }
    are_mostly_same(old, new)
}
