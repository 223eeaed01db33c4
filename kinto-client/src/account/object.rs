use std::fmt;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::json::JsonObject;
use crate::wire::{
    object::{decode, principal::Principal},
    timestamp::Timestamp,
};

/// An account of the server's accounts plugin.
///
/// The server sends the digest of the password with each account, which is discarded on arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountObject {
    /// The name of the account.
    pub id: String,
    /// The time of the last change of the account.
    pub last_modified: Timestamp,
    /// Further attributes that are stored with the account.
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
        // The body contains the digest of the password and must therefore not be quoted in the error.
        let envelope: Envelope<'_> = serde_json::from_slice(body)
            .map_err(|error| Error::unexpected(format!("the response is no account: {error}")))?;
        Self::read(envelope.data.get().as_bytes())
    }

    /// Decodes the further attributes as a type.
    ///
    /// # Errors
    ///
    /// [`Error::is_decode`](crate::Error::is_decode) if they do not fit `T`.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        serde_path_to_error::deserialize(Value::Object(self.data.clone())).map_err(|error| {
            let path = error.path().to_string();
            let path = if path == "." { "" } else { path.as_str() };
            Error::decode(Some(self.id.clone()), path, &error.inner().to_string())
        })
    }

    /// Returns the principal of this account, for permissions and groups.
    #[must_use]
    pub fn principal(&self) -> Principal {
        Principal::account(&self.id)
    }
}

/// Rejects names of accounts that the server would refuse.
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

/// A password in a request, which `Debug` does not show.
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
            text if text.contains('\0') => "contains a NUL character",
            // bcrypt ignores everything after 72 bytes, so that the beginning of a longer password would match.
            text if text.len() > 72 => "is longer than 72 bytes, the maximum of the server's digest",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_debug_and_errors_hide_digest() {
        let body = br#"{"data":{"password":"$2b$12$s3cr3t","id":"al","last_modified":1,"age":3},"permissions":{}}"#;
        let account = AccountObject::from_answer(body).unwrap();
        assert_eq!(account.data, JsonObject::from_iter([("age".to_owned(), 3.into())]));
        assert_eq!(account.principal(), "account:al");
        let wrong = AccountObject::from_answer(br#"{"data":{"password":"$2b$12$s3cr3t"}}"#).unwrap_err();
        assert!(!format!("{account:?} {wrong} {wrong:?} {:?}", Password::new("s3cr3t")).contains("s3cr3t"));
    }

    #[test]
    fn check_id_accepts_what_server_accepts() {
        for id in ["alexis", "a+l@example.org", "0-_."] {
            assert!(check_id(id).is_ok(), "{id}");
        }
        for id in ["", "@a", "a b", "a/b", "a\n", "é"] {
            assert!(check_id(id).unwrap_err().is_invalid(), "{id}");
        }
    }
}
