use http::Method;

use super::{
    Call, CallContext,
    create::{Create, operation},
    sealed::Operation,
};
#[cfg(feature = "attachments")]
use crate::wire::{object::permissions::RecordPermissions, path::Place};
use crate::{
    error::{Error, Result},
    json::encode::NewData,
    wire::{
        object::{
            Object, RecordData, file_field,
            kind::{self, Kind},
            permissions::PermissionSet,
        },
        path::List,
        request::{Precondition, Request},
        response::Response,
        timestamp::Timestamp,
    },
};

/// Replaces an object or creates it, without reading it first; `.if_match(…)` guards the write by a version.
pub struct Overwrite<K: Kind, T> {
    create: Create<K, T>,
    if_match: Option<Timestamp>,
    drops_attachment: bool,
}

/// The parts of an overwrite of a record, for one that is made of more requests.
#[cfg(feature = "attachments")]
pub(crate) struct Parts<'a> {
    pub(crate) place: Place<kind::Record>,
    pub(crate) data: Vec<u8>,
    pub(crate) permissions: Option<&'a RecordPermissions>,
    pub(crate) if_match: Option<Timestamp>,
}

impl<K: Kind, T: RecordData> Overwrite<K, T> {
    pub(crate) fn new(list: List<K>, id: impl Into<String>, data: T) -> Self {
        let create = Create { encode: NewData::of, ..Create::with_id(list, data, id) };
        Self { create, if_match: None, drops_attachment: false }
    }
}

#[cfg(feature = "attachments")]
impl<T: RecordData> Overwrite<kind::Record, T> {
    pub(crate) fn parts(&self) -> Result<Parts<'_>> {
        let data = self.create.new_data()?;
        let id = self.create.chosen(&data)?.ok_or_else(|| Error::invalid("`overwrite` needs the id of the object"))?;
        Ok(Parts {
            place: self.create.list.at(&*id),
            data: data.json().to_vec(),
            permissions: self.create.checked_permissions()?,
            if_match: self.if_match,
        })
    }
}

impl<K: Kind, T: RecordData> Operation for Overwrite<K, T> {
    const NAME: &'static str = "Overwrite";

    type Output = Object<K, T>;

    fn context(&self) -> CallContext {
        CallContext { operation: operation::<K>("overwrite"), ..self.create.context() }
    }

    fn request(&self) -> Result<Option<Request>> {
        let data = self.create.new_data()?;
        let id = self.create.chosen(&data)?.ok_or_else(|| Error::invalid("`overwrite` needs the id of the object"))?;
        let path = self.create.list.checked_at(&id)?;
        if T::ATTACHMENT && !self.drops_attachment {
            file_field::check_replacement(data.json())?;
        }
        let permissions = self.create.checked_permissions()?.map(PermissionSet::whole);
        let request = Request::new(Method::PUT, path).with_body(data.into_body(permissions.as_ref())?);
        Ok(Some(match self.if_match {
            Some(as_of) => request.provided(Precondition::Unchanged(as_of)).repeatable(),
            // A retried PUT could undo what another client wrote after the first.
            None => request,
        }))
    }

    fn response(self, response: Response) -> Result<Object<K, T>> {
        Object::from_answer(&response.success()?)
    }
}

impl<K: Kind, T: RecordData> Call<'_, Overwrite<K, T>> {
    /// Sets the data of the object.
    pub fn data(mut self, data: T) -> Self {
        self.op.create.data = data;
        self
    }

    /// Writes only if the timestamp of the object is still `last_modified`, and otherwise fails with
    /// [`Error::is_conflict`].
    ///
    /// For a service that passes on the `ETag` and the whole object that its own clients send: nothing is read first.
    /// With an object that was read, use [`save`](crate::handle::Handle::save), which sends only changes and keeps unknown fields.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// use kinto_client::json;
    ///
    /// let first = todo.create_record(json!({"title": "Milk"})).await?;
    /// let oats = todo.overwrite_record(&first.id, json!({"title": "Oat milk"})).if_match(first.last_modified).await?;
    /// assert!(oats.last_modified > first.last_modified);
    /// let late = todo.overwrite_record(&first.id, json!({"title": "Soy milk"})).if_match(first.last_modified).await;
    /// assert!(late.is_err_and(|error| error.is_conflict()));
    /// # Ok(()) }
    /// ```
    pub fn if_match(mut self, last_modified: Timestamp) -> Self {
        self.op.if_match = Some(last_modified);
        self
    }

    /// Sets the permissions of the object; without this call, its permissions stay as they are.
    pub fn permissions(mut self, build: impl FnOnce(K::Permissions) -> K::Permissions) -> Self {
        self.op.create.permissions = Some(build(self.op.create.permissions.unwrap_or_default()));
        self
    }
}

impl<T: RecordData> Call<'_, Overwrite<kind::Record, T>> {
    /// Overwrites a record of a type with `#[kinto(attachment)]` also with data that has no file: the description of the file of the
    /// record is dropped, and the server keeps the file until the record is deleted.
    ///
    /// Without this, or `keep_attachment` (feature `attachments`), such a call is [`Error::is_invalid`].
    pub fn drop_attachment(mut self) -> Self {
        self.op.drops_attachment = true;
        self
    }
}

debug_as_place!(Overwrite [K: Kind, T] [K, T] create.list);
