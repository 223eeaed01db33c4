use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(collection = "my todos")]
struct Todo {
    title: String,
}

fn main() {}
