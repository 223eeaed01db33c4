use crate::json::RESERVED_KEYS;
use std::marker::PhantomData;

use http::Method;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Call, CallContext, create::operation, sealed::Operation};
use crate::{
    error::{Error, Result},
    json::encode,
    wire::{
        object::{
            Object, RecordData, file_field,
            kind::{self, Kind},
            permissions::PermissionSet as _,
        },
        path::Place,
        request::{Precondition, Request, Write},
        response::Response,
        timestamp::Timestamp,
    },
};

/// Sets some of the attributes of an object and keeps the others.
pub struct Patch<K: Kind, T> {
    place: Place<K>,
    /// The attributes, encoded when the call is made because they can be of any type; an error is returned when it
    /// is sent.
    attributes: std::result::Result<Map<String, Value>, String>,
    permissions: Option<K::Permissions>,
    if_match: Option<Timestamp>,
    of: PhantomData<fn() -> T>,
}

impl<K: Kind, T: RecordData> Patch<K, T> {
    pub(crate) fn new(place: Place<K>, attributes: &impl Serialize) -> Self {
        Self {
            place,
            attributes: encode::object(attributes).map_err(|error| error.to_string()),
            permissions: None,
            if_match: None,
            of: PhantomData,
        }
    }

    /// Returns this patch for the object of that version only.
    #[cfg(feature = "review")]
    pub(crate) fn provided(self, last_modified: Timestamp) -> Self {
        Self { if_match: Some(last_modified), ..self }
    }
}

impl<K: Kind, T: RecordData> Operation for Patch<K, T> {
    const NAME: &'static str = "Patch";

    type Output = Object<K, T>;

    fn context(&self) -> CallContext {
        CallContext::new(operation::<K>("patch"), &self.place)
    }

    fn request(&self) -> Result<Option<Request>> {
        let attributes = self.attributes.as_ref().map_err(|reason| Error::invalid(reason.as_str()))?;
        if let Some(stamp) = RESERVED_KEYS.iter().find(|stamp| attributes.contains_key(**stamp)) {
            return Err(Error::invalid(format!("`{stamp}` is set by the server and cannot be patched")));
        }
        if T::ATTACHMENT {
            file_field::check_patch(attributes)?;
        }
        if K::NAME == kind::Group::NAME {
            self.place.list.check(Some(&self.place.id), Value::from(attributes.clone()).to_string().as_bytes())?;
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

impl<K: Kind, T: RecordData> Call<'_, Patch<K, T>> {
    /// Replaces the lists of permissions that are named here, and keeps the others.
    pub fn permissions(mut self, build: impl FnOnce(K::Permissions) -> K::Permissions) -> Self {
        self.op.permissions = Some(build(self.op.permissions.unwrap_or_default()));
        self
    }

    /// Patches the object only if its timestamp is still `last_modified`, and otherwise fails with
    /// [`Error::is_conflict`].
    pub fn if_match(mut self, last_modified: Timestamp) -> Self {
        self.op.if_match = Some(last_modified);
        self
    }
}

debug_as_place!(Patch [K: Kind, T] [K, T] place);
