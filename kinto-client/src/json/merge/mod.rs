//! Merging a changed value into the JSON that it was read from. Everything that the type does not know stays as it was
//! received, to the byte.
//!
//! A type may write other JSON than it reads: it may accept several names for a field, sort a list, or read an old form and
//! write a new one. The merged JSON is therefore decoded as the type, encoded again and compared with the value of the
//! caller. If they differ, more and more of the received JSON is left to the type; if they still differ, the save is an
//! error.

use std::collections::HashSet;

use serde_json::value::RawValue;

use crate::{
    error::{Error, Result},
    json::entries::{Entries, items},
};

pub(crate) mod json;
pub(crate) mod keys;
mod likeness;
mod list;
mod moved;
mod names;
mod origin;
mod pair;
mod parts;
mod path;
mod plan;
mod probe;
#[cfg(test)]
mod tests;
#[cfg(feature = "local")]
pub(crate) mod three_way;
mod walk;

pub(crate) use keys::ListKeys;
pub use keys::{ListKey, MergeStrategy};
pub(crate) use probe::Recode;

use json::{Kind, kind};
use path::{At, Path, Step};
use plan::{Mode, Plan};
use probe::{Probe, differences};
use walk::{Found, Walk};

/// The number of ways to merge that are tried at most.
const MOST: usize = 96;

/// The two states of an object, and what is known of their types.
pub(crate) struct Merge<'a> {
    /// The object as received, with the fields that the server adds.
    pub(crate) base: &'a str,
    /// The object as the type serializes it.
    pub(crate) before: &'a str,
    /// The object to store, as its type serializes it.
    pub(crate) after: &'a str,
    /// Reads and writes as the type of `before`.
    pub(crate) recode_before: &'a Recode<'a>,
    /// Reads and writes as the type of `after`.
    pub(crate) recode_after: &'a Recode<'a>,
    pub(crate) keys: ListKeys,
    /// The two are not of the same type.
    pub(crate) is_migration: bool,
}

/// The result of one way to merge.
struct Draft<'a> {
    /// The object, with what the server adds at its end.
    json: String,
    /// The offset at which it begins.
    stamp: usize,
    found: Found<'a>,
}

/// The comparison of a draft with the value that the caller holds.
enum Verdict {
    Same,
    /// The value is unchanged, and so is the received JSON, apart from values that differ each time they are read.
    Unchanged,
    /// The merged JSON decodes to another value than the caller holds, at this path.
    Other(Path, Option<String>),
}

impl<'a> Merge<'a> {
    /// The data to send, without what the server adds; `None` if nothing was changed.
    pub(crate) fn run(&self) -> Result<Option<Box<RawValue>>> {
        let probe = Probe::new(self.base, self.before, self.recode_before);
        let mut plan = Plan::default();
        let mut draft = self.draft(&plan, &probe)?;
        if !self.is_migration && draft.found.changes == 0 && self.is_untouched(&draft) {
            return Ok(None);
        }
        let mut left = MOST;
        let mut verdict = self.judge(&draft);
        while let Verdict::Other(path, reason) = verdict {
            (draft, verdict) = self.improve(&mut plan, &probe, (path, reason), &mut left)?;
        }
        if matches!(verdict, Verdict::Unchanged) && !self.is_migration {
            return Ok(None);
        }
        self.restore(&mut plan, &probe, &mut draft, &mut left)?;
        check_losses(&probe, &draft.found)?;
        draft.into_data(self.base).map(Some)
    }

