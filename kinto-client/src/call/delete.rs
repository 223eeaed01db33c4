use std::{marker::PhantomData, sync::Arc};

use http::Method;
use serde::Deserialize;

use super::{Call, Subject, attempt, create::operation, get::Get, sealed};
use crate::{
    client::Client,
    error::{Error, ErrorKind, Result},
    wire::{
        attributes::BucketAttributes,
        id::{Id, RecordId},
        kind::{self, Kind},
        object::{Object, Record},
        outcome::Tombstone,
        path::Place,
        preview::RequestPreview,
        request::{Precondition, Request},
        response::{Doubt, Response},
        timestamp::Timestamp,
    },
};

/// Deletes one object.
pub struct Delete<K: Kind> {
    place: Place<K>,
    if_match: Option<Timestamp>,
}

/// Deletes one object that may not be there.
pub struct DeleteIfExists<K: Kind>(Delete<K>);

/// Deletes a bucket that may not be there.
pub struct DeleteBucketIfExists(Delete<kind::Bucket>);

impl<K: Kind> Delete<K> {
    pub(crate) fn new(place: Place<K>, if_match: Option<Timestamp>) -> Self {
        Self { place, if_match }
    }
}

impl<K: Kind> sealed::Operation for Delete<K> {
    type Output = Tombstone;

    fn subject(&self) -> Subject {
        Subject::new(operation::<K>("delete"), &self.place)
    }

    fn request(&self) -> Result<Option<Request>> {
        let request =
            Request::new(Method::DELETE, self.place.checked()?).provided(self.if_match.map(Precondition::Unchanged));
        // Without `If-Match` a second DELETE could hit what another program has created since.
        Ok(Some(if self.if_match.is_some() { request.repeatable() } else { request }))
    }

    fn response(self, response: Response) -> Result<Tombstone> {
        tombstone(&response.success()?.body)
    }
}

impl<K: Kind> sealed::Operation for DeleteIfExists<K> {
    type Output = Option<Tombstone>;

    fn subject(&self) -> Subject {
        self.0.subject()
    }

    fn request(&self) -> Result<Option<Request>> {
        self.0.request()
    }

    fn response(self, response: Response) -> Result<Option<Tombstone>> {
        let is_gone = matches!(response.doubt, Some(Doubt::Gone { .. }));
        match self.0.response(response) {
            Ok(tombstone) => Ok(Some(tombstone)),
            Err(error) if is_gone || error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl sealed::Preview for DeleteBucketIfExists {
    fn preview(&self) -> Result<RequestPreview> {
        let request = sealed::Operation::request(&self.0)
            .and_then(|request| request.ok_or_else(|| Error::invalid("there is nothing to send")));
        let request = request.map_err(|error| sealed::Operation::subject(&self.0).blame(error))?;
        RequestPreview::first(request, "then, if that is forbidden, a GET, which tells whether there is such a bucket")
    }
}

impl sealed::Run for DeleteBucketIfExists {
    type Output = Option<Tombstone>;

    async fn run(self, client: Client) -> Result<Option<Tombstone>> {
        let get = Get::<kind::Bucket, BucketAttributes>::new(self.0.place.clone());
        let refused = match sealed::Run::run(DeleteIfExists(self.0), client.clone()).await {
            Err(error) if error.kind() == ErrorKind::Forbidden => error,
            result => return result,
        };
        // To delete what is missing and what others own is refused alike. What can be read is there.
        match attempt(&client, get).await {
            Err(error) if matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::NotFound) => Ok(None),
            _ => Err(refused),
        }
    }
}

#[derive(Deserialize)]
struct Deleted {
    data: DeletedObject,
}

#[derive(Deserialize)]
pub(super) struct DeletedObject {
    id: String,
    last_modified: Option<Timestamp>,
}

impl From<DeletedObject> for Tombstone {
    fn from(deleted: DeletedObject) -> Self {
        Self { id: deleted.id, last_modified: deleted.last_modified }
    }
}

pub(super) fn tombstone(body: &[u8]) -> Result<Tombstone> {
    let deleted: Deleted = serde_json::from_slice(body).map_err(|error| Error::not_kinto(&error, body))?;
    Ok(deleted.data.into())
}

impl<K: Kind> Call<'_, Delete<K>> {
    /// Only if the object is still of that time; otherwise it is [`Error::is_conflict`]. An object that was read and is
    /// given as it is, instead of its id, says so by itself.
    pub fn if_match(mut self, last_modified: Timestamp) -> Self {
        self.op.if_match = Some(last_modified);
        self
    }
}

macro_rules! if_exists {
    ($($kind:ty),+) => {$(
        impl<'a> Call<'a, Delete<$kind>> {
            /// Returns `None` if there is no such object, instead of an error.
            ///
            /// `None` does not prove that another client has deleted it: this request may have arrived twice, by a retry
            /// or a proxy that sends requests again, and then `None` is what the second was told.
            pub fn if_exists(self) -> Call<'a, DeleteIfExists<$kind>> {
                Call::new(&self.client, DeleteIfExists(self.op))
            }
        }
    )+};
}

