//! A task, and what it does in each step.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use kinto_client::{Client, Collection, Record, TypedCollection, Value, json, object::JsonPatch};
use kinto_tests::Chance;
use tokio::time::Instant;

mod streams;

use crate::{
    account::{Accounts, Fate},
    plan::{Action, SHARED, Step, World},
    run::Item,
};

/// The longest that a call may take: all its tries, their delays, and the last try.
const LIMIT: Duration = Duration::from_secs(300);

pub(crate) struct Task {
    number: u64,
    client: Client,
    items: TypedCollection<Item>,
    untyped: Collection,
    claims: Collection,
    accounts: Arc<Mutex<Accounts>>,
    /// The records of its own that exist, with the number that they hold.
    own: Vec<(String, u64)>,
    made: u64,
    holds_claim: bool,
    is_fenced: bool,
}

impl Task {
    pub(crate) fn new(number: u64, client: Client, world: World, accounts: Arc<Mutex<Accounts>>) -> Self {
        let bucket = client.bucket("sim");
        let (mut items, mut untyped) = (client.typed::<Item>(), bucket.collection("items"));
        if world == World::Fenced {
            let locks = bucket.collection("locks");
            (items, untyped) = (items.fenced_by(&locks), untyped.fenced_by(&locks));
        }
        let claims = bucket.collection("claims");
        Self {
            number,
            client,
            items,
            untyped,
            claims,
            accounts,
            own: Vec::new(),
            made: 0,
            holds_claim: false,
            is_fenced: world == World::Fenced,
        }
    }

    fn told(&self, tell: impl FnOnce(&mut Accounts)) {
        tell(&mut self.accounts.lock().unwrap());
    }

    pub(crate) async fn run(mut self, steps: Vec<Step>) {
        for step in steps {
            let mut chance = Chance::new(step.chance, 3);
            let started = Instant::now();
            self.step(step, &mut chance).await;
            let took = started.elapsed();
            self.told(|accounts| {
                accounts.steps += 1;
                if took > LIMIT {
                    accounts.is_wrong(format!("{:?} took {} s", step.action, took.as_secs()));
                }
            });
        }
    }

    async fn step(&mut self, step: Step, chance: &mut Chance) {
        let id = format!("s{}", step.on);
        let value = 1 + chance.below(1_000_000);
        match step.action {
            Action::Update => {
                let outcome = self.items.update_record(&*id, |item| item.n += 1).await;
                self.told(|accounts| accounts.counted(&id, Fate::of(&outcome)));
            }
            Action::Save => self.save(&id).await,
            Action::Edit => {
                let field = self.field();
                let outcome = self.untyped.record::<Value>(&*id).update(|data| data[&*field] = value.into()).await;
                self.wrote(&id, value, Fate::of(&outcome));
            }
            Action::Patch => {
                let outcome = self.untyped.patch_record::<Value>(&*id, json!({self.field(): value})).await;
                self.wrote(&id, value, Fate::of(&outcome));
            }
            Action::MergePatch => {
                let outcome = self.untyped.record::<Value>(&*id).merge_patch(json!({self.field(): value})).await;
                self.wrote(&id, value, Fate::of(&outcome));
            }
            Action::JsonPatch => {
                let patch = JsonPatch::new().add([self.field()], value);
                let outcome = self.untyped.record::<Value>(&*id).json_patch(patch).await;
                self.wrote(&id, value, Fate::of(&outcome));
            }
            Action::Create => {
                let id = self.new_id();
                let outcome = self.items.create_record(Item { n: value }).id(&id).await;
                self.created(id, value, Fate::of(&outcome));
            }
            Action::Delete => self.delete().await,
            Action::CreateMany => self.create_many(chance).await,
            Action::SaveMany => self.save_many().await,
            Action::Batch => self.batch(&id, value).await,
            Action::Claim => self.claim().await,
            Action::Grant => {
                let who = format!("account:t{}", self.number);
                let outcome = self.untyped.record::<Value>(&*id).grant(|p| p.read(&*who)).await;
                let place = format!("{id} read by t{}", self.number);
                self.told(|accounts| accounts.wrote(place, Some(1), Fate::of(&outcome)));
            }
            // A group has no fence, and its members are read and written.
            Action::Join if self.is_fenced => {}
            Action::Join => {
                let who = format!("account:t{}", self.number);
                let outcome = self.client.bucket("sim").group("all").add_members([&*who]).await;
                let place = format!("t{} in the group", self.number);
                self.told(|accounts| accounts.wrote(place, Some(1), Fate::of(&outcome)));
            }
            Action::List => self.list().await,
            Action::StreamAndSave => self.stream_and_save().await,
            Action::UpdateMany => self.update_many(chance).await,
            Action::CreateFrom => self.create_from(chance).await,
            Action::EditLocally
            | Action::Synchronize
            | Action::SynchronizeTwice
            | Action::EditMeanwhile
            | Action::Stop
            | Action::Disconnect
            | Action::Connect
            | Action::Pause => unreachable!("only devices do that"),
            Action::Abandon => {
                // A call that is dropped in the middle may or may not have been carried out.
                let wait = Duration::from_millis(chance.below(60));
                let call = self.items.update_record(&*id, |item| item.n += 1);
                match tokio::time::timeout(wait, call.into_future()).await {
                    Ok(outcome) => self.told(|accounts| accounts.counted(&id, Fate::of(&outcome))),
                    Err(_) => self.told(|accounts| accounts.abandoned(&id)),
                }
            }
        }
    }

