//! Fences: the public methods of [`Client`](crate::Client) about them.

use super::Collection;
use crate::client::Client;

impl Client {
    /// Returns this client with a fence: its writes are exact against those of other programs.
    ///
    /// Kinto compares `If-Match` before it locks the row, so two programs that save the same version of a record at the same
    /// moment can both succeed, and one of the writes is lost. Within one program, writes of an object wait for each other in
    /// any case. Measured with 8 processes that write the same records 20 times each, PostgreSQL and 4 server processes:
    ///
    /// | write | acknowledged and stored, without a fence | with a fence | time |
    /// |---|---|---|---|
    /// | `update_record` | 27 of 99 | 156 of 156 | 5.2 s, 13.0 s |
    /// | `save_record`, again after a conflict | 24 of 86 | 160 of 160 | 4.6 s, 16.4 s |
    /// | `patch_record` | 26 of 160 | 160 of 160 | 3.8 s, 3.6 s |
    /// | `grant` | 61 of 160 | 159 of 159 | 9.5 s, 14.0 s |
    /// | `save_records` of 6 records | 161 of 272 | 222 of 222 | 9.9 s, 40.2 s |
    ///
    /// The other calls were conflicts. Without a fence, many of them were in doubt.
    ///
    /// With a fence, each write of an existing object is sent in a batch of two: first a write of a lock, a record in
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
    /// * The collection has to exist, and every writer needs `write` on it: a blueprint declares it with
    ///   [`BucketSpec::locks`](crate::blueprint::BucketSpec::locks). Keep nothing else in it.
    /// * The server has to be on PostgreSQL. On the memory backend a batch is no transaction, and nothing tells a client
    ///   which backend it is: the fence is without effect there.
    ///
    /// Create batches with the client that has the fence: `todos.client().batch()`.
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
    /// is sent then. If that comes to be so later, the server still carries out the requests that are under way, without the
    /// lock: their errors say so, and that they [may have been applied](crate::Error::may_have_been_applied). The writes after
    /// them are refused like the first.
    #[must_use]
    pub fn fenced_by(&self, locks: &Collection) -> Self {
        self.behind(locks.client().url(), &locks.records())
    }
}
