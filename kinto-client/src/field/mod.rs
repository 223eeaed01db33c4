//! Handles of the fields of a record, which the derive makes: `Todo::fields().title`.

use std::{fmt, marker::PhantomData, ops::Deref};

use crate::__private::{Path, Prefix};

mod filter;
mod operand;
mod selection;

pub use filter::JsonField;
pub use operand::{Listed, Operand, Ordered, Sortable, Text};
pub use selection::Selection;
pub(crate) use selection::names_of;

/// What is stored of a field with `#[serde(with = "…")]` or `serialize_with`: only that code knows its form.
#[derive(Clone, Copy, Debug)]
pub struct Opaque;

macro_rules! field {
    ($(#[$doc:meta])* $field:ident) => {
        $(#[$doc])*
        pub struct $field<R, V: ?Sized> {
            parent: Option<&'static Path>,
            name: &'static str,
            of: PhantomData<fn(R) -> PhantomData<V>>,
        }

        impl<R, V: ?Sized> $field<R, V> {
            #[doc(hidden)]
            #[must_use]
            pub const fn __new(name: &'static str) -> Self {
                Self { parent: None, name, of: PhantomData }
            }

            #[doc(hidden)]
            #[must_use]
            pub const fn __under(self, parent: &'static Path) -> Self {
                Self { parent: Some(parent), name: self.name, of: PhantomData }
            }

            /// Where the field is in the JSON of the record: `title`, or `address.city` for a field of a nested struct.
            #[must_use]
            pub fn path(&self) -> String {
                Path::__new(self.parent, self.name).to_string()
            }
        }

        // By hand, because the derives would ask the same of the record and the value.
        impl<R, V: ?Sized> Clone for $field<R, V> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<R, V: ?Sized> Copy for $field<R, V> {}

        impl<R, V: ?Sized> fmt::Debug for $field<R, V> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($field)).field(&self.path()).finish()
            }
        }
    };
}

field! {
    /// The field of a record `R` that holds a `V`.
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
    /// A [`Field`] whose name has other characters than letters, digits and `_`, so that the server can compare it for
    /// equality and nothing else.
    PlainField
}

/// A struct whose fields have handles: one with `#[derive(KintoRecord)]` and `#[kinto(nested)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no fields that a filter could name",
    label = "cannot be `nested`",
    note = "a struct has them with `#[derive(KintoRecord)]` and `#[kinto(nested)]`; a list never does",
    note = "or remove `#[kinto(nested)]` from the field"
)]
pub trait HasFields {
    /// A handle for each field, seen from the record that it is a part of.
    type Fields<R: 'static, P: Prefix>: Copy + 'static;

    #[doc(hidden)]
    fn __fields<R: 'static, P: Prefix>() -> &'static Self::Fields<R, P>;
}

macro_rules! see_through {
    ($($wrapper:ident),+) => {$(
        #[diagnostic::do_not_recommend]
        impl<T: HasFields> HasFields for $wrapper<T> {
            type Fields<R: 'static, P: Prefix> = T::Fields<R, P>;

            fn __fields<R: 'static, P: Prefix>() -> &'static Self::Fields<R, P> {
                T::__fields()
            }
        }
    )+};
}

see_through!(Option, Box);

/// The field of a record `R` that holds a struct `V` with fields of its own, which are reached through it.
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

    /// Where the struct is in the JSON of the record.
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
