//! Merging two copies that a type reads into one that it reads, with the changes of both.
//!
//! Fields that were merged one by one can make an object that no side would have written: one with two variants of an enum, or
//! with a field under two of its names. The fields that make it so collide then.

use serde_json::Result as Written;

use super::{Copies, Merged, Side, merge, visible::Changes};
use crate::{
    error::{Error, Result},
    json::{
        entries::Entries,
        merge::{keys::ListKeys, path::At, walk::Separator},
    },
};

/// The type of the records, as far as a merge knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordType {
    pub(crate) keys: ListKeys,
    /// Returns true if the type reads this text.
    pub(crate) reads: fn(&str) -> bool,
    /// Returns what the type writes of this text; `None` if it does not read it.
    pub(crate) recode: fn(&str) -> Option<String>,
    /// True if it has a field that describes the record's file.
    pub(crate) has_file: bool,
}

#[cfg(test)]
impl RecordType {
    /// The type of any JSON.
    pub(crate) const ANY: Self =
        Self { keys: ListKeys(&[]), reads: |_| true, recode: |text| Some(text.to_owned()), has_file: false };
}

/// Merges two copies of an object as [`merge`] does. If the type reads both and not what comes of them, or not all changes in it,
/// fields in which that differs from the preferred side are left as they are there, and collide, until it reads it.
///
/// # Errors
///
/// If a copy is no JSON object.
pub(crate) fn merge_readable(copies: &Copies<'_>, record_type: RecordType, prefer: Side) -> Result<Merged> {
    let mut merged = merge(copies, record_type.keys, prefer)?;
    let (Some(json), Some(local), Some(remote)) = (merged.json.as_deref(), copies.local, copies.remote) else {
        return Ok(merged);
    };
    let reads = record_type.reads;
    if json == local || json == remote {
        return Ok(merged);
    }
    let changes = Changes::new(copies, record_type);
    let fits = |json: &str| reads(json) && changes.as_ref().is_none_or(|changes| changes.are_visible_in(json));
    if fits(json) || !reads(local) || !reads(remote) {
        return Ok(merged);
    }
    let preferred = if prefer == Side::Local { local } else { remote };
    let (readable, reverted) = revert(json, preferred, fits).map_err(|error| Error::invalid(error.to_string()))?;
    for key in &reverted {
        let field = copies.field(key).map_err(|error| Error::invalid(error.to_string()))?;
        let path = At::ROOT.key(key).path().to_string();
        let is_inside =
            |other: &str| other.strip_prefix(&path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
        merged.collisions.retain(|collision| !is_inside(&collision.path));
        merged.collisions.push(field.collision(path));
    }
    merged.json = Some(readable);
    Ok(merged)
}

/// Returns the merged object with some of its fields as they are in the preferred one, and the keys of these: so many that it
/// fits, and none that it fits without.
fn revert(merged: &str, preferred: &str, fits: impl Fn(&str) -> bool) -> Written<(String, Vec<String>)> {
    let (merged, preferred) = (Entries::of(merged)?, Entries::of(preferred)?);
    let keys: Vec<&str> =
        merged.iter().chain(preferred.iter().filter(|(key, _)| !merged.has(key))).map(|(key, _)| key).collect();
    let text = |reverted: &[&str]| {
        let (mut out, mut separator) = (Vec::new(), Separator(b'{'));
        for key in &keys {
            let side = if reverted.contains(key) { &preferred } else { &merged };
            if let Some(value) = side.text(key) {
                separator.key(key, &mut out)?;
                out.extend_from_slice(value.as_bytes());
            }
        }
        separator.close(b'{', b'}', &mut out);
        String::from_utf8(out).map_err(serde::ser::Error::custom)
    };
    let mut reverted: Vec<&str> = Vec::new();
    for key in keys.iter().filter(|key| merged.text(key) != preferred.text(key)) {
        reverted.push(key);
        if fits(&text(&reverted)?) {
            break;
        }
    }
    for at in (0..reverted.len().saturating_sub(1)).rev() {
        let key = reverted.remove(at);
        if !fits(&text(&reverted)?) {
            reverted.insert(at, key);
        }
    }
    Ok((text(&reverted)?, reverted.into_iter().map(str::to_owned).collect()))
}
