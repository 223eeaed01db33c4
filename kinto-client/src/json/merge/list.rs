//! Lists: which items are those that were received, and what stands between them.

use std::collections::{HashMap, HashSet};

use super::{
    json::{Kind, canonical, kind, says_more, sorted},
    origin::Origin,
    pair::{List, pair},
    path::{At, Step},
    plan::Mode,
    probe::ListKind,
    walk::{Separator, Values, Walk, Written},
};
use crate::json::entries::{Entries, items};

impl<'a> Walk<'a, '_> {
    pub(super) fn array(
        &mut self,
        raw_text: &'a str,
        before_text: &'a str,
        after: &'a str,
        at: &At<'_>,
        mode: Mode,
        out: &mut Vec<u8>,
    ) -> Written {
        if mode < Mode::Canonical && self.is_own_order(Some(raw_text), before_text, after, at) {
            out.extend_from_slice(raw_text.as_bytes());
            return Ok(());
        }
        let (raw, before, after) = (items(raw_text)?, items(before_text)?, items(after)?);
        let origin = Origin::new(&raw, &before);
        let raw_of = |known: usize| raw.get((*origin.of.get(known)?)?).copied();
        let carries = |known: usize| match (raw_of(known), before.get(known)) {
            (Some(raw), Some(known)) => says_more(raw, known),
            _ => false,
        };
        let (probe, path) = (self.probe, || at.path());
        let pairs = pair(&List {
            before: &before,
            after: &after,
            raw: &raw_of,
            carries: &carries,
            key: self.keys.of(at),
            kind: &|| probe.list_kind(&path(), raw_text),
        });
        let is_bijective = before.len() == after.len() && !pairs.of.contains(&None);
        let is_equal = |(after, of): (&&str, &Option<usize>)| {
            let before = of.and_then(|of| before.get(of)).copied().unwrap_or_default();
            before == *after || sorted(before) == sorted(after)
        };
        if is_bijective && !pairs.of.iter().flatten().is_sorted() && after.iter().zip(&pairs.of).all(is_equal) {
            if !origin.in_order && mode < Mode::Canonical {
                out.extend_from_slice(raw_text.as_bytes());
                return Ok(());
            }
            self.found.changes += 1;
        } else if !is_bijective || !pairs.of.iter().flatten().is_sorted() {
            self.found.changes += 1;
        }
        if pairs.is_doubtful || (origin.is_doubtful && (0..before.len()).any(|known| !pairs.of.contains(&Some(known))))
        {
            self.found.doubtful.get_or_insert_with(path);
        }
        // What the type skipped stays behind what it stood behind.
        let mut behind = spare_behind(&origin, &pairs.of, raw.len());
        let mut separator = Separator(b'[');
        let mut spare = |walk: &mut Self, after: Option<usize>, separator: &mut Separator, out: &mut Vec<u8>| {
            for place in behind.remove(&after).unwrap_or_default() {
                let Some(raw) = raw.get(place) else { continue };
                if walk.leaves_out(at, Step::Item(place), mode) {
                    walk.found.dropped.push((at.path(), Step::Item(place), raw));
                } else {
                    separator.before_next(out);
                    out.extend_from_slice(raw.as_bytes());
                }
            }
        };
        spare(self, None, &mut separator, out);
        for (place, new) in after.iter().enumerate() {
            separator.before_next(out);
            let known = pairs.of.get(place).copied().flatten();
            if let Some((raw, old)) = known.and_then(|known| Some((raw_of(known)?, before.get(known).copied()?))) {
                self.value(Values { raw, before: Some(old), after: new }, &at.item(place), mode, out)?;
            } else {
                if known.and_then(|known| before.get(known)) != Some(new) {
                    self.found.changes += 1;
                }
                out.extend_from_slice(new.as_bytes());
            }
            spare(self, Some(place), &mut separator, out);
        }
        separator.close(b'[', b']', out);
        Ok(())
    }

    /// Returns true if two values that a type wrote differ only in the order of sets, which is another each time.
    fn is_own_order(&self, raw: Option<&'a str>, before: &'a str, after: &'a str, at: &At<'_>) -> bool {
        if before == after {
            return true;
        }
        match (kind(before), kind(after)) {
            (Kind::Object, Kind::Object) => self.is_own_order_in_object(raw, before, after, at).unwrap_or(false),
            (Kind::Array, Kind::Array) => self.is_own_order_in_list(raw, before, after, at).unwrap_or(false),
            _ => false,
        }
    }

    fn is_own_order_in_object(
        &self,
        raw: Option<&'a str>,
        before: &'a str,
        after: &'a str,
        at: &At<'_>,
    ) -> serde_json::Result<bool> {
        let (before, after) = (Entries::of(before)?, Entries::of(after)?);
        let raw = raw.and_then(|raw| Entries::of(raw).ok());
        let is_same = |(key, old): (&str, &'a str)| {
            let raw = raw.as_ref().and_then(|raw| raw.text(key));
            after.text(key).is_some_and(|new| self.is_own_order(raw, old, new, &at.key(key)))
        };
        Ok(before.len() == after.len() && before.iter().all(is_same))
    }

    fn is_own_order_in_list(
        &self,
        raw_text: Option<&'a str>,
        before: &'a str,
        after: &'a str,
        at: &At<'_>,
    ) -> serde_json::Result<bool> {
        /// Up to so many items that stand elsewhere, and in another order, are compared with each other.
        const FEW: usize = 64;
        if sorted(before) != sorted(after) {
            return Ok(false);
        }
        let (before, after) = (items(before)?, items(after)?);
        let raw = raw_text.and_then(|raw| items(raw).ok()).unwrap_or_default();
        let origin = Origin::new(&raw, &before);
        let raw_of = |known: usize| raw.get((*origin.of.get(known)?)?).copied();
        let is_same = |place: usize, new: &'a str| {
            let old = before.get(place).copied().unwrap_or_default();
            self.is_own_order(raw_of(place), old, new, &at.item(place))
        };
        if after.iter().enumerate().all(|(place, new)| is_same(place, new)) {
            return Ok(true);
        }
        let path = at.path();
        if raw_text.is_none_or(|raw| self.probe.list_kind(&path, raw) != ListKind::Set)
            || !self.probe.has_own_order(&path, before.len())
        {
            return Ok(false);
        }
        let mut places: HashMap<_, Vec<usize>> = HashMap::new();
        for (place, old) in before.iter().enumerate() {
            places.entry(canonical(old)).or_default().push(place);
        }
        let mut left: Vec<&'a str> = after;
        left.retain(|new| places.get_mut(&canonical(new)).and_then(Vec::pop).is_none());
        let mut free: Vec<usize> = places.into_values().flatten().collect();
        Ok(left.len() <= FEW
            && left.into_iter().all(|new| {
                let found = free.iter().position(|place| is_same(*place, new));
                found.map(|found| free.swap_remove(found)).is_some()
            }))
    }
}

/// The items that the type skipped, by the place of the item that they stand behind now.
fn spare_behind(origin: &Origin, of: &[Option<usize>], received: usize) -> HashMap<Option<usize>, Vec<usize>> {
    let mut behind: HashMap<Option<usize>, Vec<usize>> = HashMap::new();
    if origin.spare.is_empty() {
        return behind;
    }
    let mut now: Vec<Option<usize>> = vec![None; received];
    for (place, known) in of.iter().enumerate() {
        let raw = known.and_then(|known| origin.of.get(known).copied().flatten());
        if let Some(now) = raw.and_then(|raw| now.get_mut(raw)) {
            *now = Some(place);
        }
    }
    let spare: HashSet<usize> = origin.spare.iter().copied().collect();
    let mut last = None;
    for (place, now) in now.into_iter().enumerate() {
        if spare.contains(&place) {
            behind.entry(last).or_default().push(place);
        } else if now.is_some() {
            last = now;
        }
    }
    behind
}
