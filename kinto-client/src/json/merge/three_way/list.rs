//! Lists whose items are told apart by a field: `#[kinto(key = "…")]`.

use std::collections::HashMap;

use super::{Copies, Merge, Side};
use crate::json::{
    entries::{Entries, items},
    merge::{
        json::{Kind, kind, parsed},
        path::At,
        walk::{Separator, Written},
    },
};

/// A list whose items all have keys of their own.
struct Keyed<'a> {
    keys: Vec<String>,
    items: HashMap<String, (usize, &'a str)>,
}

impl<'a> Keyed<'a> {
    /// Returns `None` if an item has no key, or two have the same.
    fn new(list: &'a str, field: &str) -> Option<Self> {
        let mut keyed = Self { keys: Vec::new(), items: HashMap::new() };
        for (index, item) in items(list).ok()?.into_iter().enumerate() {
            if kind(item) != Kind::Object {
                return None;
            }
            let key = parsed(Entries::of(item).ok()?.text(field)?);
            if key.is_null() || keyed.items.insert(key.to_string(), (index, item)).is_some() {
                return None;
            }
            keyed.keys.push(key.to_string());
        }
        Some(keyed)
    }

    fn item(&self, key: &str) -> Option<&'a str> {
        self.items.get(key).map(|(_, item)| *item)
    }

    /// Returns the keys that all of these lists have, in the order of this one.
    fn common<'k>(&'k self, lists: &[Keyed<'_>]) -> Vec<&'k str> {
        let is_common = |key: &&String| lists.iter().all(|list| list.items.contains_key(*key));
        self.keys.iter().filter(is_common).map(String::as_str).collect()
    }
}

/// Lists that can be merged item by item.
pub(super) struct Lists<'a> {
    bases: Vec<Keyed<'a>>,
    sent: usize,
    local: Keyed<'a>,
    remote: Keyed<'a>,
    /// The side whose order the items have.
    order: Side,
}

impl Lists<'_> {
    /// Returns the keys of both sides in the order to write them: those that the other side alone has stand behind the item
    /// that they stand behind there.
    fn keys(&self) -> Vec<String> {
        let (first, other) = match self.order {
            Side::Local => (&self.local, &self.remote),
            Side::Remote => (&self.remote, &self.local),
        };
        let mut keys = first.keys.clone();
        let mut behind: Option<&String> = None;
        for key in &other.keys {
            if !first.items.contains_key(key) {
                let place = behind.and_then(|behind| keys.iter().position(|known| known == behind));
                keys.insert(place.map_or(0, |place| place + 1), key.clone());
            }
            behind = Some(key);
        }
        keys
    }
}

impl Merge {
    /// Returns the lists by the keys of their items, if they have such keys, and if at most one side changed the order of
    /// the items that all have.
    pub(super) fn lists<'a>(&self, copies: &Copies<'a>, at: &At<'_>) -> Option<Lists<'a>> {
        let field = self.keys.of(at)?;
        let sent = copies.sent;
        let copies = copies.all_of(Kind::Array)?;
        let mut lists = copies.into_iter().map(|list| Keyed::new(list, field)).collect::<Option<Vec<_>>>()?;
        let [bases @ .., local, remote] = lists.as_slice() else { return None };
        let (here, there) = (local.common(&lists), remote.common(&lists));
        let mut before = bases.iter().map(|base| base.common(&lists));
        let order = if here == there || before.clone().all(|before| before == here) {
            Side::Remote
        } else if before.all(|before| before == there) {
            Side::Local
        } else {
            return None;
        };
        let (remote, local) = (lists.pop()?, lists.pop()?);
        Some(Lists { bases: lists, sent, local, remote, order })
    }

    pub(super) fn list(&mut self, lists: &Lists<'_>, at: &At<'_>, out: &mut Vec<u8>) -> Written {
        let mut separator = Separator(b'[');
        for key in lists.keys() {
            let of = |list: &Keyed<'_>| list.items.get(&key).map(|(index, _)| *index);
            let index = of(&lists.local).or_else(|| of(&lists.remote)).unwrap_or_default();
            let copies = Copies {
                bases: lists.bases.iter().map(|base| base.item(&key)).collect(),
                sent: lists.sent,
                local: lists.local.item(&key),
                remote: lists.remote.item(&key),
            };
            let mut lead = |out: &mut Vec<u8>| {
                separator.before_next(out);
                Ok(())
            };
            self.part(&copies, &at.item(index), &mut lead, out)?;
        }
        separator.close(b'[', b']', out);
        Ok(())
    }
}
