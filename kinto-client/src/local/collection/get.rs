use std::{fmt, sync::Arc};

use crate::{
    client::Client,
    error::{Result, kind::ErrorKind},
    local::{
        inner::{Inner, without_options},
        record,
    },
    operation::{Call, CallContext, sealed},
    wire::object::{Record, RecordData, id::RecordId},
};

/// Reads a record from a store.
pub struct LocalGet<T> {
    pub(super) inner: Arc<Inner>,
    pub(super) id: RecordId<T>,
}

/// Reads a record from a store, if there is one.
pub struct LocalGetOptional<T>(LocalGet<T>);

impl<T: RecordData> sealed::Action for LocalGet<T> {
    const NAME: &'static str = "LocalGet";

    type Output = Record<T>;

    async fn run(self, client: Client) -> Result<Record<T>> {
        without_options(&client)?;
        let Self { inner, id } = self;
        let place = inner.remote.records().at(id.as_str());
        let read = async {
            place.checked()?;
            record::record_of(&id, &inner.row(&id).await?)
        };
        read.await.map_err(|error| CallContext::new("get record", &place).attach(error))
    }
}

impl<T: RecordData> sealed::Action for LocalGetOptional<T> {
    const NAME: &'static str = "LocalGetOptional";

    type Output = Option<Record<T>>;

    async fn run(self, client: Client) -> Result<Option<Record<T>>> {
        match self.0.run(client).await {
            Ok(record) => Ok(Some(record)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl<'a, T: RecordData> Call<'a, LocalGet<T>> {
    /// Returns `None` instead of an error if there is no such record here.
    pub fn optional(self) -> Call<'a, LocalGetOptional<T>> {
        Call::new(&self.client, LocalGetOptional(self.op))
    }
}

impl<T> fmt::Debug for LocalGet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalGet({})", self.id)
    }
}

impl<T> fmt::Debug for LocalGetOptional<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalGetOptional({})", self.0.id)
    }
}
