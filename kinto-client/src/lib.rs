#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

// So that what the derive emits is found in this crate's own tests as well.
extern crate self as kinto_client;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod call;
mod client;
mod error;
pub mod field;
#[doc = include_str!("guide.md")]
pub mod guide {}
mod handle;
mod record;
#[cfg(feature = "schema")]
pub mod schema;
mod transport;
mod wire;

pub use bytes;
pub use futures_core;
pub use http;
pub use serde_json::{Value, json};

#[cfg(feature = "derive")]
pub use kinto_derive::KintoRecord;

pub use call::{
    Call, Operation, Run,
    batch::{Batch, Done, IntoBatch, Progress, Ticket},
    blueprint::{Applied, Declared, Plan},
    delete::{RecordTarget, Target},
    edit::Optional,
    list::{BadObject, Change, ChangeStream, Changes, Fresh, ObjectPage, Objects, Records, Selected},
    preview::Preview,
    raw::RawResponse,
    save::Saved,
};
pub use client::{Client, ClientBuilder};
pub use error::{Conflict, Error, ErrorKind, Result};
pub use handle::{Account, Bucket, Collection, Group, Handle, RecordHandle, TypedCollection};
pub use record::KintoRecord;
pub use transport::{
    Body, Transport, TransportError, TransportErrorKind,
    auth::{Auth, CredentialProvider},
    http_client::HttpTransport,
    notice::Backoff,
    retry::{Attempt, Exponential, Never, RetryPolicy},
};
pub use wire::{
    account::{AccountObject, HistoryEntry, PermissionEntry},
    alert::Alert,
    attributes::{
        AttachmentAttributes, BucketAttributes, BucketObject, CollectionAttributes, CollectionObject, GroupAttributes,
        GroupObject,
    },
    blueprint::{Blueprint, BucketSpec, CollectionSpec, GroupSpec},
    change_token::ChangeToken,
    filter::Filter,
    id::{Id, RecordId},
    kind,
    object::{Data, Object, Record},
    outcome::{Ensured, Tombstone},
    page_token::PageToken,
    patch::JsonPatch,
    patch_path::{PatchKey, PatchPath},
    permissions::{
        BucketPermissions, CollectionPermissions, GroupPermissions, PermissionSet, Permissions, RecordPermissions,
    },
    plan::{Action, Difference, Step},
    preview::RequestPreview,
    principal::{IntoPrincipals, Principal},
    server_info::{ServerInfo, Settings, User},
    sort::Sort,
    timestamp::Timestamp,
};

/// A JSON object, as data of a record without a type of its own.
pub type JsonObject = serde_json::Map<String, Value>;

/// The operations that a [`Call`] can be: each verb's own type, with its options as methods of the call.
pub mod operation {
    #[cfg(feature = "schema")]
    pub use crate::call::schema::{drift::CheckSchema, migrate::Migrate, violations::FindMisfits};
    pub use crate::call::{
        account::{ChangePassword, CreateAccount, DeleteAccount, GetAccount},
        batch::{Execute, Together},
        blueprint::{Apply, Ensure, MakePlan},
        create::Create,
        delete::{Delete, DeleteBucketIfExists, DeleteIfExists},
        delete_all::DeleteAll,
        edit::Edit,
        entries::GetEntries,
        get::{Get, GetOrNone},
        grant::Grant,
        if_not_exists::CreateIfNotExists,
        list::{
            Count, GetAll, GetChanges, GetFirst, GetIfChanged, GetLenient, GetObjectIfChanged, GetOne, GetParallel,
            GetSelected, GetTimestamp,
        },
        many::{Each, Many},
        overwrite::Overwrite,
        patch::Patch,
        raw::RawRequest,
        save::{Save, SavePermissions},
        server_info::{FetchServerInfo, GetServerInfo, GetUser},
        update::Update,
    };
    pub use crate::handle::ChangeMembers;
}
