//! The change of one record in a transaction, which every verb that writes is made of: alone, and as one of many.

use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Transaction;

use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    json::merge::three_way::RecordType,
    local::{
        inner::{Inner, rules, without_options},
        record,
        row::{self, Body, Policy, Row, Rules},
        store::{
            failure::Failure,
            rows::{Rows, Stored},
        },
    },
    operation::CallContext,
    wire::{
        id_text::Name,
        object::{Record, RecordData},
        timestamp::Timestamp,
    },
};

/// The latest version of a change by this program, so that later changes are not of earlier versions: several changes of one
/// record within a millisecond take it ahead of the clock.
static LATEST: AtomicU64 = AtomicU64::new(0);

/// An operation that changes one record in a store, alone or as one of many.
///
/// This trait is sealed.
pub trait LocalOperation: Send + Sized {
    /// The result of the operation.
    type Output: Send;

    #[doc(hidden)]
    fn context(&self) -> CallContext;

    /// Returns the change, or `None` if there is nothing to change.
    #[doc(hidden)]
    fn change(&self) -> Result<Option<Change>>;

    /// Returns the result of the change that [`change`](Self::change) returned.
    #[doc(hidden)]
    fn finish(self, changed: Option<Changed>) -> Result<Self::Output>;
}

/// A change of one record, checked as far as it can be without the record.
pub(crate) struct Change {
    id: Name,
    action: Action,
}

enum Action {
    Create {
        body: Body,
        /// The id was generated for this record.
        is_own_id: bool,
    },
    Overwrite(Body),
    Replace {
        body: Body,
        version: Timestamp,
    },
    Delete {
        version: Option<Timestamp>,
    },
}

/// A record after its change.
pub(crate) struct Changed {
    pub(super) id: Name,
    pub(super) row: Row,
}

/// The time at which changes are given up that come after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    Never,
    /// After the first that fails.
    AtFailure,
    /// As [`AtFailure`](Self::AtFailure), and all of them if one cannot be stored whatever is in the file.
    BeforeInvalid,
}

impl Change {
    /// Creates a record, if there is none of this id.
    pub(super) fn create(id: Name, body: Body, is_own_id: bool) -> Self {
        Self { id, action: Action::Create { body, is_own_id } }
    }

    /// Replaces a record or creates it.
    pub(super) fn overwrite(id: Name, body: Body) -> Self {
        Self { id, action: Action::Overwrite(body) }
    }

    /// Replaces the data of a record that is in this version.
    pub(super) fn replace(id: Name, body: Body, version: Timestamp) -> Self {
        Self { id, action: Action::Replace { body, version } }
    }

    /// Deletes a record, if it is in this version.
    pub(super) fn delete(id: Name, version: Option<Timestamp>) -> Self {
        Self { id, action: Action::Delete { version } }
    }

    /// Returns the data that the record is to have; `None` for a deletion.
    pub(super) fn body(&self) -> Option<&str> {
        match &self.action {
            Action::Create { body, .. } | Action::Overwrite(body) | Action::Replace { body, .. } => Some(body),
            Action::Delete { .. } => None,
        }
    }

    /// Carries out the change in a transaction, which goes on if only this change fails.
    pub(super) fn carry_out(
        self,
        transaction: &Transaction<'_>,
        rows: &Rows<'_>,
        record_type: RecordType,
    ) -> Result<Result<Changed>, Failure> {
        let stored = rows.load(&self.id)?;
        self.carry_out_on(&stored, transaction, rows, record_type)
    }

    /// Carries out the change of a record that was loaded in the same transaction.
    pub(super) fn carry_out_on(
        self,
        stored: &Stored,
        transaction: &Transaction<'_>,
        rows: &Rows<'_>,
        record_type: RecordType,
    ) -> Result<Result<Changed>, Failure> {
        let before = &stored.row;
        if let Err(error) = self.check(before) {
            return Ok(Err(error));
        }
        let mut rules = rules(transaction, Policy::Manual, record_type)?;
        rules.now = rules.now.max(Timestamp::from_millis(LATEST.load(Ordering::Relaxed)));
        let Self { id, action } = self;
        let row = action.apply(before.clone(), &rules);
        rows.save(&id, stored, &row)?;
        // What leaves no row behind leaves no version that a record of the same id could be compared with.
        let free = row.modified.as_millis().saturating_add(u64::from(row.is_gone()));
        LATEST.fetch_max(free, Ordering::Relaxed);
        Ok(Ok(Changed { id, row }))
    }

