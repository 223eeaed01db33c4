//! One run: the tasks, and the accounts after them.

use std::{
    fmt,
    ops::AddAssign,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use kinto_client::{
    Client, KintoRecord, Timestamp, Value, json,
    testing::{self, Kinto},
};
use kinto_tests::Chance;
use serde::{Deserialize, Serialize};

use crate::{
    account::{Accounts, Fate},
    devices,
    network::Network,
    plan::{Action, Plan, SHARED, TASKS, World},
    shaken::Shaken,
    tasks::Task,
    trace,
};

/// The records that tasks share; the server has more fields of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
#[kinto(bucket = "sim", collection = "items")]
pub(crate) struct Item {
    pub(crate) n: u64,
}

/// The numbers of steps, of their operations, and of what was said of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Done {
    pub(crate) steps: u64,
    pub(crate) operations: u64,
    pub(crate) requests: u64,
    pub(crate) acknowledged: u64,
    pub(crate) unknown: u64,
}

impl AddAssign for Done {
    fn add_assign(&mut self, other: Self) {
        self.steps += other.steps;
        self.operations += other.operations;
        self.requests += other.requests;
        self.acknowledged += other.acknowledged;
        self.unknown += other.unknown;
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { steps, operations, requests, acknowledged, unknown } = self;
        write!(f, "{steps} steps, {operations} operations, {requests} requests, ")?;
        write!(f, "{acknowledged} writes acknowledged, {unknown} in doubt")
    }
}

/// The fields of each shared record that no type knows.
fn unknown_fields() -> Value {
    json!({"deep": [1, {"x": null}], "text": "ключ"})
}

pub(crate) fn run(seed: u64, plan: &Plan) -> Result<Done, String> {
    let simulated = AssertUnwindSafe(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        testing::seed(seed);
        runtime.expect("a runtime").block_on(async {
            match plan.world {
                World::Devices => devices::simulate(seed, plan, false).await,
                World::FencedDevices => devices::simulate(seed, plan, true).await,
                World::OneProgram | World::TwoPrograms | World::Fenced => simulate(seed, plan).await,
            }
        })
    });
    catch_unwind(simulated).unwrap_or_else(|_| Err(trace::last_panic()))
}

/// The number of runs of this process.
static RUNS: AtomicU64 = AtomicU64::new(0);

/// Returns a number that no other run of this process has, and no other client: what one was told must not be known to the next.
pub(crate) fn sequence() -> u64 {
    RUNS.fetch_add(1, Ordering::Relaxed)
}

