//! Matches the items of a changed list with those that were read.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, VecDeque},
};

use super::{
    json::{canonical, equal, parsed, sorted},
    likeness::{Paired, belong_together, by_field, is_identity, unique},
    parts::is_part_elsewhere,
    probe::ListKind,
};

/// The properties of a list beside its items.
pub(super) struct List<'l, 'a> {
    /// The items as the type wrote them when they were read.
    pub(super) before: &'l [&'a str],
    /// The items as the type serializes them now.
    pub(super) after: &'l [&'a str],
    /// The item as received.
    pub(super) raw: &'l dyn Fn(usize) -> Option<&'a str>,
    /// True if an item holds what the type does not know.
    pub(super) carries: &'l dyn Fn(usize) -> bool,
    /// The field by which items are known.
    pub(super) key: Option<&'l str>,
    /// The kind of the list: items of a set have no places, and each of a fixed number of items has its own.
    pub(super) kind: &'l dyn Fn() -> ListKind,
}

/// The items of a list, paired.
pub(super) struct Pairs {
    /// The index in `before` of each item of `after`.
    pub(super) of: Vec<Option<usize>>,
    /// True if unknown fields could be lost, or be moved to another item.
    pub(super) is_doubtful: bool,
}

/// Pairs items by the field that tells them apart, if one was named; by equal content wherever they stand; by a field that
/// does tell them apart; and by place, where nothing was moved.
pub(super) fn pair(list: &List<'_, '_>) -> Pairs {
    let (before, after) = (list.before.len(), list.after.len());
    let mut pairing =
        Pairing { list, of: vec![None; after], is_free: vec![true; before], unsure: Vec::new(), is_doubtful: false };
    if let Some(key) = list.key {
        pairing.by_key(key);
    }
    pairing.by_both_ends();
    if pairing.is_settled() {
        pairing.is_doubtful = list.key.is_some() && pairing.is_part_elsewhere();
        return pairing.done();
    }
    pairing.by_content(|item| canonical(item));
    pairing.by_content(|item| sorted(item));
    let is_bijective = pairing.is_settled() && before == after;
    let was_moved = !pairing.is_identity();
    // Where none of them holds more than the type knows, nothing can go wrong.
    if !(0..before).any(|place| (list.carries)(place)) {
        pairing.is_doubtful = false;
        pairing.by_gaps();
        pairing.is_doubtful = false;
        return pairing.done();
    }
    pairing.by_marks();
    pairing.by_gaps();
    pairing.is_doubtful = pairing.is_doubtful || pairing.are_others_likelier() || pairing.is_part_elsewhere();
    if !is_bijective
        && (pairing.is_doubtful || !pairing.is_identity())
        && before == after
        && (list.kind)() == ListKind::Fixed
    {
        return Pairs { of: (0..after).map(Some).collect(), is_doubtful: was_moved };
    }
    pairing.done()
}

struct Pairing<'l, 'a> {
    list: &'l List<'l, 'a>,
    of: Vec<Option<usize>>,
    is_free: Vec<bool>,
    /// The items of `after` that are paired by their position, or by a part of their content.
    unsure: Vec<usize>,
    is_doubtful: bool,
}

