use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use kinto_client::{KintoRecord as _, Record, Result, TypedCollection, Value, json, object::CreateOutcome};
use kinto_tests::Chance;

use crate::{
    Counter, Item, SHARED,
    ledger::{Entry, State, Tally, WRONG_READS},
};

/// A task with records of its own, so that it knows what each of them must be.
pub(crate) struct Task {
    pub(crate) number: u64,
    pub(crate) chance: Chance,
    pub(crate) items: TypedCollection<Item>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) counters: Arc<[Counter; SHARED]>,
    pub(crate) until: Instant,
    pub(crate) live: Vec<Entry>,
    /// The records with an unknown state and the deleted ones, which the task no longer uses.
    pub(crate) over: Vec<Entry>,
    pub(crate) made: u64,
    pub(crate) revision: u64,
}

/// How long one try may take.
pub(crate) const TRY: Duration = Duration::from_secs(20);
/// How long the tries of one request may take together, without the last, as the client's policy has it.
pub(crate) const TRIES: Duration = Duration::from_secs(60);
/// What a machine with much to do may add to that.
const SLACK: Duration = Duration::from_secs(5);
/// The approximate number of records that a task keeps.
const KEPT: usize = 40;

impl Task {
    pub(crate) async fn run(mut self) -> Vec<Entry> {
        while Instant::now() < self.until {
            let before = self.tally.of("operations that failed");
            self.step().await;
            self.sort_out().await;
            if self.tally.of("operations that failed") > before {
                // While the server is away nothing would be done but failing.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        self.over.append(&mut self.live);
        self.over
    }

    /// Does one thing. What is one request has a limit: as long as its tries may take in all, and the last of them.
    async fn step(&mut self) {
        let few = self.live.len() < KEPT / 2;
        let many = self.live.len() > KEPT;
        let started = Instant::now();
        let what = match self.chance.below(20) {
            _ if few => "create",
            0..2 if many => "delete in a batch",
            0..2 => "create",
            2 => "create in a batch",
            3..5 => "save",
            5 => "save in a batch",
            6 => "update",
            7 => "edit",
            8 => "patch",
            9 => "overwrite",
            10 => "delete",
            11 => "read",
            12 => "list",
            13 => "grant",
            14 => "merge patch",
            15 => "batch of several kinds",
            16 if many => "delete of all that match",
            _ => "count",
        };
        match what {
            "create" => self.create().await,
            "create in a batch" => self.create_many().await,
            "save" => self.save().await,
            "save in a batch" => self.save_many().await,
            "update" => self.update().await,
            "edit" => self.edit().await,
            "patch" => self.patch().await,
            "overwrite" => self.overwrite().await,
            "delete" => self.delete().await,
            "delete in a batch" => self.delete_many().await,
            "read" => self.read().await,
            "list" => self.list().await,
            "grant" => self.grant().await,
            "merge patch" => self.merge().await,
            "batch of several kinds" => self.mixed().await,
            "delete of all that match" => self.delete_old().await,
            _ => self.count().await,
        }
        let is_one = ["create", "save", "patch", "overwrite", "delete", "read"].contains(&what);
        self.tally.took(what, started.elapsed(), is_one.then_some(TRIES + TRY + SLACK));
    }

    pub(crate) fn ended<T>(&self, operation: &'static str, outcome: &Result<T>) {
        self.tally.count(operation);
        if let Err(error) = outcome {
            self.tally.count("operations that failed");
            assert!(!error.is_invalid() && !error.is_decode(), "no fault makes that of it: {error}");
        }
    }

    pub(crate) fn item(&mut self) -> Item {
        self.revision += 1;
        Item { task: self.number, revision: self.revision, text: "x".repeat(self.chance.place(300)) }
    }

    pub(crate) fn new_entry(&mut self) -> Entry {
        self.made += 1;
        Entry::new(format!("t{}-{}", self.number, self.made))
    }

    pub(crate) fn any(&mut self) -> Option<usize> {
        (!self.live.is_empty()).then(|| self.chance.place(self.live.len()))
    }

    /// The place of a record that is there, with what it holds.
    pub(crate) fn one(&mut self) -> Option<(usize, Value)> {
        let place = self.any()?;
        Some((place, self.live[place].data()?.clone()))
    }

    async fn create(&mut self) {
        let (item, mut entry) = (self.item(), self.new_entry());
        let state = json!(item);
        let items = self.items.clone();
        let outcome = match self.chance.below(4) {
            0 => {
                let ensured = items.create_record(item).id(&entry.id).if_not_exists().await;
                ensured.map(CreateOutcome::into_inner)
            }
            1 => {
                // With a field that the type does not know.
                let mut state = state.clone();
                state["extra"] = json!({"kept": self.revision});
                let created = items.untyped().create_record(state.clone()).id(&entry.id).await;
                let created = created.and_then(|record| record.parse::<Item>());
                self.ended("create", &created);
                entry.told(&created, Some(state), &self.tally);
                entry.record = created.ok();
                return self.live.push(entry);
            }
            _ => items.create_record(item).id(&entry.id).await,
        };
        self.ended("create", &outcome);
        entry.told(&outcome, Some(state), &self.tally);
        entry.record = outcome.ok();
        self.live.push(entry);
    }

    async fn save(&mut self) {
        let Some((place, data)) = self.one() else { return };
        let item = self.item();
        let entry = &mut self.live[place];
        let Some(record) = &mut entry.record else { return };
        record.data = item;
        let state = over(data, &record.data);
        let outcome = self.items.save_record(record).await;
        entry.told(&outcome, Some(state), &self.tally);
        self.ended("save", &outcome);
    }

    async fn update(&mut self) {
        let Some((place, data)) = self.one() else { return };
        let item = self.item();
        let id = self.live[place].id.clone();
        let outcome = self.items.update_record(id, |held| *held = item.clone()).await;
        self.changed("update", place, over(data, &item), outcome);
    }

    async fn edit(&mut self) {
        let Some((place, mut data)) = self.one() else { return };
        self.revision += 1;
        data["revision"] = self.revision.into();
        let id = self.live[place].id.clone();
        let items = self.items.clone();
        let outcome = items.edit_record(id).set(Item::fields().revision, self.revision).await;
        self.changed("edit", place, data, outcome);
    }

    async fn patch(&mut self) {
        let Some((place, mut data)) = self.one() else { return };
        self.revision += 1;
        data["revision"] = self.revision.into();
        let id = self.live[place].id.clone();
        let outcome = self.items.patch_record(id, json!({"revision": self.revision})).await;
        self.changed("patch", place, data, outcome);
    }

    async fn overwrite(&mut self) {
        let Some((place, _)) = self.one() else { return };
        let item = self.item();
        let id = self.live[place].id.clone();
        let outcome = self.items.overwrite_record(id, item.clone()).await;
        self.changed("overwrite", place, json!(item), outcome);
    }

    pub(crate) fn changed(
        &mut self,
        operation: &'static str,
        place: usize,
        state: Value,
        outcome: Result<Record<Item>>,
    ) {
        self.ended(operation, &outcome);
        self.live[place].told(&outcome, Some(state), &self.tally);
        if let Ok(record) = outcome {
            self.live[place].record = Some(record);
        }
    }

    async fn delete(&mut self) {
        let Some((place, _)) = self.one() else { return };
        let guarded = self.chance.below(2) == 0;
        let entry = &self.live[place];
        let items = self.items.clone();
        let outcome = match &entry.record {
            Some(record) if guarded => items.delete_record(record).await.map(|_| ()),
            _ => items.delete_record(&entry.id).if_exists().await.map(|_| ()),
        };
        self.ended("delete", &outcome);
        self.live[place].told(&outcome, None, &self.tally);
    }

    async fn read(&mut self) {
        let Some(place) = self.any() else { return };
        let id = self.live[place].id.clone();
        let outcome = self.held(&id).await;
        self.ended("read", &outcome);
        let entry = &self.live[place];
        if let (Ok((held, _)), Some(known)) = (&outcome, entry.known())
            && held != known
        {
            self.tally.wrong(WRONG_READS, &format!("{id}: {held:?} was read, and it is {known:?}"));
        }
    }

    async fn list(&mut self) {
        let mine = self.items.get_records().filter(Item::fields().task.eq(self.number));
        let outcome = mine.page_size(10).await;
        self.ended("list", &outcome);
        let Ok(records) = outcome else { return };
        for entry in &self.live {
            let held = records.iter().find(|record| *record.id == *entry.id).map(data_of);
            if entry.known().is_some_and(|known| *known != held) {
                let how = format!("{}: {held:?} is in the list, and it is {:?}", entry.id, entry.possible);
                self.tally.wrong(WRONG_READS, &how);
            }
        }
    }

    /// Counts up what all tasks count up.
    async fn count(&mut self) {
        let counter = self.chance.place(SHARED);
        let counters = self.items.untyped().clone();
        let add = |data: &mut Value| data["count"] = (data["count"].as_u64().expect("a number") + 1).into();
        let outcome = counters.update_record(format!("counter-{counter}"), add).await;
        self.ended("count", &outcome);
        match outcome {
            Ok(_) => self.counters[counter].acknowledged.fetch_add(1, Ordering::SeqCst),
            Err(error) if error.may_have_been_applied() => {
                self.counters[counter].in_doubt.fetch_add(1, Ordering::SeqCst)
            }
            Err(_) => 0,
        };
    }

    async fn held(&self, id: &str) -> Result<(State, Option<Record<Item>>)> {
        let record = self.items.get_record(id).optional().await?;
        Ok((record.as_ref().map(data_of), record))
    }

    /// Puts aside what is gone, and what is in doubt: unless it can be seen that it was done after all. That it was not
    /// cannot be seen, for it may still be under way.
    async fn sort_out(&mut self) {
        for mut entry in std::mem::take(&mut self.live) {
            if entry.known().is_none()
                && let Ok((held, record)) = self.held(&entry.id).await
                && entry.possible.last() == Some(&held)
            {
                self.tally.count("doubts that a read resolved");
                (entry.possible, entry.record) = (vec![held], record);
            }
            if entry.data().is_none() {
                self.over.push(entry);
            } else {
                if !entry.refused.is_empty() {
                    // What was refused may be in `record`, and it is to be that of the server again.
                    entry.record = self.held(&entry.id).await.ok().and_then(|(_, record)| record);
                }
                self.live.push(entry);
            }
        }
    }
}

/// The data with the fields of the item over it.
pub(crate) fn over(mut data: Value, item: &Item) -> Value {
    for (field, value) in json!(item).as_object().expect("an object") {
        data[field] = value.clone();
    }
    data
}

fn data_of(record: &Record<Item>) -> Value {
    let mut data: Value = serde_json::from_str(record.raw_json()).expect("it was read");
    let fields = data.as_object_mut().expect("an object");
    fields.remove("id");
    fields.remove("last_modified");
    data
}
