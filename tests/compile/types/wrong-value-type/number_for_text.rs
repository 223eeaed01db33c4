use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
struct Todo {
    title: String,
}

fn main() {
    let _ = Todo::fields().title.eq(3);
}
