use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
struct Todo {
    title: String,
    #[serde(skip)]
    #[kinto(merge = "local")]
    is_open: bool,
}

fn main() {}
