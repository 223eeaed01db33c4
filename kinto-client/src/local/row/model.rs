//! A model of devices and a server with a fence: writes are exact, arrive late, and their responses are lost or come late.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value, json};

use super::*;

/// The number of the value that a field has; each write makes a new one.
type Number = u64;
type Fields = BTreeMap<String, Number>;

/// Chances, taken one after the other from a tape: a test case shrinks with it.
pub(super) struct Tape {
    left: std::vec::IntoIter<u16>,
}

impl Tape {
    pub(super) fn new(tape: Vec<u16>) -> Self {
        Self { left: tape.into_iter() }
    }

    fn is_empty(&self) -> bool {
        self.left.len() == 0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::from(self.left.next().unwrap_or_default()) % end.max(1)
    }
}

#[derive(Default)]
struct Server {
    clock: u64,
    records: BTreeMap<&'static str, Version>,
}

#[derive(Clone, Debug)]
struct Request {
    device: usize,
    /// The process that sent it: the responses to those before are not read any more.
    epoch: u64,
    id: &'static str,
    attempt: u64,
    push: Push,
}

impl Server {
    fn run(&mut self, request: &Request) -> PushResult {
        let current = self.records.get(request.id).cloned().unwrap_or_else(Version::gone);
        let (guard, body) = match &request.push {
            Push::Put { body, guard } => (*guard, Some(body.clone())),
            Push::Delete { guard } => (*guard, None),
            Push::Get => return PushResult::Stored(current),
        };
        let is_met = match guard {
            Guard::Absent => current.body.is_none(),
            Guard::Version(version) => current.body.is_some() && current.last_modified == version,
        };
        if !is_met {
            return match body {
                None if current.body.is_none() => PushResult::NotFound,
                _ => PushResult::Failed { existing: current, in_doubt: false },
            };
        }
        self.clock += 1;
        let stored = Version { body, last_modified: Timestamp::from_millis(self.clock) };
        self.records.insert(request.id, stored.clone());
        PushResult::Stored(stored)
    }
}

#[derive(Default)]
struct Device {
    rows: BTreeMap<&'static str, Row>,
    sequence: u64,
    epoch: u64,
}

impl Device {
    fn rules(&mut self) -> Rules {
        self.sequence += 1;
        let now = Timestamp::from_millis(self.sequence);
        Rules { policy: Policy::Manual, record_type: RecordType::ANY, revision: self.sequence, now }
    }

    fn row(&self, id: &'static str) -> Row {
        self.rows.get(id).cloned().unwrap_or_default()
    }

    fn put(&mut self, id: &'static str, row: Row) {
        if row.is_gone() {
            self.rows.remove(id);
        } else {
            self.rows.insert(id, row);
        }
    }
}

/// All devices, the server, what is on the way between them, and the ledger of all values.
pub(super) struct World {
    server: Server,
    devices: Vec<Device>,
    requests: Vec<Request>,
    /// With true if no other write of the record was on the way when it was executed.
    responses: Vec<(Request, PushResult, bool)>,
    values: Number,
    /// True if a function of the program decides each conflict at once.
    decides: bool,
    /// True once the first device has made a record under its own id.
    is_made: bool,
    /// The values that each replaced, where its writer saw them.
    seen: HashMap<Number, BTreeSet<Number>>,
    /// The values that were deleted by somebody who saw them.
    deleted: BTreeSet<Number>,
}

const IDS: [&str; 2] = ["own", "shared"];

fn fields(body: Option<&Body>) -> Fields {
    let fields: Map<String, Value> = body.map(|body| serde_json::from_str(body).unwrap()).unwrap_or_default();
    fields.into_iter().map(|(key, value)| (key, value.as_u64().unwrap())).collect()
}

impl World {
    pub(super) fn new(devices: usize, decides: bool) -> Self {
        Self {
            decides,
            is_made: false,
            server: Server { clock: 1, ..Server::default() },
            devices: (0..devices).map(|_| Device::default()).collect(),
            requests: Vec::new(),
            responses: Vec::new(),
            values: 0,
            seen: HashMap::new(),
            deleted: BTreeSet::new(),
        }
    }

    /// Lets things happen until the tape ends, then syncs until nothing is left to do, and checks what there is.
    pub(super) fn run(mut self, tape: &mut Tape) -> Result<(), String> {
        while !tape.is_empty() {
            self.step(tape);
        }
        self.settle();
        self.check()
    }

    fn step(&mut self, tape: &mut Tape) {
        let device = tape.below(self.devices.len());
        // Only the first device makes records under its own id; the other one is chosen by all.
        let id = IDS[tape.below(IDS.len())];
        match tape.below(16) {
            0..=3 => self.edit(device, id, tape),
            4 => self.delete(device, id),
            5..=7 => self.send(device, id),
            8 | 9 => self.pull(device),
            10..=12 => self.execute(tape),
            13 => self.deliver(tape),
            14 => {
                // The process was killed, or its lease taken over: it hears of nothing that it sent.
                self.devices[device].epoch += 1;
            }
            _ => self.resolve(device, id, tape),
        }
    }

    fn edit(&mut self, device: usize, id: &'static str, tape: &mut Tape) {
        let row = self.devices[device].row(id);
        if id == "own" && device > 0 && row.local.is_none() {
            return;
        }
        let mut data = fields(row.local.as_ref());
        let key = ["a", "b", "c"][tape.below(3)];
        self.values += 1;
        if let Some(before) = data.insert(key.to_owned(), self.values) {
            self.seen.entry(self.values).or_default().insert(before);
        }
        self.write(device, id, row, Some(&data));
    }

