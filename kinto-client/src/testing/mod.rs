//! A Kinto in memory, to test programs without a server.
//!
//! [`Kinto`] is a server in the process: it stores buckets, collections, groups and records, and responds as Kinto 26.5.0
//! does on PostgreSQL, which the tests of this crate compare request by request. [`Script`] is a transport with recorded
//! responses instead, for a test of exact requests.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
//! use kinto_client::{json, testing::Kinto};
//!
//! let kinto = Kinto::new();
//! let todo = kinto.client().bucket("default").collection("todo");
//! todo.create_record(json!({"title": "Milk"})).await?;
//! assert_eq!(todo.get_records::<kinto_client::Value>().count().await?, 1);
//! # Ok(()) }
//! ```
//!
//! The [`guide`] has whole programs with their tests: a web service, a command line, a job.
//!
//! # Faults
//!
//! A test says what goes wrong next: [`Kinto::fail_next`], [`Kinto::lose_responses`], [`Kinto::cut_bodies`],
//! [`Kinto::delay`], [`Kinto::before_next_write`], [`Kinto::collide_next_batches`], [`Kinto::expire_logins`].
//!
//! # What it is not
//!
//! It checks no password beyond equality, keeps nothing on disk, and compares text byte by byte, as PostgreSQL does with the
//! locale `C`. Plugins other than accounts, the default bucket, history and the permissions endpoint are absent, and so is
//! validation by JSON Schemas without the feature `schema`.

#[doc = include_str!("guide.md")]
pub mod guide {}

mod builder;
mod faults;
mod kinto;
mod preset;
mod recording;
mod script;
mod server;

pub use builder::KintoBuilder;
pub use kinto::Kinto;
pub use recording::RecordedRequest;
pub use script::{Expectation, Script, ScriptedResponse};

/// Seeds the ids and the delays of retries that this thread makes from now on, so that a run of a single-threaded runtime
/// repeats exactly.
///
/// [`KintoBuilder::starting_at`] does the same for the timestamps of the server, and tokio's `start_paused` for time.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> kinto_client::Result<()> {
/// use kinto_client::{json, testing::{self, Kinto}};
///
/// let todo = Kinto::new().client().bucket("default").collection("todo");
/// testing::seed(7);
/// let first = todo.create_record(json!({})).await?;
/// todo.delete_record(&first.id).await?;
/// testing::seed(7);
/// let second = todo.create_record(json!({})).await?;
/// assert_eq!(first.id, second.id);
/// # Ok(()) }
/// ```
pub fn seed(number: u64) {
    crate::wire::random::seeded::start(number);
}
