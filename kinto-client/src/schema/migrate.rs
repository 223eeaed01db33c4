use schemars::JsonSchema;
use serde_json::Value;

use super::schema::Schema;
use super::{
    form::Form,
    report::{Migrated, MigrationProgress},
    rewrite::Rewrite,
    since::Since,
};
use crate::json::JsonObject;
use crate::operation::debug_as_place;
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    operation::{
        Call, CallContext,
        batch::bulk::Bulk,
        get::Get,
        list::{GetAll, lenient::InvalidObject},
        sealed,
        update::MAX_TRIES,
    },
    schema,
    wire::{
        object::{Record, RecordData, kind},
        path::Place,
        sort::Sort,
        timestamp::Timestamp,
    },
};

/// The number of records that are read before they are written.
const AT_A_TIME: usize = 100;

/// The number of records that other clients may write during a migration before it fails, beside four times the
/// number at its beginning.
const ALLOWANCE: u64 = 100_000;

type Change<'a, Old, New> = Box<dyn FnMut(Old) -> New + Send + 'a>;
type ProgressFn<'a> = Box<dyn FnMut(MigrationProgress) + Send + 'a>;

/// Rewrites the records of a collection as a new type.
pub struct Migrate<'a, Old, New> {
    place: Place<kind::Collection>,
    change: Change<'a, Old, New>,
    progress: Option<ProgressFn<'a>>,
    since: Option<Timestamp>,
    dry_run: bool,
}

impl<'a, Old: RecordData, New: RecordData + JsonSchema> Migrate<'a, Old, New> {
    pub(crate) fn new(place: Place<kind::Collection>, change: impl FnMut(Old) -> New + Send + 'a) -> Self {
        Self { place, change: Box::new(change), progress: None, since: None, dry_run: false }
    }

    async fn migrate(self, client: Client) -> Result<Migrated> {
        let place = client.resolved(&self.place).await?;
        let schema = schema::of::<New>();
        let since = Since::find(&client, &place, &schema, self.since, !self.dry_run).await?;
        let instead = if self.dry_run { Some(Schema::new(&schema)?) } else { None };
        let report = Migrated {
            rewritten: 0,
            unchanged: 0,
            overtaken: 0,
            undecodable: Vec::new(),
            refused: Vec::new(),
            ambiguous: Vec::new(),
            since: since.first,
        };
        let mut migration = Migration {
            client,
            place,
            change: self.change,
            progress: self.progress,
            asked: self.since,
            schema,
            instead,
            since,
            total: 0,
            report,
        };
        migration.run().await?;
        Ok(migration.report)
    }
}

impl<Old: RecordData, New: RecordData + JsonSchema> sealed::Action for Migrate<'_, Old, New> {
    const NAME: &'static str = "Migrate";

    type Output = Migrated;

    async fn run(self, client: Client) -> Result<Migrated> {
        let context = CallContext::new("migrate records of", &self.place);
        self.migrate(client).await.map_err(|error| context.attach(error))
    }
}

/// The state of a running migration.
struct Migration<'a, Old, New> {
    client: Client,
    place: Place<kind::Collection>,
    change: Change<'a, Old, New>,
    progress: Option<ProgressFn<'a>>,
    asked: Option<Timestamp>,
    schema: Value,
    /// In a dry run, what refuses records in the server's place.
    instead: Option<Schema>,
    since: Since,
    total: u64,
    report: Migrated,
}

/// The action for a record.
enum Task {
    /// The record has its new form.
    Nothing,
    /// The record has to be written.
    Write(Rewrite),
    /// The record cannot be migrated and is in the report.
    Reported,
}

