use std::fmt;

use crate::{
    call::{
        Call,
        account::{ACCOUNTS, ChangePassword, CreateAccount, DeleteAccount, GetAccount},
        entries::{GetEntries, entry},
    },
    client::Client,
    wire::{
        account::{AccountObject, HistoryEntry, PermissionEntry},
        request::Capability,
    },
};

use super::Bucket;

/// The place of an account of the server's accounts plugin.
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
    /// The name to log in with.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The path below the server's version prefix: `/accounts/alexis`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/accounts/{}", self.id)
    }

    /// Creates the account. Servers differ in who may do that: everyone, or administrators.
    ///
    /// # Errors
    ///
    /// [`Error::is_unauthorized`](crate::Error::is_unauthorized) or
    /// [`Error::is_conflict`](crate::Error::is_conflict) if there is one already.
    pub fn create(&self, password: impl Into<String>) -> Call<'static, CreateAccount> {
        Call::new(&self.client, CreateAccount::new(self.id.clone(), password.into()))
    }

    /// Reads the account: your own, or any as an administrator.
    pub fn get(&self) -> Call<'static, GetAccount> {
        Call::new(&self.client, GetAccount::new(self.id.clone()))
    }

    /// Changes the password. This client still has the old one afterwards: go on with [`Client::with_auth`].
    ///
    /// The server keeps a password that it has verified for half a minute, and may take the old one until then.
    pub fn change_password(&self, password: impl Into<String>) -> Call<'static, ChangePassword> {
        Call::new(&self.client, ChangePassword::new(self.id.clone(), password.into()))
    }

    /// Deletes the account. What it created stays.
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
    /// The account of that name. Nothing is sent.
    pub fn account(&self, id: impl Into<String>) -> Account {
        Account { client: self.clone(), id: id.into() }
    }

    /// Reads all accounts as an administrator, and only your own otherwise.
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

    /// Reads everything that you may do on this server, beyond what everyone may.
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

/// Its history.
impl Bucket {
    /// Reads every change of the bucket and of what is in it, the last first.
    ///
    /// # Errors
    ///
    /// [`Error::is_unsupported`](crate::Error::is_unsupported) if the server does not have the history plugin.
    pub fn get_history(&self) -> Call<'static, GetEntries<HistoryEntry>> {
        let entries = GetEntries {
            operation: "get",
            path: self.place.checked().map(|bucket| format!("{bucket}/history")),
            template: "/buckets/{bucket}/history",
            needs: Capability("history"),
            secret: false,
            read: entry,
        };
        Call::new(&self.client, entries)
    }
}
