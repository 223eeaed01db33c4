use bytes::Bytes;
use futures_util::StreamExt as _;

use super::GetAll;
use crate::{
    call::sealed,
    client::Client,
    error::{Error, Result},
    wire::{
        kind::Kind,
        object::{Data, Object},
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
        let (subject, mut items) = (self.0.subject(), self.0.items(&client));
        let mut objects = Vec::new();
        while let Some(item) = items.next().await {
            let item = item?;
            let object = Object::from_received(item.clone());
            objects.push(object.map_err(|error| BadObject::new(subject.blame(error), item)));
        }
        Ok(objects)
    }
}

debug_as_place!(GetLenient [K: Kind, T] [K, T] 0.list);
