//! Writes that are exact between programs.

use std::{borrow::Cow, sync::Arc};

use tokio::sync::OnceCell;

use super::Client;
use crate::{
    error::{Error, ErrorKind, Result},
    handle::Collection,
    wire::{
        batch,
        fence::{self, Lock},
        request::{Precondition, Request},
    },
};

/// The lock that a client writes behind, and whether it is known to be there.
pub(super) struct Fence {
    url: String,
    locks: String,
    lock: Result<Lock>,
    ready: OnceCell<()>,
}

impl Fence {
    /// The server and the collection that the lock is in.
    pub(super) fn locks(&self) -> (&str, &str) {
        (&self.url, &self.locks)
    }
}

impl Client {
    /// Returns this client with a fence: its writes are exact against those of other programs.
    ///
    /// Kinto compares `If-Match` before it locks the row, so that two programs that save one record at the same moment can
    /// both be told that they did, and one of the writes is lost. Measured with 8 processes, PostgreSQL and 4 workers: of
    /// 200 acknowledged increments of one record by [`update_record`](Collection::update_record), about half were lost
    /// without a fence, and none with it. Within one program writes take turns in any case.
    ///
    /// Behind a fence each write of an existing object is sent in a batch of two: first a write of a lock, a record in
    /// `locks`, and then the write itself. On PostgreSQL a batch is one transaction, so that the second program waits at
    /// the lock, and compares with what the first has stored.
    ///
    /// * **All programs that write an object have to use the same collection of locks.** A write without the fence is not
    ///   held up by it.
    /// * It covers every verb that writes an object: creations, saves, updates, patches, overwrites, grants, members,
    ///   deletions, the calls for many records, batches, plans and migrations; not reads, accounts, nor what is created
    ///   under an id that the server chooses.
    /// * It costs one more write in each request, and one or two requests more at the
    ///   first write, which make sure that the lock is there. A batch has room for half as many writes.
    /// * Writes behind one collection of locks take turns on the server. Give collections that are written a lot a
    ///   collection of locks each, of its own.
    /// * The collection has to exist, and everybody who writes needs `write` on it: a blueprint declares it with
    ///   [`BucketSpec::locks`](crate::BucketSpec::locks). Keep nothing else in it.
    /// * The server has to be on PostgreSQL. On the memory backend a batch is no transaction, and nothing tells a client
    ///   which backend it is: the fence is without effect there.
    ///
    /// A batch is made by the client that has the fence: `todos.client().batch()`.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let bucket = client.bucket(kinto_server::unique("doc"));
    /// # bucket.create().await?;
    /// # bucket.create_collection("votes").await?;
    /// use kinto_client::{Value, json};
    ///
    /// bucket.create_collection("locks").if_not_exists().await?;
    /// let votes = bucket.collection("votes").fenced_by(&bucket.collection("locks"));
    ///
    /// votes.create_record(json!({"id": "tea", "count": 0})).await?;
    /// let tea = votes.update_record("tea", |vote: &mut Value| vote["count"] = 1.into()).await?;
    /// assert_eq!(tea.data["count"], 1);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The first write is an error that names the collection of locks if that is missing or may not be written; nothing
    /// is sent then.
    #[must_use]
    pub fn fenced_by(&self, locks: &Collection) -> Self {
        let records = locks.records();
        let fence = Fence {
            url: locks.client().url().to_owned(),
            locks: records.to_string(),
            lock: Lock::of(&records),
            ready: OnceCell::new(),
        };
        Self { fence: Some(Arc::new(fence)), ..self.clone() }
    }

    /// Returns the request behind the lock of this client's fence, if it has one and the request is one to be fenced.
    pub(crate) async fn fenced<'r>(&self, request: &'r Request) -> Result<Cow<'r, Request>> {
        let Some(fence) = self.fence.as_ref().filter(|_| request.lock.is_none() && fence::is_for(request)) else {
            return Ok(Cow::Borrowed(request));
        };
        if fence.url != self.url() {
            let message = format!("the locks of the fence are on another server, {}", fence.url);
            return Err(Error::invalid(message));
        }
        if !batch::can_hold(request) {
            let message = "it cannot be fenced: the server takes no path with `/batch` in it as part of a batch";
            return Err(Error::invalid(message));
        }
        let lock = fence.lock.clone()?;
        fence.ready.get_or_try_init(|| self.take_once(fence, &lock)).await?;
        Ok(Cow::Owned(request.clone().behind(lock)))
    }

    /// Takes the lock once, so that it is there, and known to be one that may be written.
    ///
    /// That is not left to the first write: the server would go on to it if the lock failed.
    async fn take_once(&self, fence: &Fence, lock: &Lock) -> Result<()> {
        let create = lock.request().provided(Precondition::Absent).repeatable();
        let mut response = self.send_as_is(&create).await?;
        if Error::refused(&response).kind() == ErrorKind::Conflict {
            // It is there. That it may be written is another question: a creation over it is refused with 412 to all.
            response = self.send_as_is(&lock.request().repeatable()).await?;
        }
        // A creation that a proxy has made an overwrite has written the lock as well.
        if response.status.is_success() { Ok(()) } else { Err(Error::refused(&response).of_fence(&fence.locks)) }
    }
}
