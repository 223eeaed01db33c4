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
//! Lists are filtered, sorted and counted by the file, with the same handles of fields and the same result as on the server:
//! [`get_records`](LocalCollection::get_records). [`changes_since`](LocalCollection::changes_since) returns what changed, here or
//! by a synchronization, each change once.
//!
//! # Many records
//!
//! [`create_records`](LocalCollection::create_records), [`save_records`](LocalCollection::save_records),
//! [`delete_records`](LocalCollection::delete_records) and
//! [`delete_all_records`](LocalCollection::delete_all_records) write in one transaction: if the file fails, nothing is stored.
//! [`create_records_from`](LocalCollection::create_records_from) and its siblings take a stream, and
//! [`update_records`](LocalCollection::update_records) changes every record; they write in pieces of 256 records, and hold no
//! more than two pieces in memory.
//!
//! # Synchronization
//!
//! [`sync`](LocalCollection::sync) reads what changed on the server, merges it with what changed here, and sends that. Nothing
//! else makes requests, but for the first use of a collection, which asks the server whose credentials these are.
//!
//! | rule | meaning |
//! |---|---|
//! | Both sides are kept | A field that one side changed has that side's value, to the byte, also if the type does not know it. Objects are merged field by field, and lists with `#[kinto(key = "…")]` item by item; any other list is one value. |
//! | What is merged can be read | If the type reads both versions and not what comes of them, or not all that either side changed, such as two variants of an enum or a field under two of its names, the fields in question are a conflict. |
//! | Files are the server's | A field with `#[kinto(attachment)]` is as the server has it, whichever version is kept. It is empty if the record was deleted there, and the file with it. |
//! | Fields have a say | Of a list with `#[kinto(merge = "set")]`, what one side added is there, and what one side removed is not. A field with `#[kinto(merge = "local")]` or `"remote"` has that side's value if both changed it. It is a conflict only if a lost response leaves the result in doubt. |
//! | Conflicts lose nothing | If both sides changed a field, the record keeps both versions until [`resolve_conflict`](LocalCollection::resolve_conflict) is called for the two that were read, unless [`on_conflict`](LocalCollection::on_conflict) or a function ([`on_conflict_with`](LocalCollection::on_conflict_with)) decides. It can be read and written meanwhile, is not sent, and holds up no other record. |
//! | It can stop anywhere | What was read and sent is stored with its position, and each write is noted before it is sent. The next call goes on there, also in another process. |
//! | Nothing is applied twice | A write whose response was lost is recognized when it is met again. What cannot be told is a conflict. |
//! | Refusals wait | A record that the server refuses is listed by [`problems`](LocalCollection::problems), is sent again once it or its collection changes, and holds up no other record. |
//! | Losses are noticed | If records are gone without having been deleted, or are older than they were, nothing is changed until [`on_loss`](LocalCollection::on_loss) decides. A record that another program creates with an older timestamp is only found if something else changes too. |
//! | Rest is heeded | If the server asks for time by `Retry-After` or `Backoff`, no synchronization of its collections sends a request before it has passed, a day at most, also not after a restart. |
//! | Many are one | [`Store::sync_all`] asks for many collections at once whether there is anything new. An error of one does not hold up the others. |
//! | One at a time | A second synchronization of a collection, here or in another process, is an error that says when to try again. Reads and writes of records go on. |
//!
//! [`status`](LocalCollection::status) counts what was not sent yet and says what keeps it from being sent, and
//! [`pending`](LocalCollection::pending) lists it. Both read the file only, also while a synchronization is running.
//!
//! Kinto compares versions before it locks a record. Two devices that send the same record at the same moment can therefore
//! lose one of the two changes, unless all of them use a fence: [`Client::fenced_by`](crate::Client::fenced_by).
//!
//! A record whose data is `{"deleted": true}` and nothing else is, in a list of changes, what Kinto says of a deletion: other
//! devices take it for one.
//!
//! `examples/notes` is a complete program.
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
//!
//! Beside the file are those of SQLite, which end in `-wal` and `-shm`, and an empty one for each collection that was synchronized,
//! which ends in `-sync` and a number: its lock says that a synchronization is running, and ends with the process.

mod changes;
mod collection;
mod conflict_policy;
mod conflicts;
mod inner;
mod lenient;
mod marked;
mod pending;
mod policies;
mod problems;
mod query;
mod record;
mod resolve;
pub(crate) mod row;
mod status;
mod store;
mod sync;
mod window;

pub use changes::{ChangeOrigin, ChangePosition, GetLocalChanges, InvalidChange, LocalChange, RecordChange};
pub use collection::{
    LocalCollection,
    bind::BindCollection,
    bulk::{LocalBulk, LocalBulkEach},
    bulk_from::LocalBulkFrom,
    change::LocalOperation,
    create::LocalCreate,
    delete::LocalDelete,
    delete_all::LocalDeleteAll,
    edit::LocalEdit,
    get::{LocalGet, LocalGetOptional},
    overwrite::LocalOverwrite,
    save::{LocalSave, LocalSaveOwned},
    update::LocalUpdate,
    update_all::LocalUpdateAll,
};
pub use conflict_policy::{ConflictPolicy, Resolution};
pub use conflicts::{FieldConflict, ListConflicts, LocalConflict};
pub use lenient::{GetLocalChangesLenient, ListConflictsLenient, ListPendingLenient};
pub use pending::{ListPending, PendingChange};
pub use policies::LossPolicy;
pub use problems::{ListProblems, LocalProblem, RetryProblem};
pub use query::{LocalCount, LocalFirst, LocalLenient, LocalList, LocalOne};
pub use resolve::{ConflictTarget, ResolveConflict};
pub use status::{GetStatus, LocalStatus};
pub use store::{OpenStore, Store};
pub use sync::{SyncAll, SyncReport, Synchronize};
