use std::{marker::PhantomData, time::Duration};

use bytes::Bytes;
use futures_util::StreamExt as _;

use super::{follow::ChangeStream, whole::TRANSACTION_MILLIS};
use crate::{
    client::{Client, span},
    error::Result,
    operation::{Call, CallContext, sealed},
    wire::{
        change_token::ChangeToken,
        list_query::Listing,
        object::{Object, Record, RecordData, kind},
        order::LAST_MODIFIED,
        page::Page,
        path::{List, Place},
        request::Request,
        sort::Sort,
        timestamp::Timestamp,
    },
};

/// The latest change of a record; the server keeps no earlier ones.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Change<T> {
    /// The record was created or changed, and is this now.
    Upserted(Record<T>),
    /// The record with this id was deleted at this time.
    Deleted(String, Timestamp),
    /// The collection was replaced: discard all copied records. All current records follow as `Upserted`.
    ///
    /// The collection was deleted and created again, the server was flushed or restored from a backup, or a returned
    /// change has disappeared from the list.
    Reset,
}

impl<T> Change<T> {
    /// Returns the time of the change, or `None` for a [`Reset`](Self::Reset).
    #[must_use]
    pub fn last_modified(&self) -> Option<Timestamp> {
        match self {
            Self::Upserted(record) => Some(record.last_modified),
            Self::Deleted(_, last_modified) => Some(*last_modified),
            Self::Reset => None,
        }
    }

    /// Returns the id of the record, or `None` for a [`Reset`](Self::Reset).
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Upserted(record) => Some(&record.id),
            Self::Deleted(id, _) => Some(id),
            Self::Reset => None,
        }
    }

    pub(crate) fn read(item: Bytes) -> Result<Self>
    where
        T: RecordData,
    {
        match Page::tombstone(&item) {
            Some(tombstone) => {
                Ok(Self::Deleted(tombstone.id, tombstone.last_modified.unwrap_or(Timestamp::from_millis(0))))
            }
            None => Object::from_received(item).map(Self::Upserted),
        }
    }
}

/// The changes of a collection, and the token to continue from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Changes<T> {
    /// The changes, in the order in which the server counts them.
    pub changes: Vec<Change<T>>,
    /// The token to pass to the next `changes_since`, which then returns every later change exactly once.
    pub token: ChangeToken,
}

/// Reads the changes of a collection.
pub struct GetChanges<T> {
    collection: Place<kind::Collection>,
    list: List<kind::Record>,
    pub(super) since: ChangeToken,
    page_size: Option<u32>,
    overlap: Duration,
    of: PhantomData<fn() -> T>,
}

impl<T: RecordData> GetChanges<T> {
    pub(crate) fn new(collection: &Place<kind::Collection>, since: ChangeToken) -> Self {
        Self {
            collection: collection.clone(),
            list: collection.records(),
            since,
            page_size: None,
            overlap: Duration::from_millis(TRANSACTION_MILLIS),
            of: PhantomData,
        }
    }

    /// The request for the collection itself.
    pub(super) fn collection(&self) -> Result<Request> {
        self.collection.checked().map(Request::get)
    }

    pub(super) fn overlap_millis(&self) -> u64 {
        self.overlap.as_millis().try_into().unwrap_or(u64::MAX)
    }

    pub(super) fn context(&self) -> CallContext {
        CallContext::new("get changes of", &self.list)
    }

    /// Returns the time after which a reading asks for changes. With the last change that was told in it, what is read
    /// tells whether the list is still the same one.
    pub(super) fn start_after(&self, token: &ChangeToken) -> Timestamp {
        let horizon = token.settled(self.overlap_millis());
        let last = token.last().map(|(time, _)| Timestamp::from_millis(time.as_millis().saturating_sub(1)));
        last.map_or(horizon, |last| last.min(horizon))
    }

