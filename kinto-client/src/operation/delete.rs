use std::{marker::PhantomData, sync::Arc};

use http::{Method, StatusCode};
use serde::Deserialize;

use super::{Call, CallContext, attempt, create::operation, get::Get, sealed};
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind, response::ErrorResponse},
    wire::{
        object::{
            Object, Record,
            attributes::BucketAttributes,
            id::{Id, RecordId},
            kind::{self, InBucket, Kind},
            outcome::Tombstone,
        },
        path::Place,
        preview::RequestPreview,
        request::{Precondition, Request},
        response::Response,
        timestamp::Timestamp,
    },
};

/// Deletes one object.
pub struct Delete<K: Kind> {
    place: Place<K>,
    if_match: Option<Timestamp>,
}

/// Deletes one object if it exists.
pub struct DeleteIfExists<K: Kind>(Delete<K>);

/// Deletes a bucket if it exists.
pub struct DeleteBucketIfExists(Delete<kind::Bucket>);

impl<K: Kind> Delete<K> {
    pub(crate) fn new(place: Place<K>, if_match: Option<Timestamp>) -> Self {
        Self { place, if_match }
    }
}

impl<K: Kind> sealed::Operation for Delete<K> {
    const NAME: &'static str = "Delete";

    type Output = Tombstone;

    fn context(&self) -> CallContext {
        CallContext::new(operation::<K>("delete"), &self.place)
    }

    fn request(&self) -> Result<Option<Request>> {
        let request =
            Request::new(Method::DELETE, self.place.checked()?).provided(self.if_match.map(Precondition::Unchanged));
        // Without `If-Match`, a retried DELETE could delete an object that another client has created in between.
        Ok(Some(if self.if_match.is_some() { request.repeatable() } else { request }))
    }

    fn response(self, response: Response) -> Result<Tombstone> {
        let is_gone = response.status == StatusCode::NOT_FOUND
            && self.if_match.is_some()
            && ErrorResponse::read(&response).is_about(Some(&self.place.id));
        let response = response.success().map_err(|error| if is_gone { error.deleted_since() } else { error })?;
        tombstone(&response.body)
    }
}

impl<K: Kind> sealed::Operation for DeleteIfExists<K> {
    const NAME: &'static str = "DeleteIfExists";

    type Output = Option<Tombstone>;

    fn context(&self) -> CallContext {
        self.0.context()
    }

    fn request(&self) -> Result<Option<Request>> {
        self.0.request()
    }

