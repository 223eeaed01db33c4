use http::Method;

use super::{
    Call, Subject,
    create::{Create, operation},
    sealed::Operation,
};
use crate::{
    error::{Error, Result},
    wire::{
        kind::Kind,
        object::{Data, Object},
        path::List,
        permissions::PermissionSet,
        request::Request,
        response::Response,
    },
};

/// Puts an object in the place of whatever is there, or is not there: a blind write.
pub struct Overwrite<K: Kind, T>(Create<K, T>);

impl<K: Kind, T: Data> Overwrite<K, T> {
    pub(crate) fn new(list: List<K>, id: impl Into<String>, data: T) -> Self {
        Self(Create::with_id(list, data, id))
    }
}

impl<K: Kind, T: Data> Operation for Overwrite<K, T> {
    type Output = Object<K, T>;

    fn subject(&self) -> Subject {
        Subject { operation: operation::<K>("overwrite"), ..self.0.subject() }
    }

    fn request(&self) -> Result<Option<Request>> {
        let data = self.0.new_data()?;
        let id = self.0.chosen(&data)?.ok_or_else(|| Error::invalid("there is no id to overwrite"))?;
        let path = self.0.list.checked_at(&id)?;
        let permissions = self.0.checked_permissions()?.map(PermissionSet::whole);
        // A second PUT could undo what another program wrote after the first.
        Ok(Some(Request::new(Method::PUT, path).with_body(data.into_body(permissions.as_ref())?)))
    }

    fn response(self, response: Response) -> Result<Object<K, T>> {
        Object::from_answer(&response.success()?)
    }
}

impl<K: Kind, T: Data> Call<'_, Overwrite<K, T>> {
    /// What the object is to hold.
    pub fn data(mut self, data: T) -> Self {
        self.op.0.data = data;
        self
    }

    /// Who may do what with the object from now on. Without this its permissions stay as they are.
    pub fn permissions(mut self, build: impl FnOnce(K::Permissions) -> K::Permissions) -> Self {
        self.op.0.permissions = Some(build(self.op.0.permissions.unwrap_or_default()));
        self
    }
}

debug_as_place!(Overwrite [K: Kind, T] [K, T] 0.list);
