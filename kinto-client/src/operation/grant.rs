use http::Method;
use serde_json::Map;

use super::{CallContext, attempt, create::operation, get::Get, sealed, update};
use crate::json::JsonObject;
use crate::{
    client::Client,
    error::{Error, Result},
    wire::{
        object::{
            Object,
            kind::Kind,
            permissions::{PermissionSet, Permissions},
        },
        path::Place,
        preview::RequestPreview,
        request::{Precondition, Request, Write},
        request_path::RequestPath,
        response::Response,
        timestamp::Timestamp,
    },
};

/// Adds permissions to an object or removes them, and keeps all others.
pub struct Grant<K: Kind> {
    place: Place<K>,
    principals: K::Permissions,
    change: Change,
}

#[derive(Clone, Copy)]
pub(crate) enum Change {
    Grant,
    Revoke,
}

impl<K: Kind> Grant<K> {
    pub(crate) fn new(place: Place<K>, principals: K::Permissions, change: Change) -> Self {
        Self { place, principals, change }
    }

    fn operation(&self) -> &'static str {
        match self.change {
            Change::Grant => operation::<K>("grant"),
            Change::Revoke => operation::<K>("revoke"),
        }
    }

    fn checked(&self) -> Result<RequestPath> {
        match self.change {
            Change::Grant => self.principals.check()?,
            Change::Revoke => self.principals.check_revoked()?,
        }
        self.place.checked()
    }

    async fn grant(&self, client: &Client) -> Result<()> {
        let path = self.checked()?;
        let mut waits = update::waits();
        let mut doubt = false;
        loop {
            match self.attempt(&client.in_turn(path.clone()).await?).await {
                Ok(()) => return Ok(()),
                Err(error) => {
                    doubt |= error.may_have_been_applied();
                    let error = if doubt { error.maybe_applied() } else { error };
                    update::again(error, &mut waits).await?;
                }
            }
        }
    }

    async fn attempt(&self, client: &Client) -> Result<()> {
        let mut object = attempt(client, Get::<K, JsonObject>::new(self.place.clone())).await?;
        if object.permissions == Permissions::NotVisible {
            // Any write adds the writer to the object's `write` list, as the grant would, and the response to
            // those in that list includes the permissions. The server's own JSON patch and merge patch cannot be
            // used without knowing them: it applies them to empty lists if the permissions are not visible, and so
            // removes all other principals.
            object = attempt(client, SetPermissions::<K>::none(&self.place, object.last_modified)).await?;
        }
        let before = object.permissions.edit()?.clone();
        let after = match self.change {
            Change::Grant => before.clone().with(&self.principals),
            Change::Revoke => before.clone().without(&self.principals),
        };
        if before == after {
            return Ok(());
        }
        let set = SetPermissions { place: &self.place, before, after, if_match: object.last_modified };
        attempt(client, set).await.map(|_| ())
    }
}

impl<K: Kind> sealed::Preview for Grant<K> {
    fn preview(&self) -> Result<RequestPreview> {
        let path = self.checked().map_err(|error| CallContext::new(self.operation(), &self.place).attach(error))?;
        let follows = "then a PATCH of the lists of permissions that change, with the `If-Match` of what was read, unless none does; \
                       after a conflict both again";
        RequestPreview::first(Request::get(path), follows)
    }
}

impl<K: Kind> sealed::Action for Grant<K> {
    const NAME: &'static str = "Grant";

    type Output = ();

    async fn run(self, client: Client) -> Result<()> {
        let context = CallContext::new(self.operation(), &self.place);
        self.grant(&client).await.map_err(|error| context.attach(error))
    }
}

/// Replaces the lists of permissions that differ.
struct SetPermissions<'a, K: Kind> {
    place: &'a Place<K>,
    before: K::Permissions,
    after: K::Permissions,
    if_match: Timestamp,
}

impl<'a, K: Kind> SetPermissions<'a, K> {
    fn none(place: &'a Place<K>, if_match: Timestamp) -> Self {
        Self { place, before: K::Permissions::default(), after: K::Permissions::default(), if_match }
    }
}

impl<K: Kind> sealed::Operation for SetPermissions<'_, K> {
    const NAME: &'static str = "SetPermissions";

    type Output = Object<K, Map<String, serde_json::Value>>;

    fn context(&self) -> CallContext {
        CallContext::new(operation::<K>("save permissions of"), self.place)
    }

    fn request(&self) -> Result<Option<Request>> {
        let write = Write { data: None::<()>, permissions: Some(self.after.changed_since(&self.before)) };
        Request::new(Method::PATCH, self.place.checked()?)
            .provided(Precondition::Unchanged(self.if_match))
            // A 412 to a retry only makes the grant start over.
            .repeatable()
            .json(&write)
            .map(Some)
    }

    fn response(self, response: Response) -> Result<Self::Output> {
        let object = Object::from_answer(&response.success()?)?;
        match object.permissions {
            Permissions::Visible(_) => Ok(object),
            Permissions::NotVisible => Err(Error::not_visible()),
        }
    }
}

debug_as_place!(Grant [K: Kind] [K] place);
