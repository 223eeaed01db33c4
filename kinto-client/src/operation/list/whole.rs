//! Lists that are collected: each object once, in the server's own order.

use std::{collections::HashMap, future::poll_fn};

use super::GetAll;
use crate::{
    client::Client,
    error::{Error, Result},
    wire::{
        object::kind::Kind,
        order::{self, Order},
        page::Page,
        timestamp::Timestamp,
    },
};

/// The longest delay between the timestamp of a change and its visibility: the longest duration of a transaction.
pub(super) const TRANSACTION_MILLIS: u64 = 30_000;

/// Something that stands for an object of a list.
pub(super) trait Listed {
    /// Its id and its time, if it has them.
    fn stamp(&self) -> Option<(&str, Timestamp)>;
    /// The object as received, where that is kept.
    fn raw(&self) -> Option<&[u8]>;
}

/// A list that was read whole.
pub(super) struct Whole<O> {
    pub(super) last_modified: Timestamp,
    pub(super) items: Vec<O>,
}

/// Reads all that is asked for.
pub(super) async fn read<K: Kind, T, O: Listed>(
    mut get: GetAll<K, T>,
    client: &Client,
    mut next_of: impl FnMut(&mut Page, &mut dyn FnMut(O)) -> Option<Result<()>>,
) -> Result<Whole<O>> {
    let turned = get.listing.is_unordered();
    get = get.oldest_first();
    match read_once(&get, client, &mut next_of).await {
        Ok(mut whole) => {
            if turned {
                whole.items.reverse();
            }
            Ok(whole)
        }
        Err(Failed::Unpageable(error, asked)) if get.listing.resume.is_none() => {
            // In the order of time it can be read, and then be sorted here.
            let limit = get.listing.limit.take();
            get.listing.sort.clear();
            get = get.oldest_first();
            let mut whole = read_once(&get, client, &mut next_of).await.map_err(Failed::into_error)?;
            let kept = whole.items.iter().all(|item| item.raw().is_some());
            if !kept || !order::sort_by(&mut whole.items, &asked, |item| item.raw().unwrap_or_default()) {
                return Err(error);
            }
            whole.items.truncate(limit.unwrap_or(usize::MAX));
            Ok(whole)
        }
        Err(failed) => Err(failed.into_error()),
    }
}

enum Failed {
    /// The server cannot go on in the order that was asked for, which is this.
    Unpageable(Error, Order),
    Otherwise(Error),
}

impl Failed {
    fn into_error(self) -> Error {
        match self {
            Self::Unpageable(error, _) | Self::Otherwise(error) => error,
        }
    }
}

async fn read_once<K: Kind, T, O: Listed>(
    get: &GetAll<K, T>,
    client: &Client,
    next_of: &mut impl FnMut(&mut Page, &mut dyn FnMut(O)) -> Option<Result<()>>,
) -> Result<Whole<O>, Failed> {
    let mut received = get.items(client);
    let mut items = Vec::new();
    let mut take = |object| items.push(object);
    let mut next = |page: &mut Page| next_of(page, &mut take);
    while let Some(read) = poll_fn(|context| received.poll_next_by(context, &mut next)).await {
        if let Err(error) = read {
            return Err(if received.is_unpageable() {
                Failed::Unpageable(error, received.order().clone())
            } else {
                Failed::Otherwise(error)
            });
        }
    }
    let last_modified = received.last_modified;
    let last_modified =
        last_modified.ok_or_else(|| Failed::Otherwise(Error::unexpected("the server sent no page".to_owned())))?;
    if received.pages() > 1 {
        keep_latest(&mut items, last_modified);
    }
    Ok(Whole { last_modified, items })
}

/// Drops what was read of an object before it was changed, where it was met again.
///
/// Only what was changed since the reading began can be there twice, or what became visible since: so only the ids of these
/// are looked for.
pub(super) fn keep_latest<O: Listed>(items: &mut Vec<O>, began: Timestamp) {
    let visible = began.as_millis().saturating_sub(TRANSACTION_MILLIS);
    let mut latest: HashMap<&str, Timestamp> = HashMap::new();
    for (id, time) in items.iter().filter_map(Listed::stamp).filter(|(_, time)| time.as_millis() > visible) {
        let known = latest.entry(id).or_insert(time);
        *known = time.max(*known);
    }
    if latest.is_empty() {
        return;
    }
    let outdated =
        |item: &O| item.stamp().is_some_and(|(id, time)| latest.get(id).is_some_and(|latest| time < *latest));
    let keep: Vec<bool> = items.iter().map(|item| !outdated(item)).collect();
    if keep.iter().all(|keep| *keep) {
        return;
    }
    let mut keep = keep.into_iter();
    items.retain(|_| keep.next().unwrap_or(true));
}