impl<Old: RecordData, New: RecordData> Migration<'_, Old, New> {
    /// Reads all records, the one that was changed first before the others. What is written meanwhile, by this and by
    /// others, goes to the end, so that it is met there.
    async fn run(&mut self) -> Result<()> {
        self.total = self.records().count().await? as u64;
        self.read_all().await?;
        if self.instead.is_none() {
            // What was rewritten was met once more, in its new form.
            self.report.unchanged = self.report.unchanged.saturating_sub(self.report.rewritten);
        }
        Ok(())
    }

    async fn read_all(&mut self) -> Result<()> {
        let (mut after, mut read) = (None, 0);
        loop {
            let mut records = self.records().sort(Sort::asc("last_modified")).limit(AT_A_TIME);
            if let Some(after) = after {
                records = records.since(after);
            }
            let records = records.await?.into_vec();
            let Some(last) = records.last() else { return Ok(()) };
            after = Some(last.last_modified);
            read += records.len() as u64;
            if read > self.total.saturating_add(ALLOWANCE).saturating_mul(4) {
                return Err(Error::new(ErrorKind::Conflict, "others write records faster than they can be migrated"));
            }
            let is_last = records.len() < AT_A_TIME;
            let has_written = self.rewrite(records).await?;
            if is_last && !has_written {
                return Ok(());
            }
        }
    }

    fn records(&self) -> Call<'static, GetAll<kind::Record, JsonObject>> {
        Call::new(&self.client, GetAll::new(self.place.records()))
    }

    /// Writes those of the records that are in the old form. Gives whether there were any.
    async fn rewrite(&mut self, records: Vec<Record<JsonObject>>) -> Result<bool> {
        let mut rewrites = Vec::new();
        for record in records {
            match self.task(&record).await? {
                Task::Write(rewrite) => rewrites.push(rewrite),
                Task::Nothing => self.report.unchanged += 1,
                Task::Reported => {}
            }
        }
        if let Some(schema) = &self.instead {
            for rewrite in &rewrites {
                match rewrite.check(schema) {
                    Ok(()) => self.report.rewritten += 1,
                    Err(error) => self.report.refused.push((rewrite.id.as_str().into(), error)),
                }
            }
            return Ok(false);
        }
        let ids: Vec<String> = rewrites.iter().map(|rewrite| rewrite.id.clone()).collect();
        let many = Bulk::new(CallContext::new("migrate records of", &self.place), rewrites);
        let results = Call::new(&self.client, many).each().await?;
        let has_written = !ids.is_empty();
        for (id, result) in ids.into_iter().zip(results) {
            if !self.is_settled(&id, result)? {
                self.rewrite_again(&id).await?;
            }
        }
        Ok(has_written)
    }

    /// Decides by what the record is, and by its stamp only where both types fit it equally well.
    async fn task(&mut self, record: &Record<JsonObject>) -> Result<Task> {
        let failed = self.report.failed();
        let task = match Form::of::<Old, New>(record) {
            Form::New => Task::Nothing,
            Form::Old => self.new_form(record),
            Form::Either => match self.was_checked(record).await? {
                false => self.new_form(record),
                true if self.since.is_certain => Task::Nothing,
                true => {
                    self.report.ambiguous.push(record.id.clone());
                    Task::Reported
                }
            },
            Form::Neither(error) => {
                self.report.undecodable.push(InvalidObject::new(error, record.raw_json().to_owned()));
                Task::Reported
            }
        };
        if self.report.failed() > failed {
            self.tell();
        }
        Ok(task)
    }

    /// Returns true if the server has checked the record against the new schema.
    async fn was_checked(&mut self, record: &Record<JsonObject>) -> Result<bool> {
        let stamp = record.schema_stamp().map(Timestamp::as_millis);
        if stamp.is_some_and(|stamp| stamp > self.since.until.as_millis() && stamp <= record.last_modified.as_millis())
        {
            // The collection may have been changed since, and its schema with it.
            let writes = self.instead.is_none();
            self.since = Since::find(&self.client, &self.place, &self.schema, self.asked, writes).await?;
        }
        Ok(self.since.covers(stamp))
    }

    /// Returns the rewritten record, or `None` after reporting why it has no new form.
    fn new_form(&mut self, record: &Record<JsonObject>) -> Task {
        match Rewrite::new(&self.place.records(), record, &mut self.change) {
            Ok(rewrite) => Task::Write(rewrite),
            Err(error) => {
                self.report.refused.push((record.id.clone(), error));
                Task::Reported
            }
        }
    }

    /// Returns true if there is nothing more to do for a record; there is if others changed it before it was written.
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
            let now = Call::new(&client, Get::<kind::Record, JsonObject>::new(place)).optional().await?;
            let Some(record) = now else {
                self.report.overtaken += 1;
                return Ok(());
            };
            let rewrite = match self.task(&record).await? {
                Task::Write(rewrite) => rewrite,
                Task::Nothing => {
                    self.report.overtaken += 1;
                    return Ok(());
                }
                Task::Reported => return Ok(()),
            };
            let result = Call::new(&client, rewrite).await;
            if self.is_settled(id, result)? {
                return Ok(());
            }
        }
        Err(Error::new(
            ErrorKind::Conflict,
            format!("other clients changed the record `{id}` in each of {MAX_TRIES} tries"),
        ))
    }

    fn tell(&mut self) {
        let progress =
            MigrationProgress { rewritten: self.report.rewritten, failed: self.report.failed(), total: self.total };
        if let Some(tell) = &mut self.progress {
            tell(progress);
        }
    }
}

impl<'a, Old, New> Call<'a, Migrate<'a, Old, New>> {
    /// Calls `progress` with each record that is rewritten, or that cannot be.
    pub fn on_progress(mut self, progress: impl FnMut(MigrationProgress) + Send + 'a) -> Self {
        self.op.progress = Some(Box::new(progress));
        self
    }

    /// Sends no writes; the report says what a migration would do.
    ///
    /// The closure is called for each record that would be rewritten, and its result is checked here against the schema of
    /// the new type, as the server would.
    pub fn dry_run(mut self) -> Self {
        self.op.dry_run = true;
        self
    }

    /// Sets the version of the collection at which it got its schema.
    ///
    /// It decides records that both types fit equally well: those that the server checked at that version or a later one
    /// are in the new form. Unless said here, the version is read from the bucket's history, or, where the server keeps
    /// none, it is the version that the collection has when the migration is first run, noted in its attributes as
    /// `migration`. So this is needed only without a history, if the collection was changed in between.
    pub fn schema_since(mut self, last_modified: Timestamp) -> Self {
        self.op.since = Some(last_modified);
        self
    }
}

debug_as_place!(Migrate ['a, Old, New] ['a, Old, New] place);
