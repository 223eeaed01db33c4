//! Storing an older version of a record again.

use std::marker::PhantomData;

use futures_util::TryStreamExt as _;
use http::Method;
use serde_json::{Value, json, value::RawValue};

use super::entry::HistoryEntry;
use crate::{
    client::{Client, DEFAULT},
    error::{Error, Result},
    json::equal,
    operation::{
        Call, CallContext, attempt, debug_as_place,
        get::Get,
        list::{items::Items, pages::Source},
        sealed::{self, Operation},
    },
    wire::{
        filter::{Filter, Operand, Operator},
        list_query::Listing,
        object::{Record, RecordData, diff::unstamped, file_field, kind},
        page::Page,
        path::Place,
        preview::RequestPreview,
        request::{Precondition, Request, Write},
        request_path::RequestPath,
        response::Response,
        timestamp::Timestamp,
    },
};

/// Stores an older version of a record again, as its newest version.
pub struct Restore<T> {
    place: Place<kind::Record>,
    /// The data of the version, or the error if it has none or is of another record.
    data: Result<Box<RawValue>>,
    /// The path of the record that the version is one of, with the real id of its bucket.
    uri: RequestPath,
    permissions: Value,
    with_permissions: bool,
    if_match: Option<Timestamp>,
    of: PhantomData<fn() -> T>,
}

/// The request that stores the version.
struct Put<T> {
    place: Place<kind::Record>,
    data: Box<RawValue>,
    permissions: Option<Value>,
    precondition: Precondition,
    of: PhantomData<fn() -> T>,
}

impl<T: RecordData> Restore<T> {
    pub(super) fn new(place: Place<kind::Record>, version: &HistoryEntry<T>) -> Self {
        let list = |name: &str| version.target.permissions.get(name).cloned().unwrap_or_default();
        Self {
            data: data(&place, version),
            uri: version.uri.clone().into(),
            permissions: json!({"read": list("read"), "write": list("write")}),
            place,
            with_permissions: false,
            if_match: None,
            of: PhantomData,
        }
    }

    async fn restore(self, client: &Client) -> Result<Record<T>> {
        let mut data = self.data?;
        check_default_bucket(client, &self.place, &self.uri).await?;
        self.place.list.check(Some(&self.place.id), data.get().as_bytes())?;
        let current = Call::new(client, Get::<kind::Record, Value>::new(self.place.clone())).optional();
        let current = attempt(client, current.op).await?;
        let described = current.as_ref().map(|current| file_field::of(current.raw_json())).transpose()?.flatten();
        if (described.is_some() || file_field::of(data.get())?.is_some()) && client.info().await?.has("attachments") {
            // The file of the version is no more; the record has the one of now, or none.
            data = file_field::replaced(data.get(), described.as_deref())?;
        }
        let precondition = match (current, self.if_match) {
            (Some(current), if_match) => {
                let is_expected = if_match.is_none_or(|time| time == current.last_modified);
                if is_expected && !self.with_permissions && is_same(data.get(), current.raw_json())? {
                    return current.parse();
                }
                Precondition::Unchanged(if_match.unwrap_or(current.last_modified))
            }
            (None, None) => Precondition::Absent,
            (None, Some(time)) => {
                check_deletion(client, &self.place, time).await?;
                Precondition::Absent
            }
        };
        let permissions = self.with_permissions.then_some(self.permissions);
        attempt(client, Put { place: self.place, data, permissions, precondition, of: PhantomData }).await
    }
}

/// Returns the data of a version of the record, without what the server adds.
fn data<T>(place: &Place<kind::Record>, version: &HistoryEntry<T>) -> Result<Box<RawValue>> {
    let path = place.checked()?;
    let uri = RequestPath::from(version.uri.clone());
    let (collection, record) = (version.collection_id.as_deref(), version.record_id.as_deref());
    // The real id of the bucket `default` is asked for before anything is stored.
    let is_elsewhere = path.bucket() != Some(DEFAULT) && path.bucket() != uri.bucket();
    if is_elsewhere || collection != path.collection() || record != path.id() {
        return Err(foreign(&uri, &path));
    }
    if version.is_deletion() {
        let message = "the version is a deletion: use `delete` to delete the record, or restore the version before it";
        return Err(Error::invalid(message));
    }
    unstamped(version.target_json())
}