    fn draft(&self, plan: &Plan, probe: &Probe<'a>) -> Result<Draft<'a>> {
        let Self { base, before, after, .. } = *self;
        let (keys, is_migration) = (&self.keys, self.is_migration);
        let mut walk = Walk { plan, probe, keys, is_migration, found: Found::default() };
        let mut out = Vec::with_capacity(base.len() + after.len() / 2 + 64);
        let mode = plan.mode(&At::ROOT, Mode::default());
        let written = walk.object(base, before, after, &At::ROOT, mode, &mut out);
        written.map_err(|error| Error::not_kinto(&error, base.as_bytes()))?;
        let found = walk.found;
        out.pop();
        let stamp = out.len();
        for (key, value) in &found.stamp {
            out.extend_from_slice(if out.len() > 1 { b",\"" } else { b"\"" });
            out.extend_from_slice(key.as_bytes());
            out.extend_from_slice(b"\":");
            out.extend_from_slice(value.as_bytes());
        }
        out.push(b'}');
        let json = String::from_utf8(out).map_err(|error| Error::invalid(error.to_string()))?;
        Ok(Draft { json, stamp, found })
    }

    /// Returns true if all that differs is what the type does not read, and fills in anew each time. What it fills in only
    /// where nothing is stored is stored: it may have been set by the caller, or be known to others already.
    fn is_untouched(&self, draft: &Draft<'_>) -> bool {
        let mut found = differences(self.before, self.after).into_iter().filter(|found| !found.is_order).peekable();
        if found.peek().is_none() {
            return true;
        }
        let Ok(written) = (self.recode_after)(&draft.json) else { return false };
        let unread: HashSet<Path> = differences(&written, self.after).into_iter().map(|found| found.path).collect();
        found.all(|found| unread.contains(&found.path))
    }

    /// Reads a draft as the type, and compares what it writes of that with what the caller holds.
    fn judge(&self, draft: &Draft<'_>) -> Verdict {
        let written = match (self.recode_after)(&draft.json) {
            Ok(written) if written == self.after => return Verdict::Same,
            Ok(written) => written,
            Err(error) => return Verdict::Other(error.field().map(steps).unwrap_or_default(), Some(error.to_string())),
        };
        let of_values = |one: &str, other: &str| {
            let found = differences(one, other).into_iter().filter(|found| !found.is_order);
            found.map(|found| found.path).collect::<Vec<_>>()
        };
        let mut found = of_values(&written, self.after);
        if found.is_empty() {
            return Verdict::Same;
        }
        let again = (self.recode_after)(&draft.json).unwrap_or_default();
        let volatile: HashSet<Path> = of_values(&written, &again).into_iter().collect();
        // A clock that counts seconds says the same twice, but it says what time it is.
        let now = json::parsed(&written);
        let is_clock = |path: &Path| path.value_in(&now).is_some_and(json::is_time_of_day);
        let is_filled_in = |path: &Path| volatile.contains(path) || is_clock(path);
        found.retain(|path| !is_filled_in(path));
        match found.into_iter().next() {
            Some(path) => Verdict::Other(path, None),
            None if of_values(self.before, self.after).iter().all(is_filled_in) => Verdict::Unchanged,
            None => Verdict::Same,
        }
    }

    /// Leaves more to the type where it holds something else than the caller: there first, then in what that is in.
    fn improve(
        &self,
        plan: &mut Plan,
        probe: &Probe<'a>,
        (path, reason): (Path, Option<String>),
        left: &mut usize,
    ) -> Result<(Draft<'a>, Verdict)> {
        for level in path.upwards() {
            for mode in [Mode::Names, Mode::Canonical, Mode::Drop] {
                if *left == 0 || !plan.raise(&level, mode) {
                    continue;
                }
                *left -= 1;
                let draft = self.draft(plan, probe)?;
                match self.judge(&draft) {
                    Verdict::Other(next, _) if next.is_in(&level) => {}
                    verdict => return Ok((draft, verdict)),
                }
            }
        }
        Err(not_read_back(&path, reason.as_deref()))
    }

    /// Takes back what need not have been left out.
    fn restore(&self, plan: &mut Plan, probe: &Probe<'a>, draft: &mut Draft<'a>, left: &mut usize) -> Result<()> {
        let places = draft.found.dropped.iter().map(|(path, step, _)| (path.clone(), step.clone()));
        let mut groups: Vec<Vec<(Path, Step)>> = vec![places.collect()];
        while let Some(mut group) = groups.pop().filter(|_| *left > 0) {
            if group.is_empty() {
                continue;
            }
            *left -= 1;
            plan.keep(&group);
            let with = self.draft(plan, probe)?;
            if with.found.dropped.len() < draft.found.dropped.len() && !matches!(self.judge(&with), Verdict::Other(..))
            {
                *draft = with;
                continue;
            }
            plan.let_go(&group);
            if group.len() > 1 {
                let half = group.split_off(group.len() / 2);
                groups.extend([half, group]);
            }
        }
        Ok(())
    }
}

impl Draft<'_> {
    fn into_data(mut self, base: &str) -> Result<Box<RawValue>> {
        self.json.truncate(self.stamp);
        self.json.push('}');
        RawValue::from_string(self.json).map_err(|error| Error::not_kinto(&error, base.as_bytes()))
    }
}

