use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(schema = "todo.json")]
struct Todo {
    title: String,
}

fn main() {}
