use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(bucket = "", collection = "")]
struct Todo {
    title: String,
}

fn main() {}

// mistakes: 2
