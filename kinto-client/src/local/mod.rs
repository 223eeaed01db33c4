//! Records in a file, which are there without a network, and come to the server when there is one.
//!
//! A [`Store`] is a file; a [`LocalCollection`] has the verbs of [`TypedCollection`](crate::TypedCollection) with the same
//! meanings, and answers from the file alone: fields that the type does not know survive a save, a create never replaces, and
//! an unchanged save writes nothing.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
//! # let server = kinto_server::Server::shared().expect("a server");
//! # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
//! use kinto_client::{KintoRecord, local::Store};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize, KintoRecord)]
//! #[kinto(collection = "notes")]
//! struct Note {
//!     text: String,
//!     #[serde(default)]
//!     done: bool,
//! }
//!
//! let store = Store::in_memory().await?; // or `Store::open("notes.db")`
//! let notes = store.collection::<Note>(&client).await?;
//!
//! let note = notes.create_record(Note { text: "Milk".to_owned(), done: false }).await?;
//! notes.update_record(&note.id, |note| note.done = true).await?;
//! for note in notes.get_records().await? {
//!     println!("{} {}", note.data.done, note.data.text);
//! }
//! # Ok(()) }
//! ```
//!
//! # Versions
//!
//! [`Record::last_modified`](crate::Record) is the server's time for a record as the server has it, and the time of the last
//! change here for one that was changed since. It is the version that a save or a deletion of a record is checked by.
//!
//! # What is on the disk
//!
//! Records are kept as they are, so whoever can read the file can read them: leave its encryption to the operating system.
//! Credentials are not in it.

mod collection;
mod conflicts;
mod query;
pub(crate) mod row;
mod store;
mod sync;

pub use collection::{
    LocalCollection, bind::BindCollection, create::LocalCreate, delete::LocalDelete, edit::LocalEdit, get::LocalGet,
    get::LocalGetOptional, overwrite::LocalOverwrite, save::LocalSave, update::LocalUpdate,
};
pub use conflicts::{
    ConflictPolicy, FieldConflict, ListConflicts, ListProblems, LocalConflict, LocalProblem, ResolveConflict,
    RetryProblem,
};
pub use query::{LocalCount, LocalFirst, LocalList, LocalStream};
pub use store::{OpenStore, Store};
pub use sync::{LossPolicy, SyncReport, Synchronize};
