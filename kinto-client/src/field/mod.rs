//! Handles of the fields of a record, created by the derive: `Todo::fields().title`.
//!
//! They create filters and sort orders, and name the fields to select, set and unset. For untyped JSON, the
//! same filters exist by name: [`Filter::field`](crate::Filter::field).
//!
//! | filter | for | null | missing | values of other types |
//! |---|---|---|---|---|
//! | [`eq`](Field::eq), [`is_in`](Field::is_in) | every type but sets without an order | as `None` | no | no |
//! | [`ne`](Field::ne), [`not_in`](Field::not_in) | the same | yes, unless named | yes | yes |
//! | [`lt`](Field::lt), [`le`](Field::le), [`ge`](Field::ge), [`gt`](Field::gt) | numbers and text | no | no | no |
//! | [`like`](Field::like) | text | no | no | no |
//! | [`contains`](Field::contains), [`contains_all`](Field::contains_all), [`contains_any`](Field::contains_any) | lists | no | no | no |
//! | [`has_key`](Field::has_key) | every type | yes | no | yes |
//! | [`is_missing`](Field::is_missing) | every type | no | yes | no |
//!
//! A range holds values of its own type only, and never a record that lacks the field, unless you add
//! [`or_missing`](crate::Filter::or_missing). The features `chrono`, `time` and `uuid` have ranges and orders for the
//! types of these crates whose text sorts by time; [`as_number`](Field::as_number) and [`as_text`](Field::as_text) view
//! any other field as what it is stored as. `rust_decimal` needs `#[serde(with = "rust_decimal::serde::float")]` and
//! `as_number`: its text does not sort by worth.
//!
//! # Storage backends
//!
//! Filters mean what they mean on PostgreSQL. The memory backend, which is for development, differs here:
//!
//! | filter | on the memory backend |
//! |---|---|
//! | `has_key`, `is_missing` of several fields | only one of them counts; a deletion by them is refused |
//! | `eq`, `ne` with a list or object | a boolean in it is the number 0 or 1; a deletion by `eq` with one of these is refused |
//! | `not_in` with both 0 and 1, or with both booleans | leaves out the other two as well |
//! | `contains` and its siblings | 1 and 1.0 differ; where text is looked for and the field is an object that has it as a key, the server fails (500) |
//! | `like` | knows the case of all letters; `*` ends at the end of a line, and a line break may follow the end of the pattern |
//! | a name with a dot in it | is found as such, too |
//! | `count` | leaves out records whose data has `"deleted": true` |
//! | text in ranges and orders | by code points; on PostgreSQL by the collation of the database |
//! | lists in orders | an empty one is greater than booleans; on PostgreSQL it comes before everything |
//!
//! # Many values
//!
//! The query of a list with 90 ids is longer than the URLs that servers take: gunicorn has room for 4,094 bytes, and nginx
//! for 4 KiB of response headers, in which the server repeats the query. A query of more than 2,500 bytes is therefore
//! sent in a batch of one request, whichever filter or selection makes it long. The result is the same for every way to read a
//! list, to count and to delete, in every order; [`preview`](crate::Call::preview) shows the batch. A server, or a proxy before it,
//! that takes no `POST` refuses it.
//!
//! A query of more than 1,000,000 bytes, of about 22,000 ids, is
//! [`Error::is_invalid`](crate::Error::is_invalid): nothing is sent, and the error says how many values fit. In collections
//! whose path has `/batch` in it, of which the server takes no request in a batch, that is so above 4,000 bytes.
//!
//! # Floats
//!
//! The server's parser stores about one in ten doubles of 16 and 17 digits as a neighbour, off by one or two in the last
//! place, and twice as much in a batch; PostgreSQL stores `-0.0` as `0.0`. `eq`, `ne`, `is_in` and the end of a range on
//! such a value can miss what was sent: compare floats by ranges wider than that, and do not use them as keys. Integers,
//! and floats of up to 15 digits, are stored as they are sent.
//!
//! ```
//! # #[tokio::main] async fn main() -> kinto_client::Result<()> {
//! # let server = kinto_server::Server::shared().expect("a server");
//! # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
//! use kinto_client::KintoRecord;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize, KintoRecord)]
//! # #[kinto(collection = "field-doc")]
//! struct Book {
//!     title: String,
//!     pages: Option<u32>,
//!     #[serde(default, skip_serializing_if = "Vec::is_empty")]
//!     tags: Vec<String>,
//! }
//!
//! let books = client.typed::<Book>();
//! # books.delete_all_records().await?;
//! let book = |title: &str, pages, tags: &[&str]| {
//!     let tags = tags.iter().map(|tag| tag.to_string()).collect();
//!     Book { title: title.into(), pages, tags }
//! };
//! books.create_records([book("Emma", Some(448), &["novel"]), book("Odes", Some(60), &[]), book("?", None, &[])]).await?;
//!
//! let f = Book::fields();
//! let long = books.get_records().filter(f.pages.gt(100)).one().await?;
//! assert_eq!(long.data.title, "Emma");
//! let novels = books.get_records().filter(f.tags.contains("novel").and(f.title.like("E*"))).count().await?;
//! assert_eq!(novels, 1);
//! let untagged = books.get_records().filter(f.tags.is_missing()).sort(f.title.desc()).select((f.title, f.tags)).await?;
//! assert_eq!(untagged[0].data, ("Odes".to_owned(), vec![])); // what is missing has the default of serde
//! let deleted = books.delete_all_records().filter(f.pages.le(100)).await?;
//! assert_eq!(deleted.len(), 1);
//! # Ok(()) }
//! ```

