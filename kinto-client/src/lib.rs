//! Client for [Kinto](https://docs.kinto-storage.org), a JSON store with buckets, collections, records, groups and
//! permissions over HTTP.
//!
//! Write a struct, derive [`KintoRecord`], and a collection stores and returns values of that struct. Filters, orders,
//! edits, conflicts, batches and schemas are checked by the compiler. The untyped JSON API has the same verbs.
//!
//! ```no_run
//! use kinto_client::{Client, KintoRecord, Result};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, Serialize, Deserialize, KintoRecord)]
//! #[kinto(collection = "todo")]
//! struct Todo {
//!     title: String,
//!     #[serde(default)]
//!     done: bool,
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<()> {
//!     let client = Client::builder("http://localhost:8888/v1").auth(("alexis", "p4ssw0rd")).build()?;
//!     let todos = client.typed::<Todo>();
//!     let f = Todo::fields();
//!
//!     let milk = todos.create_record(Todo { title: "Milk".into(), done: false }).await?;
//!     todos.update_record(&milk.id, |todo| todo.done = true).await?;
//!     for record in todos.get_records().filter(f.done.eq(true)).sort(f.title.asc()).await? {
//!         println!("{} {}", record.id, record.data.title);
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # Map
//!
//! | to | open |
//! |---|---|
//! | connect to a server | [`Client::builder`], [`auth`], [`transport`], [`retry`], [`server`] |
//! | read and write records of one type | [`TypedCollection`], [`Record`], [`KintoRecord`] |
//! | read and write JSON without a type | [`Collection`], [`Value`], [`JsonObject`] |
//! | filter, order and select | [`field`], [`Filter`], [`Sort`], [`list`] |
//! | delete what matches a filter | [`Collection::delete_all_records`] |
//! | follow changes | [`list::Changes`] |
//! | read published collections | [`changeset`] |
//! | review what is published | the feature `review` |
//! | see who changed what, restore a version, read a collection as it was | [`history`] |
//! | send many operations in few requests | [`Batch`], [`batch`] |
//! | share records | [`Permissions`], [`Principal`], [`Group`], [`permissions`] |
//! | declare buckets and collections | [`Blueprint`], [`blueprint`] |
//! | log in with a browser | the feature `openid` |
//! | look after a server | [`tools`], [`account`] |
//! | upload and download files of records | the feature `attachments` |
//! | keep records in a file, and synchronize them | the feature `local` |
//! | test a program without a server | the feature `testing` |
//! | handle failures | [`Error`], [`ErrorKind`], [`object::Conflict`] |
//! | see a request before it is sent, or add options to it | [`Call`], [`operation`] |
//! | come from the Python client, or read task by task | [`guide`] |
//! | see what the other clients' tests do, and the tests here | [`scenarios`] |
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `derive` | `#[derive(KintoRecord)]` *(enabled by default)* |
//! | `gzip` | compressed responses, and [`ClientBuilder::compress_requests`] *(enabled by default)* |
//! | `brotli`, `zstd` | responses in these encodings |
//! | `rustls` | TLS by rustls with the certificates of the operating system *(enabled by default)* |
//! | `native-tls` | TLS by the library of the operating system |
//! | `blocking` | `.call()` beside `.await`, for programs without async code |
//! | `attachments` | files of records: streamed uploads, verified downloads, what is missing: the module `attachment` |
//! | `local` | records in a file, which are there without a network and are synchronized with the server: the module `local` |
//! | `openid` | login in the browser with OpenID Connect: the module `openid` |
//! | `review` | reviews of collections before the server's signer publishes them: the module `review` |
//! | `schema` | JSON Schemas of types, checks before sending, and migrations: the module `schema` |
//! | `testing` | a Kinto in memory and recorded responses, for tests without a server: the module `testing` |

#![cfg_attr(docsrs, feature(doc_cfg))]

// Lets the tests of this crate use the derive, whose output refers to `::kinto_client`.
extern crate self as kinto_client;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
pub mod account;
#[cfg(feature = "attachments")]
pub mod attachment;
pub mod blueprint;
pub mod changeset;
mod client;
mod error;
pub mod field;
pub mod handle;
pub mod history;
mod json;
#[cfg(feature = "local")]
pub mod local;
#[cfg(feature = "openid")]
pub mod openid;
pub mod operation;
mod permission;
mod public;
mod record;
#[cfg(feature = "review")]
pub mod review;
#[cfg(feature = "schema")]
pub mod schema;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tools;
pub mod transport;
mod wire;

#[doc = include_str!("guide.md")]
pub mod guide {}

#[doc = include_str!("scenarios.md")]
pub mod scenarios {}

/// The examples of the README, which are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

pub use public::{auth, batch, list, object, permissions, retry, server};

pub use bytes;
pub use futures_core;
pub use http;
pub use serde_json::{Value, json};

#[cfg(feature = "derive")]
pub use kinto_derive::KintoRecord;

pub use client::{Client, ClientBuilder};
pub use error::{Error, ErrorKind, Result};
pub use json::JsonObject;
pub use record::KintoRecord;
pub use wire::{
    filter::Filter,
    object::{Object, Record, id::RecordId, permissions::Permissions, principal::Principal},
    sort::Sort,
    timestamp::Timestamp,
};
#[doc(inline)]
pub use {
    blueprint::Blueprint,
    handle::{Bucket, Collection, Group, TypedCollection},
    operation::{Call, batch::Batch},
    transport::auth::Auth,
};
