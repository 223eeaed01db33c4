//! The file that records are kept in.

use std::{
    fmt,
    future::IntoFuture,
    path::{Path, PathBuf},
    time::Duration,
};

use futures_core::future::BoxFuture;
use futures_util::FutureExt as _;

use crate::error::Result;

pub(crate) mod collections;
pub(crate) mod connection;
pub(crate) mod failure;
mod functions;
pub(crate) mod indexes;
pub(crate) mod log;
pub(crate) mod rows;
mod runner;
mod schema;
#[cfg(test)]
mod tests;

use connection::{Database, Place};

/// The time to wait for another process that writes to the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The number of changes that a file keeps.
const KEEP_CHANGES: u32 = 10_000;

/// A file of records, which are there without a network.
///
/// One file holds any number of collections, of several servers and users, each apart from the others. It is a SQLite database
/// in WAL mode: several processes may open it, and what a call has stored is on the disk when the call returns. Clones share
/// one connection, which has a thread of its own; a blocking call, such as `edit_record("a").set(…).call()`, does its work on the
/// thread that it blocks. A store in memory works on the threads of its callers. A panic in code of the program, such as the
/// `Serialize` of a type, goes on in the call that ran it, of which nothing is stored; the store goes on.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
/// # let server = kinto_server::Server::shared().expect("a server");
/// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
/// # let folder = std::env::temp_dir().join(kinto_server::unique("doc"));
/// # std::fs::create_dir(&folder).expect("a folder");
/// use kinto_client::{KintoRecord, local::Store};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, KintoRecord)]
/// #[kinto(collection = "notes")]
/// struct Note {
///     text: String,
/// }
///
/// let store = Store::open(folder.join("notes.db")).await?;
/// let notes = store.collection::<Note>(&client).await?;
/// let note = notes.create_record(Note { text: "Milk".to_owned() }).await?; // without a request
/// assert_eq!(notes.get_record(&note.id).await?.data.text, "Milk");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Store {
    pub(crate) database: Database,
}

/// Opens a [`Store`] when it is awaited.
#[must_use = "a store is opened when this is awaited"]
#[derive(Debug)]
pub struct OpenStore {
    /// `None` for a store in memory.
    path: Option<PathBuf>,
    busy_timeout: Duration,
    keep_changes: u32,
}

impl Store {
    /// Opens a file, which is created if there is none.
    ///
    /// Options: [`busy_timeout`](OpenStore::busy_timeout), [`keep_changes`](OpenStore::keep_changes).
    ///
    /// # Errors
    ///
    /// [`Error::is_storage`](crate::Error::is_storage) if the file cannot be opened, is damaged, belongs to another program, or
    /// was written by a newer version of this library. The message names the file, and nothing is written to it then.
    pub fn open(path: impl AsRef<Path>) -> OpenStore {
        OpenStore { path: Some(path.as_ref().to_owned()), busy_timeout: BUSY_TIMEOUT, keep_changes: KEEP_CHANGES }
    }

    /// Opens a store in memory, for tests, which is gone with its last clone.
    ///
    /// It works on the thread of the caller, so that a test can stop tokio's clock: what it does takes no time there.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// use kinto_client::{Value, json, local::Store};
    ///
    /// let store = Store::in_memory().await?;
    /// let notes = store.bind::<Value>(&client.bucket("default").collection("notes")).await?;
    /// notes.create_record(json!({"text": "Milk"})).await?;
    /// assert_eq!(notes.get_records().count().await?, 1);
    /// # Ok(()) }
    /// ```
    pub fn in_memory() -> OpenStore {
        OpenStore { path: None, busy_timeout: BUSY_TIMEOUT, keep_changes: KEEP_CHANGES }
    }
}

impl OpenStore {
    /// Sets the time to wait for another process that writes to the file; 10 seconds unless set, and 24 days at most, which is
    /// what SQLite can count.
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// Sets the number of changes that the file keeps for [`changes_since`](super::LocalCollection::changes_since); 10,000 unless
    /// set. Each takes the room of the record before and after it.
    pub fn keep_changes(mut self, changes: u32) -> Self {
        self.keep_changes = changes;
        self
    }

    /// Opens the store and blocks this thread until it is open.
    ///
    /// # Errors
    ///
    /// The errors of [`Store::open`]; and [`Error::is_invalid`](crate::Error::is_invalid) in async code.
    #[cfg(feature = "blocking")]
    pub fn call(self) -> Result<Store> {
        crate::operation::blocking::wait(self.into_future())
    }
}

impl IntoFuture for OpenStore {
    type Output = Result<Store>;
    type IntoFuture = BoxFuture<'static, Result<Store>>;

    fn into_future(self) -> Self::IntoFuture {
        async move {
            let place = self.path.map_or(Place::Memory, Place::File);
            let database = Database::open(place, self.busy_timeout, self.keep_changes).await?;
            Ok(Store { database })
        }
        .boxed()
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.database.name())
    }
}
