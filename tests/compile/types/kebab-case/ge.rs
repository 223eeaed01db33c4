use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[serde(rename_all = "kebab-case")]
struct Todo {
    due_at: u64,
}

fn main() {
    let _ = Todo::fields().due_at.ge(5);
}
