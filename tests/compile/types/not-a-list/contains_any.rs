use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
struct Todo {
    pages: u32,
}

fn main() {
    let _ = Todo::fields().pages.contains_any([3, 4]);
}
