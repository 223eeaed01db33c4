//! The derive adds no warning, however strict the crate is.

#![deny(
    warnings,
    missing_docs,
    missing_debug_implementations,
    missing_copy_implementations,
    unreachable_pub,
    unused_qualifications,
    unnameable_types,
    single_use_lifetimes,
    variant_size_differences,
    clippy::all,
    clippy::pedantic,
    clippy::nursery,
    clippy::missing_docs_in_private_items,
    clippy::indexing_slicing,
    clippy::exhaustive_structs,
    clippy::min_ident_chars,
    clippy::single_char_lifetime_names
)]
#![allow(clippy::redundant_pub_crate, reason = "the opposite of `unreachable_pub`")]
#![forbid(unsafe_code)]

/// Public, reachable.
pub mod model {
    use kinto_client::KintoRecord;
    use serde::{Deserialize, Serialize};

    /// Something to do.
    #[derive(Debug, Clone, Serialize, Deserialize, KintoRecord)]
    #[kinto(collection = "todos", sort = "-dueAt", display_fields = ["title"], cache_expires = 60, attachment(enabled))]
    #[kinto(permissions(read = ["system.Everyone"], write = ["account:alexis"]))]
    #[serde(rename_all = "camelCase")]
    #[non_exhaustive]
    pub struct Todo {
        /// The title, see [`Todo::is_due`].
        pub title: String,
        /// The year, see [`Todo::is_due`].
        pub due_at: Option<u32>,
        /// The place of the to-do.
        #[kinto(nested)]
        pub place: Place,
    }

    impl Todo {
        /// Returns `true` if it is due.
        #[must_use]
        pub const fn is_due(&self) -> bool {
            self.due_at.is_some()
        }
    }

    /// A place.
    #[derive(Debug, Clone, Serialize, Deserialize, KintoRecord)]
    #[kinto(nested)]
    #[non_exhaustive]
    pub struct Place {
        /// Its name.
        pub city: String,
    }
}

/// Not public.
mod private {
    use kinto_client::KintoRecord;
    use serde::{Deserialize, Serialize};

    /// Not reachable from outside.
    #[derive(Debug, Serialize, Deserialize, KintoRecord)]
    pub(crate) struct Note {
        /// The text.
        pub(crate) text: String,
        /// A private type in a private field.
        hidden: Hidden,
        /// Wider than the type.
        pub(super) kind: Hidden,
    }

    /// Private.
    #[derive(Debug, Default, Serialize, Deserialize)]
    pub(super) struct Hidden;

    /// A note.
    pub(crate) fn note() -> Note {
        let note = Note { text: String::new(), hidden: Hidden, kind: Hidden };
        let Note { text, hidden, kind } = note;
        Note { text, hidden, kind }
    }
}

#[test]
fn derive_output_compiles_with_strict_lints() {
    let _ = (model::Todo::fields_of(), private::note().text);
    let _ = private::note().kind;
}

/// The handles of the fields.
trait FieldsOf: kinto_client::KintoRecord {
    /// All of them.
    fn fields_of() -> Self::Fields {
        Self::FIELDS
    }
}

impl FieldsOf for model::Todo {}
