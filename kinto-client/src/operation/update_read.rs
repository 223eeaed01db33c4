//! Changing records that were read, and saving them: again if they were changed in between.

use std::sync::{Mutex, PoisonError};

use super::{batch::pipeline::Pipeline, save::SaveOutcome, update::waits};
use crate::{
    error::{Error, Result, kind::ErrorKind},
    wire::object::{Record, RecordData, id::RecordId},
};

/// The numbers of an update of many records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpdateReport {
    /// The number of records that matched.
    pub matched: usize,
    /// The number of those that were changed and stored; the others stayed as they were, and nothing was sent for them.
    pub changed: usize,
}

/// A record and what became of it.
pub(crate) type Saved<T> = (Record<T>, SaveOutcome);

/// A record and what became of it, or `None` if it did not match any more.
pub(crate) type Updated<T> = Option<Saved<T>>;

/// A place of records that were read: a collection on a server, or one in a store.
pub(crate) trait RecordPlace<T>: Sync {
    /// Saves the changes of the records.
    fn save(&self, records: Vec<Record<T>>) -> impl Future<Output = Result<Vec<Result<Saved<T>>>>> + Send;

    /// Reads the records with these ids as they are now, unless they do not match any more.
    fn read_again(&self, ids: Vec<RecordId<T>>) -> impl Future<Output = Result<Vec<Result<Option<Record<T>>>>>> + Send;
}

/// Changes and saves all records; reads those again that another client has changed, and repeats it for those that still
/// match.
pub(crate) async fn update_read<T: RecordData, F: FnMut(&mut T) + Send>(
    records: &impl RecordPlace<T>,
    read: Vec<Result<Record<T>>>,
    change: &Mutex<F>,
) -> Result<Vec<Result<Updated<T>>>> {
    let mut results: Vec<Option<Result<Updated<T>>>> = Vec::with_capacity(read.len());
    let mut open = Vec::new();
    for (place, read) in read.into_iter().enumerate() {
        results.push(match read {
            Ok(record) => {
                open.push((place, record));
                None
            }
            Err(error) => Some(Err(error)),
        });
    }
    let mut set = |place: usize, result| {
        if let Some(slot) = results.get_mut(place) {
            *slot = Some(result);
        }
    };
    let mut waits = waits();
    while !open.is_empty() {
        let places: Vec<_> = open.iter().map(|(place, record)| (*place, record.id.clone())).collect();
        let changed = changed(open.drain(..).map(|(_, record)| record).collect(), change);
        let saved = records.save(changed).await?;
        let wait = waits.next();
        let mut conflicts = Vec::new();
        for ((place, id), saved) in places.into_iter().zip(saved) {
            match saved {
                Err(error) if is_repeatable(&error) && wait.is_some() => conflicts.push((place, id)),
                saved => set(place, saved.map(Some)),
            }
        }
        if conflicts.is_empty() {
            break;
        }
        tracing::debug!(records = conflicts.len(), delay = ?wait, "updating records again that were changed meanwhile");
        tokio::time::sleep(wait.unwrap_or_default()).await;
        let (places, ids): (Vec<_>, Vec<_>) = conflicts.into_iter().unzip();
        for (place, read) in places.into_iter().zip(records.read_again(ids).await?) {
            match read {
                Ok(Some(record)) => open.push((place, record)),
                Ok(None) => set(place, Ok(None)),
                Err(error) => set(place, Err(error)),
            }
        }
    }
    let lost = || Err(Error::unexpected("its result was lost".to_owned()).maybe_applied());
    Ok(results.into_iter().map(|result| result.unwrap_or_else(lost)).collect())
}

fn changed<T, F: FnMut(&mut T)>(mut records: Vec<Record<T>>, change: &Mutex<F>) -> Vec<Record<T>> {
    let mut change = change.lock().unwrap_or_else(PoisonError::into_inner);
    for record in &mut records {
        change(&mut record.data);
    }
    records
}

/// Returns true if the record was changed by another client, and the save has certainly not been applied.
fn is_repeatable(error: &Error) -> bool {
    error.kind() == ErrorKind::Conflict && !error.may_have_been_applied()
}

/// Carries out all updates, up to the first that fails, and counts them.
pub(crate) async fn report<'a, I, T: 'a>(updates: Pipeline<'a, I, Updated<T>>) -> Result<UpdateReport> {
    let (mut report, mut any) = (UpdateReport::default(), false);
    let count = |updated: Updated<T>| {
        any = true;
        if let Some((_, outcome)) = updated {
            report.matched += 1;
            report.changed += usize::from(outcome == SaveOutcome::Stored);
        }
    };
    match updates.run(count).await {
        Ok(_) => Ok(report),
        Err(error) => match error.failures() {
            // The list could not be read, or its only record not be saved: nothing else was done.
            [(_, only)] if !any => Err(only.clone()),
            _ => Err(error),
        },
    }
}
