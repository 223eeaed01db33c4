use std::{fmt, sync::Arc};

use serde_json::value::RawValue;

use super::{Inner, record, without_options};
use crate::{
    client::Client,
    error::Result,
    local::row::{self, Row, Rules},
    operation::{CallContext, save::SaveOutcome, sealed},
    wire::{
        object::{Record, RecordData},
        timestamp::Timestamp,
    },
};

/// Saves the changes of a record in a store, if it was not changed since it was read.
pub struct LocalSave<'a, T> {
    pub(super) inner: Arc<Inner>,
    pub(super) record: &'a mut Record<T>,
}

impl<T: RecordData> sealed::Action for LocalSave<'_, T> {
    const NAME: &'static str = "LocalSave";

    type Output = SaveOutcome;

    async fn run(self, client: Client) -> Result<SaveOutcome> {
        without_options(&client)?;
        let Self { inner, record } = self;
        let place = inner.remote.records().at(record.id.as_str());
        let save = async {
            let Some(data) = record.changed_data()? else { return Ok(SaveOutcome::Unchanged) };
            let row = replace(&inner, &record.id, record.last_modified, &data).await?;
            record.saved(record::record_of(&record.id, &row)?);
            Ok(SaveOutcome::Stored)
        };
        save.await.map_err(|error| CallContext::new("save record", &place).attach(error))
    }
}

/// Replaces the data of a record, if it is here in this version.
pub(super) async fn replace(inner: &Inner, id: &str, version: Timestamp, data: &RawValue) -> Result<Row> {
    let body = record::body(data.get())?;
    inner.check(id, &body)?;
    let of_error = id.to_owned();
    let replace = move |row: Row, rules: &Rules| {
        if row.local.is_none() || row.version() != version {
            return Err(record::changed(&of_error, &row));
        }
        Ok(row::write(row, Some(body), rules))
    };
    inner.change(id, replace).await
}

impl<T> fmt::Debug for LocalSave<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalSave({})", self.record.id)
    }
}
