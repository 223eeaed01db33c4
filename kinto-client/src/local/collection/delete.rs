use std::{fmt, sync::Arc};

use super::{Inner, record, without_options};
use crate::{
    client::Client,
    error::Result,
    local::row::{self, Row, Rules},
    operation::{CallContext, delete::DeleteTarget, sealed},
    wire::object::{kind, outcome::Tombstone},
};

/// Deletes a record in a store.
pub struct LocalDelete {
    pub(super) inner: Arc<Inner>,
    pub(super) target: DeleteTarget<kind::Record>,
}

impl sealed::Action for LocalDelete {
    const NAME: &'static str = "LocalDelete";

    type Output = Tombstone;

    async fn run(self, client: Client) -> Result<Tombstone> {
        without_options(&client)?;
        let Self { inner, target: DeleteTarget { id, if_match, .. } } = self;
        let place = inner.remote.records().at(Arc::clone(&id));
        let of_error = Arc::clone(&id);
        let delete = move |row: Row, rules: &Rules| {
            if row.local.is_none() {
                return Err(record::not_found(&of_error));
            }
            if if_match.is_some_and(|version| row.version() != version) {
                return Err(record::changed(&of_error, &row));
            }
            Ok(row::write(row, None, rules))
        };
        let deleted = inner.change(&id, delete).await;
        let row = deleted.map_err(|error| CallContext::new("delete record", &place).attach(error))?;
        Ok(Tombstone { id: id.to_string(), last_modified: Some(row.modified) })
    }
}

impl fmt::Debug for LocalDelete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalDelete({})", self.target.id)
    }
}