impl<'a> Pairing<'_, 'a> {
    fn done(self) -> Pairs {
        Pairs { of: self.of, is_doubtful: self.is_doubtful }
    }

    fn join(&mut self, after: usize, before: usize) {
        if let (Some(of), Some(free)) = (self.of.get_mut(after), self.is_free.get_mut(before)) {
            *of = Some(before);
            *free = false;
        }
    }

    fn before(&self, place: usize) -> &'a str {
        self.list.before.get(place).copied().unwrap_or_default()
    }

    fn after(&self, place: usize) -> &'a str {
        self.list.after.get(place).copied().unwrap_or_default()
    }

    fn free(&self) -> Vec<usize> {
        self.is_free.iter().enumerate().filter(|(_, free)| **free).map(|(place, _)| place).collect()
    }

    fn open(&self) -> Vec<usize> {
        self.of.iter().enumerate().filter(|(_, of)| of.is_none()).map(|(place, _)| place).collect()
    }

    fn is_settled(&self) -> bool {
        !self.of.contains(&None) && !self.is_doubtful
    }

    fn is_identity(&self) -> bool {
        self.of.iter().enumerate().all(|(place, of)| of.is_none_or(|of| of == place))
    }

    /// Pairs the unchanged items at both ends, if there is only one way to do so.
    fn by_both_ends(&mut self) {
        if self.list.key.is_some() {
            return;
        }
        let (before, after) = (self.list.before, self.list.after);
        let alike = |(one, other): &(&&str, &&str)| one == other;
        let from_start = before.iter().zip(after).take_while(alike).count();
        let from_end = before.iter().rev().zip(after.iter().rev()).take_while(alike).count();
        if from_start + from_end > before.len().min(after.len()) && before.len() > after.len() {
            return;
        }
        let from_end = from_end.min(before.len().min(after.len()) - from_start);
        for place in 0..from_start {
            self.join(place, place);
        }
        for place in 1..=from_end {
            self.join(after.len() - place, before.len() - place);
        }
    }

    /// Pairs equal items in their order.
    fn by_content(&mut self, content: impl Fn(&'a str) -> Cow<'a, str>) {
        let mut equals: HashMap<Cow<'a, str>, (VecDeque<usize>, Vec<usize>)> = HashMap::new();
        for place in self.free() {
            equals.entry(content(self.before(place))).or_default().0.push_back(place);
        }
        for place in self.open() {
            if let Some((_, after)) = equals.get_mut(&content(self.after(place))) {
                after.push(place);
            }
        }
        for (mut before, after) in equals.into_values() {
            if !after.is_empty() && after.len() < before.len() && self.differ(&before) {
                self.is_doubtful = true;
            }
            for place in after {
                let Some(known) = before.pop_front() else { break };
                self.join(place, known);
            }
        }
    }

    /// Returns true if items that are equal to the type are not equal as received.
    fn differ(&self, places: &VecDeque<usize>) -> bool {
        let mut raw = places.iter().filter_map(|place| (self.list.raw)(*place));
        let Some(first) = raw.next() else { return false };
        places.iter().any(|place| (self.list.carries)(*place)) && raw.any(|other| !equal(first, other))
    }

    fn by_key(&mut self, key: &str) {
        let of = |item: &str| parsed(item).get(key).filter(|value| !value.is_null()).map(ToString::to_string);
        let before = self.list.before.iter().map(|item| of(item)).collect::<Vec<_>>();
        let after = self.list.after.iter().map(|item| of(item)).collect::<Vec<_>>();
        let (before, after) = (places(&before), places(&after));
        for (value, after) in after {
            if let (Some(after), Some(Some(before))) = (after, before.get(&value)) {
                self.join(after, *before);
            }
        }
    }

    /// By fields whose values tell all items apart, before and after. Fields may say different things of an item, such as
    /// its name and an amount that was raised to what another had: then a text by which all are found counts; or nothing.
    fn by_marks(&mut self) {
        if self.free().is_empty() || self.open().is_empty() {
            return;
        }
        let (before, after) = (by_field(self.list.before), by_field(self.list.after));
        let mut found: Vec<(&String, Vec<(usize, usize)>)> = Vec::new();
        for (field, before) in &before {
            let Some((before, after)) = unique(before).zip(after.get(field).and_then(unique)) else { continue };
            let pairs = after.iter().filter_map(|(value, after)| Some((*after, *before.get(value)?)));
            let pairs: Vec<(usize, usize)> = pairs.collect();
            if is_identity(field) {
                pairs
                    .iter()
                    .filter(|(after, before)| self.is_open(*after, *before))
                    .copied()
                    .collect::<Vec<_>>()
                    .iter()
                    .for_each(|(after, before)| self.join(*after, *before));
            }
            found.push((field, pairs));
        }
        let complete = self.open().len().max(self.free().len());
        // For each pair, whether a text says so by which all are found.
        let mut votes: BTreeMap<(usize, usize), bool> = BTreeMap::new();
        for (field, mut pairs) in found {
            pairs.retain(|(after, before)| self.is_open(*after, *before));
            let is_text = before.get(field).is_some_and(|marks| marks.iter().all(|(value, _)| value.starts_with('"')));
            for pair in &pairs {
                *votes.entry(*pair).or_default() |= is_text && pairs.len() == complete;
            }
        }
        self.is_doubtful |= self.is_contradicted(&votes);
        while !votes.is_empty() {
            let (mut after, mut before) = (HashMap::new(), HashMap::new());
            for ((one, other), strong) in &votes {
                let count = |counts: &mut HashMap<usize, [usize; 2]>, place: &usize| {
                    let [all, strongest] = counts.entry(*place).or_default();
                    *all += 1;
                    *strongest += usize::from(*strong);
                };
                count(&mut after, one);
                count(&mut before, other);
            }
            let is_clear = |((one, other), strong): (&(usize, usize), &bool)| {
                [after.get(one), before.get(other)]
                    .into_iter()
                    .flatten()
                    .all(|[all, strongest]| *all == 1 || (*strong && *strongest == 1))
            };
            let clear: Vec<(usize, usize)> =
                votes.iter().filter(|vote| is_clear(*vote)).map(|(pair, _)| *pair).collect();
            if clear.is_empty() {
                self.is_doubtful |= votes.keys().any(|(_, before)| (self.list.carries)(*before));
                return;
            }
            for (after, before) in clear {
                self.join_unsurely(after, before);
            }
            votes.retain(|(after, before), _| self.is_open(*after, *before));
        }
    }

    /// Returns true if a text says that an item was moved, and something else that it was not.
    fn is_contradicted(&self, votes: &BTreeMap<(usize, usize), bool>) -> bool {
        let moved = votes.iter().filter(|((after, before), strong)| **strong && after != before);
        let stays = |place: &usize| votes.get(&(*place, *place)) == Some(&false) && (self.list.carries)(*place);
        moved.into_iter().any(|((after, before), _)| stays(after) || stays(before))
    }

    fn is_open(&self, after: usize, before: usize) -> bool {
        self.of.get(after).is_some_and(Option::is_none) && self.is_free.get(before).is_some_and(|free| *free)
    }

    /// Pairs the items between two pairs if their number is unchanged: they are the same items, edited.
    fn by_gaps(&mut self) {
        let (free, open) = (self.free(), self.open());
        if free.is_empty() || open.is_empty() {
            return;
        }
        if !self.of.iter().flatten().is_sorted() {
            if free == open && self.list.before.len() == self.list.after.len() {
                for place in free {
                    self.join_unsurely(place, place);
                }
            } else {
                self.is_doubtful |= free.iter().any(|place| (self.list.carries)(*place));
            }
            return;
        }
        let anchors: Vec<(usize, usize)> =
            self.of.iter().enumerate().filter_map(|(at, of)| Some((at, (*of)?))).collect();
        let ends = anchors.into_iter().chain([(self.of.len(), self.is_free.len())]);
        let (mut after, mut before) = (0, 0);
        for (next_after, next_before) in ends {
            if next_after - after == next_before - before {
                for (after, before) in (after..next_after).zip(before..next_before) {
                    self.join_unsurely(after, before);
                }
            } else if next_after > after {
                self.is_doubtful |= (before..next_before).any(|place| (self.list.carries)(place));
            }
            (after, before) = (next_after + 1, next_before + 1);
        }
    }

    fn join_unsurely(&mut self, after: usize, before: usize) {
        self.unsure.push(after);
        self.join(after, before);
    }

    /// Returns true if one of those that were paired unsurely, or seem new or removed, is likelier to be another of
    /// them.
    fn are_others_likelier(&self) -> bool {
        let after = self.unsure.iter().copied().chain(self.open());
        let of = |place: usize| self.of.get(place).copied().flatten();
        let after = after.map(|place| Paired { item: self.after(place), with: of(place).map(|of| self.before(of)) });
        let joined = self.unsure.iter().filter_map(|place| Some((of(*place)?, Some(self.after(*place)))));
        let removed = self.free().into_iter().map(|place| (place, None));
        let before = joined.chain(removed).filter(|(place, _)| (self.list.carries)(*place));
        let before: Vec<Paired<'_>> = before.map(|(place, with)| Paired { item: self.before(place), with }).collect();
        !before.is_empty()
            && belong_together(&before, &after.collect::<Vec<_>>(), &|| (self.list.kind)() == ListKind::Set)
    }

    /// Returns true if a part of an item that was changed or removed has come to another item.
    fn is_part_elsewhere(&self) -> bool {
        let mut now: Vec<Option<usize>> = vec![None; self.is_free.len()];
        let mut after = Vec::new();
        for (place, of) in self.of.iter().enumerate() {
            if let Some(now) = of.and_then(|of| now.get_mut(of)) {
                *now = Some(place);
            }
            let (item, with) = (self.after(place), of.map(|of| self.before(of)));
            if with != Some(item) {
                after.push(Paired { item, with });
            }
        }
        let before = now.into_iter().enumerate().map(|(place, now)| (place, now.map(|now| self.after(now))));
        let changed = before.filter(|(place, with)| *with != Some(self.before(*place)) && (self.list.carries)(*place));
        let changed = changed.map(|(place, with)| (place, Paired { item: self.before(place), with }));
        let (places, before): (Vec<usize>, Vec<Paired<'_>>) = changed.unzip();
        is_part_elsewhere(places.into_iter().map(self.list.raw).zip(&before), &after)
    }
}

/// The place of each value; none for one that stands in several.
fn places(values: &[Option<String>]) -> HashMap<&String, Option<usize>> {
    let mut places = HashMap::new();
    for (place, value) in values.iter().enumerate() {
        if let Some(value) = value {
            places.entry(value).and_modify(|place| *place = None).or_insert(Some(place));
        }
    }
    places
}
