//! The body of a change set, whose items are slices of what was received.

use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Changeset;
use crate::{
    error::{Error, Result},
    operation::list::changes::Change,
    wire::{
        object::{Object, RecordData},
        response::Response,
        timestamp::Timestamp,
    },
};

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    timestamp: Timestamp,
    #[serde(borrow)]
    changes: Vec<&'a RawValue>,
}

/// A change set whose items are not decoded yet.
pub(super) type Received = Changeset<Bytes>;

/// Reads the response to a request that had this `_since`.
pub(super) fn read(response: Response, since: Option<Timestamp>) -> Result<Received> {
    let response = response.success()?;
    if response.status == StatusCode::NO_CONTENT {
        // What is expected is older than what the caller has: there is nothing that it could be told.
        let timestamp = since.ok_or_else(|| Error::unexpected("the server sent no change set".to_owned()))?;
        return Ok(Changeset { metadata: None, timestamp, since, changes: Vec::new() });
    }
    let body = &response.body;
    let parsed: Body<'_> = serde_json::from_slice(body).map_err(|error| Error::not_kinto(&error, body))?;
    let metadata = match parsed.metadata.map(RawValue::get) {
        None | Some("{}" | "null") => None,
        // A copy, since a slice would keep all records in memory.
        Some(raw) => Some(Object::from_received(Bytes::copy_from_slice(raw.as_bytes()))?),
    };
    Ok(Changeset {
        metadata,
        timestamp: parsed.timestamp,
        since: since.filter(|_| !response.is_redirected_without("_since")),
        changes: parsed.changes.iter().map(|raw| body.slice_ref(raw.get().as_bytes())).collect(),
    })
}

/// Decodes a record or a tombstone; some servers leave out when a record was deleted.
pub(super) fn change<T: RecordData>(raw: Bytes, timestamp: Timestamp) -> Result<Change<T>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Undated {
        id: String,
        deleted: bool,
    }
    match serde_json::from_slice(&raw) {
        Ok(Undated { id, deleted: true }) => Ok(Change::Deleted(id, timestamp)),
        _ => Change::read(raw),
    }
}

impl Received {
    /// Decodes the items, with the time of the change set.
    pub(super) fn decode<C>(self, decode: impl Fn(Bytes, Timestamp) -> Result<C>) -> Result<Changeset<C>> {
        let Self { metadata, timestamp, since, changes } = self;
        let changes = changes.into_iter().map(|raw| decode(raw, timestamp)).collect::<Result<_>>()?;
        Ok(Changeset { metadata, timestamp, since, changes })
    }
}
