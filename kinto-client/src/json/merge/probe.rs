//! Observes a type by deserializing JSON with it and serializing the result.

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, HashSet},
    fmt::Write as _,
};

use serde_json::Value;

use super::{
    json::{orderless_value, parsed},
    path::{Path, Step},
};
use crate::{
    error::Result,
    json::{
        RESERVED_KEYS,
        entries::{Entries, items},
    },
};

/// Reads JSON as a type, and writes what was read.
pub(crate) type Recode<'a> = dyn Fn(&str) -> Result<String> + 'a;

/// The number of values that a type deserializes for one save at most.
const MOST: usize = 128;

/// Questions to a type about an object that was received.
pub(super) struct Probe<'a> {
    base: &'a str,
    /// The JSON as the type serializes it.
    known: &'a str,
    recode: &'a Recode<'a>,
    left: Cell<usize>,
    kinds: RefCell<HashMap<Path, ListKind>>,
    own_orders: RefCell<HashMap<Path, bool>>,
    keys: RefCell<HashMap<(Path, String), bool>>,
    volatile: RefCell<Option<HashSet<Path>>>,
}

/// The kind of collection that a list is to its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListKind {
    List,
    /// A list without duplicates.
    Set,
    /// A list of fixed length.
    Fixed,
}

/// A difference between two values.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) path: Path,
    /// In the order of items alone.
    pub(super) is_order: bool,
}

/// Returns the differences of two objects, apart from the fields that the server adds.
pub(super) fn differences(one: &str, other: &str) -> Vec<Difference> {
    fn look(one: &Value, other: &Value, path: &Path, found: &mut Vec<Difference>) {
        match (one, other) {
            _ if one == other => {}
            (Value::Object(one), Value::Object(other)) => {
                let is_stamp = |key: &str| path.0.is_empty() && RESERVED_KEYS.contains(&key);
                let only = other.keys().filter(|key| !one.contains_key(*key));
                for key in one.keys().chain(only).filter(|key| !is_stamp(key)) {
                    let (one, other) = (one.get(key), other.get(key));
                    let path = path.with(Step::Key(key.clone()));
                    match (one, other) {
                        (Some(one), Some(other)) => look(one, other, &path, found),
                        _ => found.push(Difference { path, is_order: false }),
                    }
                }
            }
            (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
                let values = (Value::Array(one.clone()), Value::Array(other.clone()));
                if orderless_value(&values.0) == orderless_value(&values.1) {
                    found.push(Difference { path: path.clone(), is_order: true });
                    return;
                }
                for (index, (one, other)) in one.iter().zip(other).enumerate() {
                    look(one, other, &path.with(Step::Item(index)), found);
                }
            }
            _ => found.push(Difference { path: path.clone(), is_order: false }),
        }
    }
    let mut found = Vec::new();
    if one != other {
        look(&parsed(one), &parsed(other), &Path::default(), &mut found);
    }
    found
}

impl<'a> Probe<'a> {
    pub(super) fn new(base: &'a str, known: &'a str, recode: &'a Recode<'a>) -> Self {
        Self {
            base,
            known,
            recode,
            left: Cell::new(MOST),
            kinds: RefCell::default(),
            own_orders: RefCell::default(),
            keys: RefCell::default(),
            volatile: RefCell::default(),
        }
    }

    /// Returns the JSON as the type serializes it; `None` if it does not deserialize.
    fn ask(&self, json: &str) -> Option<String> {
        self.left.set(self.left.get().saturating_sub(1));
        (self.recode)(json).ok()
    }

    fn is_exhausted(&self) -> bool {
        self.left.get() == 0
    }

    /// Returns the paths at which the type writes another value each time it reads the same JSON.
    pub(super) fn volatile(&self) -> HashSet<Path> {
        if let Some(known) = &*self.volatile.borrow() {
            return known.clone();
        }
        let again = self.ask(self.base).unwrap_or_default();
        let found = differences(self.known, &again).into_iter().filter(|found| !found.is_order);
        let found: HashSet<Path> = found.map(|found| found.path).collect();
        *self.volatile.borrow_mut() = Some(found.clone());
        found
    }

    /// Returns true if the type makes the same of this as of what was received.
    fn makes_no_difference(&self, json: &str) -> bool {
        self.ask(json).is_some_and(|written| self.is_as_known(&written))
    }

    /// Returns true if this says the same as what the type writes of what was received.
    fn is_as_known(&self, written: &str) -> bool {
        let mut found = differences(self.known, written).into_iter().filter(|found| !found.is_order).peekable();
        if found.peek().is_none() {
            return true;
        }
        let volatile = self.volatile();
        found.all(|found| volatile.contains(&found.path))
    }

