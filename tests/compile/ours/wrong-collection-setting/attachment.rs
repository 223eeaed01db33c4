use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(attachment(enable, enabled = true))]
struct Todo {
    title: String,
}

fn main() {}

// mistakes: 2
