use bytes::Bytes;
use serde::de::IgnoredAny;

use super::{
    GetAll,
    whole::{self, Listed},
};
use crate::{
    call::sealed,
    client::Client,
    error::{Error, Result},
    wire::{
        decode,
        kind::Kind,
        object::{Data, Object},
        timestamp::Timestamp,
    },
};

/// An object that does not fit the type it was read as.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BadObject {
    /// Its id, if it has one.
    pub id: Option<String>,
    /// Where in it the misfit is: `address.lines[2]`.
    pub path: Option<String>,
    /// What is wrong.
    pub error: Error,
    raw: Bytes,
}

impl BadObject {
    /// What did not decode, and why.
    pub(crate) fn new(error: Error, raw: impl Into<Bytes>) -> Self {
        let (id, path) = (error.record_id().map(str::to_owned), error.field().map(str::to_owned));
        Self { id, path, error, raw: raw.into() }
    }

    /// The object as received.
    #[must_use]
    pub fn json(&self) -> &str {
        std::str::from_utf8(&self.raw).unwrap_or_default()
    }
}

/// Reads a list, each object by itself.
pub struct GetLenient<K: Kind, T>(pub(super) GetAll<K, T>);

impl<K: Kind, T: Data> sealed::Run for GetLenient<K, T> {
    type Output = Vec<std::result::Result<Object<K, T>, BadObject>>;

    async fn run(self, client: Client) -> Result<Self::Output> {
        let subject = self.0.subject();
        let context = subject.clone();
        let read = whole::read(self.0, &client, move |page, take| {
            let item = match page.next_received()? {
                Ok(item) => item,
                Err(error) => return Some(Err(error)),
            };
            let object = Object::from_received(item.clone());
            take(object.map_err(|error| BadObject::new(context.blame(error), item)));
            Some(Ok(()))
        });
        Ok(read.await.map_err(|error| subject.blame(error))?.items)
    }
}

impl<K: Kind, T: Data> Listed for std::result::Result<Object<K, T>, BadObject> {
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
