use std::fmt;

use super::LocalList;
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    operation::{Call, sealed},
    wire::object::{Record, RecordData},
};

/// Reads the first record of a list in a store.
pub struct LocalFirst<T>(LocalList<T>);

/// Reads the only record of a list in a store.
pub struct LocalOne<T>(LocalList<T>);

impl<T: RecordData> sealed::Action for LocalFirst<T> {
    const NAME: &'static str = "LocalFirst";

    type Output = Option<Record<T>>;

    async fn run(self, client: Client) -> Result<Option<Record<T>>> {
        let Self(mut list) = self;
        list.listing.limit = list.listing.limit.or(Some(1)).map(|limit| limit.min(1));
        Ok(sealed::Action::run(list, client).await?.pop())
    }
}

impl<T: RecordData> sealed::Action for LocalOne<T> {
    const NAME: &'static str = "LocalOne";

    type Output = Record<T>;

    async fn run(self, client: Client) -> Result<Record<T>> {
        let Self(mut list) = self;
        let context = list.context();
        list.listing.limit = Some(2);
        let mut records = sealed::Action::run(list, client).await?;
        let error = match (records.pop(), records.is_empty()) {
            (Some(record), true) => return Ok(record),
            (Some(_), false) => Error::new(ErrorKind::MultipleResults, "more than one record matches"),
            (None, _) => Error::new(ErrorKind::NotFound, "no record matches"),
        };
        Err(context.attach(error))
    }
}

impl<'a, T: RecordData> Call<'a, LocalList<T>> {
    /// Reads the first record of the list only, `None` if there is none.
    pub fn first(self) -> Call<'a, LocalFirst<T>> {
        Call::new(&self.client, LocalFirst(self.op))
    }

    /// Reads the only record of the list.
    ///
    /// # Errors
    ///
    /// [`Error::is_not_found`](crate::Error::is_not_found) if there is none, and
    /// [`ErrorKind::MultipleResults`] if there is more than one.
    pub fn one(self) -> Call<'a, LocalOne<T>> {
        Call::new(&self.client, LocalOne(self.op))
    }
}

impl<T> fmt::Debug for LocalFirst<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalFirst({})", self.0.inner.remote.path())
    }
}

impl<T> fmt::Debug for LocalOne<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalOne({})", self.0.inner.remote.path())
    }
}
