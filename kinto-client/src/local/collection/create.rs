use std::sync::Arc;

use super::change::{Change, Changed, LocalOperation, carry_out_one, lost};
use crate::{
    client::Client,
    error::{Error, Result},
    local::{inner::Inner, record, row::Body},
    operation::{
        Call, CallContext,
        create::{Create, NewId},
        debug_as_place, sealed,
    },
    wire::{
        id_text::Name,
        object::{Record, RecordData, id::RecordId, kind},
    },
};

/// Creates a record in a store, and never replaces one.
pub struct LocalCreate<T> {
    pub(super) inner: Arc<Inner>,
    pub(super) create: Create<kind::Record, T>,
}

/// A record that is to be stored without regard to what is there.
pub(super) struct NewRecord {
    pub(super) id: Name,
    pub(super) body: Body,
    /// The id was generated for this record.
    pub(super) is_own_id: bool,
}

impl NewRecord {
    /// Encodes the record and checks it as before a request, and that it can be read again.
    pub(super) fn of<T: RecordData>(create: &Create<kind::Record, T>) -> Result<Self> {
        let data = create.new_data()?;
        let id = create.chosen(&data)?.ok_or_else(|| Error::invalid("a record in a store needs an id"))?;
        create.list.checked_at(&id)?;
        let json = std::str::from_utf8(data.json()).map_err(|error| Error::invalid(error.to_string()))?;
        let body = record::body(json)?;
        record::check::<T>(&id, &body)?;
        Ok(Self { id, body, is_own_id: create.has_own_id(&data) })
    }
}

impl<T: RecordData> LocalOperation for LocalCreate<T> {
    type Output = Record<T>;

    fn context(&self) -> CallContext {
        CallContext { operation: "create record", ..sealed::Operation::context(&self.create) }
    }

    fn change(&self) -> Result<Option<Change>> {
        let NewRecord { id, body, is_own_id } = NewRecord::of(&self.create)?;
        Ok(Some(Change::create(id, body, is_own_id)))
    }

    fn finish(self, changed: Option<Changed>) -> Result<Record<T>> {
        changed.ok_or_else(lost)?.record()
    }
}

impl<T: RecordData> sealed::Action for LocalCreate<T> {
    const NAME: &'static str = "LocalCreate";

    type Output = Record<T>;

    async fn run(self, client: Client) -> Result<Record<T>> {
        carry_out_one(&Arc::clone(&self.inner), self, &client).await
    }
}

impl<T: RecordData> Call<'_, LocalCreate<T>> {
    /// Sets the id of the record, instead of a random one.
    pub fn id(mut self, id: impl Into<RecordId<T>>) -> Self {
        self.op.create.id = NewId::Chosen(id.into().to_string());
        self
    }
}

debug_as_place!(LocalCreate [T] [T] create.list);
