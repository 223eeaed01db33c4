//! Lists and changes as iterators, which block the thread that requests the next item.

use std::time::Duration;

use super::{
    GetAll,
    changes::{Change, GetChanges},
    stream::{self, ObjectPage},
};
use crate::{
    error::Result,
    operation::{Call, blocking},
    wire::object::{Object, RecordData, kind::Kind},
};

impl<K: Kind, T: RecordData> Call<'_, GetAll<K, T>> {
    /// Returns an iterator that reads the objects and blocks this thread: [`stream`](Self::stream) without async
    /// code. It works where [`call`](Self::call) does.
    ///
    /// ```
    /// # fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// # todo.create_records((0..3).map(|i| kinto_client::json!({"i": i}))).call()?;
    /// use kinto_client::Value;
    ///
    /// for record in todo.get_records::<Value>().page_size(2).iter() {
    ///     println!("{}", record?.data);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn iter(self) -> impl Iterator<Item = Result<Object<K, T>>> + Send + use<K, T> {
        blocking::iterate(stream::objects(self))
    }

    /// Returns an iterator that reads the pages and blocks this thread: [`pages`](Self::pages) without async code.
    ///
    /// ```
    /// # fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// # todo.create_records((0..3).map(|i| kinto_client::json!({"i": i}))).call()?;
    /// use kinto_client::Value;
    ///
    /// let pages = todo.get_records::<Value>().page_size(2).pages_iter();
    /// let sizes = pages.map(|page| Ok(page?.items.len())).collect::<kinto_client::Result<Vec<_>>>()?;
    /// assert_eq!(sizes, [2, 1]);
    /// # Ok(()) }
    /// ```
    pub fn pages_iter(self) -> impl Iterator<Item = Result<ObjectPage<K, T>>> + Send + use<K, T> {
        blocking::iterate(stream::pages(&self))
    }
}

impl<T: RecordData> Call<'_, GetChanges<T>> {
    /// Returns an iterator that reads the changes and blocks this thread: [`stream`](Self::stream) without async
    /// code. It works where [`call`](Self::call) does.
    ///
    /// ```
    /// # fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// use kinto_client::{Timestamp, Value, json};
    ///
    /// todo.create_record(json!({"id": "milk"})).call()?;
    /// let mut changes = todo.changes_since::<Value>(Timestamp::from_millis(1)).iter();
    /// let first = changes.next().transpose()?.expect("a change");
    /// assert_eq!(first.id(), Some("milk"));
    /// # Ok(()) }
    /// ```
    pub fn iter(self) -> impl Iterator<Item = Result<Change<T>>> + Send + use<T> {
        blocking::iterate(self.stream())
    }

    /// Returns an iterator that reads the changes, waits for further ones and blocks this thread:
    /// [`watch`](Self::watch) without async code. It does not end by itself.
    ///
    /// ```
    /// # fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// use std::time::Duration;
    ///
    /// use kinto_client::{Timestamp, Value, json};
    ///
    /// todo.create_record(json!({"id": "milk"})).call()?;
    /// let changes = todo.changes_since::<Value>(Timestamp::from_millis(1));
    /// for change in changes.watch_iter(Duration::from_secs(30)) {
    ///     println!("{:?} was changed", change?.id());
    /// #   break;
    /// }
    /// # Ok(()) }
    /// ```
    pub fn watch_iter(self, interval: Duration) -> impl Iterator<Item = Result<Change<T>>> + Send + use<T> {
        blocking::iterate(self.watch(interval))
    }
}
