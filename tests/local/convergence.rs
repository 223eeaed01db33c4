//! Several devices with random edits, partitions, lost responses and stops: at the end all have the same, and nothing is lost.
//!
//! On PostgreSQL there are fewer edits unless `KINTO_TEST_LONG=1`.

use std::{collections::BTreeMap, env};

use kinto_client::{
    KintoRecord, Value,
    local::{LocalCollection, SyncReport},
};
use kinto_server::Backend;
use kinto_tests::{Chance, Outcome};
use serde::{Deserialize, Serialize};

use crate::{device::Line, world::World};

const DEVICES: usize = 5;
const DOCUMENTS: usize = 6;
const EDITS: usize = 2_000;

/// A record that several devices change: each its own value in `of` and its own items of `lines`, and all of them `free`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KintoRecord)]
#[kinto(bucket = "app", collection = "todos")]
struct Document {
    of: BTreeMap<String, usize>,
    #[kinto(key = "id")]
    lines: Vec<Line>,
    free: usize,
}

/// The last value of everything that only one device touches; `None` for what it removed.
type Last = BTreeMap<String, Option<usize>>;

/// So many items are those of one device.
const PER_DEVICE: u32 = 1_000_000;

struct Run {
    world: World,
    devices: Vec<LocalCollection<Document>>,
    /// The edit until which a device is cut off.
    cut_off: [usize; DEVICES],
    chance: Chance,
    last: Last,
}

impl Run {
    async fn start(world: World, seed: u64) -> Self {
        let mut devices = Vec::new();
        for _ in 0..DEVICES {
            devices.push(world.fenced_device().await);
        }
        for n in 0..DOCUMENTS {
            devices[0].create_record(Document::default()).id(format!("shared-{n}")).await.unwrap();
        }
        for device in &devices {
            device.sync().await.unwrap();
        }
        Self { world, devices, cut_off: [0; DEVICES], chance: Chance::new(seed, 1), last: Last::new() }
    }

    async fn edit(&mut self, edit: usize) {
        let number = self.chance.place(DEVICES);
        let device = self.devices[number].clone();
        let shared = format!("shared-{}", self.chance.place(DOCUMENTS));
        match self.chance.below(10) {
            0..3 => {
                let set = |document: &mut Document| *document.of.entry(number.to_string()).or_default() = edit;
                device.update_record(shared.as_str(), set).await.unwrap();
                self.last.insert(format!("{shared} of {number}"), Some(edit));
            }
            3..5 => {
                let n = u32::try_from(edit).unwrap();
                // An item that was removed never comes back: it would have been moved, and two devices that move items of one
                // list do not agree on its order.
                let (least, new) =
                    (u32::try_from(number).unwrap() * PER_DEVICE, u32::try_from(number).unwrap() * PER_DEVICE + n);
                let lines = device.get_record(shared.as_str()).await.unwrap().data.lines;
                let own = lines.iter().map(|line| line.id).filter(|id| (least..least + PER_DEVICE).contains(id));
                let own: Vec<u32> = own.collect();
                let is_new = own.len() < 2 || self.chance.one_in(4);
                let id = if is_new { new } else { self.chance.pick(&own) };
                let n = (is_new || !self.chance.one_in(3)).then_some(n);
                device
                    .update_record(shared.as_str(), |document| change_line(&mut document.lines, id, n))
                    .await
                    .unwrap();
                self.last.insert(format!("{shared} line {id}"), n.map(|n| n as usize));
            }
            at => {
                let is_free = at > 7;
                let owner = if is_free { "free".to_owned() } else { format!("own-{number}") };
                let id = format!("{owner}-{}", self.chance.place(4));
                let is_there = device.get_record(id.as_str()).optional().await.unwrap().is_some();
                let value = (!is_there || self.chance.percent(60)).then_some(edit);
                match value {
                    None => drop(device.delete_record(id.as_str()).await.unwrap()),
                    Some(value) if is_there => {
                        let set = |document: &mut Document| document.free = value;
                        drop(device.update_record(id.as_str(), set).await.unwrap());
                    }
                    Some(free) => {
                        let document = Document { free, ..Document::default() };
                        drop(device.create_record(document).id(id.as_str()).await.unwrap());
                    }
                }
                if !is_free {
                    self.last.insert(id, value);
                }
            }
        }
    }

