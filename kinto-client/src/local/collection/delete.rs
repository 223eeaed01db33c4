use std::sync::Arc;

use super::change::{Change, Changed, LocalOperation, carry_out_one, lost};
use crate::{
    client::Client,
    error::Result,
    local::inner::Inner,
    operation::{CallContext, debug_as_place, sealed},
    wire::{
        id_text::Name,
        object::{kind, outcome::Tombstone},
        path::Place,
        timestamp::Timestamp,
    },
};

/// Deletes a record in a store.
pub struct LocalDelete {
    pub(super) inner: Arc<Inner>,
    pub(super) place: Place<kind::Record>,
    pub(super) if_match: Option<Timestamp>,
}

impl Changed {
    /// Returns what a deletion leaves of the record.
    pub(super) fn tombstone(self) -> Tombstone {
        Tombstone { id: self.id.to_string(), last_modified: Some(self.row.modified) }
    }
}

impl LocalOperation for LocalDelete {
    type Output = Tombstone;

    fn context(&self) -> CallContext {
        CallContext::new("delete record", &self.place)
    }

    fn change(&self) -> Result<Option<Change>> {
        self.place.checked()?;
        Ok(Some(Change::delete(Name::from(&*self.place.id), self.if_match)))
    }

    fn finish(self, changed: Option<Changed>) -> Result<Tombstone> {
        changed.ok_or_else(lost).map(Changed::tombstone)
    }
}

impl sealed::Action for LocalDelete {
    const NAME: &'static str = "LocalDelete";

    type Output = Tombstone;

    async fn run(self, client: Client) -> Result<Tombstone> {
        carry_out_one(&Arc::clone(&self.inner), self, &client).await
    }
}

debug_as_place!(LocalDelete [] [] place);
