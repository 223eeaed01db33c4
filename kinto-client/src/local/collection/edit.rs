use std::{fmt, sync::Arc};

use rusqlite::Transaction;

use super::{
    change::{Change, Changed},
    save,
};
use crate::{
    client::Client,
    error::Result,
    field::{Field, operand::Operand},
    json::JsonObject,
    local::{
        inner::{Inner, without_options},
        record,
        row::Row,
        store::rows::Rows,
    },
    operation::{
        Call, CallContext,
        edit::{Edit, Nullable, no_longer_fits},
        sealed,
    },
    wire::{
        id_text::Name,
        object::{Record, RecordData, id::RecordId, kind},
        path::Place,
        timestamp::Timestamp,
    },
};

/// Sets and removes fields of a record in a store, and keeps the others.
pub struct LocalEdit<T> {
    pub(super) inner: Arc<Inner>,
    pub(super) id: RecordId<T>,
    pub(super) edit: Edit<kind::Record, T>,
}

impl<T: RecordData> sealed::Action for LocalEdit<T> {
    const NAME: &'static str = "LocalEdit";

    type Output = Record<T>;

    async fn run(self, client: Client) -> Result<Record<T>> {
        without_options(&client)?;
        let Self { inner, id, edit } = self;
        let place = inner.remote.records().at(id.as_str());
        let context = CallContext::new("patch record", &place);
        patch(&inner, place, edit).await.map_err(|error| context.attach(error))
    }
}

/// Reads a record, edits it and stores it, in one transaction.
async fn patch<T: RecordData>(
    inner: &Inner,
    place: Place<kind::Record>,
    edit: Edit<kind::Record, T>,
) -> Result<Record<T>> {
    edit.check()?;
    place.checked()?;
    let (of, record_type) = (inner.number, inner.record_type);
    let job = move |transaction: &Transaction<'_>| {
        let rows = Rows::new(transaction, of)?;
        let stored = rows.load(&place.id)?;
        let change = match edited(&place, &stored.row, &edit) {
            Ok(change) => change,
            Err(error) => return Ok(Err(error)),
        };
        match change {
            Some(change) => change.carry_out_on(&stored, transaction, &rows, record_type),
            None => Ok(Ok(Changed { id: Name::from(&*place.id), row: stored.row })),
        }
    };
    inner.database.write(job).await??.record()
}

/// Returns the change that an edit makes; `None` if it changes nothing.
fn edited<T: RecordData>(
    place: &Place<kind::Record>,
    row: &Row,
    edit: &Edit<kind::Record, T>,
) -> Result<Option<Change>> {
    let mut record: Record<JsonObject> = record::record_of_version(&place.id, row, edit.if_match)?;
    edit.apply_to(&mut record.data)?;
    let change = save::change(place, &record)?;
    let body = change.as_ref().and_then(Change::body);
    body.map_or(Ok(()), |body| record::check::<T>(&place.id, body)).map_err(no_longer_fits)?;
    Ok(change)
}

impl<T: RecordData> Call<'_, LocalEdit<T>> {
    /// Sets a field. A field with aliases (`#[serde(alias = "…")]`) is set under the name by which it is stored.
    #[expect(clippy::needless_pass_by_value, reason = "a field is set to a value, not to a reference to one")]
    pub fn set<V, O: Operand<V>>(mut self, field: Field<T, V>, value: O) -> Self {
        self.op.edit.set_field(field, &value);
        self
    }

    /// Removes a field, under its name and its aliases; it then reads as `None`.
    pub fn unset<V: Nullable>(mut self, field: Field<T, V>) -> Self {
        self.op.edit.unset_field(field);
        self
    }

    /// Changes the record only if it is still in this version, and otherwise fails with
    /// [`Error::is_conflict`](crate::Error::is_conflict).
    pub fn if_match(mut self, last_modified: Timestamp) -> Self {
        self.op.edit.if_match = Some(last_modified);
        self
    }
}

impl<T> fmt::Debug for LocalEdit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalEdit({})", self.id)
    }
}