/// Checks that a version is one of the user's own bucket, if that is where it is to be stored: histories have its real id.
async fn check_default_bucket(client: &Client, place: &Place<kind::Record>, uri: &RequestPath) -> Result<()> {
    let path = place.checked()?;
    if path.bucket() != Some(DEFAULT) {
        return Ok(());
    }
    match client.default_bucket().await? {
        Some(bucket) if uri.bucket() != Some(bucket) => Err(foreign(uri, &path)),
        _ => Ok(()),
    }
}

fn foreign(uri: &RequestPath, path: &RequestPath) -> Error {
    Error::invalid(format!(
        "the version is one of {}, and no version of {}: restore it with the handle of its own record",
        uri.as_str(),
        path.as_str()
    ))
}

fn is_same(data: &str, current: &str) -> Result<bool> {
    let read =
        |json: &str| serde_json::from_str::<Value>(json).map_err(|error| Error::not_kinto(&error, json.as_bytes()));
    Ok(equal::is_same(&read(data)?, &read(unstamped(current)?.get())?))
}

/// Checks that a record that does not exist was deleted at this time, and not created and deleted again since.
async fn check_deletion(client: &Client, place: &Place<kind::Record>, time: Timestamp) -> Result<()> {
    let id = Operand::One((*place.id).into());
    let listing = Listing::<Value> {
        filter: Some(Filter::new("id", Operator::Eq, Ok(id))),
        since: Some(Timestamp::from_millis(time.as_millis().saturating_sub(1))),
        ..Listing::default()
    };
    let path = place.list.checked()?;
    let request = Request { query: listing.query(path.as_str())?, ..Request::get(path) };
    let context = CallContext::new("restore record", place);
    let mut items = Items::new(Source::new(client.clone(), context, Ok(request)), None, false);
    let found = items.try_next().await?;
    let deleted = found.as_deref().and_then(Page::tombstone).and_then(|tombstone| tombstone.last_modified);
    if deleted == Some(time) {
        return Ok(());
    }
    Err(Error::changed(found.as_deref().and_then(|raw| std::str::from_utf8(raw).ok()).unwrap_or_default()))
}

impl<T: RecordData> Operation for Put<T> {
    const NAME: &'static str = "Restore";

    type Output = Record<T>;

    fn context(&self) -> CallContext {
        CallContext::new("restore record", &self.place)
    }

    fn request(&self) -> Result<Option<Request>> {
        let body = Write { data: Some(&self.data), permissions: self.permissions.as_ref() };
        let request = Request::new(Method::PUT, self.place.checked()?).json(&body)?;
        Ok(Some(request.provided(self.precondition).repeatable()))
    }

    fn response(self, response: Response) -> Result<Record<T>> {
        Record::from_answer(&response.success()?)
    }
}

impl<T: RecordData> sealed::Action for Restore<T> {
    const NAME: &'static str = "Restore";

    type Output = Record<T>;

    async fn run(self, client: Client) -> Result<Record<T>> {
        let context = CallContext::new("restore record", &self.place);
        self.restore(&client).await.map_err(|error| context.attach(error))
    }
}

impl<T: RecordData> sealed::Preview for Restore<T> {
    fn preview(&self) -> Result<RequestPreview> {
        let request = || {
            self.data.clone()?;
            self.place.checked().map(Request::get)
        };
        let request = request().map_err(|error| CallContext::new("restore record", &self.place).attach(error))?;
        RequestPreview::first(request, "then a PUT of the version, unless the record is like that already")
    }
}

impl<T: RecordData> Call<'_, Restore<T>> {
    /// Restores the version only if the record is still in the version `last_modified`, and otherwise fails with
    /// [`Error::is_conflict`]: [`HistoryTarget::last_modified`](super::HistoryTarget::last_modified) of the newest version
    /// that was looked at, which can be a deletion.
    ///
    /// Without this option, the version that is stored when the call begins is replaced.
    pub fn if_match(mut self, last_modified: Timestamp) -> Self {
        self.op.if_match = Some(last_modified);
        self
    }

    /// Restores the permissions of the version, too. The server adds the `write` permission of the current user.
    ///
    /// Without this option, the record keeps its permissions; one that was deleted belongs to the current user.
    pub fn with_permissions(mut self) -> Self {
        self.op.with_permissions = true;
        self
    }
}

debug_as_place!(Restore [T] [T] place);