    fn response(self, response: Response) -> Result<Option<Tombstone>> {
        let is_missing = response.status == StatusCode::NOT_FOUND;
        match self.0.response(response) {
            Ok(tombstone) => Ok(Some(tombstone)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) if is_missing && error.kind() == ErrorKind::Conflict => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl sealed::Preview for DeleteBucketIfExists {
    fn preview(&self) -> Result<RequestPreview> {
        let request = sealed::Operation::request(&self.0)
            .and_then(|request| request.ok_or_else(|| Error::invalid("there is nothing to send")));
        let request = request.map_err(|error| sealed::Operation::context(&self.0).attach(error))?;
        RequestPreview::first(request, "then, if that is forbidden, a GET, which tells whether there is such a bucket")
    }
}

impl sealed::Action for DeleteBucketIfExists {
    const NAME: &'static str = "DeleteBucketIfExists";

    type Output = Option<Tombstone>;

    async fn run(self, client: Client) -> Result<Option<Tombstone>> {
        let get = Get::<kind::Bucket, BucketAttributes>::new(self.0.place.clone());
        let refused = match sealed::Action::run(DeleteIfExists(self.0), client.clone()).await {
            Err(error) if error.kind() == ErrorKind::Forbidden => error,
            result => return result,
        };
        // The server responds with 403 both to a missing bucket and to one of another owner; only the latter may
        // be readable.
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
pub(crate) struct DeletedObject {
    id: String,
    last_modified: Option<Timestamp>,
}

impl From<DeletedObject> for Tombstone {
    fn from(deleted: DeletedObject) -> Self {
        Self { id: deleted.id, last_modified: deleted.last_modified }
    }
}

pub(crate) fn tombstone(body: &[u8]) -> Result<Tombstone> {
    let deleted: Deleted = serde_json::from_slice(body).map_err(|error| Error::not_kinto(&error, body))?;
    Ok(deleted.data.into())
}

impl<K: Kind> Call<'_, Delete<K>> {
    /// Deletes the object only if its timestamp is still `last_modified`, and otherwise fails with
    /// [`Error::is_conflict`].
    ///
    /// To delete an object that was read, pass the object itself instead of its id: its timestamp is then checked
    /// as well.
    pub fn if_match(mut self, last_modified: Timestamp) -> Self {
        self.op.if_match = Some(last_modified);
        self
    }
}

impl<'a, K: InBucket> Call<'a, Delete<K>> {
    /// Returns `None` if there is no such object, instead of an error.
    ///
    /// `None` does not prove that another client has deleted it: this request may have arrived twice, by a retry or by
    /// a proxy that repeats requests, and then `None` is the response to the second.
    pub fn if_exists(self) -> Call<'a, DeleteIfExists<K>> {
        Call::new(&self.client, DeleteIfExists(self.op))
    }
}

impl<'a> Call<'a, Delete<kind::Bucket>> {
    /// Returns `None` instead of an error if there is no such bucket, or if it is not visible to you.
    ///
    /// The server responds to both in the same way. A bucket that you may read but not delete is an error.
    pub fn if_exists(self) -> Call<'a, DeleteBucketIfExists> {
        Call::new(&self.client, DeleteBucketIfExists(self.op))
    }
}

/// The target of a deletion: an id, or an object that was read, which is deleted only if it has not been
/// changed since.
#[derive(Clone, Debug)]
pub struct DeleteTarget<K> {
    pub(crate) id: Arc<str>,
    pub(crate) if_match: Option<Timestamp>,
    of: PhantomData<fn() -> K>,
}

/// A [`DeleteTarget`] among records of one type, which does not accept an id or a record of another type.
#[derive(Debug)]
pub struct TypedDeleteTarget<T> {
    pub(crate) target: DeleteTarget<kind::Record>,
    of: PhantomData<fn() -> T>,
}

impl<K> DeleteTarget<K> {
    fn new(id: impl Into<Arc<str>>, if_match: Option<Timestamp>) -> Self {
        Self { id: id.into(), if_match, of: PhantomData }
    }
}

impl<K> From<&str> for DeleteTarget<K> {
    fn from(id: &str) -> Self {
        Self::new(id, None)
    }
}

impl<K> From<String> for DeleteTarget<K> {
    fn from(id: String) -> Self {
        Self::new(id, None)
    }
}

impl<K> From<&String> for DeleteTarget<K> {
    fn from(id: &String) -> Self {
        Self::new(id.as_str(), None)
    }
}

impl<K, T> From<&Id<K, T>> for DeleteTarget<K> {
    fn from(id: &Id<K, T>) -> Self {
        Self::new(id.as_str(), None)
    }
}

impl<K, T> From<Id<K, T>> for DeleteTarget<K> {
    fn from(id: Id<K, T>) -> Self {
        Self::from(&id)
    }
}

impl<K: Kind, T> From<&Object<K, T>> for DeleteTarget<K> {
    fn from(object: &Object<K, T>) -> Self {
        Self::new(object.id.as_str(), Some(object.last_modified))
    }
}

impl<K: Kind, T> From<Object<K, T>> for DeleteTarget<K> {
    fn from(object: Object<K, T>) -> Self {
        Self::from(&object)
    }
}

/// Text, or the [`RecordId`] of a record of this type.
impl<T, I: Into<RecordId<T>>> From<I> for TypedDeleteTarget<T> {
    fn from(id: I) -> Self {
        Self { target: id.into().into(), of: PhantomData }
    }
}

impl<T> From<&Record<T>> for TypedDeleteTarget<T> {
    fn from(record: &Record<T>) -> Self {
        Self { target: record.into(), of: PhantomData }
    }
}

impl<T> From<Record<T>> for TypedDeleteTarget<T> {
    fn from(record: Record<T>) -> Self {
        Self { target: record.into(), of: PhantomData }
    }
}

debug_as_place!(Delete [K: Kind] [K] place);
debug_as_place!(DeleteIfExists [K: Kind] [K] 0.place);
debug_as_place!(DeleteBucketIfExists [] [] 0.place);