async fn simulate(seed: u64, plan: &Plan) -> Result<Done, String> {
    let number = sequence();
    let races = plan.world != World::TwoPrograms;
    let kinto = Kinto::builder()
        .starting_at(Timestamp::from_millis(1_700_000_000_000))
        .races(races)
        .record_requests(false)
        .history(false)
        .paginate_by(4)
        .batch_max_requests(6)
        .build();
    let item = || json!({"data": {"n": 0, "unknown": unknown_fields()}});
    let items: serde_json::Map<String, Value> = (0..SHARED).map(|number| (format!("s{number}"), item())).collect();
    let everybody = json!({"write": ["system.Authenticated"]});
    let collections = json!({"items": {"records": items}, "locks": {}, "claims": {}});
    let groups = json!({"all": {"permissions": everybody}});
    kinto.preset(json!({"sim": {"permissions": everybody, "groups": groups, "collections": collections}})).unwrap();

    let network = Network::new(kinto.clone(), Chance::new(seed, 2), plan.faults);
    let client = |program: u64| {
        let url = format!("https://{}.test/v1", if program == 0 { "one" } else { "two" });
        let url = url.replace(".test", &format!("-{number}.test"));
        let builder = Client::builder(url).auth(("sim", "sim")).timeout(Duration::from_secs(10));
        builder.transport(network.clone()).build().unwrap()
    };
    let programs = if plan.world == World::OneProgram { 1 } else { 2 };
    let clients: Vec<Client> = (0..programs).map(client).collect();
    // Two programs, or a call that was dropped, can write the same, and then it is not known which of them it was.
    let has_dropped = plan.steps.iter().any(|step| step.action == Action::Abandon);
    let is_certain = plan.faults == u64::MAX && plan.world == World::OneProgram && !has_dropped;
    let accounts = Arc::new(Mutex::new(Accounts { is_certain, ..Accounts::default() }));
    let tasks = (0..TASKS).map(|number| {
        let client = clients[usize::try_from(number).unwrap() % clients.len()].clone();
        let task = Task::new(number, client, plan.world, Arc::clone(&accounts));
        let steps = plan.steps.iter().filter(|step| step.task == number).copied().collect();
        Shaken::new(task.run(steps), Chance::new(seed, 100 + number))
    });
    let all = join_all(tasks);
    if tokio::time::timeout(Duration::from_secs(24 * 3600), all).await.is_err() {
        return Err(format!("a call has not ended after a day; {} requests", network.requests()));
    }
    network.calm();
    let mut accounts = std::mem::take(&mut *accounts.lock().unwrap());
    no_turn_is_taken(&clients, &mut accounts).await;
    audit(&kinto, &mut accounts);
    match accounts.wrong.first() {
        Some(wrong) => Err(wrong.clone()),
        None => Ok(Done {
            steps: accounts.steps,
            operations: accounts.operations,
            requests: network.requests(),
            acknowledged: accounts.done,
            unknown: accounts.unknown,
        }),
    }
}

/// Writes to everything once more, which nothing may delay.
async fn no_turn_is_taken(clients: &[Client], accounts: &mut Accounts) {
    for client in clients {
        for number in 0..SHARED {
            let id = format!("s{number}");
            let write = client.typed::<Item>().update_record(&*id, |item| item.n += 1).timeout(Duration::from_secs(10));
            match write.await {
                Ok(_) => accounts.counted(&id, Fate::Done),
                Err(error) => accounts.is_wrong(format!("a write at the end fails: {error}")),
            }
        }
    }
}

fn audit(kinto: &Kinto, accounts: &mut Accounts) {
    let dump = kinto.dump();
    let bucket = &dump["sim"];
    let records = bucket["collections"]["items"]["records"].as_object().cloned().unwrap_or_default();
    for number in 0..SHARED {
        let id = format!("s{number}");
        let data = &records[&id]["data"];
        accounts.check_counter(&id, data["n"].as_u64().unwrap_or(u64::MAX));
        if data["unknown"] != unknown_fields() {
            accounts.is_wrong(format!("{id} lost fields that its type does not know: {data}"));
        }
        let readers = &records[&id]["permissions"]["read"];
        for task in 0..TASKS {
            accounts.check_field(&format!("{id}.f{task}"), data[format!("f{task}")].as_u64());
            let reads = readers.as_array().is_some_and(|readers| readers.contains(&json!(format!("account:t{task}"))));
            accounts.check_field(&format!("{id} read by t{task}"), reads.then_some(1));
        }
    }
    for (id, record) in &records {
        let is_shared = id.len() == 2 && id.starts_with('s');
        let place = format!("record {id}");
        if !is_shared && !accounts.fields.contains_key(&place) {
            accounts.is_wrong(format!("{id} exists, and nobody created it: {record}"));
        }
    }
    let places: Vec<String> = accounts.fields.keys().filter(|place| place.starts_with("record ")).cloned().collect();
    for place in places {
        let record = records.get(&place["record ".len()..]);
        accounts.check_field(&place, record.and_then(|record| record["data"]["n"].as_u64()));
    }
    let members = &bucket["groups"]["all"]["data"]["members"];
    for task in 0..TASKS {
        let is_member = members.as_array().is_some_and(|members| members.contains(&json!(format!("account:t{task}"))));
        accounts.check_field(&format!("t{task} in the group"), is_member.then_some(1));
    }
}
