//! Merging two changed copies of an object, with the one that both were made of.
//!
//! A value that only one side touched has the bytes of that side, as a save keeps the bytes of what it does not touch. Objects
//! are merged field by field, and lists item by item where `#[kinto(key = "…")]` tells the items apart. All else is one value:
//! if both sides changed it, and not to the same, they collide, unless `#[kinto(merge = "…")]` says what becomes of it.
//!
//! Which object both were made of may be in doubt, if a response was lost: what was there before, or what was sent. Then a value
//! is taken only if all of them lead to it, or if the other side still has what was sent, which shows that it arrived.

use serde_json::{Value, value::RawValue};

use super::{
    json::{Kind, kind},
    keys::{ListKeys, MergeStrategy},
    path::At,
    walk::{Separator, Written},
};
use crate::{
    error::{Error, Result},
    json::{entries::Entries, equal::is_same},
};

mod list;
mod readable;
mod set;
#[cfg(test)]
mod tests;
mod visible;

pub(crate) use readable::{RecordType, merge_readable};
use set::Set;

/// One of two copies that were changed independently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Local,
    Remote,
}

/// A value that both sides changed, and not to the same; `None` where there is none.
#[derive(Clone, Debug)]
pub(crate) struct Collision {
    /// The path, as errors show it: `address.lines[2]`; empty for the whole object.
    pub(crate) path: String,
    pub(crate) base: Option<Box<RawValue>>,
    pub(crate) local: Option<Box<RawValue>>,
    pub(crate) remote: Option<Box<RawValue>>,
}

/// The result of a merge.
#[derive(Clone, Debug)]
pub(crate) struct Merged {
    /// The merged object, with the values of the preferred side where they collide; `None` if it was deleted.
    pub(crate) json: Option<String>,
    pub(crate) collisions: Vec<Collision>,
}

/// The states of one value; `None` where there is none.
#[derive(Clone, Debug)]
pub(crate) struct Copies<'a> {
    /// The values that both may have been made of: one, unless a response was lost.
    pub(crate) bases: Vec<Option<&'a str>>,
    /// The number of those that were sent and may not have arrived, which are the last.
    pub(crate) sent: usize,
    pub(crate) local: Option<&'a str>,
    pub(crate) remote: Option<&'a str>,
}

impl<'a> Copies<'a> {
    fn of(&self, side: Side) -> Option<&'a str> {
        match side {
            Side::Local => self.local,
            Side::Remote => self.remote,
        }
    }

    /// Returns the side to take whole; `None` if both changed it, and not to the same.
    fn side(&self) -> Option<Side> {
        if self.local == self.remote {
            return Some(Side::Remote);
        }
        let mut sides = self.bases.iter().map(|base| self.changed_from(*base));
        let side = sides.next().flatten().filter(|side| sides.all(|other| other == Some(*side)));
        if side.is_some() {
            return side;
        }
        if alike(self.local, self.remote) {
            return Some(Side::Remote);
        }
        let (before, sent) = self.bases.split_at(self.bases.len().saturating_sub(self.sent));
        let is_remote = |bases: &[Option<&str>]| bases.iter().any(|base| alike(*base, self.remote));
        (is_remote(sent) && !is_remote(before)).then_some(Side::Local)
    }

    /// Returns the side that changed the value, if only one did.
    ///
    /// Text is compared first, so that a change which the server's storage may make too, such as the last digit of a
    /// double, still counts where the other side changed nothing.
    fn changed_from(&self, base: Option<&str>) -> Option<Side> {
        if self.local == base {
            Some(Side::Remote)
        } else if self.remote == base {
            Some(Side::Local)
        } else if alike(self.local, base) {
            Some(Side::Remote)
        } else {
            alike(self.remote, base).then_some(Side::Local)
        }
    }

    /// Returns the side to take where this one is taken of what both changed; `None` if that depends on what both were
    /// made of.
    fn preferring(&self, preferred: Side) -> Option<Side> {
        let mut sides = self.bases.iter().map(|base| self.changed_from(*base).unwrap_or(preferred));
        let side = sides.next()?;
        sides.all(|other| other == side).then_some(side)
    }

    /// Returns the copies of a field of the object.
    fn field(&self, key: &str) -> serde_json::Result<Self> {
        let field = |object: Option<&'a str>| object.map(Entries::of).transpose().map(|object| object?.text(key));
        let bases = self.bases.iter().map(|base| field(*base)).collect::<serde_json::Result<_>>()?;
        Ok(Self { bases, sent: self.sent, local: field(self.local)?, remote: field(self.remote)? })
    }

    fn collision(&self, path: String) -> Collision {
        let raw = |text: Option<&str>| text.and_then(|text| RawValue::from_string(text.to_owned()).ok());
        let base = self.bases.first().copied().flatten();
        Collision { path, base: raw(base), local: raw(self.local), remote: raw(self.remote) }
    }

    /// Returns all copies, if there are all and they are of one kind: first those that the others were made of.
    fn all_of(&self, kind_of: Kind) -> Option<Vec<&'a str>> {
        let copies: Option<Vec<&str>> = self.bases.iter().copied().chain([self.local, self.remote]).collect();
        copies.filter(|copies| copies.iter().all(|copy| kind(copy) == kind_of))
    }
}