    /// Returns the keys of an object that the type reads.
    pub(super) fn read_keys(&self, path: &Path, object: &str, keys: &[&str]) -> HashSet<String> {
        let of_type = path.of_type();
        let known = |key: &str| self.keys.borrow().get(&(of_type.clone(), key.to_owned())).copied();
        let unknown: Vec<&str> = keys.iter().copied().filter(|key| known(key).is_none()).collect();
        if let Ok(entries) = Entries::of(object) {
            self.search(&of_type, &entries, &unknown);
        }
        keys.iter().filter(|key| known(key) == Some(true)).map(|key| (*key).to_owned()).collect()
    }

    fn search(&self, of_type: &Path, entries: &Entries<'_>, keys: &[&str]) {
        if keys.is_empty() || self.is_exhausted() {
            return;
        }
        let is_read = !self.makes_no_difference(&self.renamed(entries, keys));
        if is_read && keys.len() > 1 {
            let (one, other) = keys.split_at(keys.len() / 2);
            self.search(of_type, entries, one);
            self.search(of_type, entries, other);
            return;
        }
        for key in keys {
            self.keys.borrow_mut().insert((of_type.clone(), (*key).to_owned()), is_read);
        }
    }

    /// Returns the received JSON with unknown names in place of these keys.
    fn renamed(&self, entries: &Entries<'_>, keys: &[&str]) -> String {
        let places = keys.iter().filter_map(|key| self.key_before(entries.text(key)?));
        let mut places: Vec<(usize, usize)> = places.collect();
        places.sort_unstable();
        let mut json = String::with_capacity(self.base.len() + 32 * places.len());
        let mut from = 0;
        for (number, (start, end)) in places.into_iter().enumerate() {
            json.push_str(self.base.get(from..start).unwrap_or_default());
            // Writing to text does not fail.
            let _ = write!(json, "\"kinto-client: unread {number}\"");
            from = end;
        }
        json.push_str(self.base.get(from..).unwrap_or_default());
        json
    }

    /// Returns the offset of a part in the received JSON.
    fn offset(&self, part: &str) -> Option<usize> {
        let offset = part.as_ptr().addr().checked_sub(self.base.as_ptr().addr())?;
        (self.base.get(offset..offset + part.len())? == part).then_some(offset)
    }

    /// Returns the range of the key of this value, with its quotes.
    fn key_before(&self, value: &str) -> Option<(usize, usize)> {
        let before = self.base.get(..self.offset(value)?)?.trim_ascii_end().strip_suffix(':')?.trim_ascii_end();
        let bytes = before.strip_suffix('"')?.as_bytes();
        let is_quote = |at: &usize| {
            let escapes = bytes.get(..*at).unwrap_or_default().iter().rev().take_while(|byte| **byte == b'\\').count();
            bytes.get(*at) == Some(&b'"') && escapes % 2 == 0
        };
        let start = (0..bytes.len()).rev().find(is_quote)?;
        Some((start, before.len()))
    }

    /// Returns the kind of a list, found by repeating its last item.
    pub(super) fn list_kind(&self, path: &Path, raw: &str) -> ListKind {
        let of_type = path.of_type();
        if let Some(kind) = self.kinds.borrow().get(&of_type) {
            return *kind;
        }
        // An empty list says nothing of those that are not.
        let Some(longer) = self.longer(raw).filter(|_| !self.is_exhausted()) else { return ListKind::List };
        let kind = match self.ask(&longer) {
            None => ListKind::Fixed,
            Some(written) if self.is_as_known(&written) => ListKind::Set,
            Some(_) => ListKind::List,
        };
        self.kinds.borrow_mut().insert(of_type, kind);
        kind
    }

    /// Returns the received JSON with the last item of this list twice.
    fn longer(&self, raw: &str) -> Option<String> {
        let last = items(raw).ok()?.pop()?;
        let end = self.offset(raw)? + raw.len() - 1;
        Some(format!("{},{last}{}", self.base.get(..end)?, self.base.get(end..)?))
    }

    /// Returns true if a set of so many items has an order of its own, which need not be the same the next time.
    /// One of few has the same order again by chance, so it is asked often enough to know.
    pub(super) fn has_own_order(&self, path: &Path, length: usize) -> bool {
        let of_type = path.of_type();
        if let Some(own) = self.own_orders.borrow().get(&of_type) {
            return *own;
        }
        let tries = match length {
            0..=2 => 40,
            3 => 16,
            4 => 9,
            5..=7 => 6,
            _ => 3,
        };
        let mut own = false;
        for _ in 0..tries {
            if own || self.is_exhausted() {
                break;
            }
            let again = self.ask(self.base).unwrap_or_default();
            let orders = differences(self.known, &again).into_iter().filter(|found| found.is_order);
            let orders: Vec<Path> = orders.map(|found| found.path.of_type()).collect();
            own = orders.iter().any(|found| of_type.is_in(found));
        }
        self.own_orders.borrow_mut().insert(of_type, own);
        own
    }
}
