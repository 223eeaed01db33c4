use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(sort = "due-at")]
#[serde(rename_all = "kebab-case")]
struct Todo {
    title: String,
    due_at: u32,
}

fn main() {}
