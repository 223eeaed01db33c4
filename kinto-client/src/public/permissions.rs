//! Lists of principals, one type for each kind of object.
//!
//! [`Permissions`](crate::Permissions) of an object are visible or not; where they are, they are a [`PermissionSet`] of its
//! kind. Set them when creating or saving an object, or change one list with `grant` and `revoke`.
//! [`Client::get_permissions`](crate::Client::get_permissions) lists those of the current user, as [`PermissionEntry`]s.
//!
//! ```
//! # #[tokio::main] async fn main() -> kinto_client::Result<()> {
//! # let server = kinto_server::Server::shared().expect("a server");
//! # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
//! # let bucket = client.bucket(kinto_server::unique("doc"));
//! # bucket.create().await?;
//! use kinto_client::Principal;
//!
//! bucket.grant(|permissions| permissions.read(Principal::everyone())).await?;
//! assert!(bucket.get().await?.permissions.get().unwrap().read.contains(&Principal::everyone()));
//! # Ok(()) }
//! ```

pub use crate::{
    permission::{
        entry::{Permission, PermissionEntry, PermissionFields},
        get::{CountPermissions, GetFirstPermission, GetPermissions},
    },
    wire::object::{
        permissions::{BucketPermissions, CollectionPermissions, GroupPermissions, PermissionSet, RecordPermissions},
        principal::IntoPrincipals,
    },
};
