//! What the derive's output names and nobody else should.

use std::{fmt, slice};

use serde_json::{Value, json};

use crate::wire::attributes::{AttachmentAttributes, CollectionAttributes};

pub use serde::{Serialize, de::DeserializeOwned};
pub use serde_json::value::{RawValue, to_raw_value};

pub use crate::{
    field::{
        list_keys::{Lists, NoLists},
        reading::{present, read},
        unordered::{Ordinary, Probe},
    },
    wire::merge::ListKey,
};

/// Where a field is: its name, and the struct it is in, if that is a field itself.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    pub(crate) parent: Option<&'static Path>,
    /// Under which it is written.
    pub(crate) name: &'static str,
    /// Under which it is read, if not under the same.
    aliases: Option<&'static [&'static str]>,
    /// What is read where it is missing, if it leads to fields of its own.
    pub(crate) default: Option<fn() -> serde_json::Result<Box<RawValue>>>,
}

impl Path {
    #[must_use]
    pub const fn __new(parent: Option<&'static Path>, name: &'static str) -> Self {
        Self { parent, name, aliases: None, default: None }
    }

    #[must_use]
    pub const fn __read_as(mut self, names: &'static [&'static str]) -> Self {
        self.aliases = Some(names);
        self
    }

    #[must_use]
    pub const fn __or(mut self, default: fn() -> serde_json::Result<Box<RawValue>>) -> Self {
        self.default = Some(default);
        self
    }

    /// The names it is read under: the first that is there counts. None if it is not read.
    pub(crate) fn names(&self) -> &[&'static str] {
        self.aliases.unwrap_or(slice::from_ref(&self.name))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            write!(f, "{parent}.")?;
        }
        f.write_str(self.name)
    }
}

/// The path of a nested struct, as a type: what its fields' handles are generic over.
pub trait Prefix: 'static {
    const PATH: &'static Path;
}

/// [`Data`](crate::Data), under a lifetime that stops the compiler from reporting its bounds once more for each impl.
pub trait IsData<'a>: crate::Data {}

impl<T: crate::Data> IsData<'_> for T {}

/// What `#[kinto(…)]` declares of a collection; of the attachment `enabled` and `required`.
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
    /// What `#[kinto(schema)]` adds to them: Kinto Admin shows the fields of its form in this order.
    #[doc(hidden)]
    #[must_use]
    pub fn __with_schema(mut self, schema: Value, order: &[&str]) -> Self {
        self.schema = Some(schema);
        let order = [order, &["*"]].concat();
        self.ui_schema = Some(json!({"ui:order": order}));
        self
    }
}
