//! Devices that change the records of one collection, and what must be stored at the end.

use std::collections::BTreeMap;

use kinto_client::{
    KintoRecord, Result, Value, json,
    local::{LocalCollection, SyncReport},
};
use serde::{Deserialize, Serialize};

use crate::Chance;

/// The number of records that all devices change.
pub const SHARED: usize = 6;

/// So many items are those of one device.
const PER_DEVICE: u32 = 1_000_000;

/// An item of a list with keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The key.
    pub id: u32,
    /// The value.
    pub n: u32,
}

/// A record that several devices change: each its own value in `of` and its own items of `lines`, and all of them `free`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KintoRecord)]
#[kinto(bucket = "app", collection = "todos")]
pub struct Document {
    /// The values of devices, by their number.
    pub of: BTreeMap<String, usize>,
    /// The items of all devices.
    #[kinto(key = "id")]
    pub lines: Vec<Line>,
    /// The value of whoever writes it.
    pub free: usize,
}

/// A device, with the last value of everything that only it touches; `None` for what it removed.
#[derive(Debug)]
pub struct Device {
    number: usize,
    /// The records as they are on the device.
    pub records: LocalCollection<Document>,
    /// What it wrote last.
    pub last: BTreeMap<String, Option<usize>>,
}

/// Returns the id of a record that all devices change.
#[must_use]
pub fn shared(number: usize) -> String {
    format!("shared-{number}")
}

impl Device {
    /// Returns a device that has written nothing.
    #[must_use]
    pub fn new(number: usize, records: LocalCollection<Document>) -> Self {
        Self { number, records, last: BTreeMap::new() }
    }

    /// Makes one random change, with a value that no other change has.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn edit(&mut self, value: usize, chance: &mut Chance) -> Result<()> {
        let id = shared(chance.place(SHARED));
        match chance.below(10) {
            0..3 => {
                let field = self.number.to_string();
                let set = |document: &mut Document| *document.of.entry(field.clone()).or_default() = value;
                self.records.update_record(&*id, set).await?;
                self.last.insert(format!("{id} of {}", self.number), Some(value));
            }
            3..5 => self.edit_lines(&id, value, chance).await?,
            at => self.edit_record(at > 7, value, chance).await?,
        }
        Ok(())
    }

    /// Adds, changes or removes an item of its own.
    async fn edit_lines(&mut self, id: &str, value: usize, chance: &mut Chance) -> Result<()> {
        let n = u32::try_from(value).expect("few edits");
        // An item that was removed never comes back: it would have been moved, and two devices that move items of one
        // list do not agree on its order.
        let least = u32::try_from(self.number).expect("few devices") * PER_DEVICE;
        let lines = self.records.get_record(id).await?.data.lines;
        let own = lines.iter().map(|line| line.id).filter(|id| (least..least + PER_DEVICE).contains(id));
        let own: Vec<u32> = own.collect();
        let is_new = own.len() < 2 || chance.one_in(4);
        let key = if is_new { least + n } else { chance.pick(&own) };
        let n = (is_new || !chance.one_in(3)).then_some(n);
        self.records.update_record(id, |document| change_line(&mut document.lines, key, n)).await?;
        self.last.insert(format!("{id} line {key}"), n.map(|n| n as usize));
        Ok(())
    }

    /// Creates, changes or deletes a whole record, of its own or one that is free to all.
    async fn edit_record(&mut self, is_free: bool, value: usize, chance: &mut Chance) -> Result<()> {
        let owner = if is_free { "free".to_owned() } else { format!("own-{}", self.number) };
        let id = format!("{owner}-{}", chance.place(4));
        let is_there = self.records.get_record(&*id).optional().await?.is_some();
        let value = (!is_there || chance.percent(60)).then_some(value);
        match value {
            None => drop(self.records.delete_record(&*id).await?),
            Some(value) if is_there => {
                drop(self.records.update_record(&*id, |document: &mut Document| document.free = value).await?);
            }
            Some(free) => {
                let document = Document { free, ..Document::default() };
                drop(self.records.create_record(document).id(&*id).await?);
            }
        }
        if !is_free {
            self.last.insert(id, value);
        }
        Ok(())
    }

    /// Decides the conflicts: what the device wrote counts. Returns their number.
    ///
    /// Without doubts, only records that are free to all may have one. Where it is in doubt if a write was stored, others may,
    /// but only about what this device wrote.
    ///
    /// # Errors
    ///
    /// The description of a conflict that must not be, or the error of the store.
    pub async fn resolve(&self, has_doubts: bool) -> std::result::Result<usize, String> {
        let conflicts = self.records.conflicts().await.map_err(|error| error.to_string())?;
        let number = conflicts.len();
        for conflict in conflicts {
            let is_free = conflict.id.as_str().starts_with("free");
            if !is_free && !has_doubts {
                return Err(format!("only one device touches it: {:?} of {conflict:?}", conflict.fields));
            }
            let (local, remote) = (conflict.local.map(|local| local.data), conflict.remote.map(|remote| remote.data));
            let decided = match (local, remote) {
                (Some(local), Some(remote)) if conflict.id.as_str().starts_with("shared") => {
                    Some(self.with_own(remote, local))
                }
                (local, _) => local,
            };
            self.records.resolve_conflict(conflict.id, decided).await.map_err(|error| error.to_string())?;
        }
        Ok(number)
    }

    /// Returns the document of the server with all of this device as the device has it.
    fn with_own(&self, mut remote: Document, mut local: Document) -> Document {
        let is_own = |line: &Line| usize::try_from(line.id / PER_DEVICE) == Ok(self.number);
        let field = self.number.to_string();
        match local.of.remove(&field) {
            Some(value) => drop(remote.of.insert(field, value)),
            None => drop(remote.of.remove(&field)),
        }
        remote.lines.retain(|line| !is_own(line));
        remote.lines.extend(local.lines.into_iter().filter(is_own));
        remote
    }
}

