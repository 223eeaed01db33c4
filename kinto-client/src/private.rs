//! Items that the output of the derive refers to; they are not part of the public API.

use serde_json::{Value, json};

use crate::wire::object::attributes::{AttachmentAttributes, CollectionAttributes};

pub use serde::{Serialize, de::DeserializeOwned};
pub use serde_json::value::{RawValue, to_raw_value};

pub use crate::{
    field::{
        indexes::{MOST_NESTED, NoIndexes, indexes},
        list_keys::{ItemLists, Lists, NoLists},
        path::{Path, Prefix},
        reading::{present, read},
        unordered::{Ordinary, Probe},
    },
    json::merge::{ListKey, MergeStrategy},
};

/// An alias of [`RecordData`](crate::object::RecordData) with a lifetime, which keeps the compiler from repeating its bounds in the
/// errors of each impl.
pub trait IsData<'a>: crate::object::RecordData {}

impl<T: crate::object::RecordData> IsData<'_> for T {}

/// Creates the attributes of a collection from `#[kinto(…)]`; `attachment` is the pair of `enabled` and
/// `required`.
#[must_use]
pub fn collection_attributes(
    sort: Option<&str>,
    display_fields: &[&str],
    cache_expires: Option<u64>,
    attachment: Option<[bool; 2]>,
) -> CollectionAttributes {
    let columns = || display_fields.iter().map(|name| (*name).to_owned()).collect();
    CollectionAttributes {
        sort: sort.map(str::to_owned),
        display_fields: (!display_fields.is_empty()).then(columns),
        cache_expires,
        attachment: attachment.map(|[enabled, required]| AttachmentAttributes {
            enabled,
            required,
            ..AttachmentAttributes::default()
        }),
        ..CollectionAttributes::default()
    }
}

impl CollectionAttributes {
    /// Adds the schema of `#[kinto(schema)]` and the order of the fields in the form of Kinto Admin.
    #[doc(hidden)]
    #[must_use]
    pub fn __with_schema(mut self, schema: Value, order: &[&str]) -> Self {
        self.schema = Some(schema);
        let order = [order, &["*"]].concat();
        self.ui_schema = Some(json!({"ui:order": order}));
        self
    }
}
