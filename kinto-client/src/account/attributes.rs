//! The attributes of an account beside its password.

use http::{HeaderMap, HeaderValue, Method, header};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    object::AccountObject,
    operations::{GetAccount, answer, context, request},
};
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    json::{JsonObject, encode},
    operation::{self, Call, CallContext, attempt, debug_as_place, sealed},
    wire::{
        preview::RequestPreview,
        request::{Precondition, Request, Write},
        response::Response,
        timestamp::Timestamp,
    },
};

type Attributes = std::result::Result<JsonObject, String>;

/// Sets some of the attributes of an account, and keeps the others and the password.
pub struct PatchAccount {
    id: String,
    attributes: Attributes,
    if_match: Option<Timestamp>,
}

/// Applies a merge patch to the attributes of an account.
pub struct MergePatchAccount(PatchAccount);

/// Replaces the attributes of an account, and keeps the password.
pub struct ReplaceAccountAttributes {
    id: String,
    attributes: Attributes,
    if_match: Option<Timestamp>,
}

fn encoded(attributes: &impl Serialize) -> Attributes {
    encode::object(attributes).map_err(|error| error.to_string())
}

/// Returns the attributes, if none of them is one that the server or another call sets.
fn checked(attributes: &Attributes) -> Result<&JsonObject> {
    let attributes = attributes.as_ref().map_err(|reason| Error::invalid(reason.as_str()))?;
    let offence = |key: &str| match key {
        "password" => Some("use `change_password`"),
        "id" | "last_modified" => Some("the server sets it"),
        "__permissions__" => Some("the server would take it for permissions"),
        _ => None,
    };
    match attributes.keys().find_map(|key| Some((key, offence(key)?))) {
        Some((key, offence)) => {
            Err(Error::invalid(format!("`{key}` is not one of the attributes of an account: {offence}")))
        }
        None => Ok(attributes),
    }
}

impl PatchAccount {
    pub(super) fn new(id: String, attributes: &impl Serialize) -> Self {
        Self { id, attributes: encoded(attributes), if_match: None }
    }
}

impl sealed::Operation for PatchAccount {
    const NAME: &'static str = "PatchAccount";

    type Output = AccountObject;

    fn context(&self) -> CallContext {
        context("patch account", &self.id)
    }

    /// Returns a plain patch. A JSON patch is never sent to an account: one of the password would be stored unhashed.
    fn request(&self) -> Result<Option<Request>> {
        let data = checked(&self.attributes)?;
        request(Method::PATCH, &self.id)?
            .provided(self.if_match.map(Precondition::Unchanged))
            .json(&Write { data: Some(data), permissions: None::<()> })
            .map(Some)
    }

    fn response(self, response: Response) -> Result<AccountObject> {
        AccountObject::from_answer(&answer(response)?.body).map_err(Error::without_quotes)
    }
}

impl MergePatchAccount {
    pub(super) fn new(id: String, patch: &impl Serialize) -> Self {
        Self(PatchAccount::new(id, patch))
    }

    fn request(&self) -> Result<Request> {
        let request = sealed::Operation::request(&self.0)?.ok_or_else(|| Error::invalid("there is nothing to send"))?;
        let merge = HeaderValue::from_static("application/merge-patch+json");
        Ok(Request { headers: Some(HeaderMap::from_iter([(header::CONTENT_TYPE, merge)]).into()), ..request })
    }

    async fn send(self, client: &Client) -> Result<AccountObject> {
        let request = self.request()?;
        operation::send(client, self.0, request).await
    }
}

impl sealed::Preview for MergePatchAccount {
    fn preview(&self) -> Result<RequestPreview> {
        let request = self.request().map_err(|error| sealed::Operation::context(&self.0).attach(error))?;
        RequestPreview::only(Some(request))
    }
}

// No `Operation`: the server reads the parts of a batch as JSON of the plain type, which would store null.
impl sealed::Action for MergePatchAccount {
    const NAME: &'static str = "MergePatchAccount";

    type Output = AccountObject;

    async fn run(self, client: Client) -> Result<AccountObject> {
        let context = sealed::Operation::context(&self.0);
        self.send(&client).await.map_err(|error| context.attach(error))
    }
}

impl Call<'_, PatchAccount> {
    /// Patches the account only if its timestamp is still `last_modified`, and otherwise fails with
    /// [`Error::is_conflict`](crate::Error::is_conflict).
    pub fn if_match(mut self, last_modified: Timestamp) -> Self {
        self.op.if_match = Some(last_modified);
        self
    }
}

