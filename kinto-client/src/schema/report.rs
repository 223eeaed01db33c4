use crate::json::JsonObject;
use crate::{
    error::Error,
    operation::list::lenient::InvalidObject,
    wire::{object::id::RecordId, timestamp::Timestamp},
};

/// The result of a migration.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Migrated {
    /// The number of rewritten records; after a [dry run](crate::Call::dry_run), of records to rewrite.
    pub rewritten: u64,
    /// The number of records that were in the new form already.
    pub unchanged: u64,
    /// The number of records that other clients changed or deleted in the meantime, so that they need no
    /// migration.
    pub overtaken: u64,
    /// The records that decode neither as the old type nor as the new one. They are as they were.
    pub undecodable: Vec<InvalidObject>,
    /// The records that the server refused in their new form, and why; after a [dry run](crate::Call::dry_run), those that do not
    /// fit the schema of the new type. They are as they were.
    pub refused: Vec<(RecordId<JsonObject>, Error)>,
    /// The records that can be in either form, because both types fit them equally well and it is not known against which
    /// schema the server checked them last. They are as they were; [`schema_since`](crate::Call::schema_since) decides them.
    pub ambiguous: Vec<RecordId<JsonObject>>,
    /// The version at which the collection got its schema, as far as known.
    pub since: Timestamp,
}

impl Migrated {
    /// Returns `true` if every record has its new form now; after a [dry run](crate::Call::dry_run), if it would
    /// have.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failed() == 0
    }

    pub(super) fn failed(&self) -> u64 {
        (self.undecodable.len() + self.refused.len() + self.ambiguous.len()) as u64
    }
}

/// The progress of a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationProgress {
    /// The number of records that were rewritten.
    pub rewritten: u64,
    /// The number of records that could not be rewritten.
    pub failed: u64,
    /// The number of records of the collection at the beginning.
    pub total: u64,
}
