//! Lists of conflicts and changes in which a record that does not decode stands beside the others.

use std::{fmt, result::Result as StdResult};

use futures_core::stream::BoxStream;
use futures_util::TryStreamExt as _;

use super::{
    changes::{GetLocalChanges, InvalidChange, LocalChange},
    conflicts::{ListConflicts, LocalConflict},
    inner::without_options,
    pending::{ListPending, PendingChange},
    record::within,
};
use crate::{
    client::Client,
    error::Result,
    operation::{Call, CallContext, list::lenient::InvalidObject, sealed},
    wire::object::RecordData,
};

/// Lists the conflicts of a collection in a store and decodes each separately.
pub struct ListConflictsLenient<T>(ListConflicts<T>);

/// Lists the changes of a collection in a store that were not sent yet and decodes each separately.
pub struct ListPendingLenient<T>(ListPending<T>);

/// Reads the changes of a collection in a store and decodes each separately.
pub struct GetLocalChangesLenient<T>(GetLocalChanges<T>);

impl<T: RecordData> sealed::Action for ListConflictsLenient<T> {
    const NAME: &'static str = "ListConflictsLenient";

    type Output = Vec<StdResult<LocalConflict<T>, InvalidObject>>;

    async fn run(self, client: Client) -> Result<Self::Output> {
        without_options(&client)?;
        all(&self.0.context(), self.0.found()).await
    }
}

impl<T: RecordData> sealed::Action for ListPendingLenient<T> {
    const NAME: &'static str = "ListPendingLenient";

    type Output = Vec<StdResult<PendingChange<T>, InvalidObject>>;

    async fn run(self, client: Client) -> Result<Self::Output> {
        without_options(&client)?;
        all(&self.0.context(), self.0.found()).await
    }
}

impl<T: RecordData> sealed::Action for GetLocalChangesLenient<T> {
    const NAME: &'static str = "GetLocalChangesLenient";

    type Output = Vec<StdResult<LocalChange<T>, InvalidChange>>;

    async fn run(self, client: Client) -> Result<Self::Output> {
        without_options(&client)?;
        let context = self.0.context();
        let page = self.0.page().await.map_err(|error| context.attach(error))?;
        let attach = |invalid: InvalidChange| InvalidChange { version: within(&context, invalid.version), ..invalid };
        Ok(page.into_iter().map(|change| change.map_err(attach)).collect())
    }
}

/// Collects what was found, and adds what was to be done to each error.
async fn all<R>(
    context: &CallContext,
    found: BoxStream<'static, Result<StdResult<R, InvalidObject>>>,
) -> Result<Vec<StdResult<R, InvalidObject>>> {
    let found = found.map_ok(|found| found.map_err(|invalid| within(context, invalid)));
    found.try_collect().await.map_err(|error| context.attach(error))
}

impl<'a, T: RecordData> Call<'a, ListConflicts<T>> {
    /// Returns one result for each conflict, so that one of which a version does not decode as `T` does not fail the whole call.
    ///
    /// It has the JSON of the first version, of here, the server and before, that does not decode. The list has the whole
    /// conflict, and can be used to end it, if the collection is bound to [`Value`](crate::Value).
    pub fn lenient(self) -> Call<'a, ListConflictsLenient<T>> {
        Call::new(&self.client, ListConflictsLenient(self.op))
    }
}

impl<'a, T: RecordData> Call<'a, ListPending<T>> {
    /// Returns one result for each change, so that a record that does not decode as `T` does not fail the whole call. It is sent
    /// like the others.
    pub fn lenient(self) -> Call<'a, ListPendingLenient<T>> {
        Call::new(&self.client, ListPendingLenient(self.op))
    }
}

impl<'a, T: RecordData> Call<'a, GetLocalChanges<T>> {
    /// Returns one result for each change, so that one of a record that does not decode as `T`, such as one that had another
    /// form before, does not fail the whole call.
    pub fn lenient(self) -> Call<'a, GetLocalChangesLenient<T>> {
        Call::new(&self.client, GetLocalChangesLenient(self.op))
    }
}

impl<T> fmt::Debug for ListConflictsLenient<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T> fmt::Debug for ListPendingLenient<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T> fmt::Debug for GetLocalChangesLenient<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
