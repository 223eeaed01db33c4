use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
struct Todo {
    pages: Option<u32>,
}

fn main() {
    let pages: i64 = 3;
    let _ = Todo::fields().pages.le(pages);
}
