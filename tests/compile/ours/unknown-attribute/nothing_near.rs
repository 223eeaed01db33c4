use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(validator = "todo.json")]
struct Todo {
    title: String,
}

fn main() {}
