//! Accounts of the server's accounts plugin.
//!
//! [`Client::account`](crate::Client::account) returns a handle, whose methods create, read and delete an account, change
//! its password, and change its other attributes. Passwords are sent to the server, and never shown.
//!
//! ```
//! # #[tokio::main] async fn main() -> kinto_client::Result<()> {
//! # let server = kinto_server::Server::shared().expect("a server");
//! # let id = kinto_server::unique("alexis");
//! use kinto_client::Client;
//!
//! let anyone = Client::builder(server.url()).build()?;
//! anyone.account(&id).create("p4ssw0rd").await?;
//! let client = anyone.with_auth((&*id, "p4ssw0rd"))?;
//! assert_eq!(client.account(&id).get().await?.id, id);
//! # Ok(()) }
//! ```

#![expect(private_interfaces, reason = "the traits of operations are sealed: no caller can name these types")]
use std::fmt;

use serde::Serialize;

use crate::{
    client::Client,
    operation::{Call, list::entries::GetEntries},
};
use operations::ACCOUNTS;

pub(crate) mod attributes;
pub(crate) mod object;
pub(crate) mod operations;

pub use attributes::{MergePatchAccount, PatchAccount, ReplaceAccountAttributes};
pub use object::AccountObject;
pub use operations::{ChangePassword, CreateAccount, DeleteAccount, GetAccount};

/// The handle of an account of the server's accounts plugin.
///
/// ```
/// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
/// # let server = kinto_server::Server::shared().expect("a server");
/// # let id = kinto_server::unique("alexis");
/// use kinto_client::Client;
///
/// let anyone = Client::builder(server.url()).build()?;
/// anyone.account(&id).create("p4ssw0rd").await?;
///
/// let client = Client::builder(server.url()).auth((&id, "p4ssw0rd")).expect_user(format!("account:{id}")).build()?;
/// client.account(&id).change_password("correct horse battery staple").await?;
/// let client = client.with_auth((&id, "correct horse battery staple"))?;
/// client.account(&id).delete().await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Account {
    client: Client,
    id: String,
}

impl Account {
    /// Returns the name of the account.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the path below the server's version prefix: `/accounts/alexis`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/accounts/{}", self.id)
    }

    /// Creates the account.
    ///
    /// Some servers permit that to everyone, others to administrators.
    ///
    /// # Errors
    ///
    /// [`Error::is_unauthorized`](crate::Error::is_unauthorized) or
    /// [`Error::is_conflict`](crate::Error::is_conflict) if the account exists already.
    pub fn create(&self, password: impl Into<String>) -> Call<'static, CreateAccount> {
        Call::new(&self.client, CreateAccount::new(self.id.clone(), password.into()))
    }

    /// Reads the account: your own, or any account as an administrator.
    pub fn get(&self) -> Call<'static, GetAccount> {
        Call::new(&self.client, GetAccount::new(self.id.clone()))
    }

    /// Changes the password.
    ///
    /// This client still has the old one afterwards: continue with [`Client::with_auth`].
    ///
    /// The server caches a verified password for half a minute, and may accept the old one until then.
    pub fn change_password(&self, password: impl Into<String>) -> Call<'static, ChangePassword> {
        Call::new(&self.client, ChangePassword::new(self.id.clone(), password.into()))
    }

    /// Sets some of the attributes beside the password, and keeps the others.
    ///
    /// A value replaces the stored one whole, and null is stored as null. [`merge_patch`](Self::merge_patch) removes attributes,
    /// too. Option: `if_match`.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let id = kinto_server::unique("alexis");
    /// # let anyone = kinto_client::Client::builder(server.url()).build()?;
    /// # anyone.account(&id).create("p4ssw0rd").await?;
    /// # let client = anyone.with_auth((&*id, "p4ssw0rd"))?;
    /// use kinto_client::json;
    ///
    /// let account = client.account(&id).patch(json!({"email": "alexis@example.org"})).await?;
    /// assert_eq!(account.data["email"], "alexis@example.org");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid`](crate::Error::is_invalid) for `password`, which only
    /// [`change_password`](Self::change_password) sets, and for `id` and `last_modified`.
    pub fn patch(&self, attributes: impl Serialize) -> Call<'static, PatchAccount> {
        Call::new(&self.client, PatchAccount::new(self.id.clone(), &attributes))
    }

    /// Applies a merge patch (RFC 7396) to the attributes beside the password: null removes an attribute, an object is merged
    /// with the stored one, and any other value replaces it.
    ///
    /// Option: `if_match`.
    ///
    /// # Errors
    ///
    /// As for [`patch`](Self::patch).
    pub fn merge_patch(&self, patch: impl Serialize) -> Call<'static, MergePatchAccount> {
        Call::new(&self.client, MergePatchAccount::new(self.id.clone(), &patch))
    }

    /// Replaces all attributes beside the password: those that are not named, or are null, are removed.
    ///
    /// The server takes a whole account only together with its password. So the account is read, and what differs is sent as a
    /// merge patch, if anything does. It is guarded by the version that was read. Option: `if_match`.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let id = kinto_server::unique("alexis");
    /// # let anyone = kinto_client::Client::builder(server.url()).build()?;
    /// # anyone.account(&id).create("p4ssw0rd").await?;
    /// # let client = anyone.with_auth((&*id, "p4ssw0rd"))?;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Profile {
    ///     email: String,
    ///     nickname: Option<String>,
    /// }
    ///
    /// let account = client.account(&id);
    /// account.replace(Profile { email: "alexis@example.org".into(), nickname: None }).await?;
    /// let profile: Profile = account.get().await?.parse()?;
    /// assert_eq!(profile.email, "alexis@example.org");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`patch`](Self::patch); [`Error::is_conflict`](crate::Error::is_conflict) if the account is changed meanwhile.
    pub fn replace(&self, attributes: impl Serialize) -> Call<'static, ReplaceAccountAttributes> {
        Call::new(&self.client, ReplaceAccountAttributes::new(self.id.clone(), &attributes))
    }

    /// Deletes the account, but no objects that it created.
    pub fn delete(&self) -> Call<'static, DeleteAccount> {
        Call::new(&self.client, DeleteAccount::new(self.id.clone()))
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/accounts/{}", self.client.url(), self.id)
    }
}

/// Accounts.
impl Client {
    /// Returns the handle of an account, without sending anything.
    pub fn account(&self, id: impl Into<String>) -> Account {
        Account { client: self.clone(), id: id.into() }
    }

    /// Reads all accounts as an administrator, and only your own as another user.
    pub fn get_accounts(&self) -> Call<'static, GetEntries<AccountObject>> {
        let entries = GetEntries {
            operation: "get",
            path: Ok("/accounts".to_owned()),
            template: "/accounts",
            needs: ACCOUNTS,
            secret: true,
            read: AccountObject::read,
        };
        Call::new(self, entries)
    }
}
