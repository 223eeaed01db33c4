use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
struct Todo {
    tags: Vec<String>,
}

fn main() {
    let _ = Todo::fields().tags.ge(vec![String::new()]);
}