/// Refuses what would lose something that the type does not know, or give it to another item.
fn check_losses(probe: &Probe<'_>, found: &Found<'_>) -> Result<()> {
    if let Some(path) = &found.doubtful {
        return Err(doubtful(path));
    }
    let dropped = found.dropped.iter().map(|(path, step, raw)| (path.with(step.clone()), *raw));
    let replaced = found.replaced.iter().map(|(path, raw)| (path.clone(), *raw));
    for (path, raw) in dropped.chain(replaced) {
        if let Some(lost) = lost(probe, &path, raw) {
            return Err(would_lose(&lost));
        }
    }
    Ok(())
}

/// Something in this that the type does not read.
fn lost(probe: &Probe<'_>, path: &Path, raw: &str) -> Option<Path> {
    match kind(raw) {
        Kind::Scalar => None,
        Kind::Object => {
            let entries = Entries::of(raw).ok()?;
            let keys: Vec<&str> = entries.iter().map(|(key, _)| key).collect();
            let read = probe.read_keys(path, raw, &keys);
            let unread = keys.into_iter().find(|key| !read.contains(*key));
            match unread {
                Some(key) => Some(path.with(Step::Key(key.to_owned()))),
                None => entries.iter().find_map(|(key, raw)| lost(probe, &path.with(Step::Key(key.to_owned())), raw)),
            }
        }
        Kind::Array => {
            let items = items(raw).ok()?;
            items.into_iter().enumerate().find_map(|(index, raw)| lost(probe, &path.with(Step::Item(index)), raw))
        }
    }
}

/// The steps of a path as an error names it.
fn steps(field: &str) -> Path {
    let mut steps = Vec::new();
    for part in field.split('.') {
        let mut parts = part.split('[');
        steps.extend(parts.next().filter(|key| !key.is_empty()).map(|key| Step::Key(key.to_owned())));
        steps.extend(parts.filter_map(|index| index.trim_end_matches(']').parse().ok().map(Step::Item)));
    }
    Path(steps)
}

const INSTEAD: &str = "save it as a `Value`, or replace it whole with `overwrite_record`";

fn not_read_back(path: &Path, reason: Option<&str>) -> Error {
    let what = match reason {
        Some(reason) => format!("it could not be read again: {reason}"),
        None => {
            "it would be read as something else than what the data holds: its type does not read what it writes".into()
        }
    };
    Error::unsavable(path.to_string(), &format!("{what}; {INSTEAD}"))
}

fn doubtful(path: &Path) -> Error {
    Error::unsavable(
        path.to_string(),
        &format!(
            "which of its items is which cannot be told, and they hold fields that their type does not know: name the field \
             that tells them apart with `#[kinto(key = \"…\")]`, save after each change, or {INSTEAD}"
        ),
    )
}

fn would_lose(path: &Path) -> Error {
    Error::unsavable(
        path.to_string(),
        &format!("its type does not know it, and writes a form that has no place for it; {INSTEAD}"),
    )
}
