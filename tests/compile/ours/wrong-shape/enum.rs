use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[serde(tag = "kind")]
enum Todo {
    Task { title: String },
    Note { text: String },
}

fn main() {
    let _ = <Todo as KintoRecord>::COLLECTION;
}
