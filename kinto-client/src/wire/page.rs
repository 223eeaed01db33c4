use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{object::Tombstone, response::Response, timestamp::Timestamp};
use crate::error::{Error, Result};

/// One page of a list, every object still as received.
pub(crate) struct Page {
    pub(crate) items: Vec<Bytes>,
    /// When the list last changed.
    pub(crate) timestamp: Timestamp,
    /// The query that asks for the next page.
    pub(crate) next: Option<String>,
}

impl Page {
    pub(crate) fn read(response: &Response) -> Result<Self> {
        #[derive(Deserialize)]
        struct List<'a> {
            #[serde(borrow)]
            data: Vec<&'a RawValue>,
        }
        let body = &response.body;
        let list: List<'_> = serde_json::from_slice(body).map_err(|error| Error::not_kinto(&error, body))?;
        Ok(Self {
            items: list.data.into_iter().map(|item| body.slice_ref(item.get().as_bytes())).collect(),
            timestamp: response.etag()?,
            next: response.next_page()?,
        })
    }

    /// What a deletion left of an object, if that is all that this item says. A record could say the same of itself;
    /// nothing tells the two apart.
    pub(crate) fn tombstone(raw: &[u8]) -> Option<Tombstone> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Item {
            id: String,
            last_modified: Timestamp,
            deleted: bool,
        }
        let item: Item = serde_json::from_slice(raw).ok()?;
        item.deleted.then_some(Tombstone { id: item.id, last_modified: Some(item.last_modified) })
    }
}
