use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto = "todos"]
struct Todo {
    title: String,
}

fn main() {}
