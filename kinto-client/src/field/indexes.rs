//! The fields with an index in a store: `#[kinto(index)]`.

use super::{HasFields, list_keys::Lists};

/// The number of structs that are looked into, each in the one before it: one may contain itself.
#[doc(hidden)]
pub const MOST_NESTED: usize = 8;

/// A function that returns the paths of the fields with an index, in structs that are nested so deep.
pub(crate) type Indexes = fn(usize) -> Vec<String>;

impl<V: HasFields> Lists<V> {
    #[doc(hidden)]
    pub const INDEXES: Indexes = V::__indexes;
}

/// The indexes of a type without fields, found after those of [`Lists`], so that such a type is reported in one place only.
#[doc(hidden)]
pub trait NoIndexes {
    #[doc(hidden)]
    const INDEXES: fn(usize) -> Vec<String> = |_| Vec::new();
}

impl<V> NoIndexes for Lists<V> {}

/// Returns the paths of the fields with an index: these, and those of the structs in the fields that are named, without a name
/// for a flattened one.
#[doc(hidden)]
#[must_use]
pub fn indexes(own: &[&str], nested: &[(&str, Indexes)], most_nested: usize) -> Vec<String> {
    let mut paths: Vec<String> = own.iter().map(|name| (*name).to_owned()).collect();
    if let Some(most_nested) = most_nested.checked_sub(1) {
        for (name, inside) in nested {
            let under = |path: String| if name.is_empty() { path } else { format!("{name}.{path}") };
            paths.extend(inside(most_nested).into_iter().map(under));
        }
    }
    paths
}
