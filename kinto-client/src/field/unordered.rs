use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, LinkedList, VecDeque},
    marker::PhantomData,
    rc::Rc,
    sync::Arc,
};

use serde_json::Value;

use super::{Field, PlainField};
use crate::{
    error::{Error, Result},
    wire::filter::term::Operand as Encoded,
};

/// Types whose JSON is a list without a fixed order: a `HashSet`, or a type that contains one.
///
/// The same value may be stored in many forms, so that a field of such a type cannot be compared as a whole. The derive
/// finds out which fields are of these types. Implement it for a type of your own that serializes so.
pub trait Unordered {}

impl<V, S> Unordered for HashSet<V, S> {}

macro_rules! unordered_within {
    ($($outer:ident),+) => {$(
        impl<V: Unordered> Unordered for $outer<V> {}
    )+};
}

unordered_within!(Option, Box, Arc, Rc, Vec, VecDeque, LinkedList, BTreeSet);

impl<V: Unordered, const N: usize> Unordered for [V; N] {}
impl<K, V: Unordered> Unordered for BTreeMap<K, V> {}
impl<K, V: Unordered, S> Unordered for HashMap<K, V, S> {}

#[doc(hidden)]
/// Determines if a type is [`Unordered`]: the compiler finds its own `UNORDERED` before that of [`Ordinary`].
#[derive(Debug)]
pub struct Probe<T>(PhantomData<T>);

impl<T: Unordered> Probe<T> {
    #[doc(hidden)]
    pub const UNORDERED: bool = true;
}

#[doc(hidden)]
pub trait Ordinary {
    #[doc(hidden)]
    const UNORDERED: bool = false;
}

impl<T> Ordinary for Probe<T> {}

macro_rules! compared_as_a_whole {
    ($($field:ident),+) => {$(
        impl<R, V> $field<R, V> {
            /// Returns the value to compare the whole field with, unless one value may be stored in several forms.
            pub(super) fn comparable(&self, value: Result<Encoded>) -> Result<Encoded> {
                if self.unordered {
                    return Err(Error::invalid(format!(
                        "the field `{}` cannot be compared as a whole: a set without an order is stored in any of many forms, \
                         of which the server would find one; use `contains_all`, or a `BTreeSet`",
                        self.path()
                    )));
                }
                value
            }
        }
    )+};
}

compared_as_a_whole!(Field, PlainField);

impl<R, V> Field<R, V> {
    /// Returns the values that a list must contain, unless the items are sets themselves.
    pub(super) fn containable(&self, values: Result<Encoded>) -> Result<Encoded> {
        match values? {
            Encoded::One(Value::Array(items)) if items.iter().any(has_list) => {
                self.comparable(Ok(Encoded::One(Value::Array(items))))
            }
            values => Ok(values),
        }
    }
}

fn has_list(value: &Value) -> bool {
    value.is_array() || value.as_object().is_some_and(|fields| fields.values().any(has_list))
}
