use super::{Field, HasFields, Nested};

/// The types of a field with `#[kinto(attachment)]`: `Attachment` and `Option<Attachment>` of the module `attachment`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the description of a file",
    label = "cannot be an `attachment`",
    note = "the type is `kinto_client::attachment::Attachment`, or an `Option` of it (feature `attachments`)"
)]
pub trait DescribesFile: HasFields {}

#[diagnostic::do_not_recommend]
impl<A: DescribesFile> DescribesFile for Option<A> {}

impl<R, V, P> Nested<R, V, P> {
    #[doc(hidden)]
    #[must_use]
    pub const fn __attachment(field: Field<R, V>) -> Self
    where
        V: DescribesFile,
    {
        Self::__new(field)
    }
}
