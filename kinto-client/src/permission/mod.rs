//! The permissions of the current user on all objects of a server.

#![expect(private_interfaces, reason = "the traits of operations are sealed: no caller can name these types")]

use crate::{client::Client, operation::Call};

pub(crate) mod entry;
pub(crate) mod get;

use get::GetPermissions;

/// Permissions of the current user.
impl Client {
    /// Reads your permissions on the objects of this server, beyond those that everyone has: one entry for each object.
    ///
    /// Objects that you can read or write only because of a permission on their parent have no entry of their own. The
    /// entries come in descending order of their paths, unless another order is set.
    ///
    /// Options of the call: `filter`, `having`, `sort`, `limit` and `page_size`. `first` and `count` return less than all
    /// entries, and `stream` returns them as they arrive. They are listed at
    /// [`GetPermissions`](crate::permissions::GetPermissions).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let id = kinto_server::unique("doc");
    /// # client.create_bucket(&id).await?;
    /// use kinto_client::permissions::{Permission, PermissionEntry};
    ///
    /// let f = PermissionEntry::fields();
    /// let mine = client.get_permissions().filter(f.bucket_id.eq(&id)).having(Permission::Write).await?;
    /// assert_eq!(mine[0].uri, format!("/buckets/{id}"));
    /// assert!(mine[0].has(&Permission::CreateCollection));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::is_unsupported`](crate::Error::is_unsupported) if the server does not have this endpoint, which is a setting
    /// (`experimental_permissions_endpoint`) or comes with the admin plugin.
    pub fn get_permissions(&self) -> Call<'static, GetPermissions> {
        Call::new(self, GetPermissions::default())
    }
}
