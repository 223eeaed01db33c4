use std::marker::PhantomData;

use super::HasFields;
use crate::json::merge::ListKey;

/// The keys of the lists in a struct. The compiler finds them before those of [`NoLists`], so that a type without
/// fields is reported in one place only.
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
