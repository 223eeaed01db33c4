//! Accounts of the server's accounts plugin.
//!
//! [`Client::account`](crate::Client::account) returns a handle, whose methods create, read and delete an account or change
//! its password. Passwords are sent to the server, and never shown.
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

use crate::{
    client::Client,
    operation::{
        Call,
        list::entries::{GetEntries, entry},
    },
    wire::request::Capability,
};
use object::{HistoryEntry, PermissionEntry};
use operations::ACCOUNTS;

use crate::handle::Bucket;

pub(crate) mod object;
pub(crate) mod operations;

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

/// Accounts and permissions.
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

    /// Reads your permissions on this server, beyond those of everyone.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let id = kinto_server::unique("doc");
    /// # client.create_bucket(&id).await?;
    /// let mine = client.get_permissions().await?;
    /// let bucket = mine.iter().find(|entry| entry.uri == format!("/buckets/{id}")).expect("I created it");
    /// assert!(bucket.permissions.iter().any(|permission| permission == "write"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::is_unsupported`](crate::Error::is_unsupported) if the server does not have this endpoint.
    pub fn get_permissions(&self) -> Call<'static, GetEntries<PermissionEntry>> {
        let entries = GetEntries {
            operation: "get",
            path: Ok("/permissions".to_owned()),
            template: "/permissions",
            needs: Capability("permissions_endpoint"),
            secret: false,
            read: entry,
        };
        Call::new(self, entries)
    }
}

/// The history of a bucket.
impl Bucket {
    /// Reads every change of the bucket and of the objects in it, the last one first.
    ///
    /// # Errors
    ///
    /// [`Error::is_unsupported`](crate::Error::is_unsupported) if the server does not have the history plugin.
    pub fn get_history(&self) -> Call<'static, GetEntries<HistoryEntry>> {
        let entries = GetEntries {
            operation: "get",
            path: self.place.checked().map(|bucket| format!("{}/history", bucket.as_str())),
            template: "/buckets/{bucket}/history",
            needs: Capability("history"),
            secret: false,
            read: entry,
        };
        Call::new(&self.client, entries)
    }
}
