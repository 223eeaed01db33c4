//! The times at which a collection existed.

use futures_util::StreamExt as _;
use http::Method;
use serde_json::Value;

use super::View;
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    history::{
        entry::HistoryEntry,
        name::HistoryAction,
        scope::{Scope, equal},
    },
    operation::{
        attempt,
        get::Get,
        list::{items::Items, pages::Source},
    },
    wire::{
        filter::{Filter, Operand, Operator},
        list_query::Listing,
        object::{
            attributes::{BucketAttributes, CollectionAttributes},
            kind::{self, Kind as _},
        },
        page::Page,
        path::List,
        request::Request,
        sort::Sort,
        timestamp::Timestamp,
    },
};

/// The time between a creation of the collection and its deletion, in which the time of the snapshot is.
#[derive(Clone)]
pub(super) struct Era {
    /// The time in the history of the creation, if it is there.
    pub(super) from: Option<Timestamp>,
    /// The time in the history of the deletion; `None` for the collection that there is now.
    pub(super) until: Option<Timestamp>,
    /// The time at which entries of the history were last purged.
    pub(super) purged: Option<Timestamp>,
    /// A reason why the server may have recorded less than what happened.
    pub(super) gaps: Option<&'static str>,
    /// Old entries may have been deleted without a trace.
    pub(super) is_trimmed: bool,
}

type Entry = HistoryEntry<Value>;

impl Era {
    /// Returns the request for the creations and deletions of the collection.
    pub(super) fn request(view: &View) -> Result<Request> {
        let scope = Scope::of(&view.place);
        let actions = ["create", "delete"].map(Value::from).to_vec();
        let filter = equal("resource_name", kind::Collection::NAME);
        let filter = filter.and(Filter::new("action", Operator::In, Ok(Operand::Many(actions))));
        // The entries of one batch may be in another order.
        let order = vec![HistoryEntry::fields().version.asc()];
        let listing = Listing::<Entry> { filter: Some(filter), sort: order, ..Listing::default() };
        let listing = scope.listing(&listing)?;
        listing.ask(scope.request(Method::GET, listing.query(scope.path()?)?)?)
    }

    /// Finds the era of the time of the snapshot.
    pub(super) async fn find(client: &Client, view: &View) -> Result<Self> {
        let source = Source::new(client.clone(), view.context(), Self::request(view));
        let mut items = Items::new(source, None, false);
        let (mut last, mut first_later, mut end) = (None, None, None);
        while let Some(item) = items.next().await {
            let entry = Entry::read(&item?)?;
            if entry.target.last_modified <= view.at {
                (last, first_later, end) = (Some(entry), None, None);
            } else {
                if end.is_none() && entry.is_deletion() {
                    end = Some(entry.last_modified);
                }
                first_later.get_or_insert(entry);
            }
        }
        let from = match (last, first_later) {
            (Some(entry), _) if entry.is_deletion() => {
                return Err(absent(view, &format!("it was deleted at {}", entry.target.last_modified)));
            }
            (Some(entry), _) => Some(entry.last_modified),
            (None, Some(entry)) if entry.action == HistoryAction::Create => {
                return Err(absent(view, &format!("it was created at {}", entry.target.last_modified)));
            }
            (None, _) => None,
        };
        let purged = purged(client, view).await?;
        let (gaps, is_trimmed) = settings(client, view).await?;
        let gaps = if gaps.is_some() { gaps } else { unreadable(client, view).await? };
        let era = Self { from, until: end, purged, gaps, is_trimmed };
        if era.from.is_none() && era.until.is_none() {
            check_reach(client, view).await?;
        }
        Ok(era)
    }

    /// Returns true if the collection is the one that there is now.
    pub(super) fn is_present(&self) -> bool {
        self.until.is_none()
    }

    /// Returns the reason why an entry may be missing that was written after this time of the history.
    pub(super) fn doubt_after(&self, time: Timestamp) -> Option<&'static str> {
        let is_purged = self.purged.is_some_and(|purged| purged >= time);
        is_purged.then_some("entries of it were purged since, which may be among those that it needs")
    }
}

fn absent(view: &View, reason: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("the collection did not exist at {}: {reason}", view.at))
}

