//! The binding of a Rust type to a bucket and a collection.

use crate::wire::object::{RecordData, attributes::CollectionAttributes, permissions::CollectionPermissions};

/// A type of record and the collection it belongs to, implemented by `#[derive(KintoRecord)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not bound to a Kinto collection",
    label = "missing `#[derive(KintoRecord)]`",
    note = "add `#[derive(KintoRecord)]` and `#[kinto(collection = \"…\")]` to `{Self}`"
)]
pub trait KintoRecord: RecordData {
    /// The id of the bucket, `default` unless the attribute names one.
    const BUCKET: &'static str;
    /// The id of the collection.
    const COLLECTION: &'static str;
    /// The struct of handles, with one handle per field under the name of the field.
    type Fields: Copy + 'static;
    /// The handles of the fields.
    const FIELDS: Self::Fields;

    /// Returns the attributes of the collection that `#[kinto(…)]` declares: `sort`, `display_fields`,
    /// `cache_expires`, `attachment` and `schema`.
    #[must_use]
    fn collection_attributes() -> CollectionAttributes {
        CollectionAttributes::default()
    }

    /// Returns the permissions of the collection if `#[kinto(permissions(…))]` declares any.
    #[must_use]
    fn collection_permissions() -> Option<CollectionPermissions> {
        None
    }

    /// Returns the handles of the fields: `Todo::fields().title` is a
    /// [`Field<Todo, String>`](crate::field::Field).
    #[must_use]
    fn fields() -> Self::Fields {
        Self::FIELDS
    }
}
