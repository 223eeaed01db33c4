//! A device: a store in memory with the records of one collection.

use kinto_client::{
    Client, KintoRecord, Value,
    local::{LocalCollection, Store},
    testing::{Kinto, RecordedRequest},
};
pub(crate) use kinto_tests::devices::Line;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
#[kinto(bucket = "app", collection = "notes")]
pub(crate) struct Note {
    pub(crate) text: String,
    #[serde(default)]
    pub(crate) done: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[kinto(key = "id")]
    pub(crate) lines: Vec<Line>,
}

pub(crate) fn note(text: &str) -> Note {
    Note { text: text.to_owned(), done: false, lines: Vec::new() }
}

/// A server with the collection `notes` of the bucket `app`.
pub(crate) async fn server() -> Kinto {
    let kinto = Kinto::new();
    let bucket = kinto.client().bucket("app");
    bucket.create().await.unwrap();
    bucket.create_collection("notes").await.unwrap();
    kinto
}

/// A new store in memory of the test's user.
pub(crate) async fn device(kinto: &Kinto) -> LocalCollection<Value> {
    of_client(&kinto.client()).await
}

pub(crate) async fn of_client(client: &Client) -> LocalCollection<Value> {
    let store = Store::in_memory().await.unwrap();
    store.bind(&client.bucket("app").collection("notes")).await.unwrap()
}

pub(crate) async fn typed(kinto: &Kinto) -> LocalCollection<Note> {
    Store::in_memory().await.unwrap().collection(&kinto.client()).await.unwrap()
}

/// The lines of the requests since the last time, without the server's information.
pub(crate) fn requests(kinto: &Kinto) -> Vec<String> {
    let lines = kinto.requests().iter().map(RecordedRequest::line).filter(|line| line != "GET /").collect();
    kinto.clear_requests();
    lines
}
