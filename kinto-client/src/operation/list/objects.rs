use std::{ops, slice, vec};

use super::whole::{Listed, TRANSACTION_MILLIS};
use crate::wire::{
    change_token::ChangeToken,
    object::{
        Object,
        kind::{self, Kind},
    },
    timestamp::Timestamp,
};

/// All records of a collection, and the time of its last change.
pub type Records<T> = Objects<kind::Record, T>;

/// All objects of a list, and the time of its last change.
///
/// It dereferences to a slice and can be iterated.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Objects<K: Kind, T> {
    /// The time of the last change of the list before it was read; any later change has a later time.
    pub last_modified: Timestamp,
    pub(super) items: Vec<Object<K, T>>,
}

impl<K: Kind, T> Objects<K, T> {
    /// Returns the objects as a vector.
    #[must_use]
    pub fn into_vec(self) -> Vec<Object<K, T>> {
        self.items
    }

    /// Returns an iterator that allows to modify each object.
    pub fn iter_mut(&mut self) -> slice::IterMut<'_, Object<K, T>> {
        self.items.iter_mut()
    }
}

impl<T> Records<T> {
    /// Returns the token from which [`changes_since`](crate::Collection::changes_since) continues after this list. It
    /// records what was read, so that no change of the collection is missed, and hardly any is returned again.
    #[must_use]
    pub fn change_token(&self) -> ChangeToken {
        // The last change comes last, so that it is the one that is looked for.
        let objects = self.items.iter().rev().map(|object| (object.id.as_str(), object.last_modified));
        ChangeToken::after(self.last_modified, TRANSACTION_MILLIS, objects)
    }
}

impl<K: Kind, T> Listed for Object<K, T> {
    fn stamp(&self) -> Option<(&str, Timestamp)> {
        Some((&self.id, self.last_modified))
    }

    fn raw(&self) -> Option<&[u8]> {
        Some(self.received())
    }
}

impl<K: Kind, T> ops::Deref for Objects<K, T> {
    type Target = [Object<K, T>];

    fn deref(&self) -> &Self::Target {
        &self.items
    }
}

impl<K: Kind, T> ops::DerefMut for Objects<K, T> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.items
    }
}

impl<K: Kind, T> IntoIterator for Objects<K, T> {
    type Item = Object<K, T>;
    type IntoIter = vec::IntoIter<Object<K, T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<'a, K: Kind, T> IntoIterator for &'a Objects<K, T> {
    type Item = &'a Object<K, T>;
    type IntoIter = slice::Iter<'a, Object<K, T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

impl<'a, K: Kind, T> IntoIterator for &'a mut Objects<K, T> {
    type Item = &'a mut Object<K, T>;
    type IntoIter = slice::IterMut<'a, Object<K, T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter_mut()
    }
}
