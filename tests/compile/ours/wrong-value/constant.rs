use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

const COLLECTION: &str = "todos";

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(collection = COLLECTION)]
struct Todo {
    title: String,
}

fn main() {
    let _ = COLLECTION;
}
