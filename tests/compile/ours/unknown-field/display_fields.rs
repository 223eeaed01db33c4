use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(display_fields = ["title", "due_at", "owner"])]
#[serde(rename_all = "camelCase")]
struct Todo {
    title: String,
    due_at: u32,
}

fn main() {
    let _ = Todo::fields().title;
}

// mistakes: 2