    /// Synchronizes a device, or two at once, of which requests and responses may get lost. What is stored by then is stored.
    async fn synchronize(&mut self, edit: usize) {
        let number = self.chance.place(DEVICES);
        if self.chance.one_in(15) {
            self.cut_off[number] = edit + 200;
        }
        if self.cut_off[number] > edit {
            self.world.refuse_after(0);
            assert!(self.devices[number].sync().await.is_err());
        } else {
            match self.chance.below(5) {
                0 => self.world.lose_next_response(),
                1 => self.world.refuse_after(self.chance.place(4)),
                2 => self.world.lose_response_after(self.chance.place(4)),
                _ => {}
            }
            let other = self.chance.place(DEVICES);
            if other != number && self.cut_off[other] <= edit && self.chance.one_in(3) {
                let _ = tokio::join!(
                    IntoFuture::into_future(self.devices[number].sync()),
                    IntoFuture::into_future(self.devices[other].sync())
                );
            } else {
                let _ = self.devices[number].sync().await;
            }
        }
        self.world.clear_faults();
    }

    /// Synchronizes all until nothing changes any more, and decides the conflicts. Returns their number.
    async fn settle(&self) -> usize {
        let mut decided = 0;
        for _ in 0..20 {
            let mut is_settled = true;
            for device in &self.devices {
                is_settled &= device.sync().await.unwrap() == SyncReport::default();
                for conflict in device.conflicts().await.unwrap() {
                    assert!(
                        conflict.id.as_str().starts_with("free"),
                        "only one device touches it: {:?} of {conflict:?}",
                        conflict.fields
                    );
                    device.resolve_conflict(conflict.id, conflict.local.map(|local| local.data)).await.unwrap();
                    decided += 1;
                    is_settled = false;
                }
            }
            if is_settled {
                return decided;
            }
        }
        panic!("it does not end");
    }

    async fn check(&self) {
        let expected = self.world.stored().await;
        for device in &self.devices {
            let records = device.get_records().await.unwrap();
            let records: BTreeMap<String, Value> = records
                .into_iter()
                .map(|record| (record.id.to_string(), serde_json::to_value(record.data).unwrap()))
                .collect();
            assert_eq!(records, expected);
            assert_eq!(device.problems().await.unwrap(), []);
        }
        let mut stored = Last::new();
        for (id, data) in expected {
            let document: Document = serde_json::from_value(data).unwrap();
            if id.starts_with("own") {
                stored.insert(id.clone(), Some(document.free));
            }
            stored.extend(document.of.into_iter().map(|(number, value)| (format!("{id} of {number}"), Some(value))));
            let count = document.lines.len();
            let lines = document.lines.into_iter();
            let lines: Last = lines.map(|line| (format!("{id} line {}", line.id), Some(line.n as usize))).collect();
            assert_eq!(lines.len(), count, "no item is there twice");
            stored.extend(lines);
        }
        let last: Last = self.last.clone().into_iter().filter(|(_, value)| value.is_some()).collect();
        assert_eq!(stored, last);
    }
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

/// Whatever is lost on the way, everything that only one device touches has at the end what that device wrote last.
async fn converge(world: World, seed: u64, edits: usize) {
    let mut run = Run::start(world, seed).await;
    let mut edit = 0;
    while edit < edits {
        if run.chance.percent(12) {
            run.synchronize(edit).await;
        } else {
            edit += 1;
            run.edit(edit).await;
        }
    }
    let decided = run.settle().await;
    run.check().await;
    println!("seed {seed}: {edits} edits, {decided} conflicts");
}

#[tokio::test]
async fn devices_converge() -> Outcome {
    for seed in 0..2 {
        converge(World::testing().await, seed, EDITS).await;
    }
    Ok(())
}

#[tokio::test]
async fn devices_converge_on_postgresql() -> Outcome {
    let is_long = env::var("KINTO_TEST_LONG").is_ok_and(|value| value == "1");
    let world = World::real(Backend::PostgreSql).await;
    converge(world, 3, if is_long { EDITS } else { 300 }).await;
    Ok(())
}
