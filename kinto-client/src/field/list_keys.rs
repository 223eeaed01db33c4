use std::marker::PhantomData;

use super::HasFields;
use crate::json::merge::ListKey;

/// The keys of the lists in a struct, found before those of [`NoLists`]; so that a type that is no such struct is an error
/// in one place only, where its fields are asked for.
#[doc(hidden)]
#[derive(Debug)]
pub struct Lists<V>(PhantomData<V>);

impl<V: HasFields> Lists<V> {
    #[doc(hidden)]
    pub const KEYS: fn() -> &'static [ListKey] = V::__list_keys;
}

#[doc(hidden)]
pub trait NoLists {
    #[doc(hidden)]
    const KEYS: fn() -> &'static [ListKey] = || &[];
}

impl<V> NoLists for Lists<V> {}
