//! Objects of a server beside records, and the types that all objects share.
//!
//! [`Object`](crate::Object) is a stored object with its id, timestamp, data and permissions; the data of buckets, collections
//! and groups are attributes, that of records is any [`RecordData`].
//!
//! ```
//! # #[tokio::main] async fn main() -> kinto_client::Result<()> {
//! # let server = kinto_server::Server::shared().expect("a server");
//! # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
//! use kinto_client::object::BucketObject;
//!
//! let bucket: BucketObject = client.bucket(kinto_server::unique("doc")).create().await?;
//! assert!(bucket.permissions.get().is_some());
//! # Ok(()) }
//! ```

pub use crate::wire::object::{
    RecordData,
    attributes::{
        AttachmentAttributes, BucketAttributes, BucketObject, CollectionAttributes, CollectionObject, GroupAttributes,
        GroupObject,
    },
    conflict::Conflict,
    id::Id,
    kind,
    outcome::{CreateOutcome, Tombstone},
    patch::JsonPatch,
    patch_path::{PatchKey, PatchPath},
};