/// Returns the time of the last purge of the bucket's history: purged entries are listed as tombstones.
async fn purged(client: &Client, view: &View) -> Result<Option<Timestamp>> {
    let bucket = Scope::of_bucket(&view.place);
    let listing = Listing::<Entry> {
        filter: Some(Filter::new("deleted", Operator::Eq, Ok(true.into()))),
        sort: vec![Sort::desc("last_modified")],
        since: Some(Timestamp::from_millis(1)),
        limit: Some(1),
        ..Listing::default()
    };
    let request = bucket.path().and_then(|path| bucket.request(Method::GET, listing.query(path)?));
    let source = Source::new(client.clone(), view.context(), request).wanted(Some(1));
    let purged = Items::new(source, Some(1), false).next().await.transpose()?;
    Ok(purged.as_deref().and_then(Page::tombstone).and_then(|tombstone| tombstone.last_modified))
}

/// Returns the reason why the settings of the server leave gaps in the history, and whether it is trimmed.
async fn settings(client: &Client, view: &View) -> Result<(Option<&'static str>, bool)> {
    let info = client.info().await?;
    let setting = |name: &str| info.capabilities.get("history").and_then(|history| history.get(name));
    let bucket = view.place.list.bucket().unwrap_or_default();
    let is_excluded = |excluded: &Value| {
        let is = |name: &str, id: &str| excluded.get(name).is_none_or(|excluded| excluded == id);
        is("bucket", bucket) && is("collection", &view.place.id) && excluded.get("group").is_none()
    };
    let excluded = setting("excluded_resources").and_then(Value::as_array);
    let gaps = if excluded.is_some_and(|all| all.iter().any(is_excluded)) {
        Some("the server is set to record no changes of it, or of some of its records")
    } else if setting("auto_trim_user_ids").is_some() {
        Some("the server is set to drop entries of some users")
    } else if !info.settings.explicit_permissions {
        Some("with `explicit_permissions` off, the server records only one change of several in a request")
    } else {
        None
    };
    Ok((gaps, setting("auto_trim_max_count").is_some()))
}

/// Returns a reason if the user may see less than the whole history: who may not read the bucket sees the entries that were
/// readable when they were written.
async fn unreadable(client: &Client, view: &View) -> Result<Option<&'static str>> {
    let bucket = view.place.list.bucket().unwrap_or_default();
    let get = Get::<kind::Bucket, BucketAttributes>::new(List::buckets().at(bucket));
    match attempt(client, get).await {
        Ok(_) => Ok(None),
        Err(error) if error.kind() == ErrorKind::Forbidden => {
            Ok(Some("you may not read the bucket, and therefore perhaps not all entries"))
        }
        Err(error) => Err(error),
    }
}

/// Checks a collection whose creation is not in the history: it must be older than the snapshot, and the same since.
async fn check_reach(client: &Client, view: &View) -> Result<()> {
    let get = Get::<kind::Collection, CollectionAttributes>::new(view.place.clone());
    let collection = attempt(client, get).await?;
    if collection.last_modified <= view.at {
        return Ok(());
    }
    let bucket = Scope::of_bucket(&view.place);
    let listing = Listing::<Entry> { sort: vec![Sort::asc("last_modified")], limit: Some(1), ..Listing::default() };
    let request = bucket.path().and_then(|path| bucket.request(Method::GET, listing.query(path)?));
    let source = Source::new(client.clone(), view.context(), request).wanted(Some(1));
    let oldest = Items::new(source, Some(1), false).next().await.transpose()?;
    match oldest.as_ref().map(Entry::read).transpose()? {
        Some(entry) if entry.last_modified <= view.at => Ok(()),
        Some(entry) => view.doubt(&format!("its oldest entry that you may read is of {}", entry.last_modified)),
        None => view.doubt("it has no entries that you may read"),
    }
}

impl Scope {
    /// Returns the scope of the bucket that the collection is in.
    fn of_bucket(collection: &crate::wire::path::Place<kind::Collection>) -> Self {
        match collection.checked() {
            Ok(path) => Self::of(&List::buckets().at(path.bucket().unwrap_or_default())),
            Err(_) => Self::of(collection),
        }
    }
}
