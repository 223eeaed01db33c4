use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
struct Todo {
    #[kinto(merge = "sett")]
    tags: Vec<String>,
}

fn main() {}
