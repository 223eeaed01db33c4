//! The `default` bucket by its real id, where that matters.
//!
//! Under `/buckets/default/…` the server checks no record against the schema of its collection and stamps none; under the
//! bucket's real id it does both. So writes to collections that have a schema, as far as this client knows, go there.

use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock},
};

use http::{Method, StatusCode};
use serde_json::Value;

use super::Client;
use crate::{
    error::Result,
    wire::{
        object::{RecordData, kind},
        path::Place,
        request::Request,
        request_path::RequestPath,
        response::Response,
    },
};

/// The name under which every user reaches a bucket of their own.
pub(crate) const DEFAULT: &str = "default";
const COLLECTIONS: &str = "/buckets/default/collections";

/// The collections of the `default` bucket that have a schema, by their ids, and whether each is known to exist.
#[derive(Default)]
pub(super) struct WithSchema(RwLock<BTreeMap<String, bool>>);

impl WithSchema {
    fn add(&self, collection: &str) {
        if !self.has(collection) {
            let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
            all.entry(collection.to_owned()).or_default();
        }
    }

    fn is_empty(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    fn has(&self, collection: &str) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains_key(collection)
    }

    fn exists(&self, collection: &str) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(collection) == Some(&true)
    }

    fn found(&self, collection: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(collection.to_owned(), true);
    }

    fn doubt_all(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).values_mut().for_each(|exists| *exists = false);
    }
}

impl Client {
    /// Notes that the collection has a schema, if records of the type do.
    pub(crate) fn expect_schema_of<T: RecordData>(&self, place: &Place<kind::Collection>) {
        if T::HAS_SCHEMA {
            self.expect_schema(place);
        }
    }

    /// Notes that the collection has a schema.
    pub(crate) fn expect_schema(&self, place: &Place<kind::Collection>) {
        if place.list.bucket() == Some(DEFAULT) {
            self.shared.with_schema.add(&place.id);
        }
    }

    /// Returns the same place under the real id of its bucket.
    #[cfg(feature = "schema")]
    pub(crate) async fn resolved(&self, place: &Place<kind::Collection>) -> Result<Place<kind::Collection>> {
        if place.list.bucket() != Some(DEFAULT) {
            return Ok(place.clone());
        }
        place.checked()?;
        self.expect_schema(place);
        Ok(self.default_bucket().await?.map_or_else(|| place.clone(), |bucket| place.in_bucket(bucket)))
    }

    /// Returns the real id of the `default` bucket, if the server has one for this user.
    pub(crate) async fn default_bucket(&self) -> Result<Option<&str>> {
        Ok(self.info().await?.user.as_ref().and_then(|user| user.bucket.as_deref()))
    }

    /// Sends a request, to the real id of the bucket where that matters.
    pub(super) async fn send_addressed(&self, request: &Request) -> Result<Response> {
        if deletes_more_than_records(request) {
            self.shared.with_schema.doubt_all();
        }
        let is_write = !request.method.is_safe();
        let Some(collection) = collection_of(&request.subject).filter(|id| is_write && self.shared.with_schema.has(id))
        else {
            return self.send_fenced(request).await;
        };
        let Some(bucket) = self.default_bucket().await? else {
            return self.send_fenced(request).await;
        };
        let addressed = in_bucket(request, bucket);
        let was_known = self.shared.with_schema.exists(collection);
        self.make_sure_of(collection).await?;
        let response = self.send_fenced(&addressed).await?;
        if !was_known || !is_collection_missing(&response) {
            return Ok(response);
        }
        // Deleted by another client; under `default` the server would have created it again.
        self.shared.with_schema.doubt_all();
        self.make_sure_of(collection).await?;
        self.send_fenced(&addressed).await
    }

    /// Gives the requests of a batch the real id of the bucket where that matters. What a batch does to a collection under
    /// `default` makes the server forget its schema for the rest of the batch, so that reads are among them.
    pub(crate) async fn address_all(&self, requests: Vec<&mut Request>) -> Result<()> {
        if self.shared.with_schema.is_empty() {
            return Ok(());
        }
        if requests.iter().any(|request| deletes_more_than_records(request)) {
            // A write after the deletion makes the server create the collection again, without a schema.
            self.shared.with_schema.doubt_all();
            return Ok(());
        }
        let known = |path| collection_of(path).filter(|id| self.shared.with_schema.has(id)).map(str::to_owned);
        let mut written: BTreeMap<String, bool> = BTreeMap::new();
        for request in requests.iter().filter(|request| !request.method.is_safe()) {
            if let Some(collection) = known(&request.subject) {
                written.entry(collection).or_default();
            }
        }
        if written.is_empty() {
            return Ok(());
        }
        let Some(bucket) = self.default_bucket().await? else { return Ok(()) };
        for request in &requests {
            if let Some(created) = created_by(request).and_then(|id| written.get_mut(id)) {
                *created = true;
            }
        }
        for (collection, is_created) in &written {
            if !is_created {
                self.make_sure_of(collection).await?;
            }
        }
        for request in requests {
            let id = of_default_bucket(&request.subject).and_then(RequestPath::collection);
            // Only under this name the server creates the bucket along with the collection.
            if id.is_some_and(|id| written.contains_key(id)) && created_by(request).is_none() {
                *request = in_bucket(request, bucket);
            }
        }
        Ok(())
    }

    /// Makes the server create the collection and its bucket if they are missing, by a request that names them.
    async fn make_sure_of(&self, collection: &str) -> Result<()> {
        if self.shared.with_schema.exists(collection) {
            return Ok(());
        }
        let look = Request::new(Method::HEAD, RequestPath::of_object(COLLECTIONS, collection));
        let response = self.send_as_is(&look).await?;
        if response.status.is_success() {
            self.shared.with_schema.found(collection);
        }
        Ok(())
    }
}

/// Returns the collection of the `default` bucket whose records these are.
fn collection_of(path: &RequestPath) -> Option<&str> {
    let path = of_default_bucket(path)?;
    path.records().and(path.collection())
}

fn of_default_bucket(path: &RequestPath) -> Option<&RequestPath> {
    (path.bucket() == Some(DEFAULT)).then_some(path)
}

/// The collection of the `default` bucket that the request creates under an id of the caller's.
fn created_by(request: &Request) -> Option<&str> {
    let creates = request.method == Method::PUT || (request.method == Method::POST && !request.is_of_new_object());
    if creates && request.subject.list() == COLLECTIONS { request.subject.id() } else { None }
}

fn deletes_more_than_records(request: &Request) -> bool {
    request.method == Method::DELETE && request.subject.records().is_none()
}

fn in_bucket(request: &Request, bucket: &str) -> Request {
    Request { subject: request.subject.in_bucket(bucket), ..request.clone() }
}

/// Returns true for the server's response about records whose collection or bucket is missing.
fn is_collection_missing(response: &Response) -> bool {
    match response.status {
        StatusCode::FORBIDDEN => true,
        StatusCode::NOT_FOUND => {
            let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
            body.pointer("/details/resource_name").is_some_and(|name| name == "collection" || name == "bucket")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_records_of_the_default_bucket_are_meant() {
        assert_eq!(collection_of(&"/buckets/default/collections/c/records".into()), Some("c"));
        assert_eq!(collection_of(&"/buckets/default/collections/c/records/r".into()), Some("c"));
        for other in ["/buckets/default/collections/c", "/buckets/b/collections/c/records", "/buckets/default", "/"] {
            assert_eq!(collection_of(&other.into()), None, "{other}");
        }
    }
}