    fn write(&mut self, device: usize, id: &'static str, row: Row, data: Option<&Fields>) {
        let device = &mut self.devices[device];
        // A generated id is new once. Who creates a record under it again has chosen the id.
        let is_new = id == "own" && !self.is_made;
        self.is_made |= id == "own";
        let row = Row { is_own_id: row.is_own_id || is_new, ..row };
        let row = write(row, data.map(|data| json!(data).to_string().into()), &device.rules());
        device.put(id, row);
    }

    fn delete(&mut self, device: usize, id: &'static str) {
        let row = self.devices[device].row(id);
        self.deleted.extend(fields(row.local.as_ref()).into_values());
        if row.local.is_some() {
            self.write(device, id, row, None);
        }
    }

    fn send(&mut self, device: usize, id: &'static str) {
        let (row, attempt) = (self.devices[device].row(id), self.devices[device].rules().revision);
        if let Some((row, push)) = begin_push(row, attempt, Timestamp::from_millis(1)) {
            let epoch = self.devices[device].epoch;
            self.devices[device].put(id, row);
            self.requests.push(Request { device, epoch, id, attempt, push });
        }
    }

    /// A request arrives, in any order.
    fn execute(&mut self, tape: &mut Tape) {
        if self.requests.is_empty() {
            return;
        }
        let request = self.requests.remove(tape.below(self.requests.len()));
        let (result, is_settled) = (self.server.run(&request), self.is_settled(request.id));
        if tape.below(4) > 0 {
            self.responses.push((request, result, is_settled));
        }
    }

    fn deliver(&mut self, tape: &mut Tape) {
        if self.responses.is_empty() {
            return;
        }
        let (request, result, is_settled) = self.responses.remove(tape.below(self.responses.len()));
        self.receive(&request, result, is_settled);
    }

    fn is_settled(&self, id: &str) -> bool {
        self.requests.iter().all(|request| request.id != id)
    }

    fn receive(&mut self, request: &Request, result: PushResult, is_settled: bool) {
        let device = &mut self.devices[request.device];
        if device.epoch != request.epoch {
            return;
        }
        let (row, rules) = (device.row(request.id), device.rules());
        let row = match (&request.push, result) {
            // A GET is answered with what there is.
            (Push::Get, PushResult::Stored(Version { body: None, .. })) => {
                let settled = if is_settled { 2 } else { 0 };
                confirm_absent(row, Timestamp::from_millis(settled))
            }
            (Push::Get, PushResult::Stored(version)) => apply(row, &version, &rules).unwrap(),
            (_, result) => finish_push(row, request.attempt, result, &rules).unwrap(),
        };
        device.put(request.id, row);
        self.decide(request.device, request.id);
    }

    fn decide(&mut self, device: usize, id: &'static str) {
        if self.decides {
            let side = u16::try_from(device).unwrap();
            self.resolve(device, id, &mut Tape::new(vec![side]));
        }
    }

    fn pull(&mut self, device: usize) {
        // A process has one sync at a time: what it waited for before is lost to it.
        self.devices[device].epoch += 1;
        for (id, version) in self.server.records.clone() {
            let (row, rules) = (self.devices[device].row(id), self.devices[device].rules());
            self.devices[device].put(id, apply(row, &version, &rules).unwrap());
            self.decide(device, id);
        }
    }

    /// Somebody looks at both sides and chooses one.
    fn resolve(&mut self, device: usize, id: &'static str, tape: &mut Tape) {
        let row = self.devices[device].row(id);
        let Some(conflict) = row.conflict.clone() else { return };
        let (local, remote) = (fields(row.local.as_ref()), fields(conflict.remote.body.as_ref()));
        let takes_local = tape.below(2) == 0;
        let (choice, other) = if takes_local { (&local, &remote) } else { (&remote, &local) };
        let body = if takes_local { row.local.clone() } else { conflict.remote.body };
        for (key, value) in other {
            match choice.get(key) {
                Some(chosen) if chosen != value => {
                    self.seen.entry(*chosen).or_default().insert(*value);
                }
                None => {
                    self.deleted.insert(*value);
                }
                _ => {}
            }
        }
        let rules = self.devices[device].rules();
        self.devices[device].put(id, resolve(row, body, &rules));
    }

    fn settle(&mut self) {
        let mut last = Tape::new(Vec::new());
        while let Some(request) = self.requests.pop() {
            self.server.run(&request);
        }
        self.responses.clear();
        for _ in 0..8 {
            for device in 0..self.devices.len() {
                self.pull(device);
                for id in IDS {
                    self.resolve(device, id, &mut last);
                    self.send(device, id);
                    while let Some(request) = self.requests.pop() {
                        let (result, is_settled) = (self.server.run(&request), self.is_settled(request.id));
                        self.receive(&request, result, is_settled);
                    }
                }
            }
        }
        (0..self.devices.len()).for_each(|device| self.pull(device));
    }

    fn check(&self) -> Result<(), String> {
        for (number, device) in self.devices.iter().enumerate() {
            for id in IDS {
                let (row, stored) =
                    (device.row(id), self.server.records.get(id).and_then(|stored| stored.body.clone()));
                if row.local != stored || row.status() != Status::Clean {
                    return Err(format!("device {number}, {id}: {row:?}, and the server has {stored:?}"));
                }
            }
        }
        let mut kept = self.deleted.clone();
        kept.extend(self.server.records.values().flat_map(|stored| fields(stored.body.as_ref()).into_values()));
        let mut open: Vec<Number> = kept.iter().copied().collect();
        while let Some(value) = open.pop() {
            open.extend(self.seen.get(&value).into_iter().flatten().filter(|seen| kept.insert(**seen)));
        }
        match (1..=self.values).find(|value| !kept.contains(value)) {
            Some(lost) => Err(format!("the value {lost} is lost: {:?}", self.server.records)),
            None => Ok(()),
        }
    }
}
