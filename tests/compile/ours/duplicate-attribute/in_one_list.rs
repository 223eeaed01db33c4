use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(collection = "todos", bucket = "app", collection = "notes")]
struct Todo {
    title: String,
}

fn main() {}
