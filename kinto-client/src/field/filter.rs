use serde::Serialize;

use super::{
    Field, HasFields, Nested, Opaque,
    operand::{Listed, Operand, Ordered, Sortable, Text, list, many, number_or_text, one},
    view::{AnyNumber, AnyText},
};
use crate::{
    error::{Error, Result},
    wire::{
        filter::{
            Filter,
            term::{Operand as Encoded, Operator},
        },
        sort::Sort,
    },
};

/// Filters and orders, as the server understands them. The [module](crate::field) has a table of their effects on
/// values of other types, on null and on missing fields.
impl<R, V> Field<R, V> {
    /// Selects objects whose field is this value.
    ///
    /// Neither null nor a missing field is equal to a value. `None` is null: `eq(None)` selects objects in which null is
    /// stored, and not those that lack the field, as [`is_missing`](Self::is_missing) does.
    ///
    /// # Errors
    ///
    /// On a field of a set without an order ([`Unordered`](super::Unordered)) the call fails before anything is sent: the same elements may be
    /// stored in any order, of which the server would find one. [`contains_all`](Self::contains_all) finds sets with
    /// these elements, and perhaps others.
    pub fn eq<O: Operand<V>>(&self, value: O) -> Filter<R> {
        Filter::new(self.path(), Operator::Eq, self.comparable(one(value)))
    }

    /// Selects objects whose field is anything but this value, and those that lack the field.
    ///
    /// # Errors
    ///
    /// As for [`eq`](Self::eq).
    pub fn ne<O: Operand<V>>(&self, value: O) -> Filter<R> {
        Filter::new(self.path(), Operator::Not, self.comparable(one(value)))
    }

    /// Selects objects whose field is one of these values. There must be at least one, and may be
    /// [many](crate::field#many-values).
    ///
    /// # Errors
    ///
    /// As for [`eq`](Self::eq).
    pub fn is_in<O: Operand<V>>(&self, values: impl IntoIterator<Item = O>) -> Filter<R> {
        Filter::new(self.path(), Operator::In, self.comparable(some_of("is_in", values)))
    }

    /// Selects objects whose field is none of these values, and those that lack the field. There must be at least one
    /// value, and may be [many](crate::field#many-values).
    ///
    /// # Errors
    ///
    /// As for [`eq`](Self::eq).
    pub fn not_in<O: Operand<V>>(&self, values: impl IntoIterator<Item = O>) -> Filter<R> {
        Filter::new(self.path(), Operator::Exclude, self.comparable(some_of("not_in", values)))
    }

    /// Selects objects whose JSON has the key of the field, including those with null.
    ///
    /// An `Option` that is `None` is stored as null unless serde skips it, and so has its key. Those that hold a value are
    /// `f.pages.has_key().and(f.pages.ne(None))`.
    pub fn has_key(&self) -> Filter<R> {
        has(self.path(), true)
    }

    /// Selects objects whose JSON lacks the key of the field. Null is not missing: [`eq(None)`](Self::eq) selects that.
    pub fn is_missing(&self) -> Filter<R> {
        has(self.path(), false)
    }

    /// Selects objects whose field is less than this.
    pub fn lt<O: Operand<V>>(&self, value: O) -> Filter<R>
    where
        V: Ordered,
    {
        self.range("lt", Operator::Lt, value)
    }

    /// Selects objects whose field is greater than this. With [`Filter::or_missing`] also those that lack it.
    pub fn gt<O: Operand<V>>(&self, value: O) -> Filter<R>
    where
        V: Ordered,
    {
        self.range("gt", Operator::Gt, value)
    }

    /// Selects objects whose field is this or greater. With [`Filter::or_missing`] also those that lack it.
    pub fn ge<O: Operand<V>>(&self, value: O) -> Filter<R>
    where
        V: Ordered,
    {
        self.range("ge", Operator::Min, value)
    }

    /// Selects objects whose field is this or less.
    pub fn le<O: Operand<V>>(&self, value: O) -> Filter<R>
    where
        V: Ordered,
    {
        self.range("le", Operator::Max, value)
    }

    fn range(&self, method: &str, operator: Operator, value: impl Serialize) -> Filter<R>
    where
        V: Ordered,
    {
        let value = number_or_text(method, &self.path(), value);
        if V::IS_VIEW {
            Filter::untyped(self.path(), operator, value)
        } else {
            Filter::new(self.path(), operator, value)
        }
    }

