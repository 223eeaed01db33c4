//! Calls shown without being sent. Each shows the request that it is made of, so that both cannot differ.

use super::{Call, Operation, sealed};
use crate::{error::Result, wire::preview::RequestPreview};

/// A call whose first request can be shown before it is sent: any [`Operation`], and those of several requests whose first one is
/// known, such as lists, edits, updates and grants. [`Call::preview`] names those that are not.
///
/// This trait is sealed.
pub trait Preview: sealed::Preview {}

impl<P: sealed::Preview> Preview for P {}

impl<O: sealed::Operation> sealed::Preview for O {
    fn preview(&self) -> Result<RequestPreview> {
        self.request().and_then(RequestPreview::only).map_err(|error| self.context().attach(error))
    }
}

impl<P: Preview> Call<'_, P> {
    /// Returns the first request of the call, such as a filter's URL, without sending it.
    ///
    /// Several objects at once show a request for each ([`create_records`](crate::Collection::create_records) and its siblings), and
    /// so does [`Batch::preview`](crate::Batch::preview).
    ///
    /// These calls have no preview, because what they write depends on everything that they read first, and have something that
    /// shows more:
    ///
    /// | call | shown by |
    /// |---|---|
    /// | [`plan`](crate::Client::plan) | It writes nothing. |
    /// | [`Plan::apply`](crate::blueprint::Plan::apply) | the [`Plan`](crate::blueprint::Plan) itself: it prints each change |
    /// | [`ensure::<T>`](crate::Client::ensure) | `client.plan(&Blueprint::new().collection::<T>())`, which is what it applies |
    /// | `migrate` (feature `schema`) | its `dry_run` |
    ///
    /// The request for the server information (`GET /`), which is sent once and only for calls that need the response,
    /// is not shown. What is in the `default` bucket is shown under that name, even where the call then uses the id
    /// that the bucket really has, as for types with a schema.
    ///
    /// ```
    /// # fn main() -> kinto_client::Result<()> {
    /// use kinto_client::{Client, Filter, Sort, Value};
    ///
    /// let todos = Client::builder("https://kinto.example.org/v1").build()?.bucket("app").collection("todos");
    /// let open = todos.get_records::<Value>().filter(Filter::field("done").eq(false)).sort(Sort::asc("title"));
    /// let preview = open.preview()?;
    /// assert_eq!(preview.target().as_deref(), Some("/buckets/app/collections/todos/records?eq_done=false&_sort=title"));
    /// assert_eq!(preview.follows(), Some("then a GET of each further page, as its `Next-Page` says"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The same [`Error::is_invalid`](crate::Error::is_invalid) that awaiting it would give, as far as it does not depend on a
    /// response.
    pub fn preview(&self) -> Result<RequestPreview> {
        self.op.preview()
    }
}

/// The requests of several operations, one for each.
pub(crate) fn each<O: Operation>(operations: &[O]) -> Result<Vec<RequestPreview>> {
    operations.iter().map(sealed::Preview::preview).collect()
}
