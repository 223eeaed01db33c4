use futures_util::TryStreamExt as _;
use schemars::JsonSchema;
use serde_json::{Value, json};

use super::rewrite::Rewrite;
use crate::{
    JsonObject,
    call::{
        Call, Subject, attempt,
        get::Get,
        list::{BadObject, GetAll, ObjectPage},
        many::Many,
        patch::Patch,
        sealed,
        update::{self, MAX_TRIES},
    },
    client::Client,
    error::{Error, ErrorKind, Result},
    wire::{
        attributes::CollectionAttributes,
        filter::Filter,
        id::RecordId,
        kind,
        listing::PageToken,
        object::{Data, Record},
        path::Place,
        schema,
        timestamp::Timestamp,
    },
};

/// The attribute of a collection that tells since when its records are checked against its schema.
const MARKER: &str = "migration";

/// How many records are read before they are written.
const AT_A_TIME: usize = 100;

/// What came of a migration.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Migrated {
    /// How many records were rewritten.
    pub rewritten: u64,
    /// How many were changed, or deleted, by others in the meantime, so that they needed it no more.
    pub overtaken: u64,
    /// The records that do not decode as the old type. They are as they were.
    pub undecodable: Vec<BadObject>,
    /// The records that the server refused in their new form, and why. They are as they were.
    pub refused: Vec<(RecordId<JsonObject>, Error)>,
    /// Since when the collection has its schema: records that the server checked after that are not rewritten.
    pub since: Timestamp,
}

impl Migrated {
    /// Whether every record is in its new form now.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.undecodable.is_empty() && self.refused.is_empty()
    }
}

/// How far a migration has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationProgress {
    /// How many records were rewritten.
    pub rewritten: u64,
    /// How many could not be.
    pub failed: u64,
    /// How many there were to rewrite when it began.
    pub total: u64,
}

type Change<'a, Old, New> = Box<dyn FnMut(Old) -> New + Send + 'a>;
type ProgressFn<'a> = Box<dyn FnMut(MigrationProgress) + Send + 'a>;

/// Rewrites the records of a collection in the form of a new type.
pub struct Migrate<'a, Old, New> {
    place: Place<kind::Collection>,
    change: Change<'a, Old, New>,
    progress: Option<ProgressFn<'a>>,
    since: Option<Timestamp>,
}

impl<'a, Old: Data, New: Data + JsonSchema> Migrate<'a, Old, New> {
    pub(crate) fn new(place: Place<kind::Collection>, change: impl FnMut(Old) -> New + Send + 'a) -> Self {
        Self { place, change: Box::new(change), progress: None, since: None }
    }
}

impl<Old: Data, New: Data + JsonSchema> sealed::Run for Migrate<'_, Old, New> {
    type Output = Migrated;

    async fn run(self, client: Client) -> Result<Migrated> {
        let subject = Subject::new("migrate records of", &self.place);
        let since = since::<New>(&client, &self.place, self.since).await.map_err(|error| subject.blame(error))?;
        let Self { place, change, progress, .. } = self;
        let report = Migrated { rewritten: 0, overtaken: 0, undecodable: Vec::new(), refused: Vec::new(), since };
        let mut migration = Migration { client, place, change, progress, total: 0, report };
        migration.run().await.map_err(|error| subject.blame(error))?;
        Ok(migration.report)
    }
}

/// One that is under way.
struct Migration<'a, Old, New> {
    client: Client,
    place: Place<kind::Collection>,
    change: Change<'a, Old, New>,
    progress: Option<ProgressFn<'a>>,
    total: u64,
    report: Migrated,
}

