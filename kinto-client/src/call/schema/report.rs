use crate::{
    JsonObject,
    call::list::BadObject,
    error::Error,
    wire::{id::RecordId, timestamp::Timestamp},
};

/// The result of a migration.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Migrated {
    /// How many records were rewritten; after a [dry run](crate::Call::dry_run), how many would be.
    pub rewritten: u64,
    /// How many were in the new form already.
    pub unchanged: u64,
    /// How many were changed, or deleted, by others in the meantime, so that they needed it no more.
    pub overtaken: u64,
    /// The records that decode neither as the old type nor as the new one. They are as they were.
    pub undecodable: Vec<BadObject>,
    /// The records that the server refused in their new form, and why; after a [dry run](crate::Call::dry_run), those that do not
    /// fit the schema of the new type. They are as they were.
    pub refused: Vec<(RecordId<JsonObject>, Error)>,
    /// The records that can be in either form, because both types fit them equally well and it is not known against which
    /// schema the server checked them last. They are as they were; [`schema_since`](crate::Call::schema_since) decides them.
    pub ambiguous: Vec<RecordId<JsonObject>>,
    /// Since when the collection has its schema, as far as known.
    pub since: Timestamp,
}

impl Migrated {
    /// Returns true if every record is in its new form now; after a [dry run](crate::Call::dry_run), if it would be.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failed() == 0
    }

    pub(super) fn failed(&self) -> u64 {
        (self.undecodable.len() + self.refused.len() + self.ambiguous.len()) as u64
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
    /// How many records the collection had when it began.
    pub total: u64,
}
