//! Fences: the public methods of [`Client`](crate::Client) about them.

use super::Collection;
use crate::client::Client;

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
    ///   [`BucketSpec::locks`](crate::blueprint::BucketSpec::locks). Keep nothing else in it.
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
        self.behind(locks.client().url(), &locks.records())
    }
}