    fn field(&self) -> String {
        format!("f{}", self.number)
    }

    fn new_id(&mut self) -> String {
        self.made += 1;
        format!("t{}-{}", self.number, self.made)
    }

    fn wrote(&self, id: &str, value: u64, fate: Fate) {
        let place = format!("{id}.{}", self.field());
        self.told(|accounts| accounts.wrote(place, Some(value), fate));
    }

    /// Notes a new record; one that is in doubt is left alone from then on.
    fn created(&mut self, id: String, value: u64, fate: Fate) {
        self.told(|accounts| accounts.wrote(format!("record {id}"), Some(value), fate));
        if fate == Fate::Done {
            self.own.push((id, value));
        }
    }

    async fn save(&self, id: &str) {
        self.told(Accounts::read);
        let Ok(mut record) = self.items.get_record(id).await else { return };
        record.data.n += 1;
        let outcome = self.items.save_record(&mut record).await;
        self.told(|accounts| accounts.counted(id, Fate::of(&outcome)));
    }

    async fn delete(&mut self) {
        let Some((id, _)) = self.own.pop() else { return };
        let outcome = self.items.delete_record(&*id).await;
        let fate = Fate::of(&outcome);
        if let Err(error) = &outcome
            && error.is_not_found()
            && fate == Fate::NotDone
        {
            self.told(|accounts| accounts.is_wrong(format!("{id} was acknowledged and is not there: {error}")));
        }
        self.told(|accounts| accounts.wrote(format!("record {id}"), None, fate));
    }

    async fn create_many(&mut self, chance: &mut Chance) {
        let new: Vec<(String, u64)> = (0..=chance.below(14)).map(|value| (self.new_id(), value)).collect();
        let items: Vec<(String, Item)> = new.iter().map(|(id, n)| (id.clone(), Item { n: *n })).collect();
        let mut batch = self.untyped.client().batch();
        let tickets: Vec<_> =
            items.into_iter().map(|(id, item)| batch.add(self.items.create_record(item).id(id))).collect();
        let results = batch.execute().await;
        for ((id, value), ticket) in new.into_iter().zip(&tickets) {
            let fate = match &results {
                Ok(results) => Fate::of(&results.get(ticket)),
                Err(error) => Fate::of::<()>(&Err(error.clone())),
            };
            self.created(id, value, fate);
        }
    }

