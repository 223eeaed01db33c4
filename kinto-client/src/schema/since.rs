//! The version of a collection at which it got its schema.

use std::pin::pin;

use futures_util::TryStreamExt as _;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    json::equal::is_same,
    operation::{
        Call, CallContext, attempt,
        get::Get,
        list::{items::Items, pages::Source},
        patch::Patch,
        update,
    },
    wire::{
        object::{
            attributes::{CollectionAttributes, CollectionObject},
            kind,
        },
        path::Place,
        request::{Capability, Request},
        timestamp::Timestamp,
    },
};

/// The collection attribute that records since which version its records are checked against the schema.
const MARKER: &str = "migration";

/// The versions of the collection between which its schema was that of the new type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Since {
    pub(super) first: Timestamp,
    /// The version that the collection has now.
    pub(super) until: Timestamp,
    /// True if it is known that it had no other schema in between.
    pub(super) is_certain: bool,
}

impl Since {
    /// Returns true if the server checked a record with that stamp against the schema. A stamp of a version that
    /// the collection has not reached is a field of the record's own.
    pub(super) fn covers(&self, stamp: Option<u64>) -> bool {
        stamp.is_some_and(|stamp| (self.first.as_millis()..=self.until.as_millis()).contains(&stamp))
    }

    /// Reads it from the bucket's history if there is one, and otherwise notes it in the collection the first time.
    pub(super) async fn find(
        client: &Client,
        place: &Place<kind::Collection>,
        schema: &Value,
        asked: Option<Timestamp>,
        writes: bool,
    ) -> Result<Self> {
        let info = client.server_info().await?;
        if !info.has("schema") {
            let message = "the server does not check schemas, so it does not record which ones it has checked";
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let mut waits = update::waits();
        loop {
            let collection = collection(client, place, schema).await?;
            let until = collection.last_modified;
            if let Some(since) = asked {
                return Ok(Self { first: since, until, is_certain: true });
            }
            if info.has("history")
                && let Some(since) = from_history(client, place, schema, until).await?
            {
                return Ok(Self { first: since, until, is_certain: true });
            }
            let noted = collection.data.other.get(MARKER);
            let noted = noted.filter(|note| note.get("schema").is_some_and(|noted| is_same(noted, schema)));
            if let Some(since) = noted.and_then(|note| note.get("since")?.as_u64()).map(Timestamp::from_millis) {
                return Ok(Self { first: since, until, is_certain: false });
            }
            if !writes {
                return Ok(Self { first: until, until, is_certain: true });
            }
            let note = json!({ MARKER: {"schema": schema, "since": until} });
            let patch = Patch::<kind::Collection, CollectionAttributes>::new(place.clone(), &note);
            match Call::new(client, patch).if_match(until).await {
                Ok(noted) => return Ok(Self { first: until, until: noted.last_modified, is_certain: true }),
                Err(error) => update::again(error, &mut waits).await?,
            }
        }
    }
}

/// The collection, which must have the schema.
async fn collection(client: &Client, place: &Place<kind::Collection>, schema: &Value) -> Result<CollectionObject> {
    let collection = attempt(client, Get::<kind::Collection, CollectionAttributes>::new(place.clone())).await?;
    if collection.data.schema.as_ref().is_some_and(|stored| is_same(stored, schema)) {
        return Ok(collection);
    }
    Err(Error::invalid(
        "the collection does not have the schema of the new type yet: set it first (`check_schema` shows the \
         difference), or other programs could write records in the old form during the migration",
    ))
}

/// The first version of the collection since which it has this schema, if the history tells.
async fn from_history(
    client: &Client,
    place: &Place<kind::Collection>,
    schema: &Value,
    until: Timestamp,
) -> Result<Option<Timestamp>> {
    #[derive(Deserialize)]
    struct Entry {
        action: String,
        target: Target,
    }
    #[derive(Deserialize)]
    struct Target {
        data: Version,
    }
    #[derive(Deserialize)]
    struct Version {
        last_modified: Timestamp,
        schema: Option<Value>,
    }

    let (path, bucket) = (place.checked()?, place.list.bucket().unwrap_or_default());
    let mut request = Request::get(format!("/buckets/{bucket}/history")).needing(Capability("history"));
    request.query.push("uri", path.as_str());
    let context = CallContext::new("read the history of", place);
    let mut entries = pin!(Items::new(Source::new(client.clone(), context, Ok(request)), None, false));
    let mut since = None;
    loop {
        let entry = match entries.try_next().await {
            Ok(Some(entry)) => entry,
            Ok(None) => return Ok(None),
            Err(error) if matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::NotFound) => return Ok(None),
            Err(error) if error.is_unsupported() => return Ok(None),
            Err(error) => return Err(error),
        };
        let Ok(entry) = serde_json::from_slice::<Entry>(&entry) else { return Ok(None) };
        let version = entry.target.data;
        // Not everything is in the history: the operator can leave things out, and purge it.
        if since.is_none() && version.last_modified != until {
            return Ok(None);
        }
        let is_the_same = version.schema.is_some_and(|stored| is_same(&stored, schema));
        if !is_the_same || entry.action == "delete" {
            return Ok(since);
        }
        since = Some(version.last_modified);
        if entry.action == "create" {
            return Ok(since);
        }
    }
}
