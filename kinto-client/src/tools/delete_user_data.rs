use http::{Method, StatusCode};
use std::fmt::Write as _;

use crate::{
    client::Client,
    error::{Error, Result},
    operation::{Call, CallContext, debug_as_place, sealed::Operation},
    wire::{object::principal::Principal, request::Request, request_path::RequestPath, response::Response},
};

const LIST: &str = "/__user_data__";

/// Deletes the objects of a user, and the user's permissions.
pub struct DeleteUserData {
    principal: Principal,
}

impl Operation for DeleteUserData {
    const NAME: &'static str = "DeleteUserData";

    type Output = ();

    fn context(&self) -> CallContext {
        CallContext::new("delete the data of the user", self.principal.as_str())
    }

    fn request(&self) -> Result<Option<Request>> {
        check(&self.principal)?;
        let path = RequestPath::of_object(LIST, &encoded(self.principal.as_str()));
        Ok(Some(Request::new(Method::DELETE, path)))
    }

    fn response(self, response: Response) -> Result<()> {
        let status = response.status;
        response.success().map(drop).map_err(|error| match status {
            StatusCode::INTERNAL_SERVER_ERROR => error.because(
                "Kinto 26.5.0 fails so where the history plugin is used and the user has an account, or entries in a history: \
                 delete the user's account and buckets one by one instead",
            ),
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => error.because(
                "the server's setting `user-data_delete_principals` says who may do that; without it, nobody may",
            ),
            _ => error,
        })
    }
}

/// Rejects what is no user: the server would take it, and delete what belongs to nobody else.
fn check(principal: &Principal) -> Result<()> {
    principal.check()?;
    let text = principal.as_str();
    let offence = if text.starts_with('/') {
        "it is a group; name each user"
    } else if text.starts_with("system.") {
        "it stands for many users; name each user"
    } else if !text.split_once(':').is_some_and(|(policy, id)| !policy.is_empty() && !id.is_empty()) {
        "a user is written with the policy that knows it: `account:alexis`"
    } else if text.contains('/') {
        "the server takes no `/` there"
    } else {
        return Ok(());
    };
    Err(Error::invalid(format!("{text:?} has no data of its own to be deleted: {offence}")))
}

/// Encodes what is more than a letter, digit or mark in the last name of a path.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~:@+".contains(&byte) {
            encoded.push(byte.into());
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

debug_as_place!(DeleteUserData [] [] principal);

/// Deletion of the data of a user.
impl Client {
    /// Deletes the objects that only this user can write, and removes the user from all other permissions and groups.
    ///
    /// The user need not exist. Objects that others may write, too, are kept. The user's account is kept as well, but loses its
    /// permissions on itself (Kinto 26.5.0): [`delete`](crate::account::Account::delete) it first.
    ///
    /// The server's setting `user-data_delete_principals` says who may do that. On a server with the history plugin, Kinto
    /// 26.5.0 fails with a 500 for users who have an account or have changed anything. On PostgreSQL it fails with a 503 for a
    /// user of whom nothing is left.
    ///
    /// The request is retried only if the server cannot have received it, since a second deletion would delete what the user
    /// has created after the first.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::builder().setting("kinto.includes", "kinto.plugins.accounts")
    /// #     .setting("kinto.user-data_delete_principals", "account:admin").shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let bucket = client.bucket(kinto_server::unique("doc"));
    /// # bucket.create().await?;
    /// # let alexis = client.user().await?.expect("a user").id.clone();
    /// # let everyone = kinto_client::Client::builder(server.url()).build()?;
    /// # everyone.account("admin").create("admin").await.ok();
    /// let admin = kinto_client::Client::builder(server.url()).auth(("admin", "admin")).build()?;
    /// admin.delete_user_data(alexis).await?;
    /// assert!(bucket.get().optional().await?.is_none());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid`](crate::Error::is_invalid) for a principal that is no user, such as a group or
    /// `system.Everyone`; nothing is sent then.
    pub fn delete_user_data(&self, user: impl Into<Principal>) -> Call<'static, DeleteUserData> {
        Call::new(self, DeleteUserData { principal: user.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_accepts_users_only() {
        for user in ["account:alexis", "basicauth:8503", "google:a|b c@d.org", "idp:é"] {
            assert!(check(&user.into()).is_ok(), "{user}");
        }
        for other in
            ["", "alexis", ":a", "account:", "system.Everyone", "system.Authenticated", "/buckets/b/groups/g", "a:b/c"]
        {
            assert!(check(&other.into()).unwrap_err().is_invalid(), "{other}");
        }
    }

    #[test]
    fn encoded_leaves_marks_of_principals() {
        assert_eq!(encoded("account:a+l@example.org"), "account:a+l@example.org");
        assert_eq!(encoded("auth0:google|1 é%"), "auth0:google%7C1%20%C3%A9%25");
    }
}
