use std::sync::Arc;

use futures_core::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};

use crate::{
    JsonObject,
    call::{Call, Subject, list::GetAll, sealed},
    client::Client,
    error::Result,
    wire::{
        id::RecordId, kind, object::Record, path::Place, preview::RequestPreview, schema::Schema, timestamp::Timestamp,
        violation::Violation,
    },
};

/// How many records are listed, unless said otherwise.
const LISTED: usize = 100;

/// A record that does not fit a schema.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Misfit {
    /// The record.
    pub id: RecordId<JsonObject>,
    /// Its version.
    pub last_modified: Timestamp,
    /// Everything that it has against it.
    pub violations: Vec<Violation>,
}

/// The records of a collection that do not fit a schema.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Misfits {
    /// How many records were looked at.
    pub checked: u64,
    /// How many of them do not fit.
    pub count: u64,
    /// The first of those; [`list_at_most`](Call::list_at_most) says how many, 100 otherwise.
    pub listed: Vec<Misfit>,
}

/// Looks for records that do not fit a schema.
pub struct FindMisfits {
    place: Place<kind::Collection>,
    schema: Result<Arc<Schema>>,
    at_most: usize,
}

impl FindMisfits {
    pub(crate) fn new(place: Place<kind::Collection>, schema: Result<Arc<Schema>>) -> Self {
        Self { place, schema, at_most: LISTED }
    }

    fn subject(&self) -> Subject {
        Subject::new("check records of", &self.place.records())
    }

    fn all(&self) -> GetAll<kind::Record, JsonObject> {
        GetAll::new(self.place.records())
    }

    /// Each record that there is, with what it has against it, which may be nothing.
    fn looked_at(&self, client: &Client) -> Result<BoxStream<'static, Result<Misfit>>> {
        let schema = Arc::clone(self.schema.as_ref().map_err(Clone::clone)?);
        let all = Call::new(client, self.all()).stream();
        let look = move |Record { id, last_modified, mut data, .. }: Record<JsonObject>| {
            data.insert("id".to_owned(), id.as_str().into());
            Misfit { id, last_modified, violations: schema.violations_of(data) }
        };
        Ok(all.map_ok(look).boxed())
    }
}

impl sealed::Preview for FindMisfits {
    fn preview(&self) -> Result<RequestPreview> {
        self.schema.as_ref().map_err(|error| self.subject().blame(error.clone()))?;
        self.all().preview()
    }
}

impl sealed::Run for FindMisfits {
    type Output = Misfits;

    async fn run(self, client: Client) -> Result<Misfits> {
        let mut looked_at = self.looked_at(&client).map_err(|error| self.subject().blame(error))?;
        let mut found = Misfits::default();
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

impl Call<'_, FindMisfits> {
    /// How many of the records that do not fit are listed; the others are only counted.
    pub fn list_at_most(mut self, records: usize) -> Self {
        self.op.at_most = records;
        self
    }

    /// All records that do not fit, one after the other, with two pages in memory at most.
    #[must_use = "a stream reads nothing until it is polled"]
    pub fn stream(self) -> BoxStream<'static, Result<Misfit>> {
        match self.op.looked_at(&self.client) {
            Ok(all) => all.try_filter(|record| std::future::ready(!record.violations.is_empty())).boxed(),
            Err(error) => futures_util::stream::iter([Err(error)]).boxed(),
        }
    }
}

debug_as_place!(FindMisfits [] [] place);
