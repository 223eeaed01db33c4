use http::Method;

use super::{CallContext, create::operation, sealed::Operation};
use crate::{
    error::{Error, Result},
    wire::{
        object::{
            Object, RecordData,
            kind::{self, Kind},
            permissions::PermissionSet as _,
        },
        path::Place,
        request::{Precondition, Request, Write},
        request_path::RequestPath,
        response::Response,
    },
};

/// Saves the changes of an object that was read, if no other client has changed it since.
pub struct Save<'a, K: Kind, T> {
    place: Place<K>,
    object: &'a mut Object<K, T>,
}

/// The outcome of a save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaveOutcome {
    /// The changes were stored.
    Stored,
    /// There were no changes, and nothing was sent.
    Unchanged,
}

/// Saves the changes of an object that was read, and returns it with its new timestamp.
pub struct SaveOwned<K: Kind, T> {
    place: Place<K>,
    object: Object<K, T>,
}

/// Saves only the permissions of an object that was read.
pub struct SavePermissions<'a, K: Kind, T> {
    place: Place<K>,
    object: &'a mut Object<K, T>,
}

impl<'a, K: Kind, T: RecordData> Save<'a, K, T> {
    pub(crate) fn new(place: Place<K>, object: &'a mut Object<K, T>) -> Self {
        Self { place, object }
    }
}

impl<'a, K: Kind, T: RecordData> SavePermissions<'a, K, T> {
    pub(crate) fn new(place: Place<K>, object: &'a mut Object<K, T>) -> Self {
        Self { place, object }
    }
}

impl<K: Kind, T: RecordData> Operation for Save<'_, K, T> {
    const NAME: &'static str = "Save";

    type Output = SaveOutcome;

    fn context(&self) -> CallContext {
        CallContext::new(operation::<K>("save"), &self.place)
    }

    /// Sends a PUT, although a PATCH would be shorter: in a batch, the server supports only the shallow PATCH,
    /// which cannot remove a key.
    ///
    /// `If-Match` makes it safe: it proves that all other keys are still as they were read.
    fn request(&self) -> Result<Option<Request>> {
        request(&self.place, self.object)
    }

    fn response(self, response: Response) -> Result<SaveOutcome> {
        self.object.saved(Object::from_answer(&response.success()?)?);
        Ok(SaveOutcome::Stored)
    }

    fn unsent(self) -> Result<SaveOutcome> {
        Ok(SaveOutcome::Unchanged)
    }
}

impl<K: Kind, T: RecordData> Operation for SavePermissions<'_, K, T> {
    const NAME: &'static str = "SavePermissions";

    type Output = SaveOutcome;

    fn context(&self) -> CallContext {
        CallContext::new(operation::<K>("save permissions of"), &self.place)
    }

    fn request(&self) -> Result<Option<Request>> {
        let path = path(&self.place, self.object)?;
        let Some((before, after)) = self.object.changed_permissions()? else { return Ok(None) };
        Request::new(Method::PATCH, path)
            .provided(Precondition::Unchanged(self.object.last_modified))
            .json(&Write { data: None::<()>, permissions: Some(after.changed_since(before)) })
            .map(Some)
    }

    fn response(self, response: Response) -> Result<SaveOutcome> {
        self.object.saved_permissions(Object::from_answer(&response.success()?)?);
        Ok(SaveOutcome::Stored)
    }

    fn unsent(self) -> Result<SaveOutcome> {
        Ok(SaveOutcome::Unchanged)
    }
}

impl<K: Kind, T: RecordData> SaveOwned<K, T> {
    pub(crate) fn new(place: Place<K>, object: Object<K, T>) -> Self {
        Self { place, object }
    }
}

impl<K: Kind, T: RecordData> Operation for SaveOwned<K, T> {
    const NAME: &'static str = "SaveOwned";

    type Output = Object<K, T>;

    fn context(&self) -> CallContext {
        CallContext::new(operation::<K>("save"), &self.place)
    }

    fn request(&self) -> Result<Option<Request>> {
        request(&self.place, &self.object)
    }

    fn response(mut self, response: Response) -> Result<Object<K, T>> {
        Save::new(self.place, &mut self.object).response(response)?;
        Ok(self.object)
    }

    fn unsent(self) -> Result<Object<K, T>> {
        Ok(self.object)
    }
}

/// Returns the request that saves the changes of an object, or `None` if there are none.
fn request<K: Kind, T: RecordData>(place: &Place<K>, object: &Object<K, T>) -> Result<Option<Request>> {
    let path = path(place, object)?;
    let data = object.changed_data()?;
    let permissions = object.changed_permissions()?.map(|(_, after)| after.whole());
    if data.is_none() && permissions.is_none() {
        return Ok(None);
    }
    // A PUT without data would keep the stored data, but its response can differ from it after a change of the
    // schema.
    let data = match data {
        Some(data) => data,
        None => object.received_data()?,
    };
    place.list.check_change(Some(&place.id), data.get().as_bytes(), Some(object.raw_json().as_bytes()))?;
    Request::new(Method::PUT, path)
        .provided(Precondition::Unchanged(object.last_modified))
        .repeatable()
        .json(&Write { data: Some(&*data), permissions })
        .map(Some)
}

/// Returns the path of an object that is to be saved, which must be the path it was read from.
fn path<K: Kind, T>(place: &Place<K>, object: &Object<K, T>) -> Result<RequestPath> {
    // The server returns the real id of the personal bucket, not `default`.
    let is_default_bucket = K::NAME == kind::Bucket::NAME && &*place.id == "default";
    if object.id != *place.id && !is_default_bucket {
        return Err(Error::invalid(format!(
            "the object is the {kind} {:?}, but the handle is that of {:?}: save it with its own handle",
            object.id,
            place.id,
            kind = K::NAME
        )));
    }
    place.checked()
}

debug_as_place!(Save ['a, K: Kind, T] ['a, K, T] place);
debug_as_place!(SaveOwned [K: Kind, T] [K, T] place);
debug_as_place!(SavePermissions ['a, K: Kind, T] ['a, K, T] place);
