//! A snapshot of the collection that there is now: the records that are unchanged since, and earlier versions of the others.

use std::{
    collections::{HashSet, VecDeque},
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use futures_core::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _, future, stream};
use serde::Deserialize;
use serde_json::Value;

use super::{
    View,
    era::Era,
    versions::{self, AT_ONCE},
};
use crate::{
    client::Client,
    error::{Error, Result},
    operation::{
        Call,
        list::{GetAll, items::Items, pages::Source},
    },
    wire::{
        list_query::Listing,
        object::{Record, RecordData, kind},
        request::Request,
        sort::Sort,
        timestamp::Timestamp,
    },
};

/// Reads the unchanged records, the oldest first, and then the versions of the others.
///
/// In this order, a record that is changed meanwhile is read twice rather than not at all.
pub(super) fn records<T: RecordData>(client: &Client, view: &View, era: Era) -> BoxStream<'static, Result<Record<T>>> {
    let read = Arc::new(Seen::default());
    let mut unchanged = GetAll::<kind::Record, T>::new(view.place.records());
    unchanged.listing.before = Some(view.end());
    unchanged.listing.page_size = view.page_size;
    let known = Arc::clone(&read);
    let unchanged = Call::new(client, unchanged).stream().inspect_ok(move |record| known.insert(&record.id));
    let (client, view) = (client.clone(), view.clone());
    let changed = stream::once(future::lazy(move |_| Ok(changed(client, view, era, read)))).try_flatten();
    unchanged.chain(changed).boxed()
}

/// The ids that were read, as hashes of eight bytes.
#[derive(Default)]
struct Seen {
    hasher: RandomState,
    hashes: Mutex<HashSet<u64>>,
}

impl Seen {
    fn insert(&self, id: &str) {
        self.hashes.lock().unwrap_or_else(PoisonError::into_inner).insert(self.hasher.hash_one(id));
    }

    fn contains(&self, id: &str) -> bool {
        self.hashes.lock().unwrap_or_else(PoisonError::into_inner).contains(&self.hasher.hash_one(id))
    }
}

/// Reads the versions of the records that were changed since, in portions.
fn changed<T: RecordData>(
    client: Client,
    view: View,
    era: Era,
    read: Arc<Seen>,
) -> BoxStream<'static, Result<Record<T>>> {
    let changes = Changes::new(&client, &view);
    let portions = stream::try_unfold((changes, VecDeque::new()), move |(mut changes, mut ready)| {
        let (client, view, era, read) = (client.clone(), view.clone(), era.clone(), Arc::clone(&read));
        async move {
            loop {
                if let Some(version) = ready.pop_front() {
                    return Record::from_received(version).map(|record| Some((record, (changes, ready))));
                }
                let mut ids = changes.next_ids().await?;
                if ids.is_empty() {
                    return Ok(None);
                }
                ids.retain(|id| !read.contains(id));
                for id in &ids {
                    read.insert(id);
                }
                if !ids.is_empty() {
                    ready.extend(versions::of(&client, &view, &era, &ids).await?);
                }
            }
        }
    });
    portions.boxed()
}

/// The ids of the records that were changed since the time of a snapshot, deleted ones included.
pub(super) struct Changes {
    items: Items,
    is_over: bool,
}

impl Changes {
    pub(super) fn new(client: &Client, view: &View) -> Self {
        let listing = Listing::<Value> {
            since: Some(view.at),
            // In this order, no record moves when it is changed again.
            sort: vec![Sort::desc("id")],
            fields: Some(vec!["id".to_owned()]),
            page_size: view.page_size,
            ..Listing::default()
        };
        let request = view.place.records().checked().and_then(|path| {
            let query = listing.query(path.as_str())?;
            Ok(Request { query, ..Request::get(path) })
        });
        let items = Items::new(Source::new(client.clone(), view.context(), request), None, false);
        Self { items, is_over: false }
    }

    /// Returns the next ids, or none after the last.
    pub(super) async fn next_ids(&mut self) -> Result<Vec<String>> {
        let mut ids = Vec::new();
        while !self.is_over && ids.len() < AT_ONCE {
            match self.items.next().await.transpose()? {
                Some(item) => ids.push(id_of(&item)?),
                None => self.is_over = true,
            }
        }
        Ok(ids)
    }

    /// Returns the version of the list when its first page was read.
    pub(super) fn version(&self) -> Option<Timestamp> {
        self.items.version()
    }
}

fn id_of(raw: &Bytes) -> Result<String> {
    #[derive(Deserialize)]
    struct Changed {
        id: String,
    }
    let changed: Changed = serde_json::from_slice(raw).map_err(|error| Error::not_kinto(&error, raw))?;
    Ok(changed.id)
}
