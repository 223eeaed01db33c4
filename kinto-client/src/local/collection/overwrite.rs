use std::sync::Arc;

use super::{
    change::{Change, Changed, LocalOperation, carry_out_one, lost},
    create::NewRecord,
};
use crate::{
    client::Client,
    error::Result,
    local::inner::Inner,
    operation::{CallContext, create::Create, debug_as_place, sealed},
    wire::object::{Record, RecordData, kind},
};

/// Replaces a record in a store, or creates it.
pub struct LocalOverwrite<T> {
    pub(super) inner: Arc<Inner>,
    pub(super) create: Create<kind::Record, T>,
}

impl<T: RecordData> LocalOperation for LocalOverwrite<T> {
    type Output = Record<T>;

    fn context(&self) -> CallContext {
        CallContext { operation: "overwrite record", ..sealed::Operation::context(&self.create) }
    }

    fn change(&self) -> Result<Option<Change>> {
        let NewRecord { id, body, .. } = NewRecord::of(&self.create)?;
        Ok(Some(Change::overwrite(id, body)))
    }

    fn finish(self, changed: Option<Changed>) -> Result<Record<T>> {
        changed.ok_or_else(lost)?.record()
    }
}

impl<T: RecordData> sealed::Action for LocalOverwrite<T> {
    const NAME: &'static str = "LocalOverwrite";

    type Output = Record<T>;

    async fn run(self, client: Client) -> Result<Record<T>> {
        carry_out_one(&Arc::clone(&self.inner), self, &client).await
    }
}

debug_as_place!(LocalOverwrite [T] [T] create.list);
