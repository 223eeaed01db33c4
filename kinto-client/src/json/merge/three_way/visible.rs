//! Changes that are in a merged object, and that its type does not read there.
//!
//! Of the fields of two variants of an optional enum, a type reads those of one, and takes the others for fields that it does
//! not know. What one side chose would be stored then, and nobody would see it.

use serde_json::Value;

use super::{Copies, RecordType};
use crate::json::{
    equal::is_same,
    merge::json::{orderless_value, parsed},
};

/// The changes of two copies, each made by one side alone, that the type reads there.
pub(super) struct Changes<'a> {
    record_type: RecordType,
    local: ReadCopy<'a>,
    remote: ReadCopy<'a>,
    bases: Vec<ReadCopy<'a>>,
}

/// A copy as text, and what the type writes of it.
struct ReadCopy<'a> {
    text: &'a str,
    json: Value,
    read: Value,
}

impl<'a> ReadCopy<'a> {
    fn new(text: &'a str, record_type: RecordType) -> Option<Self> {
        Some(Self { text, json: parsed(text), read: read(text, record_type)? })
    }
}

impl<'a> Changes<'a> {
    /// Returns `None` if the type does not read all copies.
    pub(super) fn new(copies: &Copies<'a>, record_type: RecordType) -> Option<Self> {
        let copy = |text| ReadCopy::new(text, record_type);
        let bases = copies.bases.iter().flatten().map(|base| copy(base)).collect::<Option<_>>()?;
        Some(Self { record_type, local: copy(copies.local?)?, remote: copy(copies.remote?)?, bases })
    }

    /// Returns true if the type reads all changes that are in this object: none has the value there that it had before.
    pub(super) fn are_visible_in(&self, merged: &str) -> bool {
        let Some(merged) = ReadCopy::new(merged, self.record_type) else { return false };
        self.bases.iter().all(|base| {
            let sides = [(&self.local, &self.remote), (&self.remote, &self.local)];
            sides.into_iter().all(|(side, other)| self.is_visible(&merged, base, side, other, &mut Vec::new()))
        })
    }

    /// Compares the values of this object and of those in it, which the keys lead to.
    fn is_visible<'k>(
        &self,
        merged: &ReadCopy<'_>,
        base: &ReadCopy<'_>,
        side: &'k ReadCopy<'_>,
        other: &ReadCopy<'_>,
        keys: &mut Vec<&'k str>,
    ) -> bool {
        let Some(Value::Object(fields)) = at(&side.json, keys) else { return true };
        fields.iter().all(|(key, value)| {
            keys.push(key);
            let [before, there, now] = [base, other, merged].map(|copy| at(&copy.json, keys));
            let is_visible =
                if [before, there].iter().all(|value| value.is_some_and(Value::is_object)) && value.is_object() {
                    self.is_visible(merged, base, side, other, keys)
                } else {
                    let is_kept = alike(before, there) && !alike(before, Some(value)) && alike(now, Some(value));
                    let [before, changed, now] = [base, side, merged].map(|copy| at(&copy.read, keys));
                    !(is_kept && before != changed && before == now && self.is_read(side, keys))
                };
            keys.pop();
            is_visible
        })
    }

    /// Returns true if the type reads this value, which it may also make of others.
    fn is_read(&self, copy: &ReadCopy<'_>, keys: &[&str]) -> bool {
        let Some((last, parents)) = keys.split_last() else { return true };
        let mut without = parsed(copy.text);
        let parent = parents.iter().try_fold(&mut without, |value, key| value.get_mut(key));
        if let Some(Value::Object(fields)) = parent {
            fields.remove(*last);
        }
        read(&without.to_string(), self.record_type).is_none_or(|read| read != copy.read)
    }
}

/// Returns what the type writes of this text, in the same form whatever the order of items.
fn read(text: &str, record_type: RecordType) -> Option<Value> {
    (record_type.recode)(text).map(|written| orderless_value(&parsed(&written)))
}

fn at<'v>(value: &'v Value, keys: &[&str]) -> Option<&'v Value> {
    keys.iter().try_fold(value, |value, key| value.get(key))
}

fn alike(one: Option<&Value>, other: Option<&Value>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => is_same(one, other),
        (one, other) => one.is_none() && other.is_none(),
    }
}
