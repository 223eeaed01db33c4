//! Refusals, which end when the collection changes: its schema may accept the record then.

use std::sync::Arc;

use super::lease::Lease;
use crate::{
    client::Client,
    error::{Result, kind::ErrorKind},
    local::{
        inner::Inner,
        marked::{self, Mark},
        row::{Row, UNKNOWN},
        store::rows::Rows,
    },
    wire::{request::Request, timestamp::Timestamp},
};

/// Notes the version of the collection for new refusals, and has older ones sent again if it is another now.
pub(super) async fn recheck(inner: &Arc<Inner>, client: &Client, lease: &Lease) -> Result<()> {
    let mut refused = marked::after(inner, Mark::Problem, "", usize::MAX).await?;
    if refused.is_empty() {
        return Ok(());
    }
    let mut request = Request::get(inner.remote.place.checked()?);
    request.query.push("_fields", "id");
    let version = match client.send(&request).await?.success() {
        Ok(response) => response.etag()?,
        // Who may write records need not be allowed to read the collection.
        Err(error) if matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::NotFound) => return Ok(()),
        Err(error) => return Err(error),
    };
    while let Some((last, _)) = refused.last().cloned() {
        note(inner, lease, refused, version).await?;
        refused = marked::after(inner, Mark::Problem, &last, usize::MAX).await?;
    }
    Ok(())
}

async fn note(inner: &Inner, lease: &Lease, refused: Vec<(String, Row)>, version: Timestamp) -> Result<()> {
    let number = inner.number;
    let note = move |transaction: &rusqlite::Transaction<'_>| {
        let rows = Rows::new(transaction, number)?;
        for (id, _) in refused {
            let stored = rows.load(&id)?;
            let before = &stored.row;
            let Some(mut problem) = before.problem.clone() else { continue };
            let problem = if problem.collection == UNKNOWN {
                problem.collection = version;
                Some(problem)
            } else {
                Some(problem).filter(|problem| problem.collection == version)
            };
            rows.save(&id, &stored, &Row { problem, ..before.clone() })?;
        }
        Ok(())
    };
    lease.write(note).await
}