/// Synchronizes all until nothing changes any more, and decides the conflicts. Returns their number.
///
/// # Errors
///
/// The description of what went wrong.
pub async fn settle(devices: &[Device], has_doubts: bool) -> std::result::Result<usize, String> {
    let mut decided = 0;
    for _ in 0..20 {
        let mut is_settled = true;
        for device in devices {
            let report = device.records.sync().await.map_err(|error| error.to_string())?;
            let conflicts = device.resolve(has_doubts).await?;
            is_settled &= report == SyncReport::default() && conflicts == 0;
            decided += conflicts;
        }
        if is_settled {
            return Ok(decided);
        }
    }
    Err("it does not end".to_owned())
}

/// Holds the records of the server and of each device against each other, and against what each device wrote last.
///
/// # Errors
///
/// The description of what differs.
pub async fn check(devices: &[Device], stored: &BTreeMap<String, Value>) -> std::result::Result<(), String> {
    for device in devices {
        let records = device.records.get_records().await.map_err(|error| error.to_string())?;
        let records: BTreeMap<String, Value> =
            records.into_iter().map(|record| (record.id.to_string(), json!(record.data))).collect();
        if records != *stored {
            return Err(format!("device {} has {records:#?}, and the server {stored:#?}", device.number));
        }
        let problems = device.records.problems().await.map_err(|error| error.to_string())?;
        if !problems.is_empty() {
            return Err(format!("device {} has {problems:?}", device.number));
        }
    }
    let mut found = BTreeMap::new();
    for (id, data) in stored {
        let document: Document = serde_json::from_value(data.clone()).map_err(|error| format!("{id}: {error}"))?;
        if id.starts_with("own") {
            found.insert(id.clone(), Some(document.free));
        }
        found.extend(document.of.into_iter().map(|(number, value)| (format!("{id} of {number}"), Some(value))));
        let count = document.lines.len();
        let lines = document.lines.into_iter();
        let lines: BTreeMap<_, _> =
            lines.map(|line| (format!("{id} line {}", line.id), Some(line.n as usize))).collect();
        if lines.len() != count {
            return Err(format!("an item of {id} is there twice: {data}"));
        }
        found.extend(lines);
    }
    let last = devices.iter().flat_map(|device| device.last.clone()).filter(|(_, value)| value.is_some());
    let last: BTreeMap<_, _> = last.collect();
    if found == last { Ok(()) } else { Err(format!("stored is {found:#?}, and written last {last:#?}")) }
}

fn change_line(lines: &mut Vec<Line>, id: u32, n: Option<u32>) {
    let at = lines.iter().position(|line| line.id == id);
    match (at, n) {
        (Some(at), Some(n)) => lines[at].n = n,
        (Some(at), None) => drop(lines.remove(at)),
        (None, Some(n)) => lines.push(Line { id, n }),
        (None, None) => {}
    }
}
