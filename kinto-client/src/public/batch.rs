//! Many operations in few requests.
//!
//! [`Client::batch`](crate::Client::batch) creates a [`Batch`](crate::Batch). Each operation that is added gives a [`Ticket`],
//! and [`BatchResults`] exchanges the ticket for the result. For a fixed number of operations of different types,
//! [`Client::batch_of`](crate::Client::batch_of) takes a tuple and returns one; for many records of one type use
//! [`create_records`](crate::Collection::create_records), [`save_records`](crate::Collection::save_records) and
//! [`delete_records`](crate::Collection::delete_records).
//!
//! ```
//! # #[tokio::main] async fn main() -> kinto_client::Result<()> {
//! # let server = kinto_server::Server::shared().expect("a server");
//! # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
//! # let todos = client.bucket("default").collection(kinto_server::unique("doc"));
//! use kinto_client::json;
//!
//! let mut batch = client.batch();
//! let milk = batch.add(todos.create_record(json!({"title": "Milk"})));
//! let bread = batch.add(todos.create_record(json!({"title": "Bread"})));
//! let results = batch.execute().await?;
//! assert_eq!(results.get(&milk)?.data["title"], "Milk");
//! assert!(results.get(&bread).is_ok());
//! # Ok(()) }
//! ```

pub use crate::operation::batch::{BatchResults, IntoBatch, Progress, Ticket};
