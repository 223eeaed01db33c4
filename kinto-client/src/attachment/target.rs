use std::{fmt, marker::PhantomData, sync::Arc};

use super::object::Attachment;
use crate::{
    error::Result,
    wire::{
        object::{Record, RecordData, id::Id, id::RecordId, kind},
        timestamp::Timestamp,
    },
};

/// The record whose file is meant: its id, or a record that was read.
///
/// Of a record that was read, its version is compared before its file is replaced or deleted, and its description of the
/// file is used for a download, so that nothing is read first.
#[derive(Clone)]
pub struct AttachmentTarget {
    pub(super) id: Arc<str>,
    pub(super) if_match: Option<Timestamp>,
    pub(super) known: Option<Result<Option<Attachment>>>,
}

/// An [`AttachmentTarget`] among records of one type, which does not accept an id or a record of another type.
#[derive(Clone)]
pub struct TypedAttachmentTarget<T> {
    pub(super) target: AttachmentTarget,
    of: PhantomData<fn() -> T>,
}

impl AttachmentTarget {
    fn of_id(id: impl Into<Arc<str>>) -> Self {
        Self { id: id.into(), if_match: None, known: None }
    }
}

impl From<&str> for AttachmentTarget {
    fn from(id: &str) -> Self {
        Self::of_id(id)
    }
}

impl From<String> for AttachmentTarget {
    fn from(id: String) -> Self {
        Self::of_id(id)
    }
}

impl From<&String> for AttachmentTarget {
    fn from(id: &String) -> Self {
        Self::of_id(id.as_str())
    }
}

impl<T> From<&Id<kind::Record, T>> for AttachmentTarget {
    fn from(id: &Id<kind::Record, T>) -> Self {
        Self::of_id(id.as_str())
    }
}

impl<T> From<Id<kind::Record, T>> for AttachmentTarget {
    fn from(id: Id<kind::Record, T>) -> Self {
        Self::from(&id)
    }
}

impl<T: RecordData> From<&Record<T>> for AttachmentTarget {
    fn from(record: &Record<T>) -> Self {
        Self { id: record.id.as_str().into(), if_match: Some(record.last_modified), known: Some(record.attachment()) }
    }
}

impl<T, I: Into<RecordId<T>>> From<I> for TypedAttachmentTarget<T> {
    fn from(id: I) -> Self {
        Self { target: id.into().into(), of: PhantomData }
    }
}

impl<T: RecordData> From<&Record<T>> for TypedAttachmentTarget<T> {
    fn from(record: &Record<T>) -> Self {
        Self { target: record.into(), of: PhantomData }
    }
}

impl fmt::Debug for AttachmentTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AttachmentTarget({})", self.id)
    }
}

impl<T> fmt::Debug for TypedAttachmentTarget<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.target.fmt(f)
    }
}
