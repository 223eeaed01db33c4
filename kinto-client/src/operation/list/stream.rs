use std::{
    pin::Pin,
    task::{Poll, ready},
};

use futures_core::{Stream as _, stream::BoxStream};
use futures_util::stream;

use super::{GetAll, items::alone, objects::Objects, oldest_first::OldestFirst};
use crate::{
    client::{Client, span},
    error::{Error, Result, kind::ErrorKind},
    operation::{Call, sealed},
    wire::{
        object::{Object, RecordData, kind::Kind},
        page_token::PageToken,
        query::Query,
        timestamp::Timestamp,
    },
};

/// One page of a list.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ObjectPage<K: Kind, T> {
    /// The objects of the page.
    pub items: Vec<Object<K, T>>,
    /// The time of the last change of the list when the page was read.
    pub last_modified: Timestamp,
    /// The token to continue after this page ([`resume`](Call::resume)); `None` for the last page.
    pub next: Option<PageToken>,
}

pub(super) fn objects<K: Kind, T: RecordData>(
    call: Call<'_, GetAll<K, T>>,
) -> BoxStream<'static, Result<Object<K, T>>> {
    if call.op.listing.is_unordered() {
        let mut reading = OldestFirst::new(call.op, call.client);
        return Box::pin(stream::poll_fn(move |context| reading.poll_next(context)));
    }
    let next_of = call.op.next_of;
    let mut items = span::open("GetAll").in_scope(|| call.op.items(&call.client));
    Box::pin(stream::poll_fn(move |context| items.poll_next_by(context, |page| alone(next_of, page))))
}

pub(super) fn pages<K: Kind, T: RecordData>(
    call: &Call<'_, GetAll<K, T>>,
) -> BoxStream<'static, Result<ObjectPage<K, T>>> {
    // A limit of nothing is an error, which the source has.
    let mut left = call.op.listing.limit.filter(|&limit| limit > 0).unwrap_or(usize::MAX);
    let skips = call.op.listing.is_by_time();
    let (call_context, next_of) = (call.op.context(), call.op.next_of);
    let path = call.op.list.to_string();
    let mut source = span::open("GetAll").in_scope(|| call.op.source(&call.client));
    let mut progress = source.progress();
    Box::pin(stream::poll_fn(move |context| {
        if left == 0 {
            return source.poll_end(context).map(|ended| ended.err().map(Err));
        }
        let read = ready!(Pin::new(&mut source).poll_next(context)).map(|page| {
            let mut page = page?;
            progress.begin(&page).map_err(|error| source.fail(error))?;
            let live = std::iter::from_fn(|| {
                while skips && page.next_tombstone().is_some() {}
                alone(next_of, &mut page)
            });
            let items = live.take(left).collect::<Result<Vec<_>>>().map_err(|error| call_context.attach(error))?;
            progress.end(&page);
            left -= items.len();
            let next = page.next.map(|next| PageToken::new(&path, Query::verbatim(next)));
            Ok(ObjectPage { items, last_modified: page.timestamp, next })
        });
        Poll::Ready(read)
    }))
}

/// Reads the first object of a list.
pub struct GetFirst<K: Kind, T>(pub(super) GetAll<K, T>);

impl<K: Kind, T: RecordData> sealed::Action for GetFirst<K, T> {
    const NAME: &'static str = "GetFirst";

    type Output = Option<Object<K, T>>;

    async fn run(self, client: Client) -> Result<Self::Output> {
        let objects = sealed::Action::run(self.0, client).await?;
        Ok(objects.into_iter().next())
    }
}

/// Reads the only object of a list.
pub struct GetOne<K: Kind, T>(pub(super) GetAll<K, T>);

impl<K: Kind, T: RecordData> sealed::Action for GetOne<K, T> {
    const NAME: &'static str = "GetOne";

    type Output = Object<K, T>;

    async fn run(self, client: Client) -> Result<Self::Output> {
        let call_context = self.0.context();
        let objects: Objects<K, T> = sealed::Action::run(self.0, client).await?;
        let mut objects = objects.into_iter();
        let error = match (objects.next(), objects.next()) {
            (Some(object), None) => return Ok(object),
            (None, _) => Error::new(ErrorKind::NotFound, format!("no {} matches", K::NAME)),
            (Some(one), Some(another)) => {
                let kind = K::NAME;
                let message = format!("more than one {kind} matches: `{}`, `{}`, and maybe others", one.id, another.id);
                Error::new(ErrorKind::MultipleResults, message)
            }
        };
        Err(call_context.attach(error))
    }
}

debug_as_place!(GetFirst [K: Kind, T] [K, T] 0.list);
debug_as_place!(GetOne [K: Kind, T] [K, T] 0.list);
