//! Generated lists of changes: many in one call have the outcomes that they have one after the other.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use kinto_client::{
    Error, Record, Result, Value, json, local::LocalCollection, operation::SaveOutcome, testing::Kinto,
};
use kinto_tests::{Chance, Outcome};

use crate::device::{device, server};

const SEEDS: u64 = 12;
const STEPS: usize = 40;

/// Changes of one kind, by ids, and by records that were read before: their places among the copies.
#[derive(Clone, Debug)]
enum Step {
    Create(Vec<Value>),
    Overwrite(Vec<(String, Value)>),
    Save(Vec<(usize, u64)>),
    Delete(Vec<Target>),
    DeleteAll,
    Update(u64),
}

#[derive(Clone, Debug)]
enum Target {
    Id(String),
    Copy(usize),
}

/// The way in which a device carries out a step.
#[derive(Clone, Copy, Debug)]
enum Way {
    OneByOne,
    Bulk,
    Stream,
}

struct Device {
    way: Way,
    kinto: Kinto,
    notes: LocalCollection<Value>,
    copies: Vec<Record<Value>>,
}

/// The records as they have to be: data, and a version that is never used twice, except that a record that is again as the
/// server has it also has that version again.
#[derive(Default)]
struct Model {
    records: BTreeMap<String, (u64, u64)>,
    /// The records as the server has them.
    base: BTreeMap<String, (u64, u64)>,
    copies: Vec<(String, u64, u64)>,
    last: u64,
}

fn id(chance: &mut Chance) -> String {
    if chance.one_in(15) { "a/b".to_owned() } else { format!("r{}", chance.below(9)) }
}

fn step(chance: &mut Chance, copies: usize) -> Step {
    let many = chance.between(0, 8);
    match chance.below(12) {
        0..=2 => Step::Create(
            (0..many)
                .map(|_| {
                    let id = id(chance);
                    if chance.one_in(15) { json!([1]) } else { json!({"id": id, "n": chance.below(3)}) }
                })
                .collect(),
        ),
        3 => Step::Overwrite((0..many).map(|_| (id(chance), json!({"n": chance.below(3)}))).collect()),
        4..=7 if copies > 0 => Step::Save((0..many).map(|_| (chance.place(copies), chance.below(3))).collect()),
        8..=9 => {
            let target = |chance: &mut Chance| {
                if chance.one_in(2) && copies > 0 { Target::Copy(chance.place(copies)) } else { Target::Id(id(chance)) }
            };
            Step::Delete((0..many).map(|_| target(chance)).collect())
        }
        10 if chance.one_in(6) => Step::DeleteAll,
        _ => Step::Update(chance.below(3)),
    }
}

impl Model {
    fn store(&mut self, id: &str, n: u64) -> String {
        self.last += 1;
        let base = self.base.get(id).copied().filter(|(base, _)| *base == n);
        self.records.insert(id.to_owned(), base.unwrap_or((n, self.last)));
        format!("{id} {n}")
    }

    fn carry_out(&mut self, step: &Step) -> Vec<String> {
        let is_valid = |id: &str| !id.contains('/');
        match step.clone() {
            Step::Create(data) => {
                let create = |data: Value| match data["id"].as_str() {
                    Some(id) if is_valid(id) && self.records.contains_key(id) => "conflict".to_owned(),
                    Some(id) if is_valid(id) => self.store(id, data["n"].as_u64().unwrap()),
                    _ => "invalid".to_owned(),
                };
                data.into_iter().map(create).collect()
            }
            Step::Overwrite(records) => {
                let overwrite = |(id, data): (String, Value)| {
                    if is_valid(&id) { self.store(&id, data["n"].as_u64().unwrap()) } else { "invalid".to_owned() }
                };
                records.into_iter().map(overwrite).collect()
            }
            Step::Save(saves) => {
                let mut after = self.copies.clone();
                let mut outcomes = Vec::new();
                for (place, n) in saves {
                    let (id, read, version) = self.copies[place].clone();
                    let found = self.records.get(&id).map(|(_, version)| *version);
                    outcomes.push(if n == read {
                        "unchanged".to_owned()
                    } else if found == Some(version) {
                        self.store(&id, n);
                        after[place] = (id.clone(), n, self.records[&id].1);
                        "stored".to_owned()
                    } else {
                        "conflict".to_owned()
                    });
                }
                self.copies = after;
                outcomes
            }
            Step::Delete(targets) => {
                let delete = |target: Target| {
                    let (id, version) = match target {
                        Target::Id(id) => (id, None),
                        Target::Copy(place) => (self.copies[place].0.clone(), Some(self.copies[place].2)),
                    };
                    match self.records.get(&id) {
                        _ if !is_valid(&id) => "invalid".to_owned(),
                        None => "not found".to_owned(),
                        Some((_, found)) if version.is_some_and(|version| version != *found) => "conflict".to_owned(),
                        Some(_) => {
                            self.records.remove(&id);
                            id
                        }
                    }
                };
                targets.into_iter().map(delete).collect()
            }
            Step::DeleteAll => std::mem::take(&mut self.records).into_keys().collect(),
            Step::Update(n) => {
                let all: Vec<_> = self.records.iter().map(|(id, (n, _))| (id.clone(), *n)).collect();
                for (id, _) in all.iter().filter(|(_, old)| *old != n) {
                    self.store(id, n);
                }
                all.into_iter().map(|(id, _)| format!("{id} {n}")).collect()
            }
        }
    }

