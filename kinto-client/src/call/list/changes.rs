use std::time::Duration;

use bytes::Bytes;
use futures_core::stream::BoxStream;
use futures_util::{StreamExt as _, stream};
use http::StatusCode;
use serde::de::IgnoredAny;

use super::source::{Items, Source};
use crate::{
    call::{Call, Subject, sealed, span},
    client::Client,
    error::Result,
    wire::{
        decode, kind,
        listing::Listing,
        object::{Data, Object, Record},
        page::Page,
        path::List,
        request::{Precondition, Request},
        sort::Sort,
        timestamp::Timestamp,
    },
};

/// What happened to a record: the last thing that did, for changes before it leave no trace.
#[derive(Clone, Debug)]
pub enum Change<T> {
    /// It was created or changed, and is this now.
    Upserted(Record<T>),
    /// The record of this id was deleted, at this time.
    Deleted(String, Timestamp),
}

impl<T> Change<T> {
    /// When it happened. Everything that happened before it has been told before it, so that one can go on from here.
    #[must_use]
    pub fn last_modified(&self) -> Timestamp {
        match self {
            Self::Upserted(record) => record.last_modified,
            Self::Deleted(_, last_modified) => *last_modified,
        }
    }

    /// The id of the record.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Upserted(record) => &record.id,
            Self::Deleted(id, _) => id,
        }
    }

    fn read(item: Bytes) -> Result<Self>
    where
        T: Data,
    {
        match Page::tombstone(&item) {
            Some(tombstone) => {
                Ok(Self::Deleted(tombstone.id, tombstone.last_modified.unwrap_or(Timestamp::from_millis(0))))
            }
            None => Object::from_received(item).map(Self::Upserted),
        }
    }
}

/// What happened in a collection, the earliest first, and from when to go on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Changes<T> {
    /// What happened.
    pub changes: Vec<Change<T>>,
    /// What to give to `changes_since` the next time: nothing is then missed, and nothing told twice.
    pub last_modified: Timestamp,
}

/// Reads what happened in a collection.
pub struct GetChanges<T> {
    list: List<kind::Record>,
    pub(super) since: Timestamp,
    page_size: Option<u32>,
    of: std::marker::PhantomData<fn() -> T>,
}

impl<T: Data> GetChanges<T> {
    pub(crate) fn new(list: List<kind::Record>, since: Timestamp) -> Self {
        Self { list, since, page_size: None, of: std::marker::PhantomData }
    }

    pub(super) fn subject(&self) -> Subject {
        Subject::new("get changes of", &self.list)
    }

    /// Sorted by time, whatever is written meanwhile comes behind what has been read.
    pub(super) fn request(&self, since: Timestamp) -> Result<Request> {
        let listing = Listing::<T> {
            sort: vec![Sort::asc("last_modified")],
            since: Some(since),
            page_size: self.page_size,
            ..Listing::default()
        };
        let mut request = Request::get(self.list.checked()?);
        request.query = listing.query()?;
        Ok(request)
    }

    fn items(&self, client: &Client) -> Items {
        Items::new(Source::new(client.clone(), self.subject(), self.request(self.since)), None, false)
    }
}

impl<T: Data> sealed::Run for GetChanges<T> {
    type Output = Changes<T>;

    async fn run(self, client: Client) -> Result<Changes<T>> {
        let subject = self.subject();
        let mut items = self.items(&client);
        let mut changes = Vec::new();
        while let Some(item) = items.next().await {
            changes.push(Change::read(item?).map_err(|error| subject.blame(error))?);
        }
        let last_modified = changes.last().map_or(self.since, Change::last_modified);
        Ok(Changes { changes, last_modified })
    }
}

impl<T: Data> Call<'_, GetChanges<T>> {
    /// How many changes to ask for at a time; the server may send fewer.
    pub fn page_size(mut self, changes: u32) -> Self {
        self.op.page_size = Some(changes);
        self
    }

    /// The changes one after the other, as they arrive. [`Change::last_modified`] of the last one that was dealt with is
    /// from when to go on.
    #[must_use = "a stream reads nothing until it is polled"]
    pub fn stream(self) -> BoxStream<'static, Result<Change<T>>> {
        let subject = self.op.subject();
        let items = span::open("GetChanges").in_scope(|| self.op.items(&self.client));
        Box::pin(items.map(move |item| Change::read(item?).map_err(|error| subject.blame(error))))
    }

    /// The changes one after the other, and then those that are still to come: the server is asked again after each
    /// `interval`, and answers with next to nothing if there are none. It ends when it is dropped.
    ///
    /// After an error it goes on where it was, an `interval` later, when it is asked for more. A record that does not fit
    /// `T` is such an error, once, and what comes behind it is told. What the server told to wait for, it waits for.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// use std::time::Duration;
    ///
    /// use futures_util::TryStreamExt as _;
    /// use kinto_client::{Change, Value, json};
    ///
    /// let known = todo.get_records::<Value>().await?; // what is there, and since when
    /// todo.create_record(json!({"id": "milk"})).await?;
    ///
    /// let mut watch = todo.changes_since::<Value>(known.last_modified).watch(Duration::from_secs(30));
    /// while let Some(change) = watch.try_next().await? {
    ///     match change {
    ///         Change::Upserted(record) => println!("{} is now {}", record.id, record.data),
    ///         Change::Deleted(id, when) => println!("{id} was deleted at {when}"),
    ///     }
    /// #   break;
    /// }
    /// # Ok(()) }
    /// ```
    #[must_use = "a stream reads nothing until it is polled"]
    pub fn watch(self, interval: Duration) -> BoxStream<'static, Result<Change<T>>> {
        let watch = Watch {
            client: self.client,
            span: span::open("GetChanges"),
            since: self.op.since,
            get: self.op,
            items: None,
            interval,
            asked: false,
        };
        Box::pin(stream::unfold(watch, |mut watch| async move {
            let change = watch.next().await;
            Some((change, watch))
        }))
    }
}

struct Watch<T> {
    client: Client,
    span: tracing::Span,
    get: GetChanges<T>,
    since: Timestamp,
    items: Option<Items>,
    interval: Duration,
    /// Whether to wait before the server is asked again.
    asked: bool,
}

impl<T: Data> Watch<T> {
    async fn next(&mut self) -> Result<Change<T>> {
        loop {
            if self.items.is_none() {
                if std::mem::replace(&mut self.asked, true) {
                    tokio::time::sleep(self.interval).await;
                }
                // If the last change that was told is the list's last one, that is all there is.
                let condition = Precondition::Changed(self.since);
                let first = self.get.request(self.since).map(|request| request.provided(condition));
                let source = || Source::new(self.client.clone(), self.get.subject(), first);
                self.items = Some(Items::new(self.span.in_scope(source), None, false));
            }
            let Some(items) = &mut self.items else { continue };
            match items.next().await {
                Some(Ok(item)) => {
                    let change = Change::<T>::read(item.clone());
                    self.since = match &change {
                        Ok(change) => change.last_modified(),
                        // It is told once, also if it is the last one.
                        Err(_) => decode::object::<IgnoredAny>(&item, &[]).map_or(self.since, |one| one.last_modified),
                    };
                    return change.map_err(|error| self.get.subject().blame(error));
                }
                Some(Err(error)) if error.status() != Some(StatusCode::NOT_MODIFIED) => {
                    self.items = None;
                    return Err(error);
                }
                _ => self.items = None,
            }
        }
    }
}

impl<T> std::fmt::Debug for GetChanges<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "GetChanges({} since {})", self.list, self.since)
    }
}
