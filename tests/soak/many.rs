//! The batch operations of a task.

use kinto_client::{Error, Record, Result, Value, json};

use crate::{
    Item,
    ledger::Entry,
    task::{Task, over},
};

impl Task {
    pub(crate) async fn create_many(&mut self) {
        let mut entries: Vec<Entry> = (0..2 + self.chance.below(8)).map(|_| self.new_entry()).collect();
        let items: Vec<Item> = entries.iter().map(|_| self.item()).collect();
        let data = entries.iter().zip(&items).map(|(entry, item)| with_id(item, &entry.id));
        let todos = self.items.untyped().clone();
        let outcomes = each(entries.len(), todos.create_records(data).each().await);
        for ((mut entry, item), outcome) in entries.drain(..).zip(items).zip(outcomes) {
            let outcome = outcome.and_then(|record| record.parse::<Item>());
            self.ended("create in a batch", &outcome);
            entry.told(&outcome, Some(json!(item)), &self.tally);
            entry.record = outcome.ok();
            self.live.push(entry);
        }
    }

    pub(crate) async fn save_many(&mut self) {
        let chosen = self.chance.below(3);
        let items: Vec<Item> = (0..self.live.len()).map(|_| self.item()).collect();
        let mut records = Vec::new();
        let mut saved = Vec::new();
        for (place, (entry, item)) in (0_u64..).zip(self.live.iter_mut().zip(items)) {
            let Some(data) = entry.data().cloned().filter(|_| place % 3 == chosen) else { continue };
            let Some(record) = &mut entry.record else { continue };
            record.data = item;
            saved.push((usize::try_from(place).expect("a place"), over(data, &record.data)));
            records.push(record);
        }
        let outcomes = each(records.len(), self.items.save_records(records).each().await);
        for ((place, state), outcome) in saved.into_iter().zip(outcomes) {
            self.ended("save in a batch", &outcome);
            self.live[place].told(&outcome, Some(state), &self.tally);
        }
    }

    pub(crate) async fn delete_many(&mut self) {
        let gone = self.live.len() / 4;
        let records: Vec<&Record<Item>> = self.live[..gone]
            .iter()
            .filter(|entry| entry.known().is_some())
            .filter_map(|e| e.record.as_ref())
            .collect();
        let ids: Vec<String> = records.iter().map(|record| record.id.to_string()).collect();
        let outcomes = each(records.len(), self.items.delete_records(records).each().await);
        for (id, outcome) in ids.into_iter().zip(outcomes) {
            self.ended("delete in a batch", &outcome);
            let entry = self.live.iter_mut().find(|entry| entry.id == id).expect("it is among them");
            entry.told(&outcome, None, &self.tally);
        }
    }
}

/// The outcome for each of so many.
fn each<T>(count: usize, outcomes: Result<Vec<Result<T>>>) -> Vec<Result<T, Error>> {
    outcomes.unwrap_or_else(|error| (0..count).map(|_| Err(error.clone())).collect())
}

fn with_id(item: &Item, id: &str) -> Value {
    let mut data = json!(item);
    data["id"] = id.into();
    data
}
