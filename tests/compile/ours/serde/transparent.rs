use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[serde(transparent)]
struct Todo {
    title: String,
}

fn main() {}