use std::{fmt, marker::PhantomData, ops::Deref};

use serde_json::value::RawValue;

use crate::json::merge::ListKey;
use path::{Path, Prefix};

pub(crate) mod file;
mod filter;
mod foreign;
pub(crate) mod indexes;
mod json_field;
pub(crate) mod list_keys;
mod names;
pub(crate) mod operand;
pub(crate) mod path;
mod plain;
pub(crate) mod reading;
pub(crate) mod selection;
pub(crate) mod unordered;
mod view;

pub use file::DescribesFile;
pub use json_field::JsonField;
pub use operand::{Listed, Operand, Ordered, Sortable, Text};
pub use plain::Operable;
pub use selection::Selection;
pub(crate) use selection::{names_of, selected};
pub use unordered::Unordered;
pub use view::{AnyNumber, AnyText};

/// The type of a field with `#[serde(with = "…")]` or `serialize_with`, whose stored JSON is unknown.
#[derive(Clone, Copy, Debug)]
pub struct Opaque<V>(V);

impl<V> Opaque<V> {
    #[doc(hidden)]
    pub const fn __new(value: V) -> Self {
        Self(value)
    }
}

macro_rules! field {
    ($(#[$doc:meta])* $field:ident) => {
        $(#[$doc])*
        pub struct $field<R, V> {
            path: Path,
            /// The function that deserializes the field, if it is not the type's own `Deserialize`.
            read: Option<fn(Option<&RawValue>) -> serde_json::Result<V>>,
            /// The function that returns the value of a missing field.
            default: Option<fn() -> V>,
            /// The same value may be stored as one of many lists.
            unordered: bool,
            of: PhantomData<fn(R)>,
        }

        impl<R, V> $field<R, V> {
            #[doc(hidden)]
            #[must_use]
            pub const fn __new(name: &'static str) -> Self {
                let path = Path::__new(None, name);
                Self { path, read: None, default: None, unordered: false, of: PhantomData }
            }

            #[doc(hidden)]
            #[must_use]
            pub const fn __under(mut self, parent: &'static Path) -> Self {
                self.path.parent = Some(parent);
                self
            }

            #[doc(hidden)]
            #[must_use]
            pub const fn __read_as(mut self, names: &'static [&'static str]) -> Self {
                self.path = self.path.__read_as(names);
                self
            }

            #[doc(hidden)]
            #[must_use]
            pub const fn __read_with(mut self, read: fn(Option<&RawValue>) -> serde_json::Result<V>) -> Self {
                self.read = Some(read);
                self
            }

            #[doc(hidden)]
            #[must_use]
            pub const fn __or(mut self, default: fn() -> V) -> Self {
                self.default = Some(default);
                self
            }

            #[doc(hidden)]
            #[must_use]
            pub const fn __unordered(mut self, unordered: bool) -> Self {
                self.unordered = unordered;
                self
            }

            /// Returns the path of the field in the JSON of the record: `title`, or `address.city` for a field of
            /// a nested struct.
            #[must_use]
            pub fn path(&self) -> String {
                self.path.to_string()
            }
        }

        // Written by hand, because derives would require the trait of the record and the value as well.
        impl<R, V> Clone for $field<R, V> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<R, V> Copy for $field<R, V> {}

        impl<R, V> fmt::Debug for $field<R, V> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($field)).field(&self.path()).finish()
            }
        }
    };
}

