use std::{fmt, sync::Arc};

use super::{change::store_one, save};
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    local::{
        inner::{Inner, without_options},
        record,
    },
    operation::{CallContext, sealed, update::MAX_TRIES},
    wire::{
        object::{Record, RecordData, id::RecordId, kind},
        path::Place,
    },
};

/// Reads a record from a store, changes it and saves it, again if it was changed in between.
pub struct LocalUpdate<T, F> {
    pub(super) inner: Arc<Inner>,
    pub(super) id: RecordId<T>,
    pub(super) change: F,
}

impl<T: RecordData, F: FnMut(&mut T) + Send> sealed::Action for LocalUpdate<T, F> {
    const NAME: &'static str = "LocalUpdate";

    type Output = Record<T>;

    async fn run(self, client: Client) -> Result<Record<T>> {
        without_options(&client)?;
        let Self { inner, id, mut change } = self;
        let place = inner.remote.records().at(id.as_str());
        let updated = change_record(&inner, &place, |record: &mut Record<T>| change(&mut record.data));
        updated.await.map_err(|error| CallContext::new("update record", &place).attach(error))
    }
}

/// Reads a record, changes it and saves it, again if it was changed in between.
async fn change_record<T: RecordData>(
    inner: &Inner,
    place: &Place<kind::Record>,
    mut change: impl FnMut(&mut Record<T>),
) -> Result<Record<T>> {
    place.checked()?;
    let id = &*place.id;
    let mut last = None;
    for _ in 0..MAX_TRIES {
        let mut record: Record<T> = record::record_of(id, &inner.row(id).await?)?;
        change(&mut record);
        let Some(change) = save::change(place, &record)? else { return Ok(record) };
        match store_one(inner, change).await {
            Ok(changed) => {
                save::take(&mut record, Some(changed))?;
                return Ok(record);
            }
            Err(error) if error.kind() == ErrorKind::Conflict => last = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(last.unwrap_or_else(|| Error::invalid("there is no try to update the record")))
}

impl<T, F> fmt::Debug for LocalUpdate<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalUpdate({})", self.id)
    }
}
