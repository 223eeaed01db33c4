//! Attributes of a record's fields that decide how they are merged: `#[kinto(key = "…")]` and `#[kinto(merge = "…")]`.

use super::path::At;

/// The number of structs that are looked through, each flattened into the one before it: one may contain itself.
const MOST_FLATTENED: usize = 16;

/// A field whose items are identified by one of their own fields, or that is merged by a strategy, or a struct that contains
/// such fields.
#[derive(Clone, Copy, Debug)]
pub struct ListKey {
    /// The name of the field in the JSON; `None` for a struct whose fields stand in its own place.
    pub(crate) field: Option<&'static str>,
    /// The field of its items that tells them apart.
    pub(crate) key: Option<&'static str>,
    /// The result of a merge where both sides changed the field.
    pub(crate) strategy: Option<MergeStrategy>,
    /// The list keys of the fields inside, or of those of its items.
    pub(crate) inside: Option<fn() -> &'static [ListKey]>,
}

/// The result of a merge where both sides changed a field: `#[kinto(merge = "…")]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeStrategy {
    /// The items that both sides have, or that one side added.
    Set,
    /// The value of here.
    Local,
    /// The value of the server.
    Remote,
}

impl ListKey {
    #[doc(hidden)]
    #[must_use]
    pub const fn __field(field: &'static str) -> Self {
        Self { field: Some(field), key: None, strategy: None, inside: None }
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn __flattened(inside: fn() -> &'static [Self]) -> Self {
        Self { field: None, key: None, strategy: None, inside: Some(inside) }
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn __key(self, key: &'static str) -> Self {
        Self { key: Some(key), ..self }
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn __merge(self, strategy: MergeStrategy) -> Self {
        Self { strategy: Some(strategy), ..self }
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn __inside(self, inside: fn() -> &'static [Self]) -> Self {
        Self { inside: Some(inside), ..self }
    }
}

/// The list keys of a whole type.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ListKeys(pub(crate) &'static [ListKey]);

/// The attributes of one place.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rule {
    /// The field that tells the items of the list apart.
    pub(super) key: Option<&'static str>,
    #[cfg_attr(not(feature = "local"), allow(dead_code, reason = "only records in a store are merged by it"))]
    pub(super) strategy: Option<MergeStrategy>,
}

impl ListKeys {
    /// Returns the field that tells the items of the list at this place apart, if one was named.
    pub(super) fn of(&self, at: &At<'_>) -> Option<&'static str> {
        self.rule(at).key
    }

    /// Returns the attributes of this place. A side that is preferred for a field is preferred for all that is in it.
    pub(super) fn rule(&self, at: &At<'_>) -> Rule {
        let mut rule = Rule::default();
        if self.0.is_empty() {
            return rule;
        }
        let path = at.path();
        let mut known = self.0;
        for step in path.keys() {
            let found = find(known, step, MOST_FLATTENED);
            let inherited = rule.strategy.filter(|strategy| *strategy != MergeStrategy::Set);
            rule.key = found.and_then(|found| found.key);
            rule.strategy = found.and_then(|found| found.strategy).or(inherited);
            known = found.and_then(|found| found.inside).map(|inside| inside()).unwrap_or_default();
        }
        rule
    }
}

fn find(known: &'static [ListKey], name: &str, most: usize) -> Option<&'static ListKey> {
    let named = known.iter().find(|known| known.field == Some(name));
    let flattened = || known.iter().filter(|known| known.field.is_none()).filter_map(|known| known.inside);
    named.or_else(|| flattened().find_map(|inside| find(inside(), name, most.checked_sub(1)?)))
}
