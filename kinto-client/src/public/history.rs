//! The history of a bucket, which the server's `history` plugin keeps.
//!
//! [`Bucket::get_history`](crate::Bucket::get_history) reads its entries: which user changed which object, when, and how.
//!
//! ```no_run
//! # async fn print(bucket: kinto_client::Bucket) -> kinto_client::Result<()> {
//! for entry in bucket.get_history().await? {
//!     println!("{entry:?}");
//! }
//! # Ok(()) }
//! ```

pub use crate::account::object::HistoryEntry;