if_exists!(kind::Collection, kind::Group, kind::Record);

impl<'a> Call<'a, Delete<kind::Bucket>> {
    /// Gives `None` if there is no such bucket, or one that is hidden from you, instead of an error: the server answers
    /// both alike. A bucket that you may read but not delete is an error.
    pub fn if_exists(self) -> Call<'a, DeleteBucketIfExists> {
        Call::new(&self.client, DeleteBucketIfExists(self.op))
    }
}

/// What is to be deleted: an id, or an object that was read, which is deleted only if nobody has changed it since.
#[derive(Clone, Debug)]
pub struct Target<K> {
    pub(crate) id: Arc<str>,
    pub(crate) if_match: Option<Timestamp>,
    of: PhantomData<fn() -> K>,
}

/// A [`Target`] among records of one type: an id or a record of another type is none.
#[derive(Debug)]
pub struct RecordTarget<T> {
    pub(crate) target: Target<kind::Record>,
    of: PhantomData<fn() -> T>,
}

impl<K> Target<K> {
    fn new(id: impl Into<Arc<str>>, if_match: Option<Timestamp>) -> Self {
        Self { id: id.into(), if_match, of: PhantomData }
    }
}

impl<K: Kind, T> From<&Object<K, T>> for Target<K> {
    fn from(object: &Object<K, T>) -> Self {
        Self::new(object.id.as_str(), Some(object.last_modified))
    }
}

impl<K, T> From<&Id<K, T>> for Target<K> {
    fn from(id: &Id<K, T>) -> Self {
        Self::new(id.as_str(), None)
    }
}

impl<T> From<&Record<T>> for RecordTarget<T> {
    fn from(record: &Record<T>) -> Self {
        Self { target: record.into(), of: PhantomData }
    }
}

impl<T> From<&RecordId<T>> for RecordTarget<T> {
    fn from(id: &RecordId<T>) -> Self {
        Self { target: id.into(), of: PhantomData }
    }
}

macro_rules! target_by_text {
    ($($text:ty),+) => {$(
        impl<K> From<$text> for Target<K> {
            fn from(id: $text) -> Self {
                Self::new(id.as_ref() as &str, None)
            }
        }

        impl<T> From<$text> for RecordTarget<T> {
            fn from(id: $text) -> Self {
                Self { target: id.into(), of: PhantomData }
            }
        }
    )+};
}

target_by_text!(&str, String, &String);

macro_rules! target_by_value {
    ($([$($generics:tt)*] $value:ty),+) => {$(
        impl<$($generics)*, T> From<$value> for Target<K> {
            fn from(value: $value) -> Self {
                (&value).into()
            }
        }
    )+};
}

target_by_value!([K: Kind] Object<K, T>, [K] Id<K, T>);

impl<T> From<Record<T>> for RecordTarget<T> {
    fn from(record: Record<T>) -> Self {
        (&record).into()
    }
}

impl<T> From<RecordId<T>> for RecordTarget<T> {
    fn from(id: RecordId<T>) -> Self {
        (&id).into()
    }
}

debug_as_place!(Delete [K: Kind] [K] place);
debug_as_place!(DeleteIfExists [K: Kind] [K] 0.place);
debug_as_place!(DeleteBucketIfExists [] [] 0.place);
