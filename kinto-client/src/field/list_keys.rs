use std::{collections::VecDeque, marker::PhantomData};

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

/// The keys of the lists in the items of a list, found as those of [`Lists`] are.
#[doc(hidden)]
#[derive(Debug)]
pub struct ItemLists<V>(PhantomData<V>);

macro_rules! lists {
    ($($list:ty),+) => {$(
        impl<V: HasFields> ItemLists<$list> {
            #[doc(hidden)]
            pub const KEYS: fn() -> &'static [ListKey] = V::__list_keys;
        }
    )+};
}

lists!(Vec<V>, Option<Vec<V>>, VecDeque<V>, Box<[V]>);

#[doc(hidden)]
pub trait NoLists {
    #[doc(hidden)]
    const KEYS: fn() -> &'static [ListKey] = || &[];
}

impl<V> NoLists for Lists<V> {}
impl<V> NoLists for ItemLists<V> {}
