use http::StatusCode;

use super::{GetAll, Objects};
use crate::{
    call::{Call, Subject, get::Get, sealed},
    client::Client,
    error::Result,
    wire::{
        kind::Kind,
        object::{Data, Object},
        request::{Precondition, Request},
        response::Response,
        timestamp::Timestamp,
    },
};

/// What is there, if it is not what was read before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fresh<T> {
    /// It was changed, and is this now.
    Changed(T),
    /// It is still as it was.
    Unchanged,
}

impl<T> Fresh<T> {
    /// What is there now, if it was changed.
    pub fn changed(self) -> Option<T> {
        match self {
            Self::Changed(value) => Some(value),
            Self::Unchanged => None,
        }
    }
}

/// Reads a list if it was changed.
pub struct GetIfChanged<K: Kind, T> {
    pub(super) get: GetAll<K, T>,
}

impl<K: Kind, T: Data> sealed::Run for GetIfChanged<K, T> {
    type Output = Fresh<Objects<K, T>>;

    async fn run(self, client: Client) -> Result<Self::Output> {
        let subject = self.get.subject();
        match self.get.all(&client).await {
            Ok(objects) => Ok(Fresh::Changed(objects)),
            Err(error) if error.status() == Some(StatusCode::NOT_MODIFIED) => Ok(Fresh::Unchanged),
            Err(error) => Err(subject.blame(error)),
        }
    }
}

/// Reads one object if it was changed.
pub struct GetObjectIfChanged<K: Kind, T> {
    get: Get<K, T>,
}

impl<K: Kind, T: Data> sealed::Operation for GetObjectIfChanged<K, T> {
    type Output = Fresh<Object<K, T>>;

    fn subject(&self) -> Subject {
        self.get.subject()
    }

    fn request(&self) -> Result<Option<Request>> {
        self.get.request()
    }

    fn response(self, response: Response) -> Result<Self::Output> {
        if response.status == StatusCode::NOT_MODIFIED {
            return Ok(Fresh::Unchanged);
        }
        self.get.response(response).map(Fresh::Changed)
    }
}

impl<'a, K: Kind, T: Data> Call<'a, Get<K, T>> {
    /// The object only if it was changed after that time, which is [`Object::last_modified`] of an earlier reading. If
    /// it was not, the server says just that.
    pub fn if_changed_since(self, last_modified: Timestamp) -> Call<'a, GetObjectIfChanged<K, T>> {
        Call::new(&self.client, GetObjectIfChanged { get: self.op.provided(Precondition::Changed(last_modified)) })
    }
}

debug_as_place!(GetIfChanged [K: Kind, T] [K, T] get.list);
debug_as_place!(GetObjectIfChanged [K: Kind, T] [K, T] get.place);
