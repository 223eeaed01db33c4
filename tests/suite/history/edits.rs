//! Random edits of a collection, and what it was like after each of them.

use std::collections::BTreeMap;

use futures_util::TryStreamExt as _;
use kinto_client::{Client, Collection, Record, Timestamp, Value, http::Method, json};
use kinto_server::unique;
use kinto_tests::{Chance, Outcome};

use crate::predicates;

/// The records of a collection by their ids, each with its `last_modified`; `None` while there is no collection.
type State = Option<BTreeMap<String, Value>>;

/// A collection under edits, and its past.
pub(super) struct Edits {
    collection: Collection,
    client: Client,
    chance: Chance,
    state: State,
    /// The time of each change, and the state since then.
    past: Vec<(u64, State)>,
    written: u64,
}

impl Edits {
    pub(super) async fn start(client: &Client, chance: Chance) -> Self {
        let bucket = client.bucket(unique("edits"));
        bucket.create().await.unwrap();
        let collection = bucket.collection("c");
        let mut this = Self { collection, client: client.clone(), chance, state: None, past: Vec::new(), written: 0 };
        this.create_collection().await;
        this
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let mut request = self.client.request(method, path);
        if let Some(body) = body {
            request = request.json(body);
        }
        request.await.unwrap().success().unwrap().json().unwrap()
    }

    fn changed(&mut self, time: &Value, state: State) {
        self.state.clone_from(&state);
        self.past.push((time.as_u64().expect("a time"), state));
    }

    async fn create_collection(&mut self) {
        let created = self.send(Method::PUT, &self.collection.path(), None).await;
        self.changed(&created["data"]["last_modified"], Some(BTreeMap::new()));
    }

    fn id(&mut self) -> String {
        format!("r{}", self.chance.below(5))
    }

    fn data(&mut self) -> Value {
        self.written += 1;
        json!({"v": self.written, "even": self.written.is_multiple_of(2)})
    }

    /// Makes one change, of one record or of many.
    pub(super) async fn edit(&mut self) {
        let Some(records) = self.state.clone() else { return self.create_collection().await };
        let list = format!("{}/records", self.collection.path());
        match self.chance.below(20) {
            0 => {
                let deleted = self.send(Method::DELETE, &self.collection.path(), None).await;
                self.changed(&deleted["data"]["last_modified"], None);
            }
            1 | 2 => {
                let query = if self.chance.one_in(2) { "?even=true" } else { "" };
                let deleted = self.send(Method::DELETE, &format!("{list}{query}"), None).await;
                let mut deleted = deleted["data"].as_array().expect("a list").clone();
                deleted.sort_by_key(|tombstone| tombstone["last_modified"].as_u64());
                self.delete(&deleted);
            }
            3..=6 => self.batch(&list).await,
            7..=9 if !records.is_empty() => {
                let at = self.chance.place(records.len());
                let id = records.keys().nth(at).expect("there are so many").clone();
                let deleted = self.send(Method::DELETE, &format!("{list}/{id}"), None).await;
                self.delete(&[deleted["data"].clone()]);
            }
            _ => {
                let (id, data) = (self.id(), self.data());
                let stored = self.send(Method::PUT, &format!("{list}/{id}"), Some(json!({"data": data}))).await;
                self.put(&stored["data"]);
            }
        }
    }

    /// Makes several changes in one request, of the same records, too.
    async fn batch(&mut self, list: &str) {
        let mut there: Vec<String> = self.state.iter().flatten().map(|(id, _)| id.clone()).collect();
        let mut requests = Vec::new();
        for _ in 0..self.chance.between(2, 6) {
            let id = self.id();
            let path = format!("/v1{list}/{id}");
            if there.contains(&id) && self.chance.one_in(2) {
                there.retain(|other| *other != id);
                requests.push(json!({"method": "DELETE", "path": path}));
            } else {
                let data = self.data();
                there.push(id);
                requests.push(json!({"method": "PUT", "path": path, "body": {"data": data}}));
            }
        }
        let responses = self.send(Method::POST, "/batch", Some(json!({"requests": requests}))).await;
        for response in responses["responses"].as_array().expect("responses") {
            let data = &response["body"]["data"];
            if data["deleted"] == true { self.delete(std::slice::from_ref(data)) } else { self.put(data) }
        }
    }

    fn put(&mut self, stored: &Value) {
        let mut records = self.state.clone().expect("a collection");
        records.insert(stored["id"].as_str().expect("an id").to_owned(), stored.clone());
        self.changed(&stored["last_modified"], Some(records));
    }

    fn delete(&mut self, deleted: &[Value]) {
        for tombstone in deleted {
            let mut records = self.state.clone().expect("a collection");
            records.remove(tombstone["id"].as_str().expect("an id"));
            self.changed(&tombstone["last_modified"], Some(records));
        }
    }

    /// Returns the state at a time, unless the times of the two lists, which are independent, leave it open.
    fn state_at(&self, time: u64) -> Option<State> {
        let until = self.past.iter().take_while(|(changed, _)| *changed <= time).count();
        if self.past[until..].iter().any(|(changed, _)| *changed <= time) {
            return None;
        }
        Some(until.checked_sub(1).and_then(|last| self.past[last].1.clone()))
    }

    /// Compares the snapshots at all times of a change, and right before, with the past, or only at some, and returns their number.
    pub(super) async fn compare(&self, step: usize) -> Result<usize, Box<dyn std::error::Error>> {
        let mut times: Vec<u64> = self.past.iter().flat_map(|(time, _)| [time - 1, *time]).collect();
        times.sort_unstable();
        times.dedup();
        let mut compared = 0;
        for time in times.into_iter().step_by(step) {
            let Some(expected) = self.state_at(time) else { continue };
            self.compare_at(time, &expected).await?;
            compared += 1;
        }
        Ok(compared)
    }

    async fn compare_at(&self, time: u64, expected: &State) -> Outcome {
        let snapshot = || self.collection.snapshot::<Value>(Timestamp::from_millis(time));
        let page_size = u32::try_from(1 + time % 3)?;
        let streamed = async {
            let mut records: Vec<Record<Value>> = snapshot().page_size(page_size).stream().try_collect().await?;
            records.sort_by_key(|record| std::cmp::Reverse(record.last_modified));
            Ok(records)
        };
        let read = [
            ("endpoint", snapshot().await.map(kinto_client::history::Snapshot::into_vec)),
            ("pages", snapshot().without_endpoint().await.map(kinto_client::history::Snapshot::into_vec)),
            ("stream", streamed.await),
        ];
        for (way, read) in read {
            let Some(expected) = expected else {
                let error = read.expect_err("there was no collection");
                assert_eq!(predicates(&error), ["not found"], "{way} at {time}: {error}\n{:#?}", self.past);
                continue;
            };
            let read = read.unwrap_or_else(|error| panic!("{way} at {time}: {error}\n{:#?}", self.past));
            let mut expected: Vec<&Value> = expected.values().collect();
            expected.sort_by_key(|record| std::cmp::Reverse(record["last_modified"].as_u64()));
            let read: Vec<Value> = read.iter().map(|record| serde_json::from_str(record.raw_json()).unwrap()).collect();
            assert_eq!(read.iter().collect::<Vec<_>>(), expected, "{way} at {time}: {:#?}", self.past);
        }
        Ok(())
    }
}