    /// Builds a request sorted by time, so that records changed during the reading appear on later pages.
    pub(super) fn request(&self, since: Timestamp) -> Result<Request> {
        let listing = Listing::<T> {
            sort: vec![Sort::asc(LAST_MODIFIED)],
            since: Some(since),
            page_size: self.page_size,
            ..Listing::default()
        };
        let mut request = Request::get(self.list.checked()?);
        request.query = listing.query(request.path())?;
        Ok(request)
    }
}

impl<T: RecordData> sealed::Action for GetChanges<T> {
    const NAME: &'static str = "GetChanges";

    type Output = Changes<T>;

    async fn run(self, client: Client) -> Result<Changes<T>> {
        let mut stream = ChangeStream::new(client, tracing::Span::current(), self, None);
        let mut changes = Vec::new();
        while let Some(change) = stream.next().await.transpose()? {
            if matches!(change, Change::Reset) {
                changes.clear();
            }
            changes.push(change);
        }
        Ok(Changes { changes, token: stream.token() })
    }
}

impl<T: RecordData> Call<'_, GetChanges<T>> {
    /// Sets the number of changes per page; the server may send fewer.
    pub fn page_size(mut self, changes: u32) -> Self {
        self.op.page_size = Some(changes);
        self
    }

    /// Sets the longest duration of a transaction of the server; 30 seconds unless set.
    ///
    /// The server stamps a change when it is written, and shows it when its transaction is committed. The changes of
    /// the last `time` are therefore requested again each time, and known ones are left out. A longer time costs more
    /// reading and longer tokens. If a transaction of the server lasts longer than `time`, changes are missed.
    pub fn overlap(mut self, time: Duration) -> Self {
        self.op.overlap = time;
        self
    }

    /// Returns the changes as a stream, as they arrive. The stream's [`token`](ChangeStream::token) continues after
    /// the last change that was taken from it.
    pub fn stream(self) -> ChangeStream<T> {
        ChangeStream::new(self.client, span::open("GetChanges"), self.op, None)
    }

    /// Returns the current changes as a stream, and then later ones: the client requests them after each `interval`.
    /// Such a request transfers next to nothing if there are none. The stream ends when it is dropped.
    ///
    /// After an error the stream continues where it was, one `interval` later. A record that does not decode as `T` is
    /// such an error, once, and later changes follow. The stream also waits for the delays that the server asks for.
    ///
    /// After a [`Change::Reset`], a caller that keeps a copy clears it, and fills it with the records that follow:
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// use std::{collections::HashMap, time::Duration};
    ///
    /// use futures_util::TryStreamExt as _;
    /// use kinto_client::{Value, json, list::Change};
    ///
    /// let known = todo.get_records::<Value>().await?; // what is there, and a token to go on from
    /// let token = known.change_token();
    /// let mut copy: HashMap<String, Value> = known.into_iter().map(|record| (record.id.to_string(), record.data)).collect();
    /// todo.create_record(json!({"id": "milk"})).await?;
    ///
    /// let mut watch = todo.changes_since::<Value>(token).watch(Duration::from_secs(30));
    /// while let Some(change) = watch.try_next().await? {
    ///     match change {
    ///         Change::Upserted(record) => drop(copy.insert(record.id.to_string(), record.data)),
    ///         Change::Deleted(id, _) => drop(copy.remove(&id)),
    ///         Change::Reset => copy.clear(),
    ///         _ => {}
    ///     }
    ///     let _text = watch.token().to_string(); // to be kept, with the copy, for the next start of the program
    /// #   break;
    /// }
    /// # assert_eq!(copy.len(), 1);
    /// # Ok(()) }
    /// ```
    pub fn watch(self, interval: Duration) -> ChangeStream<T> {
        ChangeStream::new(self.client, span::open("GetChanges"), self.op, Some(interval))
    }
}

impl<T> std::fmt::Debug for GetChanges<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "GetChanges({} since {})", self.list, self.since.seen())
    }
}