field! {
    /// The handle of a field of type `V` in a record `R`.
    ///
    /// ```
    /// use kinto_client::KintoRecord;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize, KintoRecord)]
    /// #[serde(rename_all = "camelCase")]
    /// struct Todo {
    ///     due_at: u64,
    /// }
    ///
    /// assert_eq!(Todo::fields().due_at.path(), "dueAt");
    /// ```
    Field
}

field! {
    /// The handle of a field whose name contains other characters than letters, digits and `_`, so that the server
    /// supports comparison for equality only.
    PlainField
}

/// A struct whose fields have handles, with `#[derive(KintoRecord)]` and `#[kinto(nested)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no fields that a filter could name",
    label = "cannot be `nested`",
    note = "add `#[derive(KintoRecord)]` and `#[kinto(nested)]` to the struct; a list cannot be nested",
    note = "or remove `#[kinto(nested)]` from the field"
)]
pub trait HasFields {
    /// The struct of handles, as fields of the record that contains the struct.
    type Fields<R: 'static, P: Prefix>: Copy + 'static;

    #[doc(hidden)]
    fn __fields<R: 'static, P: Prefix>() -> &'static Self::Fields<R, P>;

    #[doc(hidden)]
    #[must_use]
    fn __list_keys() -> &'static [ListKey] {
        &[]
    }

    #[doc(hidden)]
    #[must_use]
    fn __indexes(_most_nested: usize) -> Vec<String> {
        Vec::new()
    }
}

macro_rules! see_through {
    ($($wrapper:ident),+) => {$(
        #[diagnostic::do_not_recommend]
        impl<T: HasFields> HasFields for $wrapper<T> {
            type Fields<R: 'static, P: Prefix> = T::Fields<R, P>;

            fn __fields<R: 'static, P: Prefix>() -> &'static Self::Fields<R, P> {
                T::__fields()
            }

            fn __list_keys() -> &'static [ListKey] {
                T::__list_keys()
            }

            fn __indexes(most_nested: usize) -> Vec<String> {
                T::__indexes(most_nested)
            }
        }
    )+};
}

see_through!(Option, Box);

/// The handle of a field that holds a struct `V` with fields of its own, in a record `R`.
///
/// ```
/// use kinto_client::KintoRecord;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, KintoRecord)]
/// struct Person {
///     #[kinto(nested)]
///     address: Address,
/// }
///
/// #[derive(Serialize, Deserialize, KintoRecord)]
/// #[kinto(nested)]
/// struct Address {
///     city: String,
/// }
///
/// assert_eq!(Person::fields().address.city.path(), "address.city");
/// ```
pub struct Nested<R, V, P> {
    field: Field<R, V>,
    path: PhantomData<fn() -> P>,
}

impl<R, V, P> Nested<R, V, P> {
    #[doc(hidden)]
    #[must_use]
    pub const fn __new(field: Field<R, V>) -> Self
    where
        V: HasFields,
    {
        Self { field, path: PhantomData }
    }

    /// Returns the path of the struct in the JSON of the record.
    #[must_use]
    pub fn path(&self) -> String {
        self.field.path()
    }
}

impl<R: 'static, V: HasFields, P: Prefix> Deref for Nested<R, V, P> {
    type Target = V::Fields<R, P>;

    fn deref(&self) -> &Self::Target {
        V::__fields::<R, P>()
    }
}

impl<R, V, P> Clone for Nested<R, V, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R, V, P> Copy for Nested<R, V, P> {}

impl<R, V, P> fmt::Debug for Nested<R, V, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Nested").field(&self.path()).finish()
    }
}
