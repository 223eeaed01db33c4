use std::sync::Arc;

use super::{Inner, record, without_options};
use crate::{
    client::Client,
    error::{Error, Result},
    local::row,
    operation::{CallContext, create::Create, debug_as_place, sealed},
    wire::object::{Record, RecordData, kind},
};

/// Replaces a record in a store, or creates it.
pub struct LocalOverwrite<T> {
    pub(super) inner: Arc<Inner>,
    pub(super) create: Create<kind::Record, T>,
}

impl<T: RecordData> LocalOverwrite<T> {
    async fn run(self) -> Result<Record<T>> {
        let data = self.create.new_data()?;
        let id = self.create.chosen(&data)?.ok_or_else(|| Error::invalid("`overwrite` needs the id of the record"))?;
        let json = std::str::from_utf8(data.json()).map_err(|error| Error::invalid(error.to_string()))?;
        let body = record::body(json)?;
        self.inner.check(&id, &body)?;
        let row = self.inner.change(&id, move |row, rules| Ok(row::write(row, Some(body), rules))).await?;
        record::record_of(&id, &row)
    }
}

impl<T: RecordData> sealed::Action for LocalOverwrite<T> {
    const NAME: &'static str = "LocalOverwrite";

    type Output = Record<T>;

    async fn run(self, client: Client) -> Result<Record<T>> {
        without_options(&client)?;
        let context = CallContext::new("overwrite record", &self.create.list);
        Self::run(self).await.map_err(|error| context.attach(error))
    }
}

debug_as_place!(LocalOverwrite [T] [T] create.list);
