use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
struct Todo {
    price: f64,
}

fn main() {
    let _ = Todo::fields().price.lt(3);
}