    fn read(&mut self) {
        self.copies.truncate(20);
        self.copies.extend(self.records.iter().map(|(id, (n, version))| (id.clone(), *n, *version)));
    }
}

fn outcome<T>(result: Result<T>, show: impl Fn(T) -> String) -> String {
    let error: Error = match result {
        Ok(output) => return show(output),
        Err(error) => error,
    };
    let kinds =
        [(error.is_conflict(), "conflict"), (error.is_not_found(), "not found"), (error.is_invalid(), "invalid")];
    kinds.iter().find(|(is_it, _)| *is_it).map_or_else(|| error.to_string(), |(_, kind)| (*kind).to_owned())
}

fn record(record: &Record<Value>) -> String {
    format!("{} {}", record.id, record.data["n"])
}

fn saved(outcome: SaveOutcome) -> String {
    if outcome == SaveOutcome::Stored { "stored" } else { "unchanged" }.to_owned()
}

impl Device {
    async fn new(way: Way) -> Self {
        let kinto = server().await;
        let notes = device(&kinto).await;
        Self { way, kinto, notes, copies: Vec::new() }
    }

    async fn carry_out(&mut self, step: &Step) -> Vec<String> {
        match step.clone() {
            Step::Create(data) => self.create(data).await,
            Step::Overwrite(records) => self.overwrite(records).await,
            Step::Save(saves) => self.save(saves).await,
            Step::Delete(targets) => self.delete(targets).await,
            Step::DeleteAll => {
                let deleted = self.notes.delete_all_records().await.unwrap();
                let mut ids: Vec<String> = deleted.into_iter().map(|tombstone| tombstone.id).collect();
                ids.sort();
                ids
            }
            Step::Update(n) => {
                let results = self.notes.update_records(|data: &mut Value| data["n"] = n.into()).stream();
                let mut updated: Vec<String> =
                    results.map(|result| outcome(result, |updated| record(&updated))).collect().await;
                updated.sort();
                updated
            }
        }
    }

    async fn create(&self, data: Vec<Value>) -> Vec<String> {
        let notes = &self.notes;
        let results = match self.way {
            Way::Bulk => notes.create_records(data).each().await.unwrap(),
            Way::Stream => notes.create_records_from(stream::iter(data)).stream().collect().await,
            Way::OneByOne => stream::iter(data).then(|data| async { notes.create_record(data).await }).collect().await,
        };
        results.into_iter().map(|result| outcome(result, |stored| record(&stored))).collect()
    }

    async fn overwrite(&self, records: Vec<(String, Value)>) -> Vec<String> {
        let notes = &self.notes;
        let results: Vec<_> = match self.way {
            Way::Bulk | Way::Stream => notes.overwrite_records_from(stream::iter(records)).stream().collect().await,
            Way::OneByOne => {
                let overwrite = |(id, data): (String, Value)| async move { notes.overwrite_record(id, data).await };
                stream::iter(records).then(overwrite).collect().await
            }
        };
        results.into_iter().map(|result| outcome(result, |stored| record(&stored))).collect()
    }

