//! The steps of a task that read or write streams.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use kinto_client::{Error, Filter, Result, Value, json};
use kinto_tests::Chance;

use super::Task;
use crate::{
    account::{Accounts, Fate},
    plan::SHARED,
};

impl Task {
    pub(super) async fn stream_and_save(&self) {
        self.told(Accounts::read);
        let mut stream = self.items.get_records().stream();
        while let Ok(Some(mut record)) = stream.try_next().await {
            let id = record.id.to_string();
            if id.len() != 2 || !id.starts_with('s') {
                continue;
            }
            record.data.n += 1;
            let outcome: Result<_> = self.items.save_record(&mut record).await;
            self.told(|accounts| accounts.counted(&id, Fate::of(&outcome)));
        }
    }

    /// Counts all shared records up, or stops in the middle.
    pub(super) async fn update_many(&self, chance: &mut Chance) {
        let mut left: Vec<String> = (0..SHARED).map(|number| format!("s{number}")).collect();
        let most = chance.place(6);
        let page_size = 1 + u32::try_from(chance.below(4)).unwrap_or_default();
        let call = self.items.update_records(|item| item.n += 1).filter(Filter::<Value>::field("id").is_in(&left));
        let mut updated = call.page_size(page_size).stream().take(most);
        let mut is_over = false;
        for taken in 0..=most {
            let Some(outcome) = updated.next().await else {
                is_over = taken < most;
                break;
            };
            let id = match &outcome {
                Ok(record) => Some(record.id.to_string()),
                Err(error) => record_of(error),
            };
            match id.and_then(|id| left.iter().position(|left| *left == id)) {
                Some(place) => {
                    let id = left.swap_remove(place);
                    self.told(|accounts| accounts.counted(&id, Fate::of(&outcome)));
                }
                // The list, or what is to be done for a whole batch.
                None => {
                    if let Ok(record) = outcome {
                        self.told(|accounts| accounts.is_wrong(format!("{} was updated twice", record.id)));
                    }
                }
            }
        }
        drop(updated);
        if !is_over {
            // What was sent and not told may be applied, once.
            for id in &left {
                self.told(|accounts| accounts.abandoned(id));
            }
        }
    }

    pub(super) async fn create_from(&mut self, chance: &mut Chance) {
        let new: Vec<(String, u64)> = (0..=chance.below(30)).map(|value| (self.new_id(), value)).collect();
        let data: Vec<Value> = new.iter().map(|(id, n)| json!({"id": id, "n": n})).collect();
        let results: Vec<Result<_>> = self.untyped.create_records_from(stream::iter(data)).stream().collect().await;
        let broken = match &results[..] {
            [Err(error)] if new.len() > 1 => Some(error.clone()),
            _ => None,
        };
        if broken.is_none() && results.len() != new.len() {
            self.told(|accounts| accounts.is_wrong(format!("{} results of {}", results.len(), new.len())));
        }
        for (place, (id, value)) in new.into_iter().enumerate() {
            let fate = match (&broken, results.get(place)) {
                (Some(error), _) => Fate::of::<()>(&Err(error.clone())),
                (None, Some(result)) => Fate::of(result),
                (None, None) => Fate::Unknown,
            };
            self.created(id, value, fate);
        }
    }
}

/// The id of the record that an error is about.
fn record_of(error: &Error) -> Option<String> {
    let (_, id) = error.object()?.rsplit_once("/records/")?;
    Some(id.to_owned())
}
