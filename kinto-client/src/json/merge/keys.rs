//! The fields by which items of lists are known: `#[kinto(key = "…")]`.

use super::path::At;

/// A list whose items are identified by a field, or a struct that contains such lists.
#[derive(Clone, Copy, Debug)]
pub struct ListKey {
    /// The name of the field in the JSON.
    pub(crate) field: &'static str,
    /// The field of its items that tells them apart.
    pub(crate) key: Option<&'static str>,
    /// The list keys of the fields inside.
    pub(crate) inside: Option<fn() -> &'static [ListKey]>,
}

impl ListKey {
    #[doc(hidden)]
    #[must_use]
    pub const fn __list(field: &'static str, key: &'static str) -> Self {
        Self { field, key: Some(key), inside: None }
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn __inside(field: &'static str, inside: fn() -> &'static [Self]) -> Self {
        Self { field, key: None, inside: Some(inside) }
    }
}

/// The list keys of a whole type.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ListKeys(pub(crate) &'static [ListKey]);

impl ListKeys {
    /// The field that tells the items of the list at this place apart, if one was named.
    pub(super) fn of(&self, at: &At<'_>) -> Option<&'static str> {
        if self.0.is_empty() {
            return None;
        }
        let path = at.path();
        let (mut known, mut key) = (self.0, None);
        for step in path.keys() {
            let found = known.iter().find(|known| known.field == step)?;
            key = found.key;
            known = found.inside.map(|inside| inside()).unwrap_or_default();
        }
        key
    }
}
