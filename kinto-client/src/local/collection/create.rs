use std::sync::Arc;

use super::{Inner, record, without_options};
use crate::{
    client::Client,
    error::{Error, Result},
    local::row,
    operation::{
        Call, CallContext,
        create::{Create, NewId},
        debug_as_place, sealed,
    },
    wire::object::{Record, RecordData, id::RecordId, kind},
};

/// Creates a record in a store, and never replaces one.
pub struct LocalCreate<T> {
    pub(super) inner: Arc<Inner>,
    pub(super) create: Create<kind::Record, T>,
}

impl<T: RecordData> LocalCreate<T> {
    async fn run(self) -> Result<Record<T>> {
        let data = self.create.new_data()?;
        let id = self.create.chosen(&data)?.ok_or_else(|| Error::invalid("a record in a store needs an id"))?;
        let is_own_id = self.create.has_own_id(&data);
        let json = std::str::from_utf8(data.json()).map_err(|error| Error::invalid(error.to_string()))?;
        let body = record::body(json)?;
        self.inner.check(&id, &body)?;
        let of_error = id.to_string();
        let create = move |mut row: row::Row, rules: &row::Rules| {
            if row.local.is_some() {
                return Err(record::exists(&of_error, &row));
            }
            // A record that was here before may be known to others, who may create it as well.
            row.is_own_id |= is_own_id && row == row::Row::default();
            Ok(row::write(row, Some(body), rules))
        };
        let row = self.inner.change(&id, create).await?;
        record::record_of(&id, &row)
    }
}

impl<T: RecordData> sealed::Action for LocalCreate<T> {
    const NAME: &'static str = "LocalCreate";

    type Output = Record<T>;

    async fn run(self, client: Client) -> Result<Record<T>> {
        without_options(&client)?;
        let context = CallContext::new("create record", &self.create.list);
        Self::run(self).await.map_err(|error| context.attach(error))
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
