use std::marker::PhantomData;

use http::Method;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Call, Subject, create::operation, sealed::Operation};
use crate::{
    error::{Error, Result},
    wire::{
        encode,
        kind::Kind,
        object::{Data, Object, STAMP},
        path::Place,
        permissions::PermissionSet as _,
        request::{Precondition, Request, Write},
        response::Response,
        timestamp::Timestamp,
    },
};

/// Sets some of the attributes of an object and leaves the others as they are.
pub struct Patch<K: Kind, T> {
    place: Place<K>,
    /// Encoded when the call is made, since any type will do; the error waits until the call is sent.
    attributes: std::result::Result<Map<String, Value>, String>,
    permissions: Option<K::Permissions>,
    if_match: Option<Timestamp>,
    of: PhantomData<fn() -> T>,
}

impl<K: Kind, T: Data> Patch<K, T> {
    pub(crate) fn new(place: Place<K>, attributes: &impl Serialize) -> Self {
        Self {
            place,
            attributes: encode::object(attributes).map_err(|error| error.to_string()),
            permissions: None,
            if_match: None,
            of: PhantomData,
        }
    }
}

impl<K: Kind, T: Data> Operation for Patch<K, T> {
    type Output = Object<K, T>;

    fn subject(&self) -> Subject {
        Subject::new(operation::<K>("patch"), &self.place)
    }

    fn request(&self) -> Result<Option<Request>> {
        let attributes = self.attributes.as_ref().map_err(|reason| Error::invalid(reason.as_str()))?;
        if let Some(stamp) = STAMP.iter().find(|stamp| attributes.contains_key(**stamp)) {
            return Err(Error::invalid(format!("`{stamp}` is the server's and cannot be patched")));
        }
        let permissions = self.permissions.as_ref().map(|permissions| permissions.check().map(|()| permissions));
        Request::new(Method::PATCH, self.place.checked()?)
            .provided(self.if_match.map(Precondition::Unchanged))
            .json(&Write { data: Some(attributes), permissions: permissions.transpose()? })
            .map(Some)
    }

    fn response(self, response: Response) -> Result<Self::Output> {
        Object::from_answer(&response.success()?)
    }
}

impl<K: Kind, T: Data> Call<'_, Patch<K, T>> {
    /// Replaces those lists of permissions that are named here; the others stay as they are.
    pub fn permissions(mut self, build: impl FnOnce(K::Permissions) -> K::Permissions) -> Self {
        self.op.permissions = Some(build(self.op.permissions.unwrap_or_default()));
        self
    }

    /// Only if the object is still of that time; otherwise it is [`Error::is_conflict`].
    pub fn if_match(mut self, last_modified: Timestamp) -> Self {
        self.op.if_match = Some(last_modified);
        self
    }
}

debug_as_place!(Patch [K: Kind, T] [K, T] place);
