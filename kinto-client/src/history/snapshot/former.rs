//! A snapshot of a collection that was deleted since: only the history knows its records.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
};

use futures_core::stream::BoxStream;
use futures_util::{StreamExt as _, stream};
use serde_json::Value;

use super::{
    View,
    era::Era,
    versions::{self, Version},
};
use crate::{
    client::Client,
    error::Result,
    history::{entry::HistoryEntry, name::HistoryAction},
    operation::list::items::Items,
    wire::{
        list_query::Listing,
        object::{Record, RecordData},
        timestamp::Timestamp,
    },
};

/// Reads the last versions of the records until the time of the snapshot, the newest first, and then looks whether the
/// history has them from their creation on.
pub(super) fn records<T: RecordData>(client: &Client, view: &View, era: &Era) -> BoxStream<'static, Result<Record<T>>> {
    let since = era.from;
    let reason = if since.is_none() {
        Some("it does not show when the collection was created")
    } else if era.is_trimmed {
        Some("the server is set to drop old entries, and the collection was deleted since")
    } else {
        era.gaps.or_else(|| era.doubt_after(since.unwrap_or(Timestamp::from_millis(0))))
    };
    if let Some(Err(error)) = reason.map(|reason| view.doubt(reason)) {
        return stream::iter([Err(error)]).boxed();
    }
    let listing = Listing {
        sort: vec![HistoryEntry::<Value>::fields().version.desc()],
        page_size: view.page_size,
        since,
        before: era.until,
        ..Listing::default()
    };
    let items = versions::items(client, view, &view.records(), &listing);
    let reading = Reading { items, view: view.clone(), hasher: RandomState::new(), known: HashMap::new() };
    stream::try_unfold(reading, |mut reading| async move {
        let next = reading.next().await?;
        Ok(next.map(|record| (record, reading)))
    })
    .boxed()
}

struct Reading {
    items: Items,
    view: View,
    hasher: RandomState,
    /// The state of each record so far, by the hash of its id.
    known: HashMap<u64, Known>,
}

/// The part of a record's versions that was read: the newest come first.
#[derive(Default)]
struct Known {
    /// The version at the time of the snapshot was met.
    is_decided: bool,
    /// The oldest version so far is its creation.
    is_whole: bool,
}

impl Reading {
    async fn next<T: RecordData>(&mut self) -> Result<Option<Record<T>>> {
        while let Some(item) = self.items.next().await {
            let version = Version::read(&item?)?;
            let known = self.known.entry(self.hasher.hash_one(&version.record)).or_default();
            known.is_whole = version.action == HistoryAction::Create;
            if version.last_modified > self.view.at || std::mem::replace(&mut known.is_decided, true) {
                continue;
            }
            if !version.is_deletion() {
                return Record::from_received(version.data).map(Some);
            }
        }
        if self.known.values().any(|known| !known.is_whole) {
            self.view.doubt("it does not have all versions of a record from its creation on")?;
        }
        Ok(None)
    }
}
