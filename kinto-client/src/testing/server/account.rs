//! Accounts: whose list is whose, and what may be done to them.

use serde_json::{Map, Value};

use super::{
    Server,
    answer::{Invalid, Outcome, collision, invalid, refused_later, server_error, unauthorized_listing, unavailable},
    database::{Kind, ListKey},
    entries::ALL,
    object::Context,
    request::Request,
    who::{Who, hashed},
};

/// The name of an account without the prefix of its principal.
pub(super) fn name_of(user: &str) -> &str {
    user.split_once(':').map_or(user, |(_, name)| name)
}

impl Server {
    pub(super) fn is_administrator(&self, who: &Who) -> bool {
        self.settings.give("account_write_principals", &who.principals)
    }

    /// Returns the list that a request for accounts is about: each user has one of their own.
    pub(super) fn account_key(&self, request: &Request, id: Option<&str>, who: &Who) -> Outcome<ListKey> {
        let parent = match (&who.user, id) {
            _ if self.is_administrator(who) => match id {
                Some(id) => id.to_owned(),
                None if request.method == http::Method::POST => self.posted(request)?,
                None => ALL.to_owned(),
            },
            (Some(user), _) => name_of(user).to_owned(),
            (None, Some(id)) => id.to_owned(),
            (None, None) => self.posted(request)?,
        };
        Ok((parent, Kind::Account))
    }

    /// Hashes a new password, and refuses an account of another name.
    pub(super) fn check_account(&self, context: &Context<'_>, data: &mut Map<String, Value>) -> Outcome<()> {
        let sent = context.payload.data.as_ref().is_some_and(|data| data.contains_key("password"));
        if let (true, Some(Value::String(password))) = (sent, data.get("password")) {
            let stored = hashed(password);
            data.insert("password".to_owned(), stored.into());
        }
        let wrong = |description: &str| Err(refused_later(Invalid::new("body", "data.id", description)));
        let Some(id) = data.get("id").and_then(Value::as_str) else { return wrong("Accounts must have an ID.") };
        let is_administrator = self.settings.give("account_write_principals", context.principals);
        match &context.user {
            Some(user) if !is_administrator && name_of(user) != id => wrong("Username and account ID do not match."),
            _ => Ok(()),
        }
    }
    /// Returns the id in the body of a request of a user without an account.
    fn posted(&self, request: &Request) -> Outcome<String> {
        let body: Option<Value> = serde_json::from_slice(&request.body).ok();
        // The server looks for the id in whatever JSON is there.
        let field = |value: Option<Value>, name: &str| match value {
            Some(Value::Object(mut object)) => Ok(object.remove(name)),
            Some(_) => Err(server_error()),
            None => Ok(None),
        };
        match field(field(body, "data")?, "id")? {
            Some(Value::String(id)) => Ok(id),
            // Any other id goes to the database, which refuses it.
            Some(Value::Null) => Err(collision(self.settings.retry_after)),
            Some(_) => Err(unavailable(self.settings.retry_after)),
            None if request.method == http::Method::POST => {
                Err(invalid("body", Some("data.id"), "data.id in body: Required"))
            }
            None => Err(unauthorized_listing()),
        }
    }
}
