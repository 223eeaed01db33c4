use http::StatusCode;

use super::{GetAll, objects::Objects};
use crate::{
    client::Client,
    error::Result,
    operation::{Call, CallContext, get::Get, sealed},
    wire::{
        object::{Object, RecordData, kind::Kind},
        request::{Precondition, Request},
        response::Response,
        timestamp::Timestamp,
    },
};

/// The result of a conditional read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conditional<T> {
    /// The object or list was modified, and this is its current state.
    Modified(T),
    /// The object or list was not modified.
    NotModified,
}

impl<T> Conditional<T> {
    /// Returns the current state if it was modified.
    pub fn changed(self) -> Option<T> {
        match self {
            Self::Modified(value) => Some(value),
            Self::NotModified => None,
        }
    }
}

/// Reads a list if it was modified.
pub struct GetIfChanged<K: Kind, T> {
    pub(super) get: GetAll<K, T>,
}

impl<K: Kind, T: RecordData> sealed::Action for GetIfChanged<K, T> {
    const NAME: &'static str = "GetIfChanged";

    type Output = Conditional<Objects<K, T>>;

    async fn run(self, client: Client) -> Result<Self::Output> {
        let context = self.get.context();
        match self.get.all(&client).await {
            Ok(objects) => Ok(Conditional::Modified(objects)),
            Err(error) if error.status() == Some(StatusCode::NOT_MODIFIED) => Ok(Conditional::NotModified),
            Err(error) => Err(context.attach(error)),
        }
    }
}

/// Reads one object if it was modified.
pub struct GetObjectIfChanged<K: Kind, T> {
    get: Get<K, T>,
}

impl<K: Kind, T: RecordData> sealed::Operation for GetObjectIfChanged<K, T> {
    const NAME: &'static str = "GetObjectIfChanged";

    type Output = Conditional<Object<K, T>>;

    fn context(&self) -> CallContext {
        self.get.context()
    }

    fn request(&self) -> Result<Option<Request>> {
        self.get.request()
    }

    fn response(self, response: Response) -> Result<Self::Output> {
        if response.status == StatusCode::NOT_MODIFIED {
            return Ok(Conditional::NotModified);
        }
        self.get.response(response).map(Conditional::Modified)
    }
}

impl<'a, K: Kind, T: RecordData> Call<'a, Get<K, T>> {
    /// Reads the object only if it was changed after `last_modified`, which is [`Object::last_modified`] of an
    /// earlier read.
    ///
    /// Otherwise the server responds with 304 and no body.
    pub fn if_changed_since(self, last_modified: Timestamp) -> Call<'a, GetObjectIfChanged<K, T>> {
        Call::new(&self.client, GetObjectIfChanged { get: self.op.provided(Precondition::Changed(last_modified)) })
    }
}

debug_as_place!(GetIfChanged [K: Kind, T] [K, T] get.list);
debug_as_place!(GetObjectIfChanged [K: Kind, T] [K, T] get.place);
