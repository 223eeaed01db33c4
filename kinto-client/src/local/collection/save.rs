use std::sync::Arc;

use super::change::{Change, Changed, LocalOperation, carry_out_one};
use crate::{
    client::Client,
    error::{Error, Result},
    local::{inner::Inner, record},
    operation::{CallContext, debug_as_place, save::SaveOutcome, sealed},
    wire::{
        id_text::Name,
        object::{Record, RecordData, kind},
        path::Place,
    },
};

/// Saves the changes of a record in a store, if it was not changed since it was read.
pub struct LocalSave<'a, T> {
    pub(super) inner: Arc<Inner>,
    pub(super) place: Place<kind::Record>,
    pub(super) record: &'a mut Record<T>,
}

/// Saves the changes of a record in a store, and returns it with its new version.
pub struct LocalSaveOwned<T> {
    pub(super) place: Place<kind::Record>,
    pub(super) record: Record<T>,
}

/// Returns the change that saves a record, or `None` if it is as it was read.
pub(super) fn change<T: RecordData>(place: &Place<kind::Record>, record: &Record<T>) -> Result<Option<Change>> {
    if record.changed_permissions()?.is_some() {
        return Err(Error::invalid(
            "the permissions of the record were changed, and a store keeps none: save them on the server, by \
             `remote().record(id).save_permissions(…)`",
        ));
    }
    let Some(data) = record.changed_data()? else { return Ok(None) };
    let body = record::body(data.get())?;
    place.checked()?;
    place.list.check(Some(&place.id), body.as_bytes())?;
    Ok(Some(Change::replace(Name::from(&*place.id), body, record.last_modified)))
}

/// Takes over the record as it is after its change.
pub(super) fn take<T: RecordData>(record: &mut Record<T>, changed: Option<Changed>) -> Result<SaveOutcome> {
    let Some(changed) = changed else { return Ok(SaveOutcome::Unchanged) };
    record.saved(changed.record()?);
    Ok(SaveOutcome::Stored)
}

fn context(place: &Place<kind::Record>) -> CallContext {
    CallContext::new("save record", place)
}

impl<T: RecordData> LocalOperation for LocalSave<'_, T> {
    type Output = SaveOutcome;

    fn context(&self) -> CallContext {
        context(&self.place)
    }

    fn change(&self) -> Result<Option<Change>> {
        change(&self.place, self.record)
    }

    fn finish(self, changed: Option<Changed>) -> Result<SaveOutcome> {
        take(self.record, changed)
    }
}

impl<T: RecordData> LocalOperation for LocalSaveOwned<T> {
    type Output = Record<T>;

    fn context(&self) -> CallContext {
        context(&self.place)
    }

    fn change(&self) -> Result<Option<Change>> {
        change(&self.place, &self.record)
    }

    fn finish(mut self, changed: Option<Changed>) -> Result<Record<T>> {
        take(&mut self.record, changed)?;
        Ok(self.record)
    }
}

impl<T: RecordData> sealed::Action for LocalSave<'_, T> {
    const NAME: &'static str = "LocalSave";

    type Output = SaveOutcome;

    async fn run(self, client: Client) -> Result<SaveOutcome> {
        carry_out_one(&Arc::clone(&self.inner), self, &client).await
    }
}

debug_as_place!(LocalSave ['a, T] ['a, T] place);
debug_as_place!(LocalSaveOwned [T] [T] place);
