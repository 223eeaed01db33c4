use std::sync::Arc;

use futures_core::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::schema::Schema;
use crate::json::JsonObject;
use crate::operation::debug_as_place;
use crate::{
    client::Client,
    error::{Result, schema_violation::Violation},
    operation::{Call, CallContext, list::GetAll, sealed},
    wire::{
        object::{Record, id::RecordId, kind},
        path::Place,
        preview::RequestPreview,
        timestamp::Timestamp,
    },
};

/// The default number of records that are listed.
const LISTED: usize = 100;

/// A record that does not fit a schema.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct InvalidRecord {
    /// The id of the record.
    pub id: RecordId<JsonObject>,
    /// The version of the record.
    pub last_modified: Timestamp,
    /// All violations of the schema in the record.
    pub violations: Vec<Violation>,
}

/// The records of a collection that do not fit a schema.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct InvalidRecords {
    /// The number of records that were checked.
    pub checked: u64,
    /// The number of records that do not fit.
    pub count: u64,
    /// The first of those records, 100 of them unless [`list_at_most`](Call::list_at_most) sets another number.
    pub listed: Vec<InvalidRecord>,
}

/// Finds records that do not fit a schema.
pub struct FindInvalid {
    place: Place<kind::Collection>,
    schema: Result<Arc<Schema>>,
    at_most: usize,
}

impl FindInvalid {
    pub(crate) fn new(place: Place<kind::Collection>, schema: Result<Arc<Schema>>) -> Self {
        Self { place, schema, at_most: LISTED }
    }

    fn context(&self) -> CallContext {
        CallContext::new("check records of", &self.place.records())
    }

    fn all(&self) -> GetAll<kind::Record, JsonObject> {
        GetAll::new(self.place.records())
    }

    /// Returns a stream of all records, each with its violations, of which there may be none.
    fn looked_at(&self, client: &Client) -> Result<BoxStream<'static, Result<InvalidRecord>>> {
        let schema = Arc::clone(self.schema.as_ref().map_err(Clone::clone)?);
        let all = Call::new(client, self.all()).stream();
        let look = move |Record { id, last_modified, mut data, .. }: Record<JsonObject>| {
            data.insert("id".to_owned(), id.as_str().into());
            InvalidRecord { id, last_modified, violations: schema.violations_of(data) }
        };
        Ok(all.map_ok(look).boxed())
    }
}

impl sealed::Preview for FindInvalid {
    fn preview(&self) -> Result<RequestPreview> {
        self.schema.as_ref().map_err(|error| self.context().attach(error.clone()))?;
        self.all().preview()
    }
}

impl sealed::Action for FindInvalid {
    const NAME: &'static str = "FindInvalid";

    type Output = InvalidRecords;

    async fn run(self, client: Client) -> Result<InvalidRecords> {
        let mut looked_at = self.looked_at(&client).map_err(|error| self.context().attach(error))?;
        let mut found = InvalidRecords::default();
        while let Some(record) = looked_at.try_next().await? {
            found.checked += 1;
            if !record.violations.is_empty() {
                found.count += 1;
                if found.listed.len() < self.at_most {
                    found.listed.push(record);
                }
            }
        }
        Ok(found)
    }
}

impl Call<'_, FindInvalid> {
    /// Sets the number of records that are listed; further ones are only counted.
    pub fn list_at_most(mut self, records: usize) -> Self {
        self.op.at_most = records;
        self
    }

    /// Returns all records that do not fit as a stream, with at most two pages in memory.
    #[must_use = "a stream reads nothing until it is polled"]
    pub fn stream(self) -> BoxStream<'static, Result<InvalidRecord>> {
        match self.op.looked_at(&self.client) {
            Ok(all) => all.try_filter(|record| std::future::ready(!record.violations.is_empty())).boxed(),
            Err(error) => futures_util::stream::iter([Err(error)]).boxed(),
        }
    }
}

debug_as_place!(FindInvalid [] [] place);
