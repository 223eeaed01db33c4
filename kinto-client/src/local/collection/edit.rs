use std::{fmt, sync::Arc};

use super::update::change_record;
use crate::{
    client::Client,
    error::Result,
    field::{Field, operand::Operand},
    json::JsonObject,
    local::inner::{Inner, without_options},
    operation::{
        Call, CallContext,
        edit::{Edit, Nullable},
        sealed,
    },
    wire::{
        object::{Record, RecordData, id::RecordId, kind},
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
        let change = async {
            edit.check()?;
            let edited = change_record(&inner, &place, edit.if_match, |record: &mut Record<JsonObject>| {
                edit.apply_to(&mut record.data)
            });
            edited.await?.parse()
        };
        change.await.map_err(|error| CallContext::new("patch record", &place).attach(error))
    }
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
