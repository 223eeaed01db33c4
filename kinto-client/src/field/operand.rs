use std::{
    borrow::Cow,
    collections::{BTreeSet, HashSet, VecDeque},
    rc::Rc,
    sync::Arc,
};

use serde::Serialize;
use serde_json::Value;

use crate::{
    error::{Error, Result},
    json::encode,
    wire::filter::term::Operand as Encoded,
};

/// A value that a field of type `V` can be compared with: a `V`, the inner type of an `Option`, `&str` for a
/// `String`.
#[diagnostic::on_unimplemented(
    message = "cannot compare a `{V}` field with `{Self}`",
    label = "the field holds `{V}`",
    note = "a field is compared with values of its own type"
)]
pub trait Operand<V: ?Sized>: Serialize {}

impl<V: Serialize> Operand<V> for V {}
impl<V: Serialize> Operand<Option<V>> for V {}

/// `eq("x")` on every type of text.
macro_rules! compared_with_text {
    ($($text:ty),+) => {$(
        impl Operand<$text> for &str {}
        impl Operand<Option<$text>> for &str {}
        impl Operand<$text> for &String {}
        impl Operand<Option<$text>> for &String {}
    )+};
}

compared_with_text!(String, Cow<'_, str>, Box<str>, Arc<str>, Rc<str>);

/// `eq(String::from("x"))` on the types of text other than `String`.
macro_rules! compared_with_string {
    ($($text:ty),+) => {$(
        impl Operand<$text> for String {}
        impl Operand<Option<$text>> for String {}
    )+};
}

compared_with_string!(Cow<'_, str>, Box<str>, Arc<str>, Rc<str>);

/// Types whose JSON is a number or text, which the server can order.
///
/// Implement it for your own types, such as a date that serializes as text in chronological order.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no order on the server, so `lt`, `gt`, `ge` and `le` do not apply",
    label = "only numbers and text are ordered",
    note = "implement `kinto_client::field::Ordered` for a type of your own that serialises as a number or as text",
    note = "for a type of another crate see the features of `kinto-client`, or use `as_number()` or `as_text()` of the field"
)]
pub trait Ordered {
    /// True for a view, whose stored values may have another type.
    #[doc(hidden)]
    const IS_VIEW: bool = false;
}

/// Types whose JSON is text.
///
/// Implement it for your own types.
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
    /// The type of the items of the list.
    type Item;
}

/// Types that lists can be sorted by: [`Ordered`] ones and booleans.
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

ordered!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64, char);
ordered!(String, Cow<'_, str>, Box<str>, Arc<str>, Rc<str>);
ordered!(crate::wire::timestamp::Timestamp);

impl<V: Ordered> Ordered for Option<V> {}
impl<V: Ordered> Sortable for V {}
impl Sortable for bool {}
impl Sortable for Option<bool> {}

impl Text for String {}
impl Text for Cow<'_, str> {}
impl Text for Box<str> {}
impl Text for Arc<str> {}
impl Text for Rc<str> {}
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

/// The bound of a range.
pub(super) fn number_or_text(method: &str, path: &str, value: impl Serialize) -> Result<Encoded> {
    match one(value)? {
        value @ Encoded::One(Value::Number(_) | Value::String(_)) => Ok(value),
        _ => Err(Error::invalid(format!(
            "`{method}` of the field {path:?} takes a number or text: the server does not order other types"
        ))),
    }
}

pub(super) fn many<O: Serialize>(values: impl IntoIterator<Item = O>) -> Result<Encoded> {
    values.into_iter().map(|value| encode::value(&value)).collect::<Result<Vec<Value>>>().map(Encoded::Many)
}

/// Encodes the values of a `contains` filter as one JSON list.
pub(super) fn list<O: Serialize>(values: impl IntoIterator<Item = O>) -> Result<Encoded> {
    values.into_iter().map(|value| encode::value(&value)).collect::<Result<Value>>().map(Encoded::One)
}
