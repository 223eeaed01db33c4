use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
struct Todo {
    title: String,
    #[serde(flatten)]
    rest: std::collections::BTreeMap<String, u8>,
}

fn main() {
    let _ = Todo::fields().rest;
}