/// Merges two copies of an object. Where they collide, `prefer` says whose value is written.
///
/// # Errors
///
/// If a copy is no JSON object.
pub(crate) fn merge(copies: &Copies<'_>, keys: ListKeys, prefer: Side) -> Result<Merged> {
    let mut merge = Merge { keys, prefer, collisions: Vec::new() };
    let mut out = Vec::new();
    let mut is_there = false;
    let mut lead = |_: &mut Vec<u8>| {
        is_there = true;
        Ok(())
    };
    let written = merge.part(copies, &At::ROOT, &mut lead, &mut out);
    written.map_err(|error| Error::invalid(format!("a copy of the record is no JSON object: {error}")))?;
    let json = String::from_utf8(out).map_err(|error| Error::invalid(error.to_string()))?;
    Ok(Merged { json: is_there.then_some(json), collisions: merge.collisions })
}

/// Returns true if the two are the same JSON to the server. What cannot be parsed, such as 200 levels of lists, is compared
/// as text.
pub(crate) fn same(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    if (kind(one), kind(other)) != (Kind::Object, Kind::Object) {
        return same_values(one, other);
    }
    // Most values of two copies of a record are written alike, and only the others are parsed.
    let (Ok(one), Ok(other)) = (Entries::of(one), Entries::of(other)) else { return false };
    let is_there = |(near, (key, value))| {
        other.find(key, near).is_some_and(|(_, other)| value == other || same_values(value, other))
    };
    one.len() == other.len() && one.iter().enumerate().all(is_there)
}

fn same_values(one: &str, other: &str) -> bool {
    let parsed = |text| serde_json::from_str::<Value>(text).ok();
    kind(one) == kind(other) && parsed(one).zip(parsed(other)).is_some_and(|(one, other)| is_same(&one, &other))
}

/// Returns true if there is none of both, or if they are the same.
pub(crate) fn alike(one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => same(one, other),
        (one, other) => one == other,
    }
}

/// The state of a merge in progress.
struct Merge {
    keys: ListKeys,
    prefer: Side,
    collisions: Vec<Collision>,
}

impl Merge {
    fn object(&mut self, copies: &[&str], sent: usize, at: &At<'_>, out: &mut Vec<u8>) -> Written {
        let copies = copies.iter().map(|copy| Entries::of(copy)).collect::<serde_json::Result<Vec<_>>>()?;
        let [bases @ .., local, remote] = copies.as_slice() else { return Ok(()) };
        let mut separator = Separator(b'{');
        let only_local = local.iter().filter(|(key, _)| !remote.has(key));
        for (key, _) in remote.iter().chain(only_local) {
            let bases = bases.iter().map(|base| base.text(key)).collect();
            let copies = Copies { bases, sent, local: local.text(key), remote: remote.text(key) };
            self.part(&copies, &at.key(key), &mut |out| separator.key(key, out), out)?;
        }
        separator.close(b'{', b'}', out);
        Ok(())
    }

    /// Writes one field or item, unless it was removed; `lead` writes what comes before it.
    fn part(
        &mut self,
        copies: &Copies<'_>,
        at: &At<'_>,
        lead: &mut dyn FnMut(&mut Vec<u8>) -> Written,
        out: &mut Vec<u8>,
    ) -> Written {
        let mut side = copies.side();
        if side.is_none() {
            if let Some(objects) = copies.all_of(Kind::Object) {
                lead(out)?;
                return self.object(&objects, copies.sent, at, out);
            }
            if let Some(lists) = self.lists(copies, at) {
                lead(out)?;
                return self.list(&lists, at, out);
            }
            side = match self.keys.rule(at).strategy {
                None => None,
                Some(MergeStrategy::Local) => copies.preferring(Side::Local),
                Some(MergeStrategy::Remote) => copies.preferring(Side::Remote),
                Some(MergeStrategy::Set) => match set::merge(copies) {
                    Some(Set::Side(side)) => Some(side),
                    Some(Set::Items(items)) => {
                        lead(out)?;
                        out.extend_from_slice(items.as_bytes());
                        return Ok(());
                    }
                    None => None,
                },
            };
            side = side.or_else(|| {
                self.collisions.push(copies.collision(at.path().to_string()));
                Some(self.prefer)
            });
        }
        if let Some(text) = side.and_then(|side| copies.of(side)) {
            lead(out)?;
            out.extend_from_slice(text.as_bytes());
        }
        Ok(())
    }
}