    /// Views the field as a number, for ranges and orders of a type that has none of its own, such as one that
    /// `#[serde(with = "…")]` stores as a number.
    ///
    /// ```
    /// # use kinto_client::KintoRecord;
    /// # use serde::{Deserialize, Serialize};
    /// # mod seconds {
    /// #     use std::time::Duration;
    /// #     use serde::{Deserialize as _, Deserializer, Serializer};
    /// #     pub fn serialize<S: Serializer>(d: &Duration, s: S) -> Result<S::Ok, S::Error> { s.serialize_u64(d.as_secs()) }
    /// #     pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
    /// #         u64::deserialize(d).map(Duration::from_secs)
    /// #     }
    /// # }
    /// #[derive(Serialize, Deserialize, KintoRecord)]
    /// struct Song {
    ///     #[serde(with = "seconds")]
    ///     length: std::time::Duration,
    /// }
    ///
    /// let f = Song::fields();
    /// let long = f.length.as_number().gt(300);
    /// let longest_first = f.length.as_number().desc();
    /// assert_eq!(format!("{long:?} {longest_first:?}"), "Filter(gt_length=300&lt_length=false) Sort(-length)");
    /// ```
    #[must_use]
    pub const fn as_number(&self) -> Field<R, AnyNumber> {
        Field::viewed(self.path)
    }

    /// Views the field as text, for ranges, orders and [`like`](Self::like) on a type that does not offer them, such as an
    /// enum, or a time that `#[serde(with = "…")]` stores as text which sorts by time.
    ///
    /// ```
    /// use kinto_client::KintoRecord;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// enum Status { Open, Closed }
    ///
    /// #[derive(Serialize, Deserialize, KintoRecord)]
    /// struct Ticket {
    ///     status: Status,
    /// }
    ///
    /// let like = Ticket::fields().status.as_text().like("cl*");
    /// assert_eq!(format!("{like:?}"), "Filter(lt_status=-1.7976931348623157e%2B308&min_status=%22%22&like_status=%22cl*%22)");
    /// ```
    #[must_use]
    pub const fn as_text(&self) -> Field<R, AnyText> {
        Field::viewed(self.path)
    }

    /// Selects objects whose text contains this pattern, whatever the case. With a `*` in it, the pattern has to match
    /// the whole text, and `*` stands for any text; a literal `*` cannot be found. All other characters are literal.
    /// The storage backend decides on the case of non-ASCII letters, and whether `*` matches beyond the end of a line.
    pub fn like(&self, pattern: impl AsRef<str>) -> Filter<R>
    where
        V: Text,
    {
        Filter::new(self.path(), Operator::Like, one(verbatim(pattern.as_ref())))
    }

    /// Selects objects whose list contains this item.
    pub fn contains<O: Operand<V::Item>>(&self, value: O) -> Filter<R>
    where
        V: Listed,
    {
        Filter::new(self.path(), Operator::Contains, self.containable(list([value])))
    }

    /// Selects objects whose list contains all of these items.
    pub fn contains_all<O: Operand<V::Item>>(&self, values: impl IntoIterator<Item = O>) -> Filter<R>
    where
        V: Listed,
    {
        Filter::new(self.path(), Operator::Contains, self.containable(list(values)))
    }

    /// Selects objects whose list contains any of these items.
    pub fn contains_any<O: Operand<V::Item>>(&self, values: impl IntoIterator<Item = O>) -> Filter<R>
    where
        V: Listed,
    {
        Filter::new(self.path(), Operator::ContainsAny, self.containable(list(values)))
    }

    /// Sorts by the field in ascending order.
    pub fn asc(&self) -> Sort<R>
    where
        V: Sortable,
    {
        Sort::new(self.path(), false)
    }

    /// Sorts by the field in descending order.
    pub fn desc(&self) -> Sort<R>
    where
        V: Sortable,
    {
        Sort::new(self.path(), true)
    }
}

/// Filters by the stored JSON, since only the code of `#[serde(with = "…")]` converts a value to it.
impl<R, V> Field<R, Opaque<V>> {
    /// Matches objects in which the stored JSON equals `value`.
    pub fn eq_json(&self, value: impl Serialize) -> Filter<R> {
        Filter::new(self.path(), Operator::Eq, one(value))
    }
}

impl<R, V: HasFields, P> Nested<R, V, P> {
    /// Selects objects whose JSON has the key of the struct, including those with null.
    pub fn has_key(&self) -> Filter<R> {
        has(self.path(), true)
    }

    /// Selects objects whose JSON lacks the key of the struct. Null is not missing.
    pub fn is_missing(&self) -> Filter<R> {
        has(self.path(), false)
    }
}

pub(super) fn has<R>(path: impl Into<String>, there: bool) -> Filter<R> {
    Filter::new(path, Operator::Has, one(there))
}

/// The values of a list, of which there is one. An empty list means nothing to one storage backend of the server and
/// everything to the other.
pub(super) fn some_of<O: Serialize>(method: &str, values: impl IntoIterator<Item = O>) -> Result<Encoded> {
    match many(values)? {
        Encoded::Many(list) if list.is_empty() => Err(Error::invalid(format!("`{method}` takes at least one value"))),
        values => Ok(values),
    }
}

/// Escapes all characters of the pattern except `*` with a backslash, for PostgreSQL and for the regular
/// expressions of the memory backend.
pub(super) fn verbatim(pattern: &str) -> String {
    pattern.chars().fold(String::with_capacity(pattern.len()), |mut verbatim, c| {
        if c.is_ascii_punctuation() && c != '*' {
            verbatim.push('\\');
        }
        verbatim.push(c);
        verbatim
    })
}
