//! One pass over the received JSON, which writes it with the changes.

use std::collections::HashSet;

use super::{
    json::{Kind, equal, kind},
    keys::ListKeys,
    names::Names,
    path::{At, Path, Step},
    plan::{Mode, Plan},
    probe::Probe,
};
use crate::json::{RESERVED_KEYS, entries::Entries};

/// The state of a merge in progress.
pub(super) struct Walk<'a, 'p> {
    pub(super) plan: &'p Plan,
    pub(super) probe: &'p Probe<'a>,
    pub(super) keys: &'p ListKeys,
    /// Another type has written `after`: what it knows is to be there, also what the first filled in; and under its names.
    pub(super) is_migration: bool,
    pub(super) found: Found<'a>,
}

/// The findings of a walk.
#[derive(Default)]
pub(super) struct Found<'a> {
    /// The fields that the server adds, as received.
    pub(super) stamp: Vec<(&'static str, &'a str)>,
    /// The number of values that changed.
    pub(super) changes: usize,
    /// The values that were left out although nothing shows that they were removed: path, key or index, and text.
    pub(super) dropped: Vec<(Path, Step, &'a str)>,
    /// The values that became another kind of JSON, which has no place for unknown fields.
    pub(super) replaced: Vec<(Path, &'a str)>,
    /// The list in which what the type does not know may not be where it belongs.
    pub(super) doubtful: Option<Path>,
}

/// The values at one place.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    /// The JSON as received.
    pub(super) raw: &'a str,
    /// The received JSON as the type serializes it.
    pub(super) before: Option<&'a str>,
    /// The current value as the type serializes it.
    pub(super) after: &'a str,
}

pub(super) type Written = serde_json::Result<()>;

/// Writes the commas between entries or items.
pub(super) struct Separator(pub(super) u8);

impl Separator {
    pub(super) fn before_next(&mut self, out: &mut Vec<u8>) {
        out.push(std::mem::replace(&mut self.0, b','));
    }

    pub(super) fn key(&mut self, key: &str, out: &mut Vec<u8>) -> Written {
        self.before_next(out);
        serde_json::to_writer(&mut *out, key)?;
        out.push(b':');
        Ok(())
    }

    pub(super) fn close(self, open: u8, close: u8, out: &mut Vec<u8>) {
        if self.0 == open {
            out.push(open);
        }
        out.push(close);
    }
}

impl<'a> Walk<'a, '_> {
    pub(super) fn value(&mut self, values: Values<'a>, at: &At<'_>, mode: Mode, out: &mut Vec<u8>) -> Written {
        let Values { raw, before, after } = values;
        let mode = self.plan.mode(at, mode);
        if mode < Mode::Canonical && before == Some(after) {
            out.extend_from_slice(raw.as_bytes());
            return Ok(());
        }
        let before_or = |kind_of: Kind, empty| before.filter(|before| kind(before) == kind_of).unwrap_or(empty);
        match (kind(raw), kind(after)) {
            (Kind::Object, Kind::Object) => self.object(raw, before_or(Kind::Object, "{}"), after, at, mode, out),
            (Kind::Array, Kind::Array) => self.array(raw, before_or(Kind::Array, "[]"), after, at, mode, out),
            _ => {
                // Two types may write one number in two ways; one type writes it as the caller holds it.
                let is_as_before =
                    before.is_some_and(|before| before == after || (self.is_migration && equal(before, after)));
                let stays = is_as_before && (mode < Mode::Canonical || equal(raw, after));
                if !is_as_before {
                    self.found.changes += 1;
                }
                if !stays && before.is_some_and(|before| kind(before) != kind(raw)) && kind(raw) != Kind::Scalar {
                    self.found.replaced.push((at.path(), raw));
                }
                out.extend_from_slice(if stays { raw } else { after }.as_bytes());
                Ok(())
            }
        }
    }

    pub(super) fn object(
        &mut self,
        raw: &'a str,
        before: &'a str,
        after: &'a str,
        at: &At<'_>,
        mode: Mode,
        out: &mut Vec<u8>,
    ) -> Written {
        let (raw_text, raw, before, after) = (raw, Entries::of(raw)?, Entries::of(before)?, Entries::of(after)?);
        let is_stamp = |key: &str| at.is_root() && RESERVED_KEYS.contains(&key);
        // A type writes its keys in one order, so that each is found where it is before, or behind the last.
        let mut near = 0;
        let places = raw.iter().map(|(key, _)| {
            let found = before.find(key, near);
            near = found.map_or(near, |(place, _)| place + 1);
            found
        });
        let places: Vec<Option<(usize, &'a str)>> = places.collect();
        let names = if places.iter().flatten().count() == before.len() {
            Names::default()
        } else {
            self.names(raw_text, [&raw, &before, &after], at, mode)
        };
        if at.is_root() {
            self.found.stamp = RESERVED_KEYS.into_iter().filter_map(|key| Some((key, raw.text(key)?))).collect();
        }
        let mut separator = Separator(b'{');
        let moved = self.moved([&raw, &before, &after], &names, at);
        let mut written = 0;
        for ((key, raw), known) in raw.iter().zip(places).filter(|((key, _), _)| !is_stamp(key)) {
            let name = names.known.get(key).map_or(key, String::as_str);
            let (near, old) = match known.filter(|_| name == key) {
                Some((place, old)) => (place, Some(old)),
                None => (0, before.text(name)),
            };
            let Some((_, new)) = after.find(name, near) else {
                if old.is_some() {
                    self.found.changes += 1;
                } else if names.left_out.contains(key) || self.leaves_out(at, Step::Key(key.to_owned()), mode) {
                    self.found.dropped.push((at.path(), Step::Key(key.to_owned()), raw));
                } else {
                    separator.key(key, out)?;
                    out.extend_from_slice(raw.as_bytes());
                }
                continue;
            };
            written += 1;
            separator.key(if self.is_migration { name } else { key }, out)?;
            let values = match moved.to.get(name) {
                Some((raw, old)) => {
                    self.found.changes += 1;
                    Values { raw, before: Some(old), after: new }
                }
                None if moved.away.contains(name) => {
                    self.found.changes += 1;
                    out.extend_from_slice(new.as_bytes());
                    continue;
                }
                None => Values { raw, before: old, after: new },
            };
            self.value(values, &at.key(name), mode, out)?;
        }
        if written == after.len() {
            separator.close(b'{', b'}', out);
            return Ok(());
        }
        let received: HashSet<&str> = names.known.values().map(String::as_str).collect();
        let is_new = |key: &str| !raw.has(key) && !received.contains(key) && !is_stamp(key);
        for (key, new) in after.iter().filter(|(key, _)| is_new(key)) {
            let old = before.text(key);
            // A default that the type added when it was decoded is no change.
            let is_default = old.is_some_and(|old| equal(old, new));
            if is_default && !self.is_migration && mode < Mode::Canonical {
                continue;
            }
            // Another one than it filled in may be filled in anew each time.
            if old.is_none() {
                self.found.changes += 1;
            }
            separator.key(key, out)?;
            match moved.to.get(key) {
                Some((raw, old)) => {
                    self.value(Values { raw, before: Some(old), after: new }, &at.key(key), mode, out)?;
                }
                None => out.extend_from_slice(new.as_bytes()),
            }
        }
        separator.close(b'{', b'}', out);
        Ok(())
    }

    pub(super) fn leaves_out(&self, at: &At<'_>, step: Step, mode: Mode) -> bool {
        mode == Mode::Drop && !self.plan.keeps(at, step)
    }
}
