//! Lists whose order has no meaning: `#[kinto(merge = "set")]`.

use std::collections::HashMap;

use serde_json::Value;

use super::{Copies, Side};
use crate::json::{
    entries::items,
    equal::is_same,
    merge::json::{Kind, kind},
};

/// The result of merging two sets.
pub(super) enum Set {
    /// It is empty, as this side writes that.
    Side(Side),
    /// The items as a JSON array.
    Items(String),
}

/// Merges two sets: what one side added is there, and what one side removed is not. The items of the server come first, in
/// its order, and then those that were added here. A field that is not there or null is the empty set, since an empty list is
/// often not written.
///
/// Returns `None` if a value is something else, or if an item depends on what both were made of, which is in doubt.
pub(super) fn merge(copies: &Copies<'_>) -> Option<Set> {
    let bases = copies.bases.iter().map(|base| Items::new(*base)).collect::<Option<Vec<_>>>()?;
    let (local, remote) = (Items::new(copies.local)?, Items::new(copies.remote)?);
    let mut kept = Kept { items: Items::default(), json: String::from("[") };
    for item in &remote.list {
        if local.has(item) || is_added(item, &bases)? {
            kept.push(item);
        }
    }
    for item in local.list.iter().filter(|item| !remote.has(item)) {
        if is_added(item, &bases)? {
            kept.push(item);
        }
    }
    // An empty list is written as the side writes it that has none.
    let is_list = |text: Option<&str>| text.is_some_and(|text| kind(text) == Kind::Array);
    match (is_list(copies.remote), is_list(copies.local)) {
        (false, _) if kept.items.list.is_empty() => Some(Set::Side(Side::Remote)),
        (_, false) if kept.items.list.is_empty() => Some(Set::Side(Side::Local)),
        _ => Some(Set::Items(kept.json + "]")),
    }
}

/// Returns true if one side added an item that the other does not have, and false if the other removed it.
fn is_added(item: &Item<'_>, bases: &[Items<'_>]) -> Option<bool> {
    let mut were_there = bases.iter().map(|base| base.has(item));
    let was_there = were_there.next()?;
    were_there.all(|other| other == was_there).then_some(!was_there)
}

#[derive(Clone, Debug)]
struct Item<'a> {
    text: &'a str,
    value: Value,
    canonical: String,
}

/// The items of a list, found by their values.
#[derive(Default)]
struct Items<'a> {
    list: Vec<Item<'a>>,
    places: HashMap<String, usize>,
    /// The items with a number that the server may store as a neighbour of it.
    inexact: Vec<usize>,
}

impl<'a> Items<'a> {
    fn new(list: Option<&'a str>) -> Option<Self> {
        let list = list.filter(|text| *text != "null").unwrap_or("[]");
        if kind(list) != Kind::Array {
            return None;
        }
        let mut all = Self::default();
        for text in items(list).ok()? {
            // What is nested too deeply to be parsed cannot be compared either.
            let value: Value = serde_json::from_str(text).ok()?;
            let canonical = value.to_string();
            all.push(Item { text, value, canonical });
        }
        Some(all)
    }

    fn has(&self, item: &Item<'_>) -> bool {
        let is_same = |place: &usize| self.list.get(*place).is_some_and(|known| is_same(&known.value, &item.value));
        self.places.contains_key(&item.canonical)
            || self.inexact.iter().any(is_same)
            || (is_inexact(&item.value) && (0..self.list.len()).any(|place| is_same(&place)))
    }

    fn push(&mut self, item: Item<'a>) {
        let place = self.list.len();
        if is_inexact(&item.value) {
            self.inexact.push(place);
        }
        self.places.insert(item.canonical.clone(), place);
        self.list.push(item);
    }
}

fn is_inexact(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(is_inexact),
        Value::Object(fields) => fields.values().any(is_inexact),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

/// The items of the result, each once.
struct Kept<'a> {
    items: Items<'a>,
    json: String,
}

impl<'a> Kept<'a> {
    fn push(&mut self, item: &Item<'a>) {
        if self.items.has(item) {
            return;
        }
        if self.json.len() > 1 {
            self.json.push(',');
        }
        self.json.push_str(item.text);
        self.items.push(item.clone());
    }
}
