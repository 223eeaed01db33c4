use bytes::Bytes;
use serde::de::IgnoredAny;

use super::{
    GetAll,
    whole::{self, Listed},
};
use crate::{
    client::Client,
    error::{Error, Result},
    operation::sealed,
    wire::{
        object::{Object, RecordData, decode, kind::Kind},
        timestamp::Timestamp,
    },
};

/// An object that does not decode as the type it was read as.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{error}")]
#[non_exhaustive]
pub struct InvalidObject {
    /// The id of the object, if it has one.
    pub id: Option<String>,
    /// The path inside the object at which decoding failed: `address.lines[2]`.
    pub path: Option<String>,
    /// The reason.
    pub error: Error,
    raw: Bytes,
}

impl InvalidObject {
    /// Creates it from the error and the JSON that did not decode.
    pub(crate) fn new(error: Error, raw: impl Into<Bytes>) -> Self {
        let (id, path) = (error.record_id().map(str::to_owned), error.field().map(str::to_owned));
        Self { id, path, error, raw: raw.into() }
    }

    /// Returns the JSON of the object as received.
    #[must_use]
    pub fn json(&self) -> &str {
        std::str::from_utf8(&self.raw).unwrap_or_default()
    }
}

/// Reads a list and decodes each object separately.
pub struct GetLenient<K: Kind, T>(pub(super) GetAll<K, T>);

impl<K: Kind, T: RecordData> sealed::Action for GetLenient<K, T> {
    const NAME: &'static str = "GetLenient";

    type Output = Vec<std::result::Result<Object<K, T>, InvalidObject>>;

    async fn run(self, client: Client) -> Result<Self::Output> {
        let call_context = self.0.context();
        let context = call_context.clone();
        let read = whole::read(self.0, &client, move |page, take| {
            let item = match page.next_received()? {
                Ok(item) => item,
                Err(error) => return Some(Err(error)),
            };
            let object = Object::from_received(item.clone());
            take(object.map_err(|error| InvalidObject::new(context.attach(error), item)));
            Some(Ok(()))
        });
        Ok(read.await.map_err(|error| call_context.attach(error))?.items)
    }
}

impl<K: Kind, T: RecordData> Listed for std::result::Result<Object<K, T>, InvalidObject> {
    fn stamp(&self) -> Option<(&str, Timestamp)> {
        match self {
            Ok(object) => object.stamp(),
            Err(bad) => {
                let last_modified = decode::object::<IgnoredAny>(&bad.raw, &[]).ok()?.last_modified;
                Some((bad.id.as_deref()?, last_modified))
            }
        }
    }

    fn raw(&self) -> Option<&[u8]> {
        match self {
            Ok(object) => object.raw(),
            Err(bad) => Some(&bad.raw),
        }
    }
}

debug_as_place!(GetLenient [K: Kind, T] [K, T] 0.list);
