//! Makes the collection as the file is, whatever was there before: nothing, all, or what an earlier run has left.

use std::collections::HashMap;

use kinto_client::{Collection, Error, JsonObject, Record, operation::SaveOutcome};

use crate::input::Item;

/// The outcome of loading the records.
pub(crate) struct Loaded {
    pub(crate) created: usize,
    pub(crate) changed: usize,
    pub(crate) same: usize,
    pub(crate) failures: Vec<Error>,
}

/// Loads the records; `progress` is told how many are done.
///
/// All go into one batch, which the library cuts into as many requests as the server wants. A create does not replace
/// what is there, a save is of what was read and is not sent if it changes nothing: wherever an earlier run was
/// stopped, what it has stored stays, and only what is missing is sent.
pub(crate) async fn load(
    collection: &Collection,
    items: Vec<Item>,
    mut progress: impl FnMut(usize) + Send,
) -> Result<Loaded, Error> {
    let there = collection.get_records::<JsonObject>().await?;
    let mut there: HashMap<String, Record<JsonObject>> =
        there.into_iter().map(|record| (record.id.to_string(), record)).collect();
    let (mut known, mut new) = (Vec::new(), Vec::new());
    for item in items {
        match there.remove(&item.id) {
            Some(mut record) => {
                record.data = item.data;
                known.push(record);
            }
            None => new.push(item),
        }
    }

    let mut batch = collection.client().batch().on_progress(move |now| {
        progress(now.done);
        // To go on.
        true
    });
    let saves = batch.extend(known.iter_mut().map(|record| collection.save_record(record)));
    let creates = batch.extend(new.into_iter().map(|item| collection.create_record(item.data).id(item.id)));
    let mut done = batch.execute().await?;

    let mut loaded = Loaded { created: 0, changed: 0, same: 0, failures: Vec::new() };
    for ticket in saves {
        match done.take(ticket) {
            Ok(SaveOutcome::Stored) => loaded.changed += 1,
            Ok(SaveOutcome::Unchanged) => loaded.same += 1,
            Err(error) => loaded.failures.push(error),
        }
    }
    for ticket in creates {
        match done.take(ticket) {
            Ok(_) => loaded.created += 1,
            Err(error) if is_as_wanted(&error) => loaded.same += 1,
            Err(error) => loaded.failures.push(error),
        }
    }
    Ok(loaded)
}

/// Returns `true` if the conflicting record equals the new one: the last request of a run that was killed may
/// have been executed after this run had read the collection.
fn is_as_wanted(error: &Error) -> bool {
    let conflict = error.conflict::<JsonObject>();
    conflict.is_some_and(|conflict| conflict.theirs.is_some_and(|theirs| theirs.data == conflict.ours.data))
}
