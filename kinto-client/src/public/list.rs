//! Results of reading lists: pages, streams, selections and changes.
//!
//! [`Collection::get_records`](crate::Collection::get_records) and its siblings read whole lists, with options for filters,
//! orders, limits, selected fields, pages and streams. [`Collection::changes_since`](crate::Collection::changes_since) reads
//! the changes since a [`ChangeToken`], once or continuously.
//!
//! ```
//! # #[tokio::main] async fn main() -> kinto_client::Result<()> {
//! # let server = kinto_server::Server::shared().expect("a server");
//! # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
//! # let todos = client.bucket("default").collection(kinto_server::unique("doc"));
//! use kinto_client::{Filter, Value, json, list::Change};
//!
//! todos.create_records([json!({"title": "Milk"}), json!({"title": "Bread"})]).await?;
//! let all = todos.get_records::<Value>().await?;
//! let milk = todos.get_records::<Value>().filter(Filter::field("title").eq("Milk")).await?;
//! assert_eq!((all.len(), milk.len()), (2, 1));
//!
//! todos.delete_record(&milk[0]).await?;
//! let news = todos.changes_since::<Value>(all.change_token()).await?;
//! assert!(matches!(&news.changes[..], [Change::Deleted(id, _)] if milk[0].id == *id));
//! # Ok(()) }
//! ```

pub use crate::{
    operation::list::{
        Change, ChangeStream, Changes, Conditional, InvalidObject, ObjectPage, Objects, Records, Selected,
    },
    wire::{change_token::ChangeToken, page_token::PageToken},
};
