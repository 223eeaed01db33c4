//! Change sets of the server's `changes` plugin: the attributes of a collection, the time of its last change and its
//! records in one response.
//!
//! A change set is what published, signed collections are read by. It is whole: there are no pages, and the server fails
//! rather than mix two states. [`Collection::get_changeset`] reads one of any collection,
//! [`Client::get_monitor_changeset`] the times of the last changes of all published ones. Signatures are not verified
//! here; `metadata` has them as received.
//!
//! Use [`Collection::changes_since`] to follow a collection on any server: it needs no plugin, reads page by page, and
//! misses no change of a transaction that was committed late, which a change set can.
//!
//! ```
//! # #[tokio::main] async fn main() -> kinto_client::Result<()> {
//! # let server = kinto_server::Server::builder().signer(["/buckets/workspace -> /buckets/published"])
//! #     .setting("kinto.signer.to_review_enabled", "true").shared().expect("a server");
//! # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
//! # let id = kinto_server::unique("doc");
//! # client.create_bucket(&id).await?;
//! # let regions = client.bucket(&id).collection("regions");
//! # regions.create().await?;
//! use kinto_client::{Value, json, list::Change};
//!
//! let france = regions.create_record(json!({"name": "France"})).await?;
//! let all = regions.get_changeset::<Value>().await?;
//! assert_eq!((all.changes.len(), all.timestamp), (1, france.last_modified));
//!
//! regions.delete_record(&france).await?;
//! let news = regions.get_changeset::<Value>().since(all.timestamp).await?;
//! assert!(matches!(&news.changes[..], [Change::Deleted(id, _)] if france.id == *id));
//!
//! // The times of all published collections, in one request.
//! let monitor = client.get_monitor_changeset().await?;
//! assert!(monitor.changes.iter().all(|entry| entry.bucket == "published"));
//! # Ok(()) }
//! ```

#![expect(private_interfaces, reason = "the traits of operations are sealed: no caller can name these types")]

use serde::Deserialize;

use crate::{
    client::Client,
    handle::{Collection, TypedCollection},
    operation::Call,
    wire::{
        object::{RecordData, attributes::CollectionObject},
        timestamp::Timestamp,
    },
};

mod body;
mod expected;
mod get;
mod monitor;

pub use get::{GetChangeset, GetLenientChangeset};
pub use monitor::GetMonitorChangeset;

/// A change set: of a collection with a [`Change`](crate::list::Change) for each record, of the monitor with a
/// [`MonitorEntry`] for each collection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Changeset<C> {
    /// The collection with its attributes, among them the signature of a published collection; its `last_modified` is the
    /// time of the last change of the attributes. `None` for the monitor, and where the server says only that nothing is
    /// newer.
    pub metadata: Option<CollectionObject>,
    /// The time of the last change of the records, to be passed to [`since`](Call::since) next time.
    pub timestamp: Timestamp,
    /// The time that the changes follow, or `None` if all current records are here and no deletions. The server sends
    /// everything if it redirects a request with an old time: replace what you have then, since deletions may be missing.
    pub since: Option<Timestamp>,
    /// The changes, the last one first; or the entries of the monitor, in no order.
    pub changes: Vec<C>,
}

/// The time of the last change of one published collection.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct MonitorEntry {
    /// The id of the entry, which the server makes of its own address and the collection's path.
    pub id: String,
    /// The time of the last change of the collection's records.
    pub last_modified: Timestamp,
    /// The id of the bucket.
    pub bucket: String,
    /// The id of the collection.
    pub collection: String,
    /// The server's own address in its settings, which may be empty.
    #[serde(default)]
    pub host: String,
}

impl MonitorEntry {
    /// Returns the handle of the collection on the server of `client`; [`host`](Self::host) is not contacted.
    #[must_use]
    pub fn collection(&self, client: &Client) -> Collection {
        client.bucket(&*self.bucket).collection(&*self.collection)
    }
}

/// The change set.
impl Collection {
    /// Reads the attributes of the collection, the time of the last change of its records, and the records: all of them,
    /// or with [`since`](Call::since) what was changed and deleted after that time.
    ///
    /// Whoever may read the collection gets all of its records. The response is in memory as a whole, up to
    /// [`max_response_size`](crate::ClientBuilder::max_response_size); for large collections that are not published prefer
    /// [`get_records`](Self::get_records) and [`changes_since`](Self::changes_since), which read page by page.
    ///
    /// The server's `_limit` is not offered: it would leave out changes, and nothing in the response would say so.
    ///
    /// Options: [`since`](Call::since), [`expected`](Call::expected), [`bust_cache`](Call::bust_cache),
    /// [`lenient`](Call::lenient).
    ///
    /// # Errors
    ///
    /// [`Error::is_unsupported`](crate::Error::is_unsupported) if the server does not have the `changes` plugin;
    /// [`Error::is_not_found`](crate::Error::is_not_found) if the collection does not exist;
    /// [`Error::is_decode`](crate::Error::is_decode), with the record and the place, if a record does not decode as `T`.
    pub fn get_changeset<T: RecordData>(&self) -> Call<'static, GetChangeset<T>> {
        Call::new(&self.client, GetChangeset::new(self.place.clone()))
    }
}

/// The change set.
impl<T: RecordData> TypedCollection<T> {
    /// Reads the change set of the collection: [`Collection::get_changeset`].
    pub fn get_changeset(&self) -> Call<'static, GetChangeset<T>> {
        self.untyped().get_changeset()
    }
}

/// The monitor of changes.
impl Client {
    /// Reads the time of the last change of each collection that the server publishes, or with [`since`](Call::since) of
    /// those that were changed after that time. Everybody may read it.
    ///
    /// The same entries are in an ordinary list, the records of the collection `changes` of the bucket `monitor`.
    ///
    /// Options: [`since`](Call::since), [`expected`](Call::expected), [`bust_cache`](Call::bust_cache),
    /// [`bucket`](Call::bucket), [`collection`](Call::collection).
    ///
    /// # Errors
    ///
    /// [`Error::is_unsupported`](crate::Error::is_unsupported) if the server does not have the `changes` plugin. After
    /// three weeks, or what else is set there, the server redirects to the address that it has in its settings, without
    /// the time; [`Error::is_unexpected`](crate::Error::is_unexpected) if that address is not the one that the client
    /// uses.
    pub fn get_monitor_changeset(&self) -> Call<'static, GetMonitorChangeset> {
        Call::new(self, GetMonitorChangeset::default())
    }
}
