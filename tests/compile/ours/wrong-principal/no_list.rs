use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(permissions(read = "system.Everyone", write = [], record_create = [everyone]))]
struct Todo {
    title: String,
}

fn main() {}

// mistakes: 3
