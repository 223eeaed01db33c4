use std::marker::PhantomData;

use super::path::Path;
use super::{
    Field,
    operand::{Operand, Ordered, Text},
};

/// A field seen as a number by [`Field::as_number`], whatever its type in Rust.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AnyNumber;

/// A field seen as text by [`Field::as_text`], whatever its type in Rust.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AnyText;

impl Ordered for AnyNumber {
    const IS_VIEW: bool = true;
}

impl Ordered for AnyText {
    const IS_VIEW: bool = true;
}

impl Text for AnyText {}

macro_rules! compared {
    ($view:ident: $($value:ty),+) => {$(
        impl Operand<$view> for $value {}
    )+};
}

compared!(AnyNumber: u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64);
compared!(AnyText: &str, String, &String, char);

impl<R, V> Field<R, V> {
    pub(super) const fn viewed(path: Path) -> Self {
        Self { path, read: None, default: None, unordered: false, of: PhantomData }
    }
}
