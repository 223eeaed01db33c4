//! The objects of a list, the oldest first, without leaving out one that exists throughout, whatever is written meanwhile.
//!
//! An object that is changed moves to the end of this order. One that was not returned is therefore still ahead, and is met
//! if the list is read to its end. But others, or the caller's own loop, may change objects as fast as they are read, and
//! then there is no end. So the reading in this order stops behind the objects that were unchanged when it began. What it
//! has not returned was changed since, and is sought in an order in which no object moves: by id.

use std::{
    collections::HashSet,
    task::{Context, Poll, ready},
};

use serde::Deserialize;
use tracing::Span;

use super::{
    GetAll,
    items::{Items, alone},
    once::Once,
    pages::Source,
};
use crate::{
    client::{Client, span},
    error::{Error, Result},
    wire::{
        list_query::Listing,
        object::{Object, RecordData, kind::Kind},
        page::Page,
        request::Request,
        sort::Sort,
    },
};

/// The least number of ids that are asked for at a time, where the caller sets a page size: they are small.
const IDS_OF_A_PAGE: u32 = 1_000;

/// Reads a list in the order of time, and then what has moved behind the end of that.
pub(super) struct OldestFirst<K: Kind, T> {
    get: GetAll<K, T>,
    client: Client,
    span: Span,
    items: Items,
    stage: Stage,
    once: Once,
    /// The number of the page that had the first object that was changed after the reading began.
    first_moved: Option<u64>,
    /// The hashes of the ids that the reading in the order of time has not returned, of objects that were changed since.
    missing: HashSet<u64>,
}

enum Stage {
    /// All objects, in the order of time.
    All,
    /// The ids of the objects that were changed since. They are all known before any of these objects is returned: a loop
    /// that creates an object for each that it is given would have no end otherwise.
    Ids,
    /// The objects with those of these ids that were not returned yet.
    Missing,
    Over,
}

impl<K: Kind, T: RecordData> OldestFirst<K, T> {
    pub(super) fn new(get: GetAll<K, T>, client: Client) -> Self {
        let get = get.oldest_first();
        let span = span::open("GetAll");
        let items = span.in_scope(|| get.items(&client));
        Self {
            get,
            client,
            span,
            items,
            stage: Stage::All,
            once: Once::default(),
            first_moved: None,
            missing: HashSet::new(),
        }
    }

    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Object<K, T>>>> {
        loop {
            match self.stage {
                Stage::All => {
                    let next = ready!(self.poll_object(context));
                    let Some(read) = &next else { return Poll::Ready(None) };
                    if self.is_behind(read) {
                        self.read_ids();
                    } else if self.is_new(read) {
                        return Poll::Ready(next);
                    }
                }
                Stage::Ids => match ready!(self.items.poll_next_by(context, next_id)) {
                    Some(Ok(id)) => {
                        let hash = self.once.hash(&id);
                        if !self.once.contains(hash) {
                            self.missing.insert(hash);
                        }
                    }
                    Some(Err(error)) => {
                        self.stage = Stage::Over;
                        return Poll::Ready(Some(Err(error)));
                    }
                    None if self.missing.is_empty() => self.stage = Stage::Over,
                    None => self.read_missing(),
                },
                Stage::Missing => {
                    let next = ready!(self.poll_object(context));
                    let Some(read) = &next else { return Poll::Ready(None) };
                    let is_missing = id_of(read).is_none_or(|id| self.missing.remove(&self.once.hash(id)));
                    if self.missing.is_empty() {
                        self.stage = Stage::Over;
                    }
                    if is_missing {
                        return Poll::Ready(next);
                    }
                }
                Stage::Over => return Poll::Ready(None),
            }
        }
    }

    fn poll_object(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Object<K, T>>>> {
        let next_of = self.get.next_of;
        self.items.poll_next_by(context, |page| alone(next_of, page))
    }

    /// Returns `true` if the reading in the order of time is behind all that was unchanged when it began, and there is still
    /// more than a page.
    fn is_behind(&mut self, read: &Result<Object<K, T>>) -> bool {
        // A consistent reading fails instead, and one of so many pages ends after them.
        if self.get.consistent || self.get.max_pages.is_some() {
            return false;
        }
        let is_moved =
            matches!((read, self.items.last_modified), (Ok(object), Some(began)) if object.last_modified > began);
        if !is_moved {
            return false;
        }
        let page = self.items.pages();
        // The next page is on its way already. Where it is the last one, it has all the rest.
        *self.first_moved.get_or_insert(page) < page && self.items.has_next_page()
    }

    fn is_new(&mut self, read: &Result<Object<K, T>>) -> bool {
        let (Some(id), Some(began)) = (id_of(read), self.items.last_modified) else { return true };
        let time = read.as_ref().ok().map(|object| object.last_modified);
        self.once.insert(id, time, began)
    }

    /// Begins to read the ids of the objects that were changed since the reading began.
    fn read_ids(&mut self) {
        let listing = &mut self.get.listing;
        listing.sort = vec![Sort::desc("id")];
        listing.since = listing.since.max(self.items.last_modified);
        let request = self.ids_request();
        let source = || Source::new(self.client.clone(), self.get.context(), request);
        self.stage = Stage::Ids;
        // A record may have a field `deleted`: without the others, it cannot be told from a tombstone.
        self.items = Items::new(self.span.in_scope(source), None, false);
    }

    fn ids_request(&self) -> Result<Request> {
        let page_size = self.get.listing.page_size.map(|size| size.max(IDS_OF_A_PAGE));
        let listing = Listing { page_size, fields: None, ..self.get.listing.clone() };
        let mut request = Request::get(self.get.list.checked()?);
        request.query = listing.query(request.path())?;
        request.query.push("_fields", "id");
        listing.ask(request)
    }

    fn read_missing(&mut self) {
        self.stage = Stage::Missing;
        self.items = self.span.in_scope(|| self.get.items(&self.client));
    }
}

/// Returns the id of an object, or of one that does not decode.
fn id_of<K: Kind, T>(read: &Result<Object<K, T>>) -> Option<&str> {
    match read {
        Ok(object) => Some(&object.id),
        Err(error) => error.record_id(),
    }
}

fn next_id(page: &mut Page) -> Option<Result<String>> {
    #[derive(Deserialize)]
    struct Named {
        id: String,
    }
    let raw = match page.next_received()? {
        Ok(raw) => raw,
        Err(error) => return Some(Err(error)),
    };
    let named = serde_json::from_slice::<Named>(&raw);
    Some(named.map(|named| named.id).map_err(|error| Error::not_kinto(&error, &raw)))
}
