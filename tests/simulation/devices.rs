//! Devices with stores in memory: random edits and synchronizations, partitions, stops, faults and task switches. At the end
//! all devices and the server have the same, and everything that only one device touches is what it wrote last.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use kinto_client::{Client, Timestamp, Value, json, local::Store, testing::Kinto};
use kinto_tests::{
    Chance,
    devices::{self, Device, Document},
};

use crate::{
    network::Network,
    plan::{Action, Plan, Step, TASKS},
    run::{Done, sequence},
    shaken::Shaken,
    trace,
};

/// Something that a device did, and that must not happen.
type Wrong = Arc<Mutex<Vec<String>>>;

struct Participant {
    device: Device,
    network: Network,
    /// The number of edits of all, which makes their values different.
    edits: Arc<AtomicUsize>,
    wrong: Wrong,
    operations: u64,
}

/// Runs the steps of each device, and compares all of them at the end.
pub(crate) async fn simulate(seed: u64, plan: &Plan, is_fenced: bool) -> Result<Done, String> {
    // Only behind a fence does a server with several processes keep two pushes at one moment apart.
    let kinto = Kinto::builder()
        .starting_at(Timestamp::from_millis(1_700_000_000_000))
        .races(is_fenced)
        .record_requests(false)
        .history(false)
        .paginate_by(4)
        .batch_max_requests(6)
        .build();
    let everybody = json!({"write": ["system.Authenticated"]});
    let empty = json!({"data": Document::default()});
    let records: serde_json::Map<String, Value> =
        (0..devices::SHARED).map(|number| (devices::shared(number), empty.clone())).collect();
    let collections = json!({"todos": {"records": records}, "locks": {}});
    kinto.preset(json!({"app": {"permissions": everybody, "collections": collections}})).unwrap();

    let (edits, wrong) = (Arc::new(AtomicUsize::new(0)), Wrong::default());
    let mut participants = Vec::new();
    for number in 0..TASKS {
        let network = Network::new(kinto.clone(), Chance::new(seed, 200 + number), u64::MAX);
        let url = format!("https://device{number}-{}.test/v1", sequence());
        let client = Client::builder(url).auth(("sim", "sim")).timeout(Duration::from_secs(10));
        let bucket = client.transport(network.clone()).build().unwrap().bucket("app");
        let todos = bucket.collection("todos");
        let todos = if is_fenced { todos.fenced_by(&bucket.collection("locks")) } else { todos };
        let records = Store::in_memory().await.unwrap().bind::<Document>(&todos).await.unwrap();
        records.sync().await.unwrap();
        network.with_faults(plan.faults);
        let device = Device::new(usize::try_from(number).unwrap(), records);
        let (edits, wrong) = (Arc::clone(&edits), Arc::clone(&wrong));
        participants.push(Participant { device, network, edits, wrong, operations: 0 });
    }
    let tasks = participants.into_iter().zip(0..).map(|(participant, number)| {
        let steps = plan.steps.iter().filter(|step| step.task == number).copied().collect();
        Shaken::new(participant.run(steps), Chance::new(seed, 300 + number))
    });
    let limit = Duration::from_secs(7 * 24 * 3600);
    let Ok(participants) = tokio::time::timeout(limit, join_all(tasks)).await else {
        return Err("a synchronization has not ended after a week".to_owned());
    };
    if let Some(wrong) = wrong.lock().unwrap().first() {
        return Err(wrong.clone());
    }
    let mut done = Done { steps: plan.steps.len() as u64, ..Done::default() };
    let mut all = Vec::new();
    for participant in participants {
        participant.network.calm();
        done.requests += participant.network.requests();
        done.operations += participant.operations;
        all.push(participant.device);
    }
    devices::settle(&all, true).await?;
    devices::check(&all, &stored(&kinto)).await?;
    Ok(done)
}

fn stored(kinto: &Kinto) -> BTreeMap<String, Value> {
    let records = kinto.dump_records::<Document>().unwrap();
    records.into_iter().map(|(id, document)| (id, json!(document))).collect()
}

impl Participant {
    async fn run(mut self, steps: Vec<Step>) -> Self {
        for step in steps {
            let mut chance = Chance::new(step.chance, 3);
            let (task, action) = (step.task, step.action);
            trace::note(|| format!("device {task}: {action:?}"));
            match action {
                Action::Synchronize => drop(self.device.records.sync().await),
                Action::SynchronizeTwice => {
                    let (first, second) = (self.device.records.sync(), self.device.records.sync());
                    let (_, _) = tokio::join!(first.into_future(), second.into_future());
                }
                Action::EditMeanwhile => {
                    let sync = self.device.records.sync().into_future();
                    let edits = self.edit_for_a_while(&mut chance);
                    let (_, ()) = tokio::join!(sync, edits);
                }
                Action::Stop => {
                    // As a program does that is ended: what it was about to store is not stored.
                    let sync = self.device.records.sync().into_future();
                    let _ = tokio::time::timeout(Duration::from_millis(chance.below(200)), sync).await;
                }
                Action::Disconnect => self.network.cut(true),
                Action::Connect => self.network.cut(false),
                Action::Pause => tokio::time::sleep(Duration::from_secs(chance.below(200))).await,
                _ => self.edit(&mut chance).await,
            }
            self.operations += 1;
        }
        self
    }

    async fn edit_for_a_while(&mut self, chance: &mut Chance) {
        for _ in 0..=chance.below(5) {
            tokio::time::sleep(Duration::from_millis(chance.below(60))).await;
            self.edit(chance).await;
            self.operations += 1;
        }
    }

    async fn edit(&mut self, chance: &mut Chance) {
        let value = self.edits.fetch_add(1, Ordering::Relaxed) + 1;
        if let Err(error) = self.device.edit(value, chance).await {
            self.wrong.lock().unwrap().push(format!("an edit fails: {error}"));
        }
    }
}