    async fn save(&mut self, saves: Vec<(usize, u64)>) -> Vec<String> {
        let mut changed: Vec<Record<Value>> = Vec::new();
        for (place, n) in &saves {
            let mut copy = self.copies[*place].clone();
            copy.data["n"] = (*n).into();
            changed.push(copy);
        }
        let results: Vec<Result<SaveOutcome>> = match self.way {
            Way::Bulk => self.notes.save_records(&mut changed).each().await.unwrap(),
            Way::OneByOne => {
                let mut results = Vec::new();
                for record in &mut changed {
                    results.push(self.notes.save_record(record).await);
                }
                results
            }
            Way::Stream => {
                let before = changed.clone();
                let saves = self.notes.save_records_from(stream::iter(before));
                let mut results = Vec::new();
                for (result, record) in saves.stream().collect::<Vec<_>>().await.into_iter().zip(&mut changed) {
                    results.push(result.map(|saved| {
                        let is_same = saved.last_modified == record.last_modified;
                        *record = saved;
                        if is_same { SaveOutcome::Unchanged } else { SaveOutcome::Stored }
                    }));
                }
                results
            }
        };
        for (((place, _), result), record) in saves.into_iter().zip(&results).zip(changed) {
            if matches!(result, Ok(SaveOutcome::Stored)) {
                self.copies[place] = record;
            }
        }
        results.into_iter().map(|result| outcome(result, saved)).collect()
    }

    async fn delete(&self, targets: Vec<Target>) -> Vec<String> {
        let notes = &self.notes;
        let target = |target| match target {
            Target::Id(id) => kinto_client::operation::TypedDeleteTarget::from(id),
            Target::Copy(place) => (&self.copies[place]).into(),
        };
        let targets: Vec<_> = targets.into_iter().map(target).collect();
        let results = match self.way {
            Way::Bulk => notes.delete_records(targets).each().await.unwrap(),
            Way::Stream => notes.delete_records_from(stream::iter(targets)).stream().collect().await,
            Way::OneByOne => {
                stream::iter(targets).then(|target| async { notes.delete_record(target).await }).collect().await
            }
        };
        results.into_iter().map(|result| outcome(result, |tombstone| tombstone.id)).collect()
    }

    /// Reads all records, whose copies are kept with those of earlier times.
    async fn read(&mut self) {
        let mut records = self.notes.get_records().await.unwrap();
        records.sort_by(|one, other| one.id.as_str().cmp(other.id.as_str()));
        self.copies.truncate(20);
        self.copies.extend(records);
    }

    async fn stored(&self) -> BTreeMap<String, u64> {
        let data = |record: Record<Value>| (record.id.to_string(), record.data["n"].as_u64().unwrap());
        self.notes.get_records().await.unwrap().into_iter().map(data).collect()
    }

    async fn synchronized(&self) -> BTreeMap<String, u64> {
        self.notes.sync().await.unwrap();
        let remote = self.kinto.client().bucket("app").collection("notes").get_records::<Value>().await.unwrap();
        remote.into_iter().map(|record| (record.id.to_string(), record.data["n"].as_u64().unwrap())).collect()
    }
}

/// The law: whichever way a list of changes is carried out, each change has the outcome that the model says, the same records
/// are here afterwards, and the server has them after a synchronization.
#[tokio::test]
async fn bulk_verbs_have_the_outcomes_of_single_ones() -> Outcome {
    for seed in 0..SEEDS {
        let mut chance = Chance::new(seed, 7);
        let mut model = Model::default();
        let mut devices = Vec::new();
        for way in [Way::OneByOne, Way::Bulk, Way::Stream] {
            devices.push(Device::new(way).await);
        }
        for number in 0..STEPS {
            let step = step(&mut chance, model.copies.len());
            let expected = model.carry_out(&step);
            let stored: BTreeMap<_, _> = model.records.iter().map(|(id, (n, _))| (id.clone(), *n)).collect();
            let (reads, synchronizes) = (chance.one_in(2), chance.one_in(10));
            for device in &mut devices {
                let at = format!("seed {seed}, step {number}, {:?}: {step:?}", device.way);
                assert_eq!(device.carry_out(&step).await, expected, "{at}");
                assert_eq!(device.stored().await, stored, "{at}");
                if reads {
                    device.read().await;
                }
                if synchronizes {
                    assert_eq!(device.synchronized().await, stored, "{at}");
                }
            }
            if reads {
                model.read();
            }
            if synchronizes {
                // The versions are the server's now, which earlier copies do not have.
                model.base = model.records.clone();
                model.copies.clear();
                for device in &mut devices {
                    device.copies.clear();
                }
            }
        }
        for device in &devices {
            let stored: BTreeMap<_, _> = model.records.iter().map(|(id, (n, _))| (id.clone(), *n)).collect();
            assert_eq!(device.synchronized().await, stored, "seed {seed}, {:?}", device.way);
        }
    }
    Ok(())
}
