//! The versions that records had at the time of a snapshot, from the history.

use std::collections::HashMap;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{View, era::Era};
use crate::{
    client::Client,
    error::{Error, Result},
    history::{entry::HistoryEntry, name::HistoryAction, scope::Scope},
    operation::list::{items::Items, pages::Source},
    wire::{
        filter::{Filter, Operand, Operator},
        list_query::Listing,
        object::decode,
        timestamp::Timestamp,
    },
};

/// The number of records whose versions one request asks for. The server searches the whole history of the bucket for each
/// request: a few large ones take less of its time than many that fit into a URL.
pub(super) const AT_ONCE: usize = 500;

/// The number of entries per page, unless the caller or the server sets another one: reading ends with the page that has the
/// last version that is needed.
const PAGE_SIZE: u32 = 1_000;

/// One version of a record.
pub(super) struct Version {
    pub(super) record: String,
    pub(super) action: HistoryAction,
    /// The time of the entry in the history.
    pub(super) recorded: Timestamp,
    /// The time of the version.
    pub(super) last_modified: Timestamp,
    pub(super) data: Bytes,
}

impl Version {
    pub(super) fn read(raw: &Bytes) -> Result<Self> {
        #[derive(Deserialize)]
        struct Entry<'a> {
            record_id: String,
            action: HistoryAction,
            last_modified: Timestamp,
            #[serde(borrow)]
            target: Target<'a>,
        }
        #[derive(Deserialize)]
        struct Target<'a> {
            #[serde(borrow)]
            data: &'a RawValue,
        }
        let entry: Entry<'_> = serde_json::from_slice(raw).map_err(|error| Error::not_kinto(&error, raw))?;
        let data = Bytes::copy_from_slice(entry.target.data.get().as_bytes());
        let last_modified = decode::object::<serde::de::IgnoredAny>(&data, &[])?.last_modified;
        Ok(Self { record: entry.record_id, action: entry.action, recorded: entry.last_modified, last_modified, data })
    }

    pub(super) fn is_deletion(&self) -> bool {
        self.action == HistoryAction::Delete
    }
}

/// The side of the time of the snapshot on which versions are looked for.
#[derive(Clone, Copy)]
enum Side {
    /// The last version until then.
    Until,
    /// The first version after it.
    After,
}

/// Returns the records among these that existed, as they were: of the collection that there is now.
pub(super) async fn of(client: &Client, view: &View, era: &Era, ids: &[String]) -> Result<Vec<Bytes>> {
    if let Some(reason) = era.gaps {
        view.doubt(reason)?;
    }
    let mut until = nearest(client, view, era, ids, Side::Until).await?;
    let missing: Vec<String> = ids.iter().filter(|id| !until.contains_key(*id)).cloned().collect();
    let after =
        if missing.is_empty() { HashMap::new() } else { nearest(client, view, era, &missing, Side::After).await? };
    for id in &missing {
        let is_created = after.get(id).is_some_and(|version| version.action == HistoryAction::Create);
        if !is_created {
            view.doubt(&format!("it has no version of the record `{id}` from before, and not its creation"))?;
        } else if let Some(reason) = era.doubt_after(view.at) {
            view.doubt(reason)?;
        }
    }
    for version in until.values() {
        if let Some(reason) = era.doubt_after(version.recorded) {
            view.doubt(reason)?;
        }
    }
    let mut versions = Vec::new();
    for id in ids {
        versions.extend(until.remove(id).filter(|version| !version.is_deletion()).map(|version| version.data));
    }
    Ok(versions)
}

/// Returns the version of each record that is nearest to the time of the snapshot.
async fn nearest(
    client: &Client,
    view: &View,
    era: &Era,
    ids: &[String],
    side: Side,
) -> Result<HashMap<String, Version>> {
    let version = HistoryEntry::<Value>::fields().version;
    let (bound, order) = match side {
        Side::Until => (version.le(view.at), version.desc()),
        Side::After => (version.gt(view.at), version.asc()),
    };
    let records = ids.iter().map(|id| Value::from(id.as_str())).collect();
    let of_records = Filter::new("record_id", Operator::In, Ok(Operand::Many(records)));
    let listing = Listing {
        filter: Some(bound.and(of_records)),
        sort: vec![order],
        page_size: view.page_size.or(Some(PAGE_SIZE)),
        // Until then it was another collection of the same name.
        since: era.from,
        ..Listing::default()
    };
    let mut items = items(client, view, &view.records(), &listing);
    let mut found: HashMap<String, Version> = HashMap::new();
    while let Some(item) = items.next().await {
        let version = Version::read(&item?)?;
        found.entry(version.record.clone()).or_insert(version);
        if found.len() == ids.len() {
            break;
        }
    }
    Ok(found)
}

/// Returns the entries of the history that match, as received.
pub(super) fn items(client: &Client, view: &View, scope: &Scope, listing: &Listing<HistoryEntry<Value>>) -> Items {
    let request = scope
        .listing(listing)
        .and_then(|listing| listing.ask(scope.request(Method::GET, listing.query(scope.path()?)?)?));
    Items::new(Source::new(client.clone(), view.context(), request), None, true)
}
