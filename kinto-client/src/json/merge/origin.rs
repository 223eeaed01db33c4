//! Matches received items with those that the type decoded from them.

use std::collections::{BTreeSet, HashMap, VecDeque};

use serde_json::Value;

use super::json::{self, Kind, covers, kind, orderless, parsed};

/// The items of a list as received, beside what the type writes of them.
pub(super) struct Origin {
    /// The index of the received item from which each known item was read.
    pub(super) of: Vec<Option<usize>>,
    /// The places of those that the type has skipped, or read with another as one.
    pub(super) spare: Vec<usize>,
    /// The type has kept the order.
    pub(super) in_order: bool,
    /// Some could not be assigned, and may hold what the type does not know.
    pub(super) is_doubtful: bool,
}

impl Origin {
    pub(super) fn new(raw: &[&str], known: &[&str]) -> Self {
        if raw.len() == known.len() && raw.iter().zip(known).all(|(raw, known)| covers(raw, known)) {
            let of = (0..known.len()).map(Some).collect();
            return Self { of, spare: Vec::new(), in_order: true, is_doubtful: false };
        }
        let mut search = Search { raw, known, of: vec![None; known.len()], is_free: vec![true; raw.len()] };
        search.by(|item| Some(orderless(item)));
        if let Some(keys) = search.common_keys() {
            search.by(|item| fingerprint(item, &keys));
        }
        search.by_place();
        search.result()
    }
}

struct Search<'a> {
    raw: &'a [&'a str],
    known: &'a [&'a str],
    of: Vec<Option<usize>>,
    is_free: Vec<bool>,
}

impl Search<'_> {
    fn free(&self) -> Vec<usize> {
        self.is_free.iter().enumerate().filter(|(_, free)| **free).map(|(place, _)| place).collect()
    }

    fn open(&self) -> Vec<usize> {
        self.of.iter().enumerate().filter(|(_, of)| of.is_none()).map(|(place, _)| place).collect()
    }

    fn assign(&mut self, known: usize, raw: usize) {
        if let (Some(of), Some(free)) = (self.of.get_mut(known), self.is_free.get_mut(raw)) {
            *of = Some(raw);
            *free = false;
        }
    }

    /// Assigns those that are alike in something, in their order.
    fn by(&mut self, something: impl Fn(&str) -> Option<String>) {
        let mut alike: HashMap<String, VecDeque<usize>> = HashMap::new();
        for place in self.free() {
            if let Some(text) = self.raw.get(place).and_then(|raw| something(raw)) {
                alike.entry(text).or_default().push_back(place);
            }
        }
        for place in self.open() {
            let Some(known) = self.known.get(place) else { continue };
            let Some(places) = something(known).and_then(|text| alike.get_mut(&text)) else { continue };
            let fits = |raw: &&usize| self.raw.get(**raw).is_some_and(|raw| covers(raw, known));
            if let Some(raw) = places.front().filter(fits).copied() {
                places.pop_front();
                self.assign(place, raw);
            }
        }
    }

    /// The keys under which all that are left have a scalar.
    fn common_keys(&self) -> Option<BTreeSet<String>> {
        let keys = |item: &str| -> BTreeSet<String> {
            let value = parsed(item);
            json::fields(&value)
                .filter(|(_, value)| !(value.is_array() || value.is_object()))
                .map(|(key, _)| key.clone())
                .collect()
        };
        let raw = self.free().into_iter().filter_map(|place| self.raw.get(place));
        let known = self.open().into_iter().filter_map(|place| self.known.get(place));
        // What is skipped may lack some.
        let of_known = known.map(|item| keys(item)).reduce(|one, other| &one & &other)?;
        let counts = raw.map(|item| keys(item)).fold(HashMap::new(), |mut counts, keys| {
            for key in keys {
                *counts.entry(key).or_insert(0_usize) += 1;
            }
            counts
        });
        let needed = self.open().len();
        let common = of_known.into_iter().filter(|key| counts.get(key).is_some_and(|count| *count >= needed));
        Some(common.collect()).filter(|keys: &BTreeSet<String>| !keys.is_empty())
    }

    /// Assigns the rest by their places, if nothing says that the order is another.
    fn by_place(&mut self) {
        let open = self.open();
        let mut free = self.free();
        if free.len() > open.len() {
            free.retain(|place| self.can_be_one(*place, &open));
        }
        let single = free.len() == 1 && open.len() == 1;
        if single
            || (free.len() == open.len() && self.is_in_order() && (self.raw.len() != self.known.len() || free == open))
        {
            for (raw, known) in free.into_iter().zip(open) {
                self.assign(known, raw);
            }
        }
    }

    /// Returns true if an item has a key of one of those that the type has made of such items.
    fn can_be_one(&self, raw: usize, open: &[usize]) -> bool {
        let raw = self.raw.get(raw).map(|raw| parsed(raw)).unwrap_or_default();
        open.iter().filter_map(|place| self.known.get(*place)).any(|known| {
            let known = parsed(known);
            let mut keys = json::fields(&known).map(|(key, _)| key).peekable();
            keys.peek().is_none() || keys.any(|key| raw.get(key).is_some())
        })
    }

    fn is_in_order(&self) -> bool {
        self.of.iter().flatten().is_sorted()
    }

    fn result(self) -> Origin {
        let holds_more = |place: &usize| self.raw.get(*place).is_some_and(|raw| kind(raw) == Kind::Object);
        let is_doubtful = self.of.contains(&None) && self.free().iter().any(holds_more);
        Origin { in_order: self.is_in_order(), spare: self.free(), is_doubtful, of: self.of }
    }
}

fn fingerprint(item: &str, keys: &BTreeSet<String>) -> Option<String> {
    let value = parsed(item);
    let of_keys: Option<Vec<Value>> = keys.iter().map(|key| value.get(key).map(json::orderless_value)).collect();
    of_keys.map(|values| Value::Array(values).to_string())
}