impl Call<'_, MergePatchAccount> {
    /// Patches the account only if its timestamp is still `last_modified`, and otherwise fails with
    /// [`Error::is_conflict`](crate::Error::is_conflict).
    pub fn if_match(mut self, last_modified: Timestamp) -> Self {
        self.op.0.if_match = Some(last_modified);
        self
    }
}

impl ReplaceAccountAttributes {
    pub(super) fn new(id: String, attributes: &impl Serialize) -> Self {
        Self { id, attributes: encoded(attributes), if_match: None }
    }

    fn context(&self) -> CallContext {
        context("replace the attributes of account", &self.id)
    }

    async fn replace(&self, client: &Client) -> Result<AccountObject> {
        let attributes = checked(&self.attributes)?;
        let found = attempt(client, GetAccount::new(self.id.clone())).await?;
        if self.if_match.is_some_and(|expected| expected != found.last_modified) {
            return Err(Error::new(ErrorKind::Conflict, "the version of the account is not the one in `.if_match(…)`"));
        }
        let difference = difference(&found.data, attributes);
        if difference.is_empty() {
            return Ok(found);
        }
        let attributes = Ok(difference);
        let patch = PatchAccount { id: self.id.clone(), attributes, if_match: Some(found.last_modified) };
        MergePatchAccount(patch).send(client).await
    }
}

/// Returns the merge patch (RFC 7396) that makes `new` of `old`. Null in `new` is what is not there.
fn difference(old: &JsonObject, new: &JsonObject) -> JsonObject {
    let mut patch = Map::new();
    for (key, value) in new {
        match (old.get(key), value) {
            (Some(old), new) if old == new => {}
            (None, Value::Null) => {}
            (Some(Value::Object(old)), Value::Object(new)) => {
                let inner = difference(old, new);
                if !inner.is_empty() {
                    patch.insert(key.clone(), Value::Object(inner));
                }
            }
            (_, value) => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    patch
}

impl sealed::Action for ReplaceAccountAttributes {
    const NAME: &'static str = "ReplaceAccountAttributes";

    type Output = AccountObject;

    async fn run(self, client: Client) -> Result<AccountObject> {
        let context = self.context();
        self.replace(&client).await.map_err(|error| context.attach(error))
    }
}

impl sealed::Preview for ReplaceAccountAttributes {
    fn preview(&self) -> Result<RequestPreview> {
        let first = checked(&self.attributes).and_then(|_| request(Method::GET, &self.id));
        let request = first.map_err(|error| self.context().attach(error))?;
        RequestPreview::first(request, "then a merge PATCH of what differs, with `If-Match`, unless nothing does")
    }
}

impl Call<'_, ReplaceAccountAttributes> {
    /// Replaces the attributes only if the timestamp of the account is still `last_modified`, and otherwise fails with
    /// [`Error::is_conflict`](crate::Error::is_conflict).
    pub fn if_match(mut self, last_modified: Timestamp) -> Self {
        self.op.if_match = Some(last_modified);
        self
    }
}

debug_as_place!(PatchAccount [] [] id);
debug_as_place!(MergePatchAccount [] [] 0.id);
debug_as_place!(ReplaceAccountAttributes [] [] id);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> JsonObject {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn difference_is_the_merge_patch_between_two() {
        for (old, new, patch) in [
            (json!({}), json!({}), json!({})),
            (json!({"a": 1, "b": 2}), json!({"a": 1, "c": 3}), json!({"b": null, "c": 3})),
            (json!({"a": {"x": 1, "y": 2}}), json!({"a": {"x": 1, "z": 3}}), json!({"a": {"y": null, "z": 3}})),
            (json!({"a": {"x": 1}}), json!({"a": {"x": 1}}), json!({})),
            (json!({"a": [1]}), json!({"a": [2]}), json!({"a": [2]})),
            (json!({"a": 1, "n": null}), json!({"a": null, "n": null, "m": null}), json!({"a": null})),
        ] {
            assert_eq!(Value::Object(difference(&object(old), &object(new))), patch);
        }
    }

    #[test]
    fn checked_names_the_attribute_and_the_way() {
        for (key, way) in [("password", "change_password"), ("id", "the server"), ("__permissions__", "permissions")] {
            let error = checked(&Ok(object(json!({key: "s3cr3t"})))).unwrap_err();
            assert!(error.is_invalid() && error.to_string().contains(way), "{error}");
            assert!(!error.to_string().contains("s3cr3t"));
        }
    }
}
