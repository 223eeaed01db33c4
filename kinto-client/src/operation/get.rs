use std::marker::PhantomData;

use super::{Call, CallContext, create::operation, sealed::Operation};
use crate::{
    error::{Result, kind::ErrorKind},
    wire::{
        object::{
            Object, RecordData,
            kind::{self, Kind},
        },
        path::Place,
        request::{Precondition, Request},
        response::Response,
    },
};

/// Reads one object.
pub struct Get<K: Kind, T> {
    pub(crate) place: Place<K>,
    precondition: Option<Precondition>,
    of: PhantomData<fn() -> T>,
}

/// Reads one object if it exists.
pub struct GetOptional<K: Kind, T>(Get<K, T>);

impl<K: Kind, T: RecordData> Get<K, T> {
    pub(crate) fn new(place: Place<K>) -> Self {
        Self { place, precondition: None, of: PhantomData }
    }

    pub(crate) fn provided(mut self, precondition: impl Into<Option<Precondition>>) -> Self {
        self.precondition = precondition.into();
        self
    }
}

impl<K: Kind, T: RecordData> Operation for Get<K, T> {
    const NAME: &'static str = "Get";

    type Output = Object<K, T>;

    fn context(&self) -> CallContext {
        CallContext::new(operation::<K>("get"), &self.place)
    }

    fn request(&self) -> Result<Option<Request>> {
        Ok(Some(Request::get(self.place.checked()?).provided(self.precondition)))
    }

    fn response(self, response: Response) -> Result<Self::Output> {
        Object::from_answer(&response.success()?)
    }
}

impl<K: Kind, T: RecordData> Operation for GetOptional<K, T> {
    const NAME: &'static str = "GetOptional";

    type Output = Option<Object<K, T>>;

    fn context(&self) -> CallContext {
        self.0.context()
    }

    fn request(&self) -> Result<Option<Request>> {
        self.0.request()
    }

    fn response(self, response: Response) -> Result<Self::Output> {
        let of_bucket = K::NAME == kind::Bucket::NAME;
        match self.0.response(response) {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            // The server responds to a missing bucket with 403 if the user may not read every bucket.
            Err(error) if of_bucket && error.kind() == ErrorKind::Forbidden => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl<'a, K: Kind, T: RecordData> Call<'a, Get<K, T>> {
    /// Returns `None` instead of an error if there is no such object.
    ///
    /// For a bucket, `None` can also mean that it is not visible to you: the server responds to both in the same
    /// way. A get of an object inside a bucket that is missing or not visible fails with
    /// [`Error::is_forbidden`](crate::Error::is_forbidden).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// let todo = client.bucket("default").collection("todo");
    /// assert!(todo.get_record::<kinto_client::Value>("nowhere").optional().await?.is_none());
    /// # Ok(()) }
    /// ```
    pub fn optional(self) -> Call<'a, GetOptional<K, T>> {
        Call::new(&self.client, GetOptional(self.op))
    }
}

debug_as_place!(Get [K: Kind, T] [K, T] place);
debug_as_place!(GetOptional [K: Kind, T] [K, T] 0.place);
