//! The conditions of the calls that read, change or delete what matches them.

use super::{
    Call,
    sealed::{Filters, Matches, Sorts},
};
use crate::wire::{filter::Filter, sort::Sort, timestamp::Timestamp};

/// The filter of lists, and of what is done to all objects that match it.
impl<O: Filters> Call<'_, O> {
    /// Restricts the call to objects that match `filter`.
    ///
    /// If it is called more than once, objects must match all filters.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// use kinto_client::KintoRecord;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Debug, Serialize, Deserialize, KintoRecord)]
    /// # #[kinto(collection = "filter-doc")]
    /// struct Todo {
    ///     title: String,
    ///     #[serde(default)]
    ///     done: bool,
    /// }
    ///
    /// let todos = client.typed::<Todo>();
    /// # todos.delete_all_records().await?;
    /// todos.create_record(Todo { title: "Milk".into(), done: false }).await?;
    /// todos.create_record(Todo { title: "Bread".into(), done: true }).await?;
    ///
    /// let f = Todo::fields();
    /// let open = todos.get_records().filter(f.done.eq(false)).sort(f.title.asc()).await?;
    /// assert_eq!(open.iter().map(|todo| todo.data.title.as_str()).collect::<Vec<_>>(), ["Milk"]);
    /// # Ok(()) }
    /// ```
    /// # Errors
    ///
    /// The deletion of everything that matches rejects a filter that a storage backend would apply to more objects than it
    /// says, before anything is sent, since the server does not tell which backend it has:
    /// [`has_key`](crate::field::Field::has_key) or [`is_missing`](crate::field::Field::is_missing) of more than one field,
    /// equality with a list or an object that has a boolean, 0 or 1 in it, and [`Filter::or_missing`]. Read the objects with
    /// the same filter, check them, and delete what was read with `delete_records`.
    pub fn filter(mut self, filter: Filter<O::Of>) -> Self {
        self.op.listing().add_filter(filter);
        self
    }
}

/// The times of lists, and of what is done to all objects that were changed within them.
impl<O: Matches> Call<'_, O> {
    /// Restricts the call to objects that were changed after this time. The server rejects a time more than a day in
    /// the future.
    pub fn since(mut self, last_modified: Timestamp) -> Self {
        Matches::listing(&mut self.op).since = Some(last_modified);
        self
    }

    /// Restricts the call to objects that were last changed before this time. The server rejects a time more than a
    /// day in the future.
    pub fn before(mut self, last_modified: Timestamp) -> Self {
        Matches::listing(&mut self.op).before = Some(last_modified);
        self
    }
}

/// The order and the length of lists.
impl<O: Sorts> Call<'_, O> {
    /// Sorts the objects, instead of the last changed first (for a stream from the server: the oldest first). A further call
    /// sorts objects that are equal by the earlier ones.
    pub fn sort(mut self, sort: Sort<O::Of>) -> Self {
        self.op.listing().sort.push(sort);
        self
    }

    /// Limits the number of objects.
    pub fn limit(mut self, objects: usize) -> Self {
        self.op.listing().limit = Some(objects);
        self
    }
}
