use std::{
    borrow::Cow,
    collections::{BTreeSet, HashSet, VecDeque},
};

use serde::Serialize;
use serde_json::Value;

use crate::{
    error::Result,
    wire::{encode, filter::Operand as Encoded},
};

/// What a field of type `V` can be compared with: a `V`, the inside of an `Option`, `&str` for a `String`.
#[diagnostic::on_unimplemented(
    message = "cannot compare a `{V}` field with `{Self}`",
    label = "the field holds `{V}`",
    note = "a field is compared with values of its own type"
)]
pub trait Operand<V: ?Sized>: Serialize {}

impl<V: Serialize> Operand<V> for V {}
impl<V: Serialize> Operand<Option<V>> for V {}
impl Operand<String> for &str {}
impl Operand<Option<String>> for &str {}
impl Operand<String> for &String {}
impl Operand<Option<String>> for &String {}

/// Types whose JSON, numbers or text, the server has an order for. Implement it for your own, such as a date that
/// serialises as text which sorts by time.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no order on the server, so `lt`, `gt`, `at_least` and `at_most` do not apply",
    label = "only numbers and text are ordered",
    note = "implement `kinto_client::field::Ordered` for a type of your own that serialises as a number or as text"
)]
pub trait Ordered {}

/// Types whose JSON is text. Implement it for your own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not text, so `like` does not apply",
    label = "only text can be searched",
    note = "implement `kinto_client::field::Text` for a type of your own that serialises as text"
)]
pub trait Text {}

/// Types whose JSON is a list.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list, so `contains` and `contains_any` do not apply",
    label = "only lists contain something"
)]
pub trait Listed {
    /// What is in the list.
    type Item;
}

/// Types that lists can be sorted by: what is [`Ordered`], and booleans.
#[diagnostic::on_unimplemented(
    message = "a list cannot be sorted by a field of type `{Self}`",
    label = "only numbers, text and booleans can be sorted by",
    note = "implement `kinto_client::field::Ordered` for a type of your own that serialises as a number or as text"
)]
pub trait Sortable {}

macro_rules! ordered {
    ($($type:ty),+) => {$(
        impl Ordered for $type {}
    )+};
}

ordered!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize, f32, f64, String, Cow<'_, str>, Box<str>, char);
ordered!(crate::Timestamp);

impl<V: Ordered> Ordered for Option<V> {}
impl<V: Ordered> Sortable for V {}
impl Sortable for bool {}
impl Sortable for Option<bool> {}

impl Text for String {}
impl Text for Cow<'_, str> {}
impl Text for Box<str> {}
impl<V: Text> Text for Option<V> {}

impl<V> Listed for Vec<V> {
    type Item = V;
}

impl<V> Listed for VecDeque<V> {
    type Item = V;
}

impl<V> Listed for BTreeSet<V> {
    type Item = V;
}

impl<V, S> Listed for HashSet<V, S> {
    type Item = V;
}

impl<V> Listed for Box<[V]> {
    type Item = V;
}

impl<V, const N: usize> Listed for [V; N] {
    type Item = V;
}

impl<L: Listed> Listed for Option<L> {
    type Item = L::Item;
}

pub(super) fn one(value: impl Serialize) -> Result<Encoded> {
    encode::value(&value).map(Encoded::One)
}

pub(super) fn many<O: Serialize>(values: impl IntoIterator<Item = O>) -> Result<Encoded> {
    values.into_iter().map(|value| encode::value(&value)).collect::<Result<Vec<Value>>>().map(Encoded::Many)
}

/// The list that has to be contained, as one value.
pub(super) fn list<O: Serialize>(values: impl IntoIterator<Item = O>) -> Result<Encoded> {
    values.into_iter().map(|value| encode::value(&value)).collect::<Result<Value>>().map(Encoded::One)
}
