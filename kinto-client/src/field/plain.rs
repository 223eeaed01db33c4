use super::{
    Field, PlainField,
    filter::has,
    operand::{Operand, one},
};
use crate::wire::{
    filter::{Filter, term::Operator},
    sort::Sort,
};

impl<R, V> PlainField<R, V> {
    /// Selects objects whose field is this value, the only operator that the server supports for a name with such
    /// characters.
    ///
    /// # Errors
    ///
    /// A field of a set without an order ([`Unordered`](super::Unordered)) is refused before anything is sent, as is a name
    /// that the server would misread even so ([`Filter::plain`]).
    pub fn eq<O: Operand<V>>(&self, value: O) -> Filter<R> {
        Filter::new(self.path(), Operator::Plain, self.comparable(one(value)))
    }
}

/// Fields whose names the server accepts with an operator in front.
#[diagnostic::on_unimplemented(
    message = "the server can compare this field for equality, with `eq`, and nothing else",
    label = "its name has other characters than letters, digits and `_`",
    note = "to change the name, use `#[serde(rename = \"…\")]` on the field, or another `rename_all`"
)]
pub trait Operable {}

impl<R, V> Operable for Field<R, V> {}

/// Defines the methods of other fields so that their use gives a helpful compiler error; they cannot be called.
macro_rules! refused {
    ($($method:ident $(($value:ident))?),+ => $output:ident, $made:expr) => {
        impl<R, V> PlainField<R, V> {
            $(
                #[doc(hidden)]
                pub fn $method $(<$value>)? (&self $(, _: $value)?) -> $output<R>
                where
                    Self: Operable,
                {
                    $made(self.path())
                }
            )+
        }
    };
}

refused!(ne(O), is_in(O), not_in(O), lt(O), gt(O), ge(O), le(O), like(O) => Filter, |path| has(path, true));
refused!(contains(O), contains_all(O), contains_any(O), has_key, is_missing => Filter, |path| has(path, true));
refused!(asc, desc => Sort, |path| Sort::new(path, false));
