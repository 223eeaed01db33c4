use std::{fmt, result::Result as StdResult};

use super::{LocalList, record, without_options};
use crate::{
    client::Client,
    error::Result,
    operation::{Call, list::lenient::InvalidObject, sealed},
    wire::object::{Record, RecordData},
};

/// Reads records from a store and decodes each separately.
pub struct LocalLenient<T>(LocalList<T>);

impl<T: RecordData> sealed::Action for LocalLenient<T> {
    const NAME: &'static str = "LocalLenient";

    type Output = Vec<StdResult<Record<T>, InvalidObject>>;

    async fn run(self, client: Client) -> Result<Self::Output> {
        without_options(&client)?;
        let context = self.0.context();
        let found = self.0.found().await.map_err(|error| self.0.context().attach(error))?;
        let decode = |(id, body, version): super::Found| {
            record::lenient(&id, &body, version).map_err(|invalid| record::within(&context, invalid))
        };
        Ok(found.into_iter().map(decode).collect())
    }
}

impl<'a, T: RecordData> Call<'a, LocalList<T>> {
    /// Returns one result for each record, so that a record that does not decode as `T` does not fail the whole call.
    pub fn lenient(self) -> Call<'a, LocalLenient<T>> {
        Call::new(&self.client, LocalLenient(self.op))
    }
}

impl<T> fmt::Debug for LocalLenient<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalLenient({})", self.0.inner.remote.path())
    }
}
