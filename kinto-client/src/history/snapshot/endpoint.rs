//! The server's own snapshot, and the checks of it.

use std::collections::HashSet;

use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{
    View,
    era::Era,
    present::Changes,
    versions::{self, AT_ONCE},
};
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    wire::{
        list_query::Listing,
        object::{Record, RecordData, decode},
        page::Page,
        request::Request,
        response::Response,
        timestamp::Timestamp,
    },
};

/// Reads the records from the server's snapshot, as far as that is right: those that are unchanged since. `None` if the
/// server has none, or one that does not have all of these.
pub(super) async fn records<T: RecordData>(client: &Client, view: &View, era: &Era) -> Result<Option<Vec<Record<T>>>> {
    let Some(snapshot) = snapshot(client, view).await? else { return Ok(None) };
    let mut changes = Changes::new(client, view);
    let mut ids = Vec::new();
    loop {
        let more = changes.next_ids().await?;
        if more.is_empty() {
            break;
        }
        ids.extend(more);
    }
    let version = changes.version();
    let later: HashSet<&str> = ids.iter().map(String::as_str).collect();
    let mut records = Vec::new();
    for raw in snapshot {
        let stamp = decode::object::<serde::de::IgnoredAny>(&raw, &[])?;
        if stamp.last_modified <= view.at && !later.contains(&*stamp.id) && Page::tombstone(&raw).is_none() {
            records.push(Record::from_received(raw)?);
        }
    }
    let (count, counted) = unchanged(client, view).await?;
    // Nothing was written in between, so that all three are of the same state.
    if version != Some(counted) || count != records.len() {
        return Ok(None);
    }
    for ids in ids.chunks(AT_ONCE) {
        for version in versions::of(client, view, era, ids).await? {
            records.push(Record::from_received(version)?);
        }
    }
    Ok(Some(records))
}

/// Reads the server's snapshot, if it has that endpoint and the response is not too large.
async fn snapshot(client: &Client, view: &View) -> Result<Option<Vec<Bytes>>> {
    #[derive(Deserialize)]
    struct List<'a> {
        #[serde(borrow)]
        data: Vec<&'a RawValue>,
    }
    let path = view.place.checked()?;
    let (bucket, collection) = (path.bucket().unwrap_or_default(), path.collection().unwrap_or_default());
    let request = Request::get(format!("/buckets/{bucket}/snapshot/collections/{collection}@{}", view.at));
    let response = match client.send(&request).await.and_then(Response::success) {
        Ok(response) => response,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::TooLarge | ErrorKind::Server) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let body = &response.body;
    let list: List<'_> = serde_json::from_slice(body).map_err(|error| Error::not_kinto(&error, body))?;
    Ok(Some(list.data.iter().map(|item| body.slice_ref(item.get().as_bytes())).collect()))
}

/// Counts the records that are unchanged since the time of the snapshot, and returns the version of the list.
async fn unchanged(client: &Client, view: &View) -> Result<(usize, Timestamp)> {
    let listing = Listing::<Value> { before: Some(view.end()), ..Listing::default() };
    let path = view.place.records().checked()?;
    let request = Request { query: listing.conditions()?, ..Request::new(Method::HEAD, path) };
    let response = client.send(&request).await?.success()?;
    Ok((response.total()?, response.etag()?))
}
