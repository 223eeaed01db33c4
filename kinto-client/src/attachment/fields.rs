use std::{fmt, marker::PhantomData};

use super::object::Attachment;
use crate::field::{Field, HasFields, file::DescribesFile, path::Prefix};

/// The handles of the members of a record's [`Attachment`]: `Logo::fields().attachment.size`.
pub struct AttachmentFields<R, P> {
    /// The name of the file.
    pub filename: Field<R, String>,
    /// The URL of the file.
    pub location: Field<R, String>,
    /// The SHA-256 of the file.
    pub hash: Field<R, String>,
    /// The media type of the file.
    pub mimetype: Field<R, String>,
    /// The size of the file in bytes.
    pub size: Field<R, u64>,
    path: PhantomData<fn() -> P>,
}

impl HasFields for Attachment {
    type Fields<R: 'static, P: Prefix> = AttachmentFields<R, P>;

    fn __fields<R: 'static, P: Prefix>() -> &'static AttachmentFields<R, P> {
        const {
            &AttachmentFields {
                filename: Field::__new("filename").__under(P::PATH),
                location: Field::__new("location").__under(P::PATH),
                hash: Field::__new("hash").__under(P::PATH),
                mimetype: Field::__new("mimetype").__under(P::PATH),
                size: Field::__new("size").__under(P::PATH),
                path: PhantomData,
            }
        }
    }
}

impl DescribesFile for Attachment {}

impl<R, P> Clone for AttachmentFields<R, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R, P> Copy for AttachmentFields<R, P> {}

impl<R, P> fmt::Debug for AttachmentFields<R, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttachmentFields").finish_non_exhaustive()
    }
}
