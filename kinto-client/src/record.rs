use crate::wire::{attributes::CollectionAttributes, object::Data, permissions::CollectionPermissions};

/// A type of record and the collection it belongs to: what `#[derive(KintoRecord)]` implements.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not bound to a Kinto collection",
    label = "missing `#[derive(KintoRecord)]`",
    note = "add `#[derive(KintoRecord)]` and `#[kinto(collection = \"…\")]` to `{Self}`"
)]
pub trait KintoRecord: Data {
    /// The bucket, `default` unless the attribute names one.
    const BUCKET: &'static str;
    /// The collection.
    const COLLECTION: &'static str;
    /// A handle for each field, named like the field.
    type Fields: Copy + 'static;
    /// The handles.
    const FIELDS: Self::Fields;

    /// What the attribute declares of the collection: `sort`, `display_fields`, `cache_expires`, `attachment`, `schema`.
    #[must_use]
    fn collection_attributes() -> CollectionAttributes {
        CollectionAttributes::default()
    }

    /// Who may do what with the collection, if the attribute says: `permissions(…)`.
    #[must_use]
    fn collection_permissions() -> Option<CollectionPermissions> {
        None
    }

    /// The handles of the fields: `Todo::fields().title` is a [`Field<Todo, String>`](crate::field::Field).
    #[must_use]
    fn fields() -> Self::Fields {
        Self::FIELDS
    }
}
