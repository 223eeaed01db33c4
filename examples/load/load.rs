//! Makes the records of a collection those of the input, whatever was there before: nothing, all, or what an earlier run
//! has left.

use std::{
    future::ready,
    sync::{Mutex, PoisonError},
};

use futures_util::{Stream, StreamExt as _};
use kinto_client::{Collection, Error, JsonObject, Record, Value, object::Conflict};

/// The outcome of loading the records.
#[derive(Default)]
pub(crate) struct Loaded {
    pub(crate) created: usize,
    pub(crate) changed: usize,
    pub(crate) same: usize,
    pub(crate) failures: Vec<Error>,
}

/// The outcome of one record.
enum Outcome {
    Created,
    Changed,
    Same,
    Failed(Error),
}

/// Loads the records, which have their ids; `progress` is told how many are done.
///
/// They go through two streams: the first creates them, and passes those that exist with other contents to the second,
/// which saves them. Both send full requests, and neither holds more records than two requests have. A create does not
/// replace what is there, and a save is of the version that the create met: wherever an earlier run was stopped, what it
/// has stored stays.
pub(crate) async fn load(
    collection: &Collection,
    records: impl Stream<Item = Value> + Send,
    progress: impl FnMut(usize) + Send,
) -> Loaded {
    let count = Count(Mutex::new((Loaded::default(), progress)));
    let created = collection.create_records_from(records).stream();
    let different = created.filter_map(|created| {
        ready(match created.map_err(changed) {
            Ok(_) => count.add(Outcome::Created),
            Err(Ok(record)) => Some(record),
            Err(Err(outcome)) => count.add(outcome),
        })
    });
    let mut saved = collection.save_records_from(different).stream();
    while let Some(saved) = saved.next().await {
        count.add::<()>(saved.map_or_else(Outcome::Failed, |_| Outcome::Changed));
    }
    drop(saved);
    count.0.into_inner().unwrap_or_else(PoisonError::into_inner).0
}

/// Returns the stored record with the contents that it is to have, or the outcome if there is nothing to save.
fn changed(error: Error) -> Result<Record<JsonObject>, Outcome> {
    match error.conflict::<JsonObject>() {
        Some(Conflict { ours, theirs: Some(theirs), .. }) if ours.data == theirs.data => Err(Outcome::Same),
        Some(Conflict { ours, theirs: Some(mut theirs), .. }) => {
            theirs.data = ours.data;
            Ok(theirs)
        }
        _ => Err(Outcome::Failed(error)),
    }
}

/// The outcomes so far, counted by both streams.
struct Count<P>(Mutex<(Loaded, P)>);

impl<P: FnMut(usize)> Count<P> {
    /// Counts an outcome, after which there is nothing more to do for the record.
    fn add<T>(&self, outcome: Outcome) -> Option<T> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (loaded, progress) = &mut *counted;
        match outcome {
            Outcome::Created => loaded.created += 1,
            Outcome::Changed => loaded.changed += 1,
            Outcome::Same => loaded.same += 1,
            Outcome::Failed(error) => loaded.failures.push(error),
        }
        progress(loaded.created + loaded.changed + loaded.same + loaded.failures.len());
        None
    }
}