impl<Old: Data, New: Data> Migration<'_, Old, New> {
    /// Reads all records, unless all are done: what never was checked can have anything for its `schema`, or nothing, and
    /// no filter finds all of that.
    async fn run(&mut self) -> Result<()> {
        let done = Filter::field("schema").at_least(self.report.since);
        let (all, done) = (self.records().count().await?, self.records().filter(done).count().await?);
        self.total = all.saturating_sub(done) as u64;
        // Those that are rewritten come first in the server's order, and so are not met again. The next page is asked for
        // only when this one is done with: whoever stops this, stops it as a whole.
        let mut page = if self.total > 0 { self.page(None).await? } else { None };
        while let Some(ObjectPage { items, next, .. }) = page {
            self.rewrite(items).await?;
            page = match next {
                Some(next) => self.page(Some(next)).await?,
                None => None,
            };
        }
        Ok(())
    }

    fn records(&self) -> Call<'static, GetAll<kind::Record, JsonObject>> {
        Call::new(&self.client, GetAll::new(self.place.records()))
    }

    async fn page(&mut self, token: Option<PageToken>) -> Result<Option<ObjectPage<kind::Record, JsonObject>>> {
        let records = self.records().limit(AT_A_TIME);
        let mut page = match token {
            Some(token) => records.resume(token).pages(),
            None => records.pages(),
        };
        page.try_next().await
    }

    async fn rewrite(&mut self, mut records: Vec<Record<JsonObject>>) -> Result<()> {
        records.retain(|record| !self.is_done(record));
        let rewrites: Vec<Rewrite> = records.iter().filter_map(|record| self.new_form(record)).collect();
        let ids: Vec<String> = rewrites.iter().map(|rewrite| rewrite.id.clone()).collect();
        let many = Many::new(Subject::new("migrate records of", &self.place), rewrites);
        let results = Call::new(&self.client, many).each().await?;
        for (id, result) in ids.into_iter().zip(results) {
            if !self.is_settled(&id, result)? {
                self.rewrite_again(&id).await?;
            }
        }
        Ok(())
    }

    /// Whether the server has checked the record against the new schema.
    fn is_done(&self, record: &Record<JsonObject>) -> bool {
        let checked = record.data.get("schema").and_then(Value::as_u64);
        checked.is_some_and(|checked| checked >= self.report.since.as_millis())
    }

    /// The record in its new form, unless it has none.
    fn new_form(&mut self, record: &Record<JsonObject>) -> Option<Rewrite> {
        match Rewrite::new(&self.place.records(), record, &mut self.change) {
            Ok(rewrite) => return Some(rewrite),
            Err(error) if error.is_decode() => {
                self.report.undecodable.push(BadObject::new(error, record.received_json().to_owned()));
            }
            Err(error) => self.report.refused.push((record.id.clone(), error)),
        }
        self.tell();
        None
    }

    /// Whether there is nothing more to do for a record; there is if others changed it before it was written.
    fn is_settled(&mut self, id: &str, result: Result<()>) -> Result<bool> {
        match result {
            Ok(()) => self.report.rewritten += 1,
            Err(error) if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::NotFound) => return Ok(false),
            Err(error) if matches!(error.kind(), ErrorKind::Refused | ErrorKind::Invalid) => {
                self.report.refused.push((id.into(), error));
            }
            Err(error) => return Err(error),
        }
        self.tell();
        Ok(true)
    }

    async fn rewrite_again(&mut self, id: &str) -> Result<()> {
        for _ in 0..MAX_TRIES {
            let place = self.place.records().at(id);
            let client = self.client.in_turn(place.checked()?).await?;
            let now = Call::new(&client, Get::<kind::Record, JsonObject>::new(place)).or_none().await?;
            let Some(record) = now.filter(|record| !self.is_done(record)) else {
                self.report.overtaken += 1;
                return Ok(());
            };
            let busy = client.busy();
            let rewrite = self.new_form(&record);
            drop(busy);
            let Some(rewrite) = rewrite else { return Ok(()) };
            let result = Call::new(&client, rewrite).await;
            if self.is_settled(id, result)? {
                return Ok(());
            }
        }
        Err(Error::new(ErrorKind::Conflict, format!("the record `{id}` was changed by others {MAX_TRIES} times")))
    }

    fn tell(&mut self) {
        let Migrated { rewritten, undecodable, refused, .. } = &self.report;
        let failed = (undecodable.len() + refused.len()) as u64;
        let progress = MigrationProgress { rewritten: *rewritten, failed, total: self.total };
        if let Some(tell) = &mut self.progress {
            tell(progress);
        }
    }
}

/// Since when the collection has the schema of the new type; it is noted in the collection the first time.
///
/// A record is stamped with the version of the collection at which it was checked, and any change makes a new version. So
/// without the note, a migration that goes on after the collection was given another order, say, would begin again.
async fn since<New: JsonSchema>(
    client: &Client,
    place: &Place<kind::Collection>,
    asked: Option<Timestamp>,
) -> Result<Timestamp> {
    if !client.info().await?.has("schema") {
        let message = "the server does not check schemas, so it does not note which records it has checked";
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    let schema = schema::of::<New>();
    let mut waits = update::waits();
    loop {
        let client = &client.in_turn(place.checked()?).await?;
        let collection = attempt(client, Get::<kind::Collection, CollectionAttributes>::new(place.clone())).await?;
        if collection.data.schema.as_ref() != Some(&schema) {
            return Err(Error::invalid(
                "the collection does not have the schema of the new type yet: give it that first (`check_schema` tells \
                 the difference), or old programs would write records in the old form behind the migration's back",
            ));
        }
        let noted = collection.data.other.get(MARKER).filter(|note| note.get("schema") == Some(&schema));
        let noted = noted.and_then(|note| note.get("since")?.as_u64()).map(Timestamp::from_millis);
        let since = asked.or(noted).unwrap_or(collection.last_modified);
        if noted == Some(since) {
            return Ok(since);
        }
        let note = json!({ MARKER: {"schema": schema, "since": since} });
        let patch = Patch::<kind::Collection, CollectionAttributes>::new(place.clone(), &note);
        match Call::new(client, patch).if_match(collection.last_modified).await {
            Ok(_) => return Ok(since),
            Err(error) => update::again(error, &mut waits).await?,
        }
    }
}

impl<'a, Old, New> Call<'a, Migrate<'a, Old, New>> {
    /// Is called with each record that is rewritten, or cannot be.
    pub fn on_progress(mut self, progress: impl FnMut(MigrationProgress) + Send + 'a) -> Self {
        self.op.progress = Some(Box::new(progress));
        self
    }

    /// Says at which version of the collection it got its schema.
    ///
    /// Records that the server checked at that version or a later one are in their new form already. Unless said here,
    /// it is the version that the collection has when the migration is first run; it is noted in the collection's
    /// attributes, as `migration`. So this is needed only if the collection was changed in between, and programs have
    /// written records in the new form before that.
    pub fn schema_since(mut self, last_modified: Timestamp) -> Self {
        self.op.since = Some(last_modified);
        self
    }
}

debug_as_place!(Migrate ['a, Old, New] ['a, Old, New] place);
