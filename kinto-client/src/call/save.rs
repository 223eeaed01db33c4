use http::Method;

use super::{Subject, create::operation, sealed::Operation};
use crate::{
    error::{Error, Result},
    wire::{
        kind::{self, Kind},
        object::{Data, Object},
        path::Place,
        permissions::PermissionSet as _,
        request::{Precondition, Request, Write},
        response::Response,
    },
};

/// Saves an object that was read: its changes, and only if nobody else has changed it.
pub struct Save<'a, K: Kind, T> {
    place: Place<K>,
    object: &'a mut Object<K, T>,
}

/// What became of a save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// The changes are stored.
    Stored,
    /// There were none, and nothing was sent.
    Unchanged,
}

/// Saves the permissions of an object that was read, and nothing else.
pub struct SavePermissions<'a, K: Kind, T> {
    place: Place<K>,
    object: &'a mut Object<K, T>,
}

impl<'a, K: Kind, T: Data> Save<'a, K, T> {
    pub(crate) fn new(place: Place<K>, object: &'a mut Object<K, T>) -> Self {
        Self { place, object }
    }
}

impl<'a, K: Kind, T: Data> SavePermissions<'a, K, T> {
    pub(crate) fn new(place: Place<K>, object: &'a mut Object<K, T>) -> Self {
        Self { place, object }
    }
}

impl<K: Kind, T: Data> Operation for Save<'_, K, T> {
    type Output = Saved;

    fn subject(&self) -> Subject {
        Subject::new(operation::<K>("save"), &self.place)
    }

    /// A PUT, although a PATCH would be shorter: in a batch the server knows only the shallow kind of PATCH, which cannot
    /// remove a key. `If-Match` makes it safe, by proving that the rest is still as it was read.
    fn request(&self) -> Result<Option<Request>> {
        let path = path(&self.place, self.object)?;
        let data = self.object.changed_data()?;
        let permissions = self.object.changed_permissions()?.map(|(_, after)| after.whole());
        if data.is_none() && permissions.is_none() {
            return Ok(None);
        }
        // A PUT without data would keep it, but answer with what another version of the schema makes of it.
        let data = match data {
            Some(data) => data,
            None => self.object.received_data()?,
        };
        self.place.list.check(Some(&self.place.id), data.get().as_bytes())?;
        Request::new(Method::PUT, path)
            .provided(Precondition::Unchanged(self.object.last_modified))
            .repeatable()
            .json(&Write { data: Some(&*data), permissions })
            .map(Some)
    }

    fn response(self, response: Response) -> Result<Saved> {
        self.object.saved(Object::from_answer(&response.success()?)?);
        Ok(Saved::Stored)
    }

    fn unsent(self) -> Result<Saved> {
        Ok(Saved::Unchanged)
    }
}

impl<K: Kind, T: Data> Operation for SavePermissions<'_, K, T> {
    type Output = Saved;

    fn subject(&self) -> Subject {
        Subject::new(operation::<K>("save permissions of"), &self.place)
    }

    fn request(&self) -> Result<Option<Request>> {
        let path = path(&self.place, self.object)?;
        let Some((before, after)) = self.object.changed_permissions()? else { return Ok(None) };
        Request::new(Method::PATCH, path)
            .provided(Precondition::Unchanged(self.object.last_modified))
            .json(&Write { data: None::<()>, permissions: Some(after.changed_since(before)) })
            .map(Some)
    }

    fn response(self, response: Response) -> Result<Saved> {
        self.object.saved(Object::from_answer(&response.success()?)?);
        Ok(Saved::Stored)
    }

    fn unsent(self) -> Result<Saved> {
        Ok(Saved::Unchanged)
    }
}

/// The path to save an object at, which is where it was read.
fn path<K: Kind, T>(place: &Place<K>, object: &Object<K, T>) -> Result<String> {
    // The server answers with the real id of the bucket that goes by this name.
    let is_default_bucket = K::NAME == kind::Bucket::NAME && &*place.id == "default";
    if object.id != *place.id && !is_default_bucket {
        return Err(Error::invalid(format!(
            "this is the {kind} {:?}, and not {:?}: it can only be saved as itself",
            object.id,
            place.id,
            kind = K::NAME
        )));
    }
    place.checked()
}

debug_as_place!(Save ['a, K: Kind, T] ['a, K, T] place);
debug_as_place!(SavePermissions ['a, K: Kind, T] ['a, K, T] place);