    fn check(&self, row: &Row) -> Result<()> {
        let id = &self.id;
        match self.action {
            Action::Create { .. } if row.local.is_some() => Err(record::exists(id, row)),
            Action::Replace { version, .. } if row.local.is_none() || row.version() != version => {
                Err(record::changed(id, row))
            }
            Action::Delete { .. } if row.local.is_none() => Err(record::not_found(id)),
            Action::Delete { version: Some(version) } if row.version() != version => Err(record::changed(id, row)),
            _ => Ok(()),
        }
    }
}

impl Action {
    fn apply(self, mut row: Row, rules: &Rules) -> Row {
        let body = match self {
            Self::Create { body, is_own_id } => {
                // A record that was here before may be known to others, who may create it as well.
                row.is_own_id |= is_own_id && row == Row::default();
                Some(body)
            }
            Self::Overwrite(body) | Self::Replace { body, .. } => Some(body),
            Self::Delete { .. } => None,
        };
        row::write(row, body, rules)
    }
}

impl Changed {
    pub(super) fn record<T: RecordData>(&self) -> Result<Record<T>> {
        record::record_of(&self.id, &self.row)
    }
}

/// Carries out a single change.
pub(super) async fn store_one(inner: &Inner, change: Change) -> Result<Changed> {
    let mut stored = store(inner, vec![Ok(Some(change))], Stop::Never).await?;
    stored.pop().transpose()?.flatten().ok_or_else(lost)
}

/// Carries out changes in one transaction, in their order, and returns each record as it is after its change. If the file
/// fails, nothing is stored.
async fn store(
    inner: &Inner,
    changes: Vec<Result<Option<Change>>>,
    stop: Stop,
) -> Result<Vec<Result<Option<Changed>>>> {
    if !changes.iter().any(|change| matches!(change, Ok(Some(_)))) {
        return Ok(changes.into_iter().map(|change| change.map(|_| None)).collect());
    }
    let (of, record_type) = (inner.number, inner.record_type);
    let mut is_stopped = stop == Stop::BeforeInvalid && changes.iter().any(Result::is_err);
    let job = move |transaction: &Transaction<'_>| {
        let rows = Rows::new(transaction, of)?;
        let mut stored = Vec::with_capacity(changes.len());
        for change in changes {
            let result = match change {
                Ok(Some(_)) if is_stopped => Err(cancelled()),
                Ok(Some(change)) => change.carry_out(transaction, &rows, record_type)?.map(Some),
                Ok(None) => Ok(None),
                Err(error) => Err(error),
            };
            is_stopped |= stop != Stop::Never && result.is_err();
            stored.push(result);
        }
        Ok(stored)
    };
    inner.database.write(job).await
}

/// Carries out operations in one transaction and returns the result of each. If the file fails, nothing is stored.
pub(super) async fn carry_out<O: LocalOperation>(
    inner: &Inner,
    operations: Vec<O>,
    stop: Stop,
) -> Result<Vec<Result<O::Output>>> {
    let changes = operations.iter().map(O::change).collect();
    let stored = store(inner, changes, stop).await?;
    let finish = |(operation, stored): (O, Result<Option<Changed>>)| {
        let context = operation.context();
        stored.and_then(|changed| operation.finish(changed)).map_err(|error| context.attach(error))
    };
    Ok(operations.into_iter().zip(stored).map(finish).collect())
}

/// Carries out the operation of a call.
pub(super) async fn carry_out_one<O: LocalOperation>(
    inner: &Inner,
    operation: O,
    client: &Client,
) -> Result<O::Output> {
    without_options(client)?;
    let context = operation.context();
    let results = carry_out(inner, vec![operation], Stop::Never).await;
    results.map_err(|error| context.attach(error))?.pop().unwrap_or_else(|| Err(context.attach(lost())))
}

/// Creates the error for an operation that had a change and has no record after it.
pub(super) fn lost() -> Error {
    Error::unexpected("its result was lost".to_owned())
}

fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "it was not stored, because another one failed")
}
