use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(sort = "-titel")]
struct Todo {
    title: String,
    due: u32,
}

fn main() {}