    async fn save_many(&mut self) {
        let mut own = std::mem::take(&mut self.own);
        let mut records: Vec<Record<Item>> = Vec::new();
        for (id, value) in own.iter().take(8) {
            self.told(Accounts::read);
            match self.items.get_record(&**id).await {
                Ok(mut record) => {
                    let n = record.data.n;
                    if n != *value {
                        self.told(|accounts| accounts.is_wrong(format!("{id} is {n}, and was stored as {value}")));
                    }
                    record.data.n += 1;
                    records.push(record);
                }
                Err(error) if error.is_not_found() => {
                    self.told(|accounts| accounts.is_wrong(format!("{id} was acknowledged and is not there")));
                }
                Err(_) => {}
            }
        }
        let wanted: Vec<(String, u64)> = records.iter().map(|record| (record.id.to_string(), record.data.n)).collect();
        let outcome = self.items.save_records(&mut records).each().await;
        for (place, (id, value)) in wanted.into_iter().enumerate() {
            let fate = match &outcome {
                Ok(each) => each.get(place).map_or_else(|| panic!("no result for {id}"), Fate::of),
                Err(error) => Fate::of::<()>(&Err(error.clone())),
            };
            self.told(|accounts| accounts.wrote(format!("record {id}"), Some(value), fate));
            match fate {
                Fate::Done => own.iter_mut().filter(|(own, _)| *own == id).for_each(|(_, known)| *known = value),
                Fate::NotDone => {}
                Fate::Unknown => own.retain(|(own, _)| *own != id),
            }
        }
        self.own = own;
    }

    /// A patch, a creation and a read in one batch.
    async fn batch(&mut self, id: &str, value: u64) {
        let new = self.new_id();
        let patch = self.untyped.patch_record::<Value>(id, json!({self.field(): value}));
        let create = self.items.create_record(Item { n: value }).id(&new);
        let outcomes = self.untyped.client().batch_of((patch, create, self.items.get_record(id))).await;
        let (patched, created) = match outcomes {
            Ok((patched, created, _)) => (Fate::of(&patched), Fate::of(&created)),
            Err(error) => (Fate::of::<()>(&Err(error.clone())), Fate::of::<()>(&Err(error))),
        };
        self.told(Accounts::read);
        self.wrote(id, value, patched);
        self.created(new, value, created);
    }

    /// Takes the one claim that there is, or gives it up.
    async fn claim(&mut self) {
        if self.holds_claim {
            // The next one can have it before this one is told that it is given up.
            self.told(|accounts| accounts.holders -= 1);
            self.holds_claim = false;
            let outcome = self.claims.delete_record("claim").await;
            let fate = Fate::of(&outcome);
            self.told(|accounts| accounts.claimed(fate));
            if fate != Fate::Done {
                self.told(|accounts| accounts.doubtful_claims += 1);
            }
            return;
        }
        let outcome = self.claims.create_record(json!({"locked": true})).id("claim").await;
        let fate = Fate::of(&outcome);
        self.told(|accounts| accounts.claimed(fate));
        match fate {
            Fate::Done => {
                self.holds_claim = true;
                self.told(|accounts| {
                    accounts.holders += 1;
                    // One that is in doubt may have been taken away by the one who gave it up.
                    if accounts.holders > 1 && accounts.doubtful_claims == 0 {
                        accounts.is_wrong(format!("{} tasks hold the one claim", accounts.holders));
                    }
                });
            }
            Fate::Unknown => self.told(|accounts| accounts.doubtful_claims += 1),
            Fate::NotDone => {}
        }
    }

    /// Reads all records, in which those that all share must be, once each.
    async fn list(&self) {
        self.told(Accounts::read);
        let Ok(records) = self.untyped.get_records::<Value>().await else { return };
        for number in 0..SHARED {
            let id = format!("s{number}");
            let found = records.iter().filter(|record| record.id.as_str() == id).count();
            if found != 1 {
                self.told(|accounts| accounts.is_wrong(format!("a list has {id} {found} times")));
            }
        }
    }
}
