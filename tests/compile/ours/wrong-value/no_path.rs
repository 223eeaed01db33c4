use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(crate = "my crate")]
struct Todo {
    title: String,
}

fn main() {}
