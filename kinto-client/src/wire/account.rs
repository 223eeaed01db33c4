use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{decode, principal::Principal, timestamp::Timestamp};
use crate::{
    JsonObject,
    error::{Error, Result},
};

/// An account as the server's accounts plugin keeps it.
///
/// The server sends the digest of the password with each account; it is thrown away as soon as it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountObject {
    /// The name to log in with.
    pub id: String,
    /// When the account was last changed.
    pub last_modified: Timestamp,
    /// What else is kept with the account.
    pub data: JsonObject,
}

impl AccountObject {
    pub(crate) fn read(raw: &[u8]) -> Result<Self> {
        let decoded = decode::object::<JsonObject>(raw, &[])?;
        let mut data = decoded.data;
        data.remove("password");
        Ok(Self { id: decoded.id.to_string(), last_modified: decoded.last_modified, data })
    }

    pub(crate) fn from_answer(body: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Envelope<'a> {
            #[serde(borrow)]
            data: &'a serde_json::value::RawValue,
        }
        // The body has the digest in it, so that it must not be part of the error.
        let envelope: Envelope<'_> = serde_json::from_slice(body)
            .map_err(|error| Error::unexpected(format!("the answer is no account: {error}")))?;
        Self::read(envelope.data.get().as_bytes())
    }

    /// What permissions and groups call this account.
    #[must_use]
    pub fn principal(&self) -> Principal {
        Principal::account(&self.id)
    }
}

/// Refuses what the server would refuse as the name of an account.
pub(crate) fn check_id(id: &str) -> Result<()> {
    let first = id.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
    let bad = id.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '@' | '_' | '-')));
    match (first, bad) {
        (true, None) => Ok(()),
        (true, Some(bad)) => Err(Error::invalid(format!(
            "{id:?} cannot be the id of an account: {bad:?} is not allowed in it, only a-z, A-Z, 0-9 and `+.@_-` are"
        ))),
        (false, _) => Err(Error::invalid(format!(
            "{id:?} cannot be the id of an account: it must start with a letter (a-z, A-Z) or digit"
        ))),
    }
}

/// A password on its way to the server. `Debug` does not show it.
#[derive(Clone, Serialize)]
#[serde(transparent)]
pub(crate) struct Password(String);

impl Password {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn check(&self) -> Result<()> {
        let reason = match self.0.as_str() {
            "" => "is empty",
            text if text.contains('\0') => "has a NUL character in it",
            // bcrypt sees no more, so that a longer one would be matched by its beginning.
            text if text.len() > 72 => "is longer than 72 bytes, the most that the server's digest takes in",
            _ => return Ok(()),
        };
        Err(Error::invalid(format!("the password {reason}")))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// What you may do with one object: an entry of the permissions endpoint.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct PermissionEntry {
    /// The object's path: `/buckets/blog`; `/` is the server itself.
    pub uri: String,
    /// What kind of object it is: `bucket`, `collection`, `group`, `record`, `account`; `root` is the server itself.
    pub resource_name: String,
    /// The object's id.
    pub id: Option<String>,
    /// The bucket it is, or is in.
    pub bucket_id: Option<String>,
    /// The collection it is, or is in.
    pub collection_id: Option<String>,
    /// What you may do. `read:attributes` only says that you see the object because of another permission.
    #[serde(default)]
    pub permissions: Vec<String>,
}

/// One change of an object in a bucket: an entry of the history plugin.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct HistoryEntry {
    /// The entry's own id.
    pub id: String,
    /// When it happened.
    pub last_modified: Timestamp,
    /// The same as text.
    pub date: Option<String>,
    /// The path of the object that was changed.
    pub uri: String,
    /// Who changed it.
    pub user_id: Principal,
    /// `create`, `update` or `delete`.
    pub action: String,
    /// What kind of object it is.
    pub resource_name: String,
    /// The object as the change left it: its `data` and its `permissions`.
    #[serde(default)]
    pub target: Value,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_a_password_is_nowhere() {
        let body = br#"{"data":{"password":"$2b$12$s3cr3t","id":"al","last_modified":1,"age":3},"permissions":{}}"#;
        let account = AccountObject::from_answer(body).unwrap();
        assert_eq!(account.data, JsonObject::from_iter([("age".to_owned(), 3.into())]));
        assert_eq!(account.principal(), "account:al");
        let wrong = AccountObject::from_answer(br#"{"data":{"password":"$2b$12$s3cr3t"}}"#).unwrap_err();
        assert!(!format!("{account:?} {wrong} {wrong:?} {:?}", Password::new("s3cr3t")).contains("s3cr3t"));
    }

    #[test]
    fn names_of_accounts() {
        for id in ["alexis", "a+l@example.org", "0-_."] {
            assert!(check_id(id).is_ok(), "{id}");
        }
        for id in ["", "@a", "a b", "a/b", "a\n", "é"] {
            assert!(check_id(id).unwrap_err().is_invalid(), "{id}");
        }
    }
}
