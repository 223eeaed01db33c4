use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
struct Todo {
    title: String,
    done: bool,
}

fn main() {
    let _ = Todo::fields().titel;
}
