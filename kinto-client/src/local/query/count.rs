use std::fmt;

use rusqlite::{Transaction, params_from_iter};

use super::{
    LocalList,
    select::{Query, Statement},
    without_options,
};
use crate::{
    client::Client,
    error::{Error, Result},
    operation::{Call, sealed},
    wire::object::RecordData,
};

/// Counts records in a store.
pub struct LocalCount<T>(LocalList<T>);

impl<T> LocalCount<T> {
    async fn number(&self) -> Result<usize> {
        let LocalList { inner, listing } = &self.0;
        if listing.limit.is_some() {
            return Err(Error::invalid("`count` counts all matching records: remove `.limit(…)`"));
        }
        if let Some(filter) = &listing.filter {
            filter.check_unseen("a count")?;
        }
        let (of, query) = (inner.number, Query::new(listing)?);
        let read = move |transaction: &Transaction<'_>| {
            let Statement { sql, values } = query.count(transaction, of)?;
            let number: i64 =
                transaction.prepare_cached(&sql)?.query_row(params_from_iter(values), |row| row.get(0))?;
            Ok(usize::try_from(number).unwrap_or_default())
        };
        inner.database.read(read).await
    }
}

impl<T: RecordData> sealed::Action for LocalCount<T> {
    const NAME: &'static str = "LocalCount";

    type Output = usize;

    async fn run(self, client: Client) -> Result<usize> {
        without_options(&client)?;
        self.number().await.map_err(|error| self.0.context().attach(error))
    }
}

impl<'a, T: RecordData> Call<'a, LocalList<T>> {
    /// Returns the number of the records without reading them.
    pub fn count(self) -> Call<'a, LocalCount<T>> {
        Call::new(&self.client, LocalCount(self.op))
    }
}

impl<T> fmt::Debug for LocalCount<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalCount({})", self.0.inner.remote.path())
    }
}
