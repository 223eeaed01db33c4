use http::{Method, StatusCode};
use serde::Serialize;
use serde_json::Map;

use super::object::{AccountObject, Password, check_id};
use crate::json::JsonObject;
use crate::operation::debug_as_place;
use crate::operation::{Call, CallContext, sealed::Operation};
use crate::{
    error::{Error, Result},
    json::encode,
    wire::{
        object::outcome::Tombstone,
        request::{Capability, Precondition, Request},
        request_path::RequestPath,
        response::Response,
    },
};

use crate::operation::delete::tombstone;

pub(crate) const ACCOUNTS: Capability = Capability("accounts");

/// Creates an account.
pub struct CreateAccount {
    id: String,
    password: Password,
    data: std::result::Result<JsonObject, String>,
}

/// Reads an account.
pub struct GetAccount {
    id: String,
}

/// Changes the password of an account.
pub struct ChangePassword {
    id: String,
    password: Password,
}

/// Deletes an account.
pub struct DeleteAccount {
    id: String,
}

#[derive(Serialize)]
struct Body<'a> {
    data: RecordData<'a>,
}

#[derive(Serialize)]
struct RecordData<'a> {
    password: &'a Password,
    #[serde(flatten)]
    rest: &'a JsonObject,
}

pub(super) fn request(method: Method, id: &str) -> Result<Request> {
    check_id(id)?;
    Ok(Request::new(method, RequestPath::of_object("/accounts", id)).needing(ACCOUNTS))
}

pub(super) fn context(operation: &'static str, id: &str) -> CallContext {
    CallContext::new(operation, format!("/accounts/{id}"))
}

/// Returns a successful response, and turns any other into an error without quotes: it may contain the account
/// and the digest of its password.
pub(super) fn answer(response: Response) -> Result<Response> {
    response.success().map_err(Error::without_quotes)
}

impl CreateAccount {
    pub(crate) fn new(id: String, password: String) -> Self {
        Self { id, password: Password::new(password), data: Ok(Map::new()) }
    }
}

impl Operation for CreateAccount {
    const NAME: &'static str = "CreateAccount";

    type Output = AccountObject;

    fn context(&self) -> CallContext {
        context("create account", &self.id)
    }

    fn request(&self) -> Result<Option<Request>> {
        self.password.check()?;
        let rest = self.data.as_ref().map_err(|reason| Error::invalid(reason.as_str()))?;
        if let Some(key) = ["password", "id", "last_modified"].into_iter().find(|key| rest.contains_key(*key)) {
            return Err(Error::invalid(format!("`{key}` cannot be one of the further attributes of an account")));
        }
        request(Method::PUT, &self.id)?
            .provided(Precondition::Absent)
            .secret()
            .json(&Body { data: RecordData { password: &self.password, rest } })
            .map(Some)
    }

    fn response(self, response: Response) -> Result<AccountObject> {
        // The server's complete response to a user with the credentials of another account.
        let of_another = response.status == StatusCode::BAD_REQUEST
            && String::from_utf8_lossy(&response.body).contains("account ID do not match");
        let answer = answer(response).map_err(|error| match error {
            error if of_another => error.because(
                "the client has the credentials of another account: accounts are created by a client without credentials, \
                 or with those of an administrator",
            ),
            error if error.is_conflict() && error.may_have_been_applied() => error.because(
                "the account is there with the attributes that were sent, and nobody can tell whether this request or \
                 another client created it, since a request can arrive twice: log in with the password",
            ),
            error => error,
        });
        AccountObject::from_answer(&answer?.body).map_err(Error::without_quotes)
    }
}

impl Call<'_, CreateAccount> {
    /// Sets further attributes to be stored with the account.
    pub fn data(mut self, data: impl Serialize) -> Self {
        self.op.data = encode::object(&data).map_err(|error| error.to_string());
        self
    }
}

impl Operation for GetAccount {
    const NAME: &'static str = "GetAccount";

    type Output = AccountObject;

    fn context(&self) -> CallContext {
        context("get account", &self.id)
    }

    fn request(&self) -> Result<Option<Request>> {
        request(Method::GET, &self.id).map(Some)
    }

    fn response(self, response: Response) -> Result<AccountObject> {
        AccountObject::from_answer(&answer(response)?.body).map_err(Error::without_quotes)
    }
}

impl GetAccount {
    pub(crate) fn new(id: String) -> Self {
        Self { id }
    }
}

impl ChangePassword {
    pub(crate) fn new(id: String, password: String) -> Self {
        Self { id, password: Password::new(password) }
    }
}

impl Operation for ChangePassword {
    const NAME: &'static str = "ChangePassword";

    type Output = AccountObject;

    fn context(&self) -> CallContext {
        context("change the password of", &self.id)
    }

    /// Sends a plain PATCH only: a JSON patch would store the password without hashing it and lock the account.
    fn request(&self) -> Result<Option<Request>> {
        self.password.check()?;
        request(Method::PATCH, &self.id)?
            .secret()
            .json(&Body { data: RecordData { password: &self.password, rest: &Map::new() } })
            .map(Some)
    }

    fn response(self, response: Response) -> Result<AccountObject> {
        AccountObject::from_answer(&answer(response)?.body).map_err(Error::without_quotes)
    }
}

impl DeleteAccount {
    pub(crate) fn new(id: String) -> Self {
        Self { id }
    }
}

impl Operation for DeleteAccount {
    const NAME: &'static str = "DeleteAccount";

    type Output = Tombstone;

    fn context(&self) -> CallContext {
        context("delete account", &self.id)
    }

    fn request(&self) -> Result<Option<Request>> {
        request(Method::DELETE, &self.id).map(Some)
    }

    fn response(self, response: Response) -> Result<Tombstone> {
        tombstone(&answer(response)?.body).map_err(Error::without_quotes)
    }
}

debug_as_place!(CreateAccount [] [] id);
debug_as_place!(GetAccount [] [] id);
debug_as_place!(ChangePassword [] [] id);
debug_as_place!(DeleteAccount [] [] id);
