//! Keys that an object would have twice. JSON parsers keep the last value, so that the other would be lost.
//!
//! While data is written, hashes of the keys tell whether an object may have one twice; the text is looked into only
//! then. Equal values are no loss: a map that catches all fields also holds those of an enum with a tag beside it.

use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    collections::HashMap,
    fmt, io,
};

use serde::Serialize;
use serde_json::Value;

use crate::json::{entries, equal};

/// Up to this many keys are kept without an allocation.
const FEW: usize = 48;

/// Hashes of the keys of an object that is being written, after those of the objects that it is in.
pub(super) struct Keys {
    few: RefCell<[u64; FEW]>,
    /// All of them, once there were more than [`FEW`].
    many: RefCell<Vec<u64>>,
    count: Cell<usize>,
    may_repeat: Cell<bool>,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            few: RefCell::new([0; FEW]),
            many: RefCell::default(),
            count: Cell::new(0),
            may_repeat: Cell::new(false),
        }
    }
}

impl Keys {
    pub(super) fn count(&self) -> usize {
        self.count.get()
    }

    /// Adds a key, whose hash is that of its text: 1 and "1" are the same key.
    pub(super) fn add(&self, key: &(impl Serialize + ?Sized)) {
        let mut hash = Hash(0xcbf2_9ce4_8422_2325);
        // A key that is no text is refused where it is written.
        let _ = serde_json::to_writer(&mut hash, key);
        let count = self.count.replace(self.count.get() + 1);
        let mut many = self.many.borrow_mut();
        if many.is_empty() {
            let mut few = self.few.borrow_mut();
            match few.get_mut(count) {
                Some(free) => *free = hash.0,
                None => many.extend(few.iter().copied().chain([hash.0])),
            }
        } else {
            many.truncate(count);
            many.push(hash.0);
        }
    }

    /// Removes the keys after the first `outer` ones, which are those of an object that has been written.
    pub(super) fn end_object(&self, outer: usize) {
        let count = self.count.replace(outer);
        let (mut few, mut many) = (self.few.borrow_mut(), self.many.borrow_mut());
        let all = if many.is_empty() { &mut few[..] } else { &mut many[..] };
        if let Some(own) = all.get_mut(outer..count) {
            own.sort_unstable();
            let repeats = !own.is_sorted_by(|one, next| one < next);
            self.may_repeat.set(self.may_repeat.get() || repeats);
        }
    }

    pub(super) fn may_repeat(&self) -> bool {
        self.may_repeat.get()
    }
}

/// An FNV-1a hash of the text of a key, without quotes.
struct Hash(u64);

impl io::Write for Hash {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        for byte in text.iter().filter(|byte| **byte != b'"') {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A key that an object has twice with different values.
#[derive(PartialEq)]
pub(super) struct Repeated<'a> {
    path: String,
    key: Cow<'a, str>,
    values: [&'a str; 2],
}

impl fmt::Display for Repeated<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} at `{}`", reason(&self.key), self.path)
    }
}

/// Returns the reason why data with such a key cannot be stored.
pub(super) fn reason(key: &str) -> String {
    format!(
        "the key `{key}` has two different values, and only the last would be stored: keep one, where a field, a map \
         with `#[serde(flatten)]` or two keys of a map give both"
    )
}

/// Returns the keys that an object in the text has twice with different values.
pub(super) fn in_text(json: &str) -> Vec<Repeated<'_>> {
    let mut found = Vec::new();
    collect(json.trim_ascii(), "", &mut found);
    found
}

fn is_same(one: &str, other: &str) -> bool {
    let value = |json| serde_json::from_str::<Value>(json).unwrap_or_default();
    one == other || equal::is_same(&value(one), &value(other))
}

fn collect<'a>(json: &'a str, path: &str, found: &mut Vec<Repeated<'a>>) {
    if json.starts_with('[') {
        for (place, item) in entries::items(json).unwrap_or_default().into_iter().enumerate() {
            collect(item, &format!("{path}[{place}]"), found);
        }
        return;
    }
    let mut known: HashMap<Cow<'a, str>, &'a str> = HashMap::new();
    entries::each_entry(json, |key, value| {
        let inner = if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
        collect(value, &inner, found);
        if let Some(other) = known.insert(key.clone(), value)
            && !is_same(other, value)
        {
            found.push(Repeated { path: inner, key, values: [other, value] });
        }
    });
}
