use std::marker::PhantomData;

use super::{Call, Subject, create::operation, sealed::Operation};
use crate::{
    error::{ErrorKind, Result},
    wire::{
        kind::{self, Kind},
        object::{Data, Object},
        path::Place,
        request::{Precondition, Request},
        response::Response,
    },
};

/// Reads one object.
pub struct Get<K: Kind, T> {
    pub(super) place: Place<K>,
    precondition: Option<Precondition>,
    of: PhantomData<fn() -> T>,
}

/// Reads one object that may not be there.
pub struct GetOrNone<K: Kind, T>(Get<K, T>);

impl<K: Kind, T: Data> Get<K, T> {
    pub(crate) fn new(place: Place<K>) -> Self {
        Self { place, precondition: None, of: PhantomData }
    }

    pub(super) fn provided(mut self, precondition: impl Into<Option<Precondition>>) -> Self {
        self.precondition = precondition.into();
        self
    }
}

impl<K: Kind, T: Data> Operation for Get<K, T> {
    type Output = Object<K, T>;

    fn subject(&self) -> Subject {
        Subject::new(operation::<K>("get"), &self.place)
    }

    fn request(&self) -> Result<Option<Request>> {
        Ok(Some(Request::get(self.place.checked()?).provided(self.precondition)))
    }

    fn response(self, response: Response) -> Result<Self::Output> {
        Object::from_answer(&response.success()?)
    }
}

impl<K: Kind, T: Data> Operation for GetOrNone<K, T> {
    type Output = Option<Object<K, T>>;

    fn subject(&self) -> Subject {
        self.0.subject()
    }

    fn request(&self) -> Result<Option<Request>> {
        self.0.request()
    }

    fn response(self, response: Response) -> Result<Self::Output> {
        let of_bucket = K::NAME == kind::Bucket::NAME;
        match self.0.response(response) {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            // To a reader that is how a missing bucket looks.
            Err(error) if of_bucket && error.kind() == ErrorKind::Forbidden => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl<'a, K: Kind, T: Data> Call<'a, Get<K, T>> {
    /// Gives `None` if there is no such object, instead of an error.
    ///
    /// For a bucket, `None` also stands for one that is hidden from you: the server answers both alike. What lies in a
    /// bucket that is missing or hidden is an error ([`Error::is_forbidden`](crate::Error::is_forbidden)).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// let todo = client.bucket("default").collection("todo");
    /// assert!(todo.get_record::<kinto_client::Value>("nowhere").or_none().await?.is_none());
    /// # Ok(()) }
    /// ```
    pub fn or_none(self) -> Call<'a, GetOrNone<K, T>> {
        Call::new(&self.client, GetOrNone(self.op))
    }
}

debug_as_place!(Get [K: Kind, T] [K, T] place);
debug_as_place!(GetOrNone [K: Kind, T] [K, T] 0.place);
